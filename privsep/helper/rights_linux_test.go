package helper

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"scamper/privsep/message"
	"scamper/testkit"
)

const otherUID, otherGID, otherGroup = 12345, 12346, 12347

var other = Invoker{UID: otherUID, GID: otherGID, Groups: []int{otherGID, otherGroup}, Switch: true}

// identityLines are those of /proc/self/task/TID/status.
func identityLines(t *testing.T, tid string) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/task/" + tid + "/status")
	if err != nil {
		return "" // the thread has ended
	}
	var keep []string
	for line := range strings.Lines(string(b)) {
		for _, name := range []string{"Uid:", "Gid:", "Groups:", "CapEff:"} {
			if strings.HasPrefix(line, name) {
				keep = append(keep, strings.Join(strings.Fields(line), " "))
			}
		}
	}
	return strings.Join(keep, ", ")
}

// One thread has the invoker's rights while it opens a file; afterwards, and on all
// others at all times, everything is as it was.
func TestAs(t *testing.T) {
	testkit.NeedRoot(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	self := fmt.Sprint(unix.Gettid())
	before := identityLines(t, self)
	failure := errors.New("of the function")
	for range 3 {
		err := other.as(func() error {
			got := identityLines(t, self)
			for _, want := range []string{
				"Uid: 0 12345 0 12345", "Gid: 0 12346 0 12346", "Groups: 12346 12347", "CapEff: 0000000000000000",
			} {
				if !strings.Contains(got, want) {
					t.Errorf("%s, want %s", got, want)
				}
			}
			tasks, err := os.ReadDir("/proc/self/task")
			if err != nil {
				t.Error(err)
			}
			for _, task := range tasks {
				if lines := identityLines(t, task.Name()); task.Name() != self && lines != "" && lines != before {
					t.Errorf("another thread: %s, before %s", lines, before)
				}
			}
			// The runtime must not start threads from this one.
			done := make(chan int)
			for range 20 {
				go func() { runtime.LockOSThread(); done <- unix.Geteuid() }()
			}
			for range 20 {
				if uid := <-done; uid != 0 {
					t.Errorf("a new thread has user %d", uid)
				}
			}
			return failure
		})
		if err != failure {
			t.Errorf("error %v", err)
		}
	}
	if after := identityLines(t, self); after != before {
		t.Errorf("after: %s, before: %s", after, before)
	}
}

func TestFilesAsInvoker(t *testing.T) {
	testkit.NeedRoot(t)
	// Not below t.TempDir, which only root can search.
	dir, err := os.MkdirTemp("", "privsep-helper-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := func(names ...string) string { return filepath.Join(append([]string{dir}, names...)...) }
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.Chmod(dir, 0o755))
	check(os.Mkdir(path("own"), 0o700))
	check(os.Chown(path("own"), otherUID, otherGID))
	check(os.WriteFile(path("secret"), []byte("x"), 0o600))
	check(os.WriteFile(path("of-group"), []byte("x"), 0o640))
	check(os.Chown(path("of-group"), 0, otherGroup))
	check(os.Symlink(path("secret"), path("own", "link")))

	h, helper := opened(t, Config{Invoker: other, Grants: []Grant{
		{Slot: 1, Path: path("own", "new"), Use: Write},
		{Slot: 2, Path: path("root-file"), Use: Write},
		{Slot: 3, Path: path("secret"), Use: Read},
		{Slot: 4, Path: path("of-group"), Use: Read},
		{Slot: 5, Path: path("own", "link"), Use: Append},
		{Slot: 6, Path: path("own", "socket"), Use: Socket},
		{Slot: 7, Path: path("root-socket"), Use: Socket},
		{Slot: message.SlotDirectory, Path: path("own"), Use: Directory, In: InAll},
		{Slot: message.SlotDirectory + 1, Path: dir, Use: Directory, In: InAll},
	}})
	for _, test := range []struct {
		name string
		open func() (int, error)
		want error
	}{
		{"own", func() (int, error) { return h.File(1) }, nil},
		{"root's directory", func() (int, error) { return h.File(2) }, unix.EACCES},
		{"root's file", func() (int, error) { return h.File(3) }, unix.EACCES},
		{"by a supplementary group", func() (int, error) { return h.File(4) }, nil},
		{"link to root's file", func() (int, error) { return h.File(5) }, unix.EACCES},
		{"own socket", func() (int, error) { return h.Unix(6) }, nil},
		{"socket in root's directory", func() (int, error) { return h.Unix(7) }, unix.EACCES},
		{"in own directory", func() (int, error) { return h.FileIn(message.SlotDirectory, "x", message.OpenExclusive) }, nil},
		{"in root's directory", func() (int, error) {
			return h.FileIn(message.SlotDirectory+1, "x", message.OpenExclusive)
		}, unix.EACCES},
		{"root's file in a directory", func() (int, error) {
			return h.FileIn(message.SlotDirectory+1, "secret", message.OpenRead)
		}, unix.EACCES},
	} {
		fd, err := test.open()
		if !errors.Is(err, test.want) || (fd >= 0) != (test.want == nil) {
			t.Errorf("%s: descriptor %d, error %v, want %v", test.name, fd, err, test.want)
		}
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	for _, name := range []string{"new", "x", "socket"} {
		fi, err := os.Lstat(path("own", name))
		check(err)
		st := fi.Sys().(*syscall.Stat_t)
		if st.Uid != otherUID || st.Gid != otherGID {
			t.Errorf("%s belongs to user %d, group %d", name, st.Uid, st.Gid)
		}
	}
	if err := helper.End(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path("own", "socket")); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
	// A directory that the invoker may not enter cannot be granted.
	check(os.Chmod(path("own"), 0))
	check(os.Mkdir(path("own", "deep"), 0o755))
	_, err = New(Config{Invoker: other, Grants: []Grant{
		{Slot: message.SlotDirectory, Path: path("own", "deep"), Use: Directory, In: InAll},
	}})
	if !errors.Is(err, unix.EACCES) {
		t.Errorf("error %v", err)
	}
}

func TestFindInvoker(t *testing.T) {
	testkit.NeedRoot(t)
	t.Setenv("SUDO_UID", "")
	t.Setenv("SUDO_GID", "")
	root := Invoker{UID: 0, GID: os.Getgid()}
	root.Groups, _ = os.Getgroups()
	for _, test := range []struct {
		uid, gid string
		want     Invoker
	}{
		{"", "", root},
		{"0", "0", root},
		{"12345", "", root},
		{"12345", "x", root},
		{"-1", "5", root},
		{"4294967295", "5", root},
		{" 12345", "5", root},
		{"12345", "12346", Invoker{UID: 12345, GID: 12346, Groups: []int{12346}, Switch: true}},
	} {
		t.Setenv("SUDO_UID", test.uid)
		t.Setenv("SUDO_GID", test.gid)
		if diff := cmp.Diff(test.want, FindInvoker()); diff != "" {
			t.Errorf("SUDO_UID %q, SUDO_GID %q, -want +got:\n%s", test.uid, test.gid, diff)
		}
	}
	// A user of the system brings the groups that it has there.
	t.Setenv("SUDO_UID", "1")
	t.Setenv("SUDO_GID", "77")
	if got := FindInvoker(); !slices.Contains(got.Groups, 77) || !slices.Contains(got.Groups, 1) {
		t.Errorf("user 1 (daemon): %+v", got)
	}
}
