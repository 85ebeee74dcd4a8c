package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"

	"scamper/testkit"
)

// Rights are taken from whole processes for good, so that each case is a process: the
// test binary again, with the name of a role.
const roleVar = "SANDBOX_TEST_ROLE"

const id = 12345

// roles print what they found.
var roles = map[string]func() error{
	"saved user": func() error {
		return errors.Join(setIDs(id, id, 0, id), verify(id, id))
	},
	"real group": func() error {
		return errors.Join(setIDs(id, id, id, 0), verify(id, id))
	},
	"groups": func() error {
		return errors.Join(syscall.Setgroups([]int{id}), syscall.Setresgid(id, id, id),
			syscall.Setresuid(id, id, id), verify(id, id))
	},
	"capabilities": func() error {
		return errors.Join(syscall.Setgroups(nil), syscall.Setresgid(id, id, id),
			unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0), syscall.Setresuid(id, id, id), noNewPrivs(), verify(id, id))
	},
	"bounding": func() error {
		return errors.Join(syscall.Setgroups(nil), syscall.Setresgid(id, id, id),
			syscall.Setresuid(id, id, id), noNewPrivs(), verify(id, id))
	},
	"new privileges": func() error {
		return errors.Join(syscall.Setgroups(nil), syscall.Setresgid(id, id, id),
			syscall.Setresuid(id, id, id), verify(id, id))
	},
	"paths": func() error {
		dir := os.Args[1]
		applied := landlockPaths([]Path{
			{Name: filepath.Join(dir, "read"), Kind: ReadFile},
			{Name: filepath.Join(dir, "w", "write"), Kind: WriteFile},
			{Name: filepath.Join(dir, "s", "socket"), Kind: Socket},
			{Name: filepath.Join(dir, "d"), Kind: Directory, Write: true},
			{Name: filepath.Join(dir, "r"), Kind: Directory},
		}, func(l string) { fmt.Println(l) })
		if applied == nil {
			return nil
		}
		fmt.Println("applied")
		for _, try := range []struct {
			name string
			flag int
		}{
			{"read", os.O_RDONLY},
			{"read", os.O_WRONLY},
			{"other", os.O_RDONLY},
			{"w/write", os.O_WRONLY | os.O_CREATE | os.O_TRUNC},
			{"w/write", os.O_RDONLY},
			{"w/old", os.O_RDONLY},
			{"new", os.O_WRONLY | os.O_CREATE},
			{"d/new", os.O_WRONLY | os.O_CREATE | os.O_TRUNC},
			{"d/new", os.O_RDONLY},
			{"r/old", os.O_RDONLY},
			{"r/old", os.O_WRONLY},
			{"r/new", os.O_WRONLY | os.O_CREATE},
		} {
			f, err := os.OpenFile(filepath.Join(dir, try.name), try.flag, 0o600)
			fmt.Println(try.name, try.flag, err == nil)
			f.Close()
		}
		s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		for _, name := range []string{"s/socket", "socket"} {
			path := filepath.Join(dir, name)
			fmt.Println("bind", name, unix.Bind(s, &unix.SockaddrUnix{Name: path}) == nil)
			fmt.Println("unlink", name, unix.Unlink(path) == nil)
		}
		return nil
	},
}

func setIDs(real, effective, saved, group int) error {
	return errors.Join(syscall.Setgroups(nil), syscall.Setresgid(group, id, id), syscall.Setresuid(real, effective, saved))
}

// noNewPrivs is for the calling thread alone.
func noNewPrivs() error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		runtime.LockOSThread()
		if err := roles[role](); err != nil {
			fmt.Println(err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func play(t *testing.T, role string, args ...string) string {
	t.Helper()
	testkit.NeedRoot(t)
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), roleVar+"="+role)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", role, err, out.String())
	}
	return out.String()
}

// Whatever is left of root's rights is found.
func TestVerifyFinds(t *testing.T) {
	for role, want := range map[string]string{
		"saved user":     "the user ids are 12345 12345 0\n",
		"real group":     "the group ids are 0 12345 12345\n",
		"groups":         "the supplementary groups are [12345]",
		"capabilities":   "the capabilities are permitted 0x",
		"bounding":       "capability 0 is in the bounding set\n",
		"new privileges": "no_new_privs is 0",
	} {
		if got := play(t, role); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", role, got, want)
		}
	}
}

func TestLandlockPaths(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"w", "s", "d", "r"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"read", "other", "w/old", "r/old"} {
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := play(t, "paths", dir)
	if strings.Contains(got, "the kernel has none") {
		testkit.Skip(t, got)
	}
	const want = `applied
read 0 true
read 1 false
other 0 false
w/write 577 true
w/write 0 false
w/old 0 false
new 65 false
d/new 577 true
d/new 0 true
r/old 0 true
r/old 1 false
r/new 65 false
bind s/socket true
unlink s/socket true
bind socket false
unlink socket false
`
	if got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestDropRefuses(t *testing.T) {
	for _, o := range []Options{
		{UID: 0, GID: 1, Chroot: DefaultChroot},
		{UID: 1, GID: 0, Chroot: DefaultChroot},
		{UID: -1, GID: 1, Chroot: DefaultChroot},
	} {
		if applied, err := Drop(o); err == nil || applied != nil {
			t.Errorf("%+v: %v", o, applied)
		}
	}
}

// A name that no architecture has is a slip of the pen, which would go unnoticed.
func TestCallNames(t *testing.T) {
	tables := []*arch.Info{arch.X86_64, arch.I386, arch.ARM, arch.AARCH64}
	for _, c := range []calls{mainCalls(), helperCalls(), singleCalls()} {
		names := slices.Clone(c.any)
		for _, l := range c.limited {
			names = append(names, l.Name)
			if slices.Contains(c.any, l.Name) {
				t.Errorf("%s is limited and is not", l.Name)
			}
		}
		for _, name := range names {
			if !slices.ContainsFunc(tables, func(i *arch.Info) bool { _, ok := i.SyscallNames[name]; return ok }) {
				t.Errorf("no architecture has %q", name)
			}
		}
		for _, name := range []string{
			"execve", "execveat", "fork", "vfork", "clone3", "ptrace", "process_vm_readv", "process_vm_writev", "mount",
			"bpf", "io_uring_setup", "unshare", "setns", "keyctl", "perf_event_open", "userfaultfd", "init_module",
			"kexec_load", "reboot", "chroot", "pivot_root", "pidfd_open", "memfd_create", "personality",
		} {
			if slices.Contains(names, name) {
				t.Errorf("%s is allowed", name)
			}
		}
	}
}
