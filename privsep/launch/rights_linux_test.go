package launch

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"scamper/privsep/message"
	"scamper/testkit"
)

// places are directories of a user and of root in one that both can enter.
func places(t *testing.T) (own, roots string) {
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

// setuid makes the program one that becomes root for whoever starts it.
func setuid(t *testing.T, path string) {
	t.Helper()
	if err := os.Chmod(path, os.ModeSetuid|0o755); err != nil {
		t.Fatal(err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err == nil && fs.Flags&unix.ST_NOSUID != 0 {
		testkit.Skip(t, "the file system of temporary files ignores setuid")
	}
}

func TestSetuid(t *testing.T) {
	testkit.NeedRoot(t)
	run := program(t)
	setuid(t, run)
	own, roots := places(t)
	out := filepath.Join(own, "out")
	s := ready(t, as(exec.Command(run, "-o", out, "-U", filepath.Join(own, "socket"), "-d", own), otherUID, otherGID, otherGroup))
	if diff := cmp.Diff(nobody(t), status(t, s.main, identityNames...)); diff != "" {
		t.Errorf("main process, -want +got:\n%s", diff)
	}
	// The helper has root back, no power over files, and the real user stays.
	helper := status(t, s.parent, "Uid", "CapPrm", "CapBnd", "Seccomp")
	want := map[string]string{
		"Uid":    fmt.Sprintf("%d 0 0 0", otherUID),
		"CapPrm": fmt.Sprintf("%016x", 1<<6|1<<7|1<<12|1<<13), "CapBnd": fmt.Sprintf("%016x", 1<<6|1<<7|1<<12|1<<13),
		"Seccomp": "2",
	}
	if diff := cmp.Diff(want, helper); diff != "" {
		t.Errorf("helper, -want +got:\n%s", diff)
	}
	s.expect("icmp 4", "ok buffers 16777216")
	s.expect("file 3", "ok")
	s.expect("listen", "ok")
	s.expect("in x 3", "ok")
	for _, name := range []string{"out", "socket", "x"} {
		if uid, gid, _ := fileOwner(t, filepath.Join(own, name)); uid != otherUID || gid != otherGID {
			t.Errorf("%s belongs to %d, %d", name, uid, gid)
		}
	}
	s.in.Close()
	s.wait()

	for _, args := range [][]string{
		{"-o", filepath.Join(roots, "out")},
		{"-o", "/etc/privsep-launch-test"},
		{"-o", "/var/empty/x"},
	} {
		s := ready(t, as(exec.Command(run, args...), otherUID, otherGID))
		s.expect("file 3", "error open-file: permission denied")
		s.in.Close()
		s.wait()
	}
	secret := filepath.Join(roots, "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = ready(t, as(exec.Command(run, "-f", secret, "-U", filepath.Join(roots, "socket"), "-a", secret), otherUID, otherGID))
	s.expect("read 4", "error open-file: permission denied")
	s.expect("file 1", "error open-file: permission denied")
	s.expect("listen", "error open-unix: permission denied")
	// Plain runs without any right, in one process.
	s = ready(t, as(exec.Command(run, "-plain", "-f", secret), otherUID, otherGID))
	if got := status(t, s.main, "Uid")["Uid"]; got != strings.TrimSpace(strings.Repeat(fmt.Sprintf("%d ", otherUID), 4)) {
		t.Errorf("users %s", got)
	}
	s.expect("read 4", "error open-file: permission denied")
	s.expect("icmp 4", "error open-icmp: operation not permitted")
}

// The variable that tells a child what it is does nothing for anybody else.
func TestStageFaked(t *testing.T) {
	testkit.NeedRoot(t)
	run := program(t)
	setuid(t, run)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	ours := os.NewFile(uintptr(pair[1]), "pair")
	defer ours.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for _, test := range []struct {
		stage string
		files []*os.File
		want  string
	}{
		{stageChild, nil, "is set, but not by scamper"},
		{stageChild, []*os.File{r, w}, "is set, but not by scamper"},
		{stageDaemon, nil, "is set, but not by scamper"},
		{stageDaemon, []*os.File{ours}, "is set, but not by scamper"},
	} {
		cmd := as(exec.Command(run), otherUID, otherGID)
		cmd.Env = append(cmd.Env, stageVar+"="+test.stage)
		cmd.ExtraFiles = test.files
		if got := fails(t, cmd, ExitFailure); !strings.Contains(got, test.want) {
			t.Errorf("%s with %d files: %q, want %q", test.stage, len(test.files), got, test.want)
		}
	}
}

// A pair that a user made gives no orders, be it the parent that made it.
func TestPairOfUser(t *testing.T) {
	testkit.NeedRoot(t)
	run := program(t)
	setuid(t, run)
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	maker := filepath.Join(testkit.OpenDir(t), "maker")
	if err := os.WriteFile(maker, self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := as(exec.Command(maker), otherUID, otherGID)
	cmd.Env = append(cmd.Env, roleVar+"="+run)
	got := fails(t, cmd, ExitFailure)
	if !strings.Contains(got, "the socket pair was not made by root") {
		t.Errorf("stderr %q", got)
	}
}

// roleVar makes of the test binary the user's process of TestPairOfUser: it starts the
// program that the variable names as if it were its child.
const roleVar = "LAUNCH_TEST_CHILD"

func TestMain(m *testing.M) {
	if run := os.Getenv(roleVar); run != "" {
		os.Exit(pairOfUser(run))
	}
	os.Exit(m.Run())
}

func pairOfUser(run string) int {
	cmd := exec.Command(run)
	cmd.Env = []string{stageVar + "=" + stageChild}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	for range 2 {
		ours, theirs, err := message.Pair()
		if err != nil {
			panic(err)
		}
		o := order{uid: otherUID, gid: otherGID, chroot: "/"}
		if err := message.NewConn(ours).Send(o.encode(), -1); err != nil {
			panic(err)
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(theirs), "pair"))
	}
	cmd.Run()
	return cmd.ProcessState.ExitCode()
}

// Under sudo, files are opened with the rights of who called it.
func TestSudo(t *testing.T) {
	testkit.NeedRoot(t)
	run := program(t)
	own, roots := places(t)
	sudo := func(args ...string) *session {
		cmd := exec.Command(run, args...)
		cmd.Env = append(os.Environ(), fmt.Sprintf("SUDO_UID=%d", otherUID), fmt.Sprintf("SUDO_GID=%d", otherGID))
		return ready(t, cmd)
	}
	s := sudo("-o", filepath.Join(own, "out"))
	s.expect("file 3", "ok")
	if uid, gid, _ := fileOwner(t, filepath.Join(own, "out")); uid != otherUID || gid != otherGID {
		t.Errorf("the file belongs to %d, %d", uid, gid)
	}
	s.expect("icmp 4", "ok")
	s = sudo("-o", filepath.Join(roots, "out"))
	s.expect("file 3", "error open-file: permission denied")
}

func TestFileCapabilities(t *testing.T) {
	testkit.NeedRoot(t)
	run := program(t)
	setcap := testkit.NeedProgram(t, "setcap")
	if out, err := exec.Command(setcap, "cap_net_raw,cap_sys_admin,cap_dac_override+ep", run).CombinedOutput(); err != nil {
		testkit.Skip(t, fmt.Sprintf("the file system of temporary files has no capabilities: %v, %s", err, out))
	}
	own, roots := places(t)
	s := ready(t, as(exec.Command(run, "-o", filepath.Join(own, "out"), "-a", filepath.Join(roots, "log"),
		"-U", filepath.Join(own, "socket"), "-d", own), otherUID, otherGID))
	if !strings.Contains(s.first, "split false raw true") || s.main != s.cmd.Process.Pid {
		t.Errorf("first line %q", s.first)
	}
	got := status(t, s.main, "Uid", "CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs", "Seccomp")
	none, raw := "0000000000000000", fmt.Sprintf("%016x", 1<<13)
	four := strings.TrimSpace(strings.Repeat(fmt.Sprintf("%d ", otherUID), 4))
	want := map[string]string{
		"Uid": four, "CapInh": none, "CapPrm": raw, "CapEff": raw, "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, test := range []struct{ command, want string }{
		{"icmp 4", "ok"},
		{"icmp 6", "ok"},
		{"udp 127.0.0.1", "ok"},
		{"datalink 1", "ok"},
		{"route", "ok"},
		{"file 3", "ok"},
		{"file 3", "error open-file: operation not permitted"},
		{"file 1", "error open-file: permission denied"},
		{"in x 3", "ok"},
		{"in ../x 3", "error open-file-in: name"},
		{"listen", "ok"},
		{"unlink", "ok"},
		{"listen", "ok"},
		{"fw 192.0.2.1:80 192.0.2.2:81", "error firewall-init: operation not supported"},
		{"try exec", "error"},
		{"try fork", "error"},
		{"try setuid", "error"},
		{"try unshare", "error"},
		{"try mkdir", "error"},
	} {
		s.expect(test.command, test.want)
	}
	s.in.Close()
	if got := s.wait(); got != 3 {
		t.Errorf("status %d", got)
	}
	if _, err := os.Lstat(filepath.Join(own, "socket")); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestNoRights(t *testing.T) {
	testkit.NeedRoot(t)
	got := fails(t, as(exec.Command(program(t)), otherUID, otherGID), ExitFailure)
	if strings.Count(got, "\n") != 1 || !strings.Contains(got, "setcap cap_net_raw+ep") || !strings.Contains(got, "as root") {
		t.Errorf("stderr %q", got)
	}
}

func TestNameservers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	const text = "# nameserver 192.0.2.9\nsearch example.com\nnameserver 192.0.2.1\n\tnameserver  2001:db8::1 # x\nnameserver\nnameserver x\nnameserver fe80::1%eth0\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(nameservers(path)); got != "[192.0.2.1:53 [2001:db8::1]:53 [fe80::1%eth0]:53]" {
		t.Error(got)
	}
	if got := nameservers(path + "x"); got != nil {
		t.Error(got)
	}
}
