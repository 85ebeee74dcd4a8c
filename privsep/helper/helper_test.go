//go:build unix

package helper

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"scamper/privsep/client"
	"scamper/privsep/firewall"
	"scamper/privsep/message"
)

// opened is a helper in this process, with the handles of its main process.
func opened(t *testing.T, c Config) (client.Handles, *Helper) {
	t.Helper()
	h, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return client.Direct(h.Serve, h.End), h
}

func grants(list ...Grant) Config { return Config{Grants: list} }

// write writes to a descriptor and closes it.
func write(t *testing.T, fd int, text string) {
	t.Helper()
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		t.Error(err)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"write", "append", "list"} {
		if err := os.WriteFile(path(name), []byte("before\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h, _ := opened(t, grants(
		Grant{Slot: message.SlotOutput, Path: path("write"), Use: Write},
		Grant{Slot: message.SlotDebug, Path: path("append"), Use: Append},
		Grant{Slot: message.SlotPID, Path: path("new"), Use: Write},
		Grant{Slot: message.SlotList, Path: path("list"), Use: Read, Again: true},
		Grant{Slot: message.SlotConf, Path: path("none"), Use: Read},
		Grant{Slot: message.SlotControl, Path: path("socket"), Use: Socket},
	))
	for _, test := range []struct {
		slot  message.Slot
		times int // how often it may be opened
	}{
		{message.SlotOutput, 1},
		{message.SlotDebug, 1},
		{message.SlotPID, 1},
	} {
		for range test.times {
			fd, err := h.File(test.slot)
			if err != nil {
				t.Fatalf("slot %d: %v", test.slot, err)
			}
			write(t, fd, "now\n")
		}
		if fd, err := h.File(test.slot); !errors.Is(err, unix.EPERM) {
			t.Errorf("slot %d once more: descriptor %d, error %v", test.slot, fd, err)
		}
	}
	for name, want := range map[string]string{"write": "now\n", "append": "before\nnow\n", "new": "now\n"} {
		if got := content(t, path(name)); got != want {
			t.Errorf("%s has %q, want %q", name, got, want)
		}
	}
	if fi, err := os.Stat(path("new")); err != nil || fi.Mode().Perm()&^0o644 != 0 {
		t.Errorf("mode %v, error %v", fi.Mode(), err)
	}
	for range 3 {
		fd, err := h.File(message.SlotList)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(fd, []byte("x")); err == nil {
			t.Error("a file that is to be read can be written")
		}
		if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
			t.Error("not close-on-exec")
		}
		unix.Close(fd)
	}
	for _, test := range []struct {
		slot message.Slot
		want error
	}{
		{message.SlotConf, unix.ENOENT},
		{message.SlotConf, unix.ENOENT}, // a failure does not use the grant up
		{message.SlotControl, unix.EPERM},
		{message.SlotDoNotProbe, unix.EPERM},
		{message.SlotDirectory - 1, unix.EPERM},
		{0, unix.EINVAL},
		{message.SlotDirectory, unix.EINVAL},
	} {
		if fd, err := h.File(test.slot); !errors.Is(err, test.want) {
			t.Errorf("slot %d: descriptor %d, error %v, want %v", test.slot, fd, err, test.want)
		}
	}
}

func TestFileIn(t *testing.T) {
	dir := t.TempDir()
	granted, outside := filepath.Join(dir, "granted"), filepath.Join(dir, "outside")
	for _, d := range []string{granted, filepath.Join(granted, "sub")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(granted, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", filepath.Join(granted, "inside")); err != nil {
		t.Fatal(err)
	}
	all, read := message.SlotDirectory, message.SlotDirectory+1
	h, _ := opened(t, grants(
		Grant{Slot: all, Path: granted, Use: Directory, In: InAll},
		Grant{Slot: read, Path: granted, Use: Directory, In: InRead},
		Grant{Slot: message.SlotOutput, Path: outside, Use: Write},
	))
	put := func(how message.Open, text string) {
		t.Helper()
		fd, err := h.FileIn(all, "file", how)
		if err != nil {
			t.Fatal(err)
		}
		write(t, fd, text)
	}
	put(message.OpenExclusive, "1")
	put(message.OpenAppend, "2")
	if got := content(t, filepath.Join(granted, "file")); got != "12" {
		t.Errorf("the file has %q", got)
	}
	put(message.OpenWrite, "3")
	if got := content(t, filepath.Join(granted, "file")); got != "3" {
		t.Errorf("the file has %q", got)
	}
	fd, err := h.FileIn(read, "file", message.OpenRead)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	for _, test := range []struct {
		dir  message.Slot
		name string
		how  message.Open
		want error
	}{
		{all, "file", message.OpenExclusive, unix.EEXIST},
		{all, "none", message.OpenRead, unix.ENOENT},
		{all, "link", message.OpenRead, unix.ELOOP},
		{all, "link", message.OpenWrite, unix.ELOOP},
		{all, "inside", message.OpenRead, unix.ELOOP},
		{all, "sub", message.OpenWrite, unix.EISDIR},
		{all, "../outside", message.OpenRead, unix.EINVAL},
		{all, "sub/x", message.OpenWrite, unix.EINVAL},
		{all, "/etc/passwd", message.OpenRead, unix.EINVAL},
		{all, "..", message.OpenRead, unix.EINVAL},
		{all, ".", message.OpenRead, unix.EINVAL},
		{all, "", message.OpenRead, unix.EINVAL},
		{read, "file", message.OpenWrite, unix.EPERM},
		{read, "file", message.OpenAppend, unix.EPERM},
		{read, "new", message.OpenExclusive, unix.EPERM},
		{read + 1, "file", message.OpenRead, unix.EPERM},
		{message.SlotOutput, "file", message.OpenRead, unix.EINVAL},
	} {
		if fd, err := h.FileIn(test.dir, test.name, test.how); !errors.Is(err, test.want) {
			t.Errorf("%d %q %d: descriptor %d, error %v, want %v", test.dir, test.name, test.how, fd, err, test.want)
		}
	}
	if got := content(t, outside); got != "secret" {
		t.Errorf("outside has %q", got)
	}
	// The directory is the one of the beginning, whatever its path names later.
	if err := os.Rename(granted, granted+"-moved"); err != nil {
		t.Fatal(err)
	}
	fd, err = h.FileIn(read, "file", message.OpenRead)
	if err != nil {
		t.Error(err)
	}
	unix.Close(fd)
}

func TestUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	h, helper := opened(t, grants(
		Grant{Slot: message.SlotControl, Path: path, Use: Socket},
		Grant{Slot: message.SlotOutput, Path: path + "x", Use: Write},
	))
	if err := h.Unlink(message.SlotControl); !errors.Is(err, unix.ENOENT) {
		t.Errorf("before there is one: %v", err)
	}
	fd, err := h.Unix(message.SlotControl)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := h.Unix(message.SlotControl); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("taken: error %v", err)
	}
	if err := h.Unlink(message.SlotControl); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
	unix.Close(fd)
	for _, s := range []message.Slot{message.SlotOutput, message.SlotPID} {
		if _, err := h.Unix(s); !errors.Is(err, unix.EPERM) {
			t.Errorf("slot %d: error %v", s, err)
		}
		if err := h.Unlink(s); !errors.Is(err, unix.EPERM) {
			t.Errorf("slot %d: error %v", s, err)
		}
	}

	// What somebody else put there stays.
	if fd, err = h.Unix(message.SlotControl); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := helper.End(); !errors.Is(err, unix.ESTALE) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
	// What is left at the end is removed.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	fd2, err := h.Unix(message.SlotControl)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd2)
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}

func TestFirewall(t *testing.T) {
	r := firewall.Rule{
		Protocol: firewall.TCP,
		Peer:     netip.MustParseAddrPort("192.0.2.1:80"), Local: netip.MustParseAddrPort("192.0.2.2:81"),
	}
	h, _ := opened(t, Config{})
	for _, err := range []error{h.FirewallInit(), h.FirewallDelete(1), h.FirewallCleanup()} {
		if !errors.Is(err, unix.ENOTSUP) {
			t.Errorf("without firewall: %v", err)
		}
	}
	rec := &firewall.Recorder{}
	h, _ = opened(t, Config{Firewall: firewall.NewTable(rec, 5, 6)})
	if _, err := h.FirewallAdd(r); !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("before init: %v", err)
	}
	if err := h.FirewallInit(); err != nil {
		t.Fatal(err)
	}
	e, err := h.FirewallAdd(r)
	if e != 5 || err != nil {
		t.Errorf("entry %d, error %v", e, err)
	}
	if err := h.FirewallDelete(e + 1); !errors.Is(err, unix.ENOENT) {
		t.Errorf("error %v", err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	want := []string{
		"init", "set 5 drop in tcp from 192.0.2.1:80 to 192.0.2.2:81",
		"clear 5 drop in tcp from 192.0.2.1:80 to 192.0.2.2:81", "close",
	}
	if diff := cmp.Diff(want, rec.Log); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNoRaw(t *testing.T) {
	h, _ := opened(t, Config{})
	for name, open := range map[string]func() (client.Socket, error){
		"icmp":     func() (client.Socket, error) { return h.ICMP(message.IPv4, message.Buffers{}) },
		"datalink": func() (client.Socket, error) { return h.Datalink(message.Datalink{Interface: 1}) },
		"route":    func() (client.Socket, error) { return h.Route(message.Buffers{}) },
	} {
		if s, err := open(); !errors.Is(err, unix.EPERM) || s.FD != -1 {
			t.Errorf("%s: descriptor %d, error %v", name, s.FD, err)
		}
	}
}

func TestGrantErrors(t *testing.T) {
	dir := t.TempDir()
	for want, list := range map[string][]Grant{
		`grant "x": slot 0`:               {{Path: "x", Use: Read}},
		`slot 320`:                        {{Slot: message.MaxSlot + 1, Path: "x", Use: Directory, In: InRead}},
		`empty path`:                      {{Slot: message.SlotList, Use: Read}},
		`use 0 in slot 4`:                 {{Slot: message.SlotList, Path: "x"}},
		`use 6 in slot 4`:                 {{Slot: message.SlotList, Path: "x", Use: 6}},
		`use 5 in slot 4`:                 {{Slot: message.SlotList, Path: dir, Use: Directory, In: InRead}},
		`use 1 in slot 256`:               {{Slot: message.SlotDirectory, Path: dir, Use: Read}},
		`ways to open 0x0`:                {{Slot: message.SlotDirectory, Path: dir, Use: Directory}},
		`ways to open 0x10`:               {{Slot: message.SlotDirectory, Path: dir, Use: Directory, In: 16}},
		`slot 4 is taken`:                 {{Slot: 4, Path: "x", Use: Read}, {Slot: 4, Path: "y", Use: Read}},
		`none: no such file`:              {{Slot: message.SlotDirectory, Path: dir + "/none", Use: Directory, In: InRead}},
		`helper_test.go: not a directory`: {{Slot: message.SlotDirectory, Path: "helper_test.go", Use: Directory, In: InRead}},
	} {
		if _, err := New(grants(list...)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// A log that a main process gone wrong cannot fill.
func TestRefusalsLogged(t *testing.T) {
	var lines []string
	h, err := New(Config{Log: func(l string) { lines = append(lines, l) }})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 * maxRefusals {
		if r, fd := h.Serve([]byte{99}); r.Errno != unix.EPROTO || r.Kind != 0 || fd != -1 {
			t.Fatalf("%+v %d", r, fd)
		}
	}
	if len(lines) != maxRefusals || lines[0] != "request 0: unknown request 99: "+unix.EPROTO.Error() {
		t.Errorf("%d lines, the first %q", len(lines), lines[0])
	}
}

// Run answers all that comes, and ends with the other end.
func TestRun(t *testing.T) {
	a, b, err := message.Pair()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	h, err := New(grants(Grant{Slot: message.SlotOutput, Path: file, Use: Write}))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- h.Run(message.NewConn(a)) }()
	main := message.NewConn(b)
	var reply [64]byte
	ask := func(packet []byte, withFD int) (message.Reply, int) {
		t.Helper()
		if err := main.Send(packet, withFD); err != nil {
			t.Fatal(err)
		}
		n, fd, err := main.Receive(reply[:], true)
		if err != nil {
			t.Fatal(err)
		}
		k := message.Kind(reply[0])
		r, err := message.DecodeReply(reply[:n], k)
		if err != nil {
			t.Fatal(err)
		}
		return r, fd
	}
	for _, test := range []struct {
		name   string
		packet []byte
		fd     int
		want   message.Reply
		gives  bool
	}{
		{"unknown", []byte{77}, -1, message.Reply{Errno: unix.EPROTO}, false},
		{"short", []byte{byte(message.KindFile), 0}, -1, message.Reply{Errno: unix.EPROTO}, false},
		{"long", append([]byte{byte(message.KindFile), 0, 3}, make([]byte, 60000)...), -1, message.Reply{Errno: unix.EPROTO}, false},
		{"field", []byte{byte(message.KindFile), 0, 0}, -1, message.Reply{Errno: unix.EINVAL}, false},
		{"not granted", []byte{byte(message.KindFile), 0, 1}, -1, message.Reply{Kind: message.KindFile, Errno: unix.EPERM}, false},
		{"unwanted descriptor", []byte{byte(message.KindFile), 0, 1}, 0, message.Reply{Kind: message.KindFile, Errno: unix.EPERM}, false},
		{"granted", []byte{byte(message.KindFile), 0, 3}, -1, message.Reply{Kind: message.KindFile}, true},
		{"used up", []byte{byte(message.KindFile), 0, 3}, -1, message.Reply{Kind: message.KindFile, Errno: unix.EPERM}, false},
	} {
		r, fd := ask(test.packet, test.fd)
		if r != test.want || (fd >= 0) != test.gives {
			t.Errorf("%s: %+v, descriptor %d, want %+v", test.name, r, fd, test.want)
		}
		if fd >= 0 {
			write(t, fd, "text")
		}
	}
	if got := content(t, file); got != "text" {
		t.Errorf("the file has %q", got)
	}
	main.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func FuzzServe(f *testing.F) {
	dir := f.TempDir()
	for _, b := range [][]byte{
		{},
		{0},
		{255},
		{byte(message.KindFile), 0, 3},
		{byte(message.KindUnix), 0, 5},
		{byte(message.KindUnlink), 0, 5},
		{byte(message.KindFirewallInit)},
		{byte(message.KindFirewallCleanup)},
		{byte(message.KindFirewallDelete), 0, 0, 0, 1},
	} {
		f.Add(b)
	}
	for _, r := range []message.Request{
		message.Datalink{Interface: 1, Accept: message.AcceptAll},
		message.ICMP{Family: message.IPv4},
		message.RawUDP{Source: netip.IPv4Unspecified()},
		message.FileIn{Directory: message.SlotDirectory, Name: "x", Open: message.OpenWrite},
		message.FirewallAdd{Rule: firewall.Rule{
			Protocol: firewall.TCP,
			Peer:     netip.MustParseAddrPort("192.0.2.1:80"), Local: netip.MustParseAddrPort("192.0.2.2:81"),
		}},
	} {
		b, err := message.Append(nil, r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	h, err := New(Config{
		Raw:      true,
		Firewall: firewall.NewTable(&firewall.Recorder{}, 1, 100),
		Grants: []Grant{
			{Slot: message.SlotOutput, Path: filepath.Join(dir, "out"), Use: Write, Again: true},
			{Slot: message.SlotControl, Path: filepath.Join(dir, "socket"), Use: Socket},
			{Slot: message.SlotDirectory, Path: dir, Use: Directory, In: InRead},
		},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, fd := h.Serve(b)
		if fd >= 0 {
			defer unix.Close(fd)
			if !r.Kind.Handle() || r.Errno != 0 {
				t.Errorf("%x: a descriptor with %+v", b, r)
			}
		} else if r.Kind.Handle() && r.Errno == 0 {
			t.Errorf("%x: no descriptor with %+v", b, r)
		}
		if r.Kind != 0 && (len(b) == 0 || r.Kind != message.Kind(b[0])) {
			t.Errorf("%x: %+v", b, r)
		}
	})
}

// The helper is to be read by whoever decides whether to give it root.
func TestSize(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, name := range files {
		if !strings.HasSuffix(name, "_test.go") {
			lines += strings.Count(content(t, name), "\n")
		}
	}
	if lines > 1500 {
		t.Errorf("%d lines, the aim is 1500", lines)
	}
}

func TestErrnoOf(t *testing.T) {
	h := &Helper{}
	for err, want := range map[error]syscall.Errno{
		errors.New("no errno"):           unix.EIO,
		fmt.Errorf("x: %w", unix.ENOENT): unix.ENOENT,
		syscall.Errno(0):                 unix.EIO,
	} {
		if r := h.refuse(1, err); r.Errno != want {
			t.Errorf("%v: %v, want %v", err, r.Errno, want)
		}
	}
}
