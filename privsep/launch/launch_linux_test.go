package launch

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"scamper/testkit"
)

const (
	otherUID, otherGID, otherGroup = 12345, 12346, 12347
)

var identityNames = []string{
	"Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
}

// nobody is what every thread of the main process has to look like.
func nobody(t *testing.T) map[string]string {
	t.Helper()
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	four := func(id string) string { return strings.Join([]string{id, id, id, id}, " ") }
	none := "0000000000000000"
	return map[string]string{
		"Uid": four(u.Uid), "Gid": four(u.Gid), "Groups": "",
		"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none,
		"NoNewPrivs": "1", "Seccomp": "2",
	}
}

func TestSplitIdentity(t *testing.T) {
	s := start(t, "-v")
	if diff := cmp.Diff(nobody(t), status(t, s.main, identityNames...)); diff != "" {
		t.Errorf("main process, -want +got:\n%s", diff)
	}
	// CAP_DAC_OVERRIDE 1, _READ_SEARCH 2, SETGID 6, SETUID 7, NET_ADMIN 12, NET_RAW 13.
	caps := fmt.Sprintf("%016x", 1<<1|1<<2|1<<6|1<<7|1<<12|1<<13)
	helper := status(t, s.parent, "Uid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
	none := "0000000000000000"
	want := map[string]string{
		"Uid": "0 0 0 0", "CapInh": none, "CapPrm": caps, "CapEff": caps, "CapBnd": caps, "CapAmb": none,
		"NoNewPrivs": "1", "Seccomp": "2",
	}
	if diff := cmp.Diff(want, helper); diff != "" {
		t.Errorf("helper, -want +got:\n%s", diff)
	}
	if s.parent != s.cmd.Process.Pid {
		t.Errorf("the helper is process %d, the first is %d", s.parent, s.cmd.Process.Pid)
	}
	if root, err := os.Readlink(fmt.Sprintf("/proc/%d/root", s.main)); err != nil || root != "/var/empty" {
		t.Errorf("root directory %q, error %v", root, err)
	}
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", s.main)); err != nil || cwd != "/var/empty" {
		t.Errorf("working directory %q, error %v", cwd, err)
	}
	if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", s.main)); err != nil || string(comm) != "prog\n" {
		t.Errorf("name %q, error %v", comm, err)
	}
	if !strings.Contains(s.first, "split true raw true argv0 "+s.cmd.Path+" ") {
		t.Errorf("first line %q", s.first)
	}
	if !strings.Contains(s.first, "chroot /var/empty") || !strings.Contains(s.first, "seccomp") {
		t.Errorf("sandbox: %q", s.first)
	}
	if v, err := ll.LandlockGetABIVersion(); err == nil && v > 0 && !strings.Contains(s.first, "landlock, no path") {
		t.Errorf("the kernel has landlock %d: %q", v, s.first)
	}
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", s.main))
	if err != nil || string(cmdline) != s.cmd.Path+"\x00-v\x00" {
		t.Errorf("command line %q, error %v", cmdline, err)
	}
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", s.parent))
	if err != nil || bytes.Contains(environ, []byte(stageVar)) {
		t.Errorf("environment of the helper %q, error %v", environ, err)
	}
	// The main process has the standard files, its two sockets, and what the runtime
	// polls with and watches its share of the processors with; above all no directory.
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.main))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", s.main, fd.Name()))
		runtime := strings.HasPrefix(to, "/sys/fs/cgroup/") && strings.Contains(to, "/cpu.")
		if strings.HasPrefix(to, "/") && to != "/dev/null" && !runtime {
			t.Errorf("descriptor %s is %s", fd.Name(), to)
		}
	}
	s.expect("icmp 4", "ok buffers 16777216 8388608")
	s.in.Close()
	if got := s.wait(); got != 3 {
		t.Errorf("status %d", got)
	}
}

func TestMainCannot(t *testing.T) {
	s := start(t)
	for _, what := range []string{
		"exec", "fork", "open", "raw", "packet", "setuid", "chroot", "mkdir", "ptrace", "kill", "unshare", "tiocsti",
	} {
		s.expect("try "+what, "error")
	}
	s.expect("try nothing", "ok") // the command itself works
	// Without the sandbox the rest has to hold just as well.
	s = start(t, "-nosandbox")
	for _, what := range []string{"open", "raw", "packet", "setuid", "chroot", "mkdir", "ptrace", "kill"} {
		s.expect("try "+what, "error")
	}
	got := status(t, s.main, identityNames...)
	want := nobody(t)
	want["Seccomp"] = "0"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestHandles(t *testing.T) {
	dir := testkit.OpenDir(t)
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(file("list"), []byte("192.0.2.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file("dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := start(t, "-o", file("out"), "-f", file("list"), "-a", file("log"), "-U", file("socket"), "-d", file("dir"))
	for _, test := range []struct{ command, want string }{
		{"icmp 4", "ok buffers 16777216 8388608"},
		{"icmp 6", "ok buffers 16777216 8388608"},
		{"icmp 5", "error open-icmp: family 5: invalid argument"},
		{"udp 127.0.0.1", "ok"},
		{"ip", "ok"},
		{"route", "ok"},
		{"datalink 1", "ok buffers 16777216 8388608"},
		{"datalink 0", "ok"},
		{"file 3", "ok"},
		{"file 3", "error open-file: operation not permitted"},
		{"file 1", "ok"},
		{"file 2", "error open-file: operation not permitted"}, // -e was not given
		{"file 5", "error open-file: operation not permitted"}, // a socket
		{"file 256", "error open-file: slot 256: invalid argument"},
		{"read 4", "ok 192.0.2.1"},
		{"read 4", "ok 192.0.2.1"},
		{"in new 3", "ok"},
		{"in new 3", "error open-file-in: file exists"},
		{"in new 2", "ok"},
		{"in ../out 1", "error open-file-in: name"},
		{"listen", "ok"},
		{"unlink", "ok"},
		{"listen", "ok"},
		{"fw 192.0.2.1:80 192.0.2.2:81", "error firewall-init: operation not supported"},
		// What is no request is answered EPROTO (71), and the helper goes on.
		{"packet ff", "ok 0000000047"},
		{"packet 00", "ok 0000000047"},
		{"packet 06", "ok 0000000047"},
		{"packet 060003ff", "ok 0000000047"},
		{"packet 0b" + strings.Repeat("ff", 38), "ok 0000000016"},
		{"huge", "ok 0000000047"},
		{"give", "ok 0d0000005f"},
		{"read 4", "ok 192.0.2.1"},
		{"zone", "ok "},
	} {
		s.expect(test.command, test.want)
	}
	if b, err := os.ReadFile(file("dir/new")); string(b) != "written\nwritten\n" || err != nil {
		t.Errorf("%q, error %v", b, err)
	}
	s.in.Close()
	s.wait()
	if _, err := os.Lstat(file("socket")); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// The time zone is that of the environment although there is no zone file any more.
func TestZone(t *testing.T) {
	testkit.NeedRoot(t)
	if _, err := os.Stat("/usr/share/zoneinfo/Asia/Tokyo"); err != nil {
		testkit.Skip(t, "needs the time zone data base")
	}
	cmd := exec.Command(program(t))
	cmd.Env = append(os.Environ(), "TZ=Asia/Tokyo")
	s := ready(t, cmd)
	s.expect("zone", "ok +0900")
}

// Random packets; the helper answers each and lives on.
func TestHelperSurvives(t *testing.T) {
	s := start(t)
	seed := uint32(1)
	next := func() byte {
		seed = seed*1664525 + 1013904223
		return byte(seed >> 24)
	}
	for i := range 500 {
		packet := make([]byte, 1+int(next())%300)
		for j := range packet {
			packet[j] = next()
		}
		packet[0] = byte(i % 20) // mostly kinds that exist
		if answer := s.ask(fmt.Sprintf("packet %x", packet)); !strings.HasPrefix(answer, "ok ") {
			t.Fatalf("%x: %s", packet, answer)
		}
	}
	s.expect("icmp 4", "ok")
}

func TestExitStatus(t *testing.T) {
	for _, test := range []struct {
		command string
		want    int
	}{
		{"exit 0", 0},
		{"exit 7", 7},
		{"exit 255", 255},
		{"panic", 2},
		{"die", 128 + 9},
	} {
		s := start(t)
		fmt.Fprintln(s.in, test.command)
		if got := s.wait(); got != test.want {
			t.Errorf("%s: status %d, want %d", test.command, got, test.want)
		}
		gone(t, s.main)
	}
}

func TestDeath(t *testing.T) {
	for _, test := range []struct {
		name   string
		signal unix.Signal
		helper bool // the signal goes to the helper
		line   string
		want   int
	}{
		{"main killed", unix.SIGKILL, false, "", 128 + 9},
		{"main terminated", unix.SIGTERM, false, "", 128 + 15},
		{"helper killed", unix.SIGKILL, true, "helper gone", 128 + 9},
		{"helper terminated", unix.SIGTERM, true, "notice exit", 0},
		{"helper interrupted", unix.SIGINT, true, "notice exit", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t)
			s.expect("ip", "ok")
			pid := s.main
			if test.helper {
				pid = s.parent
			}
			if err := unix.Kill(pid, test.signal); err != nil {
				t.Fatal(err)
			}
			// A killed helper may be noticed by SIGTERM before its sockets are.
			if got := s.line(); got != test.line && !(test.line == "helper gone" && got == "") {
				t.Errorf("output %q, want %q", got, test.line)
			}
			gone(t, s.main)
			if got := s.wait(); got != test.want {
				t.Errorf("status %d, want %d", got, test.want)
			}
		})
	}
}

func TestHup(t *testing.T) {
	s := start(t)
	for range 2 {
		if err := unix.Kill(s.parent, unix.SIGHUP); err != nil {
			t.Fatal(err)
		}
		if got := s.line(); got != "notice hup" {
			t.Errorf("output %q", got)
		}
	}
	s.expect("ip", "ok")
}

// What a killed main process leaves is removed: the socket and the firewall's table.
func TestCleanup(t *testing.T) {
	testkit.NeedRoot(t)
	nft := testkit.NeedProgram(t, "nft")
	ns := testkit.NewNet(t).Namespace("launch")
	socket := filepath.Join(testkit.OpenDir(t), "socket")
	cmd := exec.Command(program(t), "-U", socket, "-F", "nft:launchtest")
	var s *session
	ns.Do(func() { s = ready(t, cmd) })
	s.expect("listen", "ok")
	s.expect("fw 192.0.2.1:80 192.0.2.2:81", "ok 1")
	s.expect("fw 192.0.2.1:80 192.0.2.2:81", "ok 1")
	s.expect("fw [2001:db8::1]:80 [2001:db8::2]:81", "ok 2")
	rules := ns.MustRun(limit, nft, "list", "ruleset")
	if !strings.Contains(rules, "table inet launchtest-") || !strings.Contains(rules, "tcp . 192.0.2.1 . 80 . 192.0.2.2 . 81") {
		t.Errorf("rules:\n%s", rules)
	}
	fmt.Fprintln(s.in, "die")
	if got := s.wait(); got != 128+9 {
		t.Errorf("status %d", got)
	}
	if rules := ns.MustRun(limit, nft, "list", "ruleset"); rules != "" {
		t.Errorf("left behind:\n%s", rules)
	}
	if _, err := os.Lstat(socket); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
	if text := s.stderr.String(); text != "" {
		t.Errorf("stderr: %s", text)
	}
}

// Output to a link that leads out of the directory in which it lies.
func TestOutputLink(t *testing.T) {
	dir := testkit.OpenDir(t)
	if err := os.Mkdir(filepath.Join(dir, "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "a", "link")
	if err := os.WriteFile(target, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	s := start(t, "-o", link)
	s.expect("file 3", "ok")
	if b, err := os.ReadFile(target); string(b) != "written\n" || err != nil {
		t.Errorf("%q, error %v", b, err)
	}
	s = start(t, "-o", "/dev/stdout")
	if got := s.ask("file 3"); got != "written" {
		t.Errorf("output %q\n%s", got, s.stderr.String())
	}
}

func TestDaemon(t *testing.T) {
	testkit.NeedRoot(t)
	out := filepath.Join(testkit.OpenDir(t), "stdout")
	f, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command(program(t), "-daemon")
	cmd.Stdout = f
	done := time.AfterFunc(limit, func() { cmd.Process.Kill() })
	defer done.Stop()
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var main, parent int
	if _, err := fmt.Sscanf(string(b), "main %d parent %d", &main, &parent); err != nil {
		t.Fatalf("output %q, error %v", b, err)
	}
	defer unix.Kill(main, unix.SIGKILL)
	if bytes.Count(b, []byte("\n")) != 1 {
		t.Errorf("output after it was ready: %q", b)
	}
	if diff := cmp.Diff(nobody(t), status(t, main, identityNames...)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	sid, err := unix.Getsid(main)
	if own, _ := unix.Getsid(0); err != nil || sid == own || sid != parent {
		t.Errorf("session %d, helper %d, error %v", sid, parent, err)
	}
	for _, pid := range []int{main, parent} {
		for fd := range 3 {
			if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd)); err != nil || to != "/dev/null" {
				t.Errorf("descriptor %d of %d is %q, error %v", fd, pid, to, err)
			}
		}
	}
	if err := unix.Kill(parent, unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	gone(t, main)
	gone(t, parent)
}

// A daemon that fails before it is ready is no daemon.
func TestDaemonFails(t *testing.T) {
	testkit.NeedRoot(t)
	cmd := exec.Command(program(t), "-daemon", "-chroot", testkit.OpenDir(t)+"/none/none")
	if got := fails(t, cmd, ExitFailure); !strings.Contains(got, "no such file or directory") {
		t.Errorf("stderr %q", got)
	}
}

func TestChroot(t *testing.T) {
	testkit.NeedRoot(t)
	dir := testkit.OpenDir(t)
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, mode := range map[string]os.FileMode{"group": 0o775, "others": 0o757, "foreign": 0o755, "good": 0o711} {
		if err := os.Mkdir(path(name), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(path("foreign"), otherUID, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("good", path("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path("file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	run := program(t)
	for name, want := range map[string]string{
		"group": "not writable by others", "others": "not writable by others", "foreign": "owner 12345",
		"link": "root directory", "file": "not a directory",
	} {
		cmd := exec.Command(run, "-chroot", path(name))
		if got := fails(t, cmd, ExitFailure); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"good", "new"} {
		s := start(t, "-chroot", path(name))
		if root, err := os.Readlink(fmt.Sprintf("/proc/%d/root", s.main)); err != nil || root != path(name) {
			t.Errorf("root directory %q, error %v", root, err)
		}
	}
	if uid, gid, mode := fileOwner(t, path("new")); uid != 0 || gid != 0 || mode != 0o555 {
		t.Errorf("the new directory belongs to %d, %d with mode %#o", uid, gid, mode)
	}
}

func TestStartErrors(t *testing.T) {
	testkit.NeedRoot(t)
	run := program(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-user", "no-such-user"}, "user of the main process"},
		{[]string{"-user", "root"}, "user root has the rights of root"},
		{[]string{"-chroot", "relative"}, "is not an absolute path"},
		{[]string{"-F", "pf:scamper:1"}, "firewall pf is not available on Linux"},
		{[]string{"-F", "ipfw:1-2"}, "firewall ipfw is not available on Linux"},
		{[]string{"-F", "nft:"}, `-F "nft:": table name ""`},
		{[]string{"-d", "/no/such/directory"}, "directory /no/such/directory: no such file"},
	} {
		cmd := exec.Command(run, test.args...)
		got := fails(t, cmd, ExitFailure)
		if !strings.Contains(got, test.want) || strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "complaint: ") {
			t.Errorf("%v: %q, want %q", test.args, got, test.want)
		}
	}
}

func TestMainIsUser(t *testing.T) {
	s := start(t, "-user", "daemon")
	u, err := user.Lookup("daemon")
	if err != nil {
		t.Fatal(err)
	}
	if got := status(t, s.main, "Uid")["Uid"]; !strings.HasPrefix(got, u.Uid+" ") {
		t.Errorf("user %s, want %s", got, u.Uid)
	}
}
