package main_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"scamper/testkit"
)

// A user who has nothing on this machine.
const (
	otherUID, otherGID = 12345, 12346
)

// places are a directory of that user and one of root, both of which everybody can enter.
func places(t testing.TB) (own, roots string) {
	t.Helper()
	dir := testkit.OpenDir(t)
	own, roots = filepath.Join(dir, "own"), filepath.Join(dir, "roots")
	for _, d := range []string{own, roots} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(own, otherUID, otherGID); err != nil {
		t.Fatal(err)
	}
	return own, roots
}

// grantRaw gives a program file the capability cap_net_raw, as `setcap cap_net_raw+ep` does (capabilities(7),
// struct vfs_cap_data).
func grantRaw(t testing.TB, path string) {
	t.Helper()
	var b []byte
	for _, word := range []uint32{0x02000001, 1 << unix.CAP_NET_RAW, 0, 0, 0} { // version 2, effective; permitted, inheritable
		b = binary.LittleEndian.AppendUint32(b, word)
	}
	if err := unix.Setxattr(path, "security.capability", b, 0); err != nil {
		testkit.Skip(t, fmt.Sprintf("the file system of temporary files has no capabilities: %v", err))
	}
}

// setuid makes a program one that becomes root for whoever starts it.
func setuid(t testing.TB, path string) {
	t.Helper()
	if err := os.Chmod(path, os.ModeSetuid|0o755); err != nil {
		t.Fatal(err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err == nil && fs.Flags&unix.ST_NOSUID != 0 {
		testkit.Skip(t, "the file system of temporary files ignores setuid")
	}
}

// With the capability on its file, the program is one process that keeps only that one.
func TestFileCapability(t *testing.T) {
	t.Parallel()
	chain := far(t)
	to4, to6 := chain.Target4().String(), chain.Target6().String()
	path := programCopy(t, "scamper")
	grantRaw(t, path)
	own, _ := places(t)
	out, pidFile := filepath.Join(own, "out.json"), filepath.Join(own, "pid")
	p := chain.Prober.Start(as(command(path, "-p", "1000", "-o", out, "-e", pidFile, "-I",
		"trace -P icmp-paris "+to4, "trace -P tcp "+to4, "trace "+to4, "trace -P tcp "+to6, "ping -c 1 "+to4,
		"ping -c 1 "+to6, "ping -P tcp-syn -c 1 "+to6, "ping -c 10000 10.64.0.1"), otherUID, otherGID))
	var lines string
	eventually(t, "seven results", func() bool {
		b, err := os.ReadFile(out)
		lines = string(b)
		return err == nil && strings.Count(lines, "\n") >= 8
	})
	pid := p.Cmd.Process.Pid
	const none = "0000000000000000"
	raw := fmt.Sprintf("%016x", 1<<unix.CAP_NET_RAW)
	got := status(t, pid, "Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs", "Seccomp")
	want := map[string]string{
		"Uid": four(fmt.Sprint(otherUID)), "Gid": four(fmt.Sprint(otherGID)),
		"CapInh": none, "CapPrm": raw, "CapEff": raw, "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)); len(b) > 0 {
		t.Errorf("it has children %s", b)
	}
	if got := readFile(t, pidFile); got != fmt.Sprintln(pid) {
		t.Errorf("pid file %q, want %d", got, pid)
	}
	p.Signal(unix.SIGINT)
	if r := p.Wait(limit); r.Status != 0 || r.Stderr != "" {
		t.Errorf("status %d, stderr %q", r.Status, r.Stderr)
	}
	objects := jsonLines(t, readFile(t, out))
	for _, o := range objects {
		if o["type"] == "trace" && o["stop_reason"] != "COMPLETED" {
			t.Errorf("trace to %v: %v", o["dst"], o["stop_reason"])
		}
	}
	if n := len(values(objects, "ping", "dst")); n != 4 || len(objects) != 10 || objects[len(objects)-1]["type"] != "cycle-stop" {
		t.Errorf("%d pings", n)
	}
}

// Killing the only process leaves a file that can be read.
func TestFileCapabilityKill(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	path := programCopy(t, "scamper")
	grantRaw(t, path)
	own, _ := places(t)
	out := filepath.Join(own, "out.warts")
	p := ns.Start(as(command(path, "-o", out, "-I", "ping -c 1 127.0.0.1", "ping -c 1000 127.0.0.2"), otherUID, otherGID))
	eventually(t, "the first result is written", func() bool { return fileSize(out) > 100 })
	p.Signal(unix.SIGKILL)
	p.Wait(limit)
	if diff := cmp.Diff([]string{"list", "cycle-start", "ping"}, kinds(wholeWarts(t, out))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNoRights(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	path := programCopy(t, "scamper")
	for _, args := range [][]string{{"-i", "127.0.0.1"}, {"-c", "ping", "-i", "::1"}, {"-f", "/dev/null"}} {
		r := ns.Start(as(command(path, args...), otherUID, otherGID)).Wait(limit)
		if r.Status != 255 || r.Stdout != "" {
			t.Errorf("%v: status %d, output %q", args, r.Status, r.Stdout)
		}
		oneLine(t, r.Stderr, "run it as root, or let root run `setcap cap_net_raw+ep`")
	}
	// What needs no right is answered.
	r := ns.Start(as(command(path, "-v"), otherUID, otherGID)).Wait(limit)
	if r.Status != 0 || r.Stdout != "scamper version 20260420\n" || r.Stderr != "" {
		t.Errorf("-v: %+v", r)
	}
	r = ns.Start(as(command(path, "-?"), otherUID, otherGID)).Wait(limit)
	if r.Status != 255 || !strings.HasPrefix(r.Stderr, "usage: scamper") || r.Stdout != "" {
		t.Errorf("-?: %+v", r)
	}
}

// A build with cgo cannot give up its rights, and says so in one line.
func TestCgo(t *testing.T) {
	t.Parallel()
	testkit.NeedProgram(t, "gcc")
	path := filepath.Join(testkit.OpenDir(t), "scamper")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", path, "scamper/cmd/scamper")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r := alone(t).Start(command(path, "-i", "127.0.0.1")).Wait(limit)
	if r.Status != 255 || r.Stdout != "" {
		t.Errorf("status %d, output %q", r.Status, r.Stdout)
	}
	oneLine(t, r.Stderr, "built with cgo, whose threads cannot all be kept from the rights of root: build it with CGO_ENABLED=0")
}

// Files are opened with the rights of the user who called a setuid program, or sudo.
func TestInvokersFiles(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	plain, suid := programCopy(t, "scamper"), programCopy(t, "scamper")
	setuid(t, suid)
	for _, test := range []struct {
		name string
		cmd  func(args ...string) *exec.Cmd
	}{
		{"setuid", func(args ...string) *exec.Cmd { return as(command(suid, args...), otherUID, otherGID) }},
		{"sudo", func(args ...string) *exec.Cmd {
			cmd := command(plain, args...)
			cmd.Env = append(cmd.Env, fmt.Sprintf("SUDO_UID=%d", otherUID), fmt.Sprintf("SUDO_GID=%d", otherGID))
			return cmd
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			own, roots := places(t)
			list, secret := filepath.Join(own, "list"), filepath.Join(roots, "secret")
			writeFile(t, list, "127.0.0.1\n")
			writeFile(t, secret, "127.0.0.1\n")
			if err := os.Chmod(secret, 0o600); err != nil {
				t.Fatal(err)
			}
			out, debug, pid := filepath.Join(own, "out"), filepath.Join(own, "debug"), filepath.Join(own, "pid")
			r := ns.Start(test.cmd("-o", out, "-d", debug, "-e", pid, "-c", "ping -c 1", "-f", list)).Wait(limit)
			if r.Err != nil || r.Stderr != "" {
				t.Fatalf("%v\n%s", r.Err, r.Stderr)
			}
			for _, path := range []string{out, debug, pid} {
				if uid, gid := fileOwner(t, path); uid != otherUID || gid != otherGID || fileSize(path) == 0 {
					t.Errorf("%s belongs to %d, %d, size %d", path, uid, gid, fileSize(path))
				}
			}
			for _, args := range [][]string{
				{"-o", filepath.Join(roots, "out"), "-i", "127.0.0.1"},
				{"-o", secret, "-i", "127.0.0.1"},
				{"-d", filepath.Join(roots, "debug"), "-i", "127.0.0.1"},
				{"-d", secret, "-O", "debugfileappend", "-i", "127.0.0.1"},
				{"-e", filepath.Join(roots, "pid"), "-i", "127.0.0.1"},
				{"-e", "/var/empty/pid", "-i", "127.0.0.1"},
				{"-f", secret},
			} {
				r := ns.Start(test.cmd(append([]string{"-c", "ping -c 1"}, args...)...)).Wait(limit)
				if r.Status != 255 || r.Stdout != "" {
					t.Errorf("%v: status %d, output %q", args, r.Status, r.Stdout)
				}
				oneLine(t, r.Stderr, fmt.Sprintf("could not open %s: Permission denied", args[1]))
			}
			if readFile(t, secret) != "127.0.0.1\n" {
				t.Error("root's file was changed")
			}
			if names, err := os.ReadDir(roots); err != nil || len(names) != 1 {
				t.Errorf("root's directory has %v, error %v", names, err)
			}
		})
	}
}

// Under sudo, without SUDO_UID, files are root's, as the manual page says.
func TestSudoWithoutUser(t *testing.T) {
	t.Parallel()
	_, roots := places(t)
	out := filepath.Join(roots, "out")
	cmd := command(program(t), "-o", out, "-c", "ping -c 1", "-i", "127.0.0.1")
	cmd.Env = append(cmd.Env, fmt.Sprintf("SUDO_GID=%d", otherGID), "SUDO_USER=other", "SUDO_COMMAND=scamper")
	if r := alone(t).Start(cmd).Wait(limit); r.Err != nil || r.Stderr != "" {
		t.Fatalf("%v\n%s", r.Err, r.Stderr)
	}
	if uid, gid := fileOwner(t, out); uid != 0 || gid != 0 || fileSize(out) == 0 {
		t.Errorf("the output belongs to %d, %d, size %d", uid, gid, fileSize(out))
	}
}

// Files that cannot be opened end the run before anything is probed.
func TestFilesMissing(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	seen := ns.Capture("lo")
	dir := testkit.OpenDir(t)
	for _, args := range [][]string{
		{"-f", filepath.Join(dir, "none")},
		{"-o", filepath.Join(dir, "no/out"), "-i", "127.0.0.1"},
		{"-d", filepath.Join(dir, "no/debug"), "-i", "127.0.0.1"},
		{"-e", filepath.Join(dir, "no/pid"), "-i", "127.0.0.1"},
		{"-o", dir, "-i", "127.0.0.1"},
	} {
		r := run(t, ns, args...)
		if r.Status != 255 || r.Stdout != "" {
			t.Errorf("%v: status %d, output %q", args, r.Status, r.Stdout)
		}
		oneLine(t, r.Stderr, args[1])
	}
	if n := len(seen.Stop()); n != 0 {
		t.Errorf("%d packets were sent", n)
	}
	if names, _ := os.ReadDir(dir); len(names) != 0 {
		t.Errorf("%v was made", names)
	}
}
