//go:build unix

package client

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"scamper/privsep/firewall"
	"scamper/privsep/message"
)

var (
	aRule = firewall.Rule{
		Protocol: firewall.TCP,
		Peer:     netip.MustParseAddrPort("192.0.2.1:80"), Local: netip.MustParseAddrPort("192.0.2.2:81"),
	}
	buffers = message.Buffers{Receive: 1, Send: 2}
	any4    = netip.IPv4Unspecified()
)

// calls are all methods that ask for something, and the request that each makes.
var calls = []struct {
	want message.Request
	call func(h Handles) (fd int, err error)
}{
	{message.ICMP{Family: message.IPv6, Buffers: buffers}, func(h Handles) (int, error) {
		s, err := h.ICMP(message.IPv6, buffers)
		return s.FD, err
	}},
	{message.RawUDP{Source: any4, Buffers: buffers}, func(h Handles) (int, error) {
		s, err := h.RawUDP(any4, buffers)
		return s.FD, err
	}},
	{message.RawIP{Buffers: buffers}, func(h Handles) (int, error) { s, err := h.RawIP(buffers); return s.FD, err }},
	{message.Datalink{Interface: 3, Buffers: buffers}, func(h Handles) (int, error) {
		s, err := h.Datalink(message.Datalink{Interface: 3, Buffers: buffers})
		return s.FD, err
	}},
	{message.Route{Buffers: buffers}, func(h Handles) (int, error) { s, err := h.Route(buffers); return s.FD, err }},
	{message.File{Slot: message.SlotList}, func(h Handles) (int, error) { return h.File(message.SlotList) }},
	{message.FileIn{Directory: message.SlotDirectory, Name: "x", Open: message.OpenAppend}, func(h Handles) (int, error) {
		return h.FileIn(message.SlotDirectory, "x", message.OpenAppend)
	}},
	{message.Unix{Slot: message.SlotControl}, func(h Handles) (int, error) { return h.Unix(message.SlotControl) }},
	{message.Unlink{Slot: message.SlotControl}, func(h Handles) (int, error) { return -1, h.Unlink(message.SlotControl) }},
	{message.FirewallInit{}, func(h Handles) (int, error) { return -1, h.FirewallInit() }},
	{message.FirewallAdd{Rule: aRule}, func(h Handles) (int, error) {
		e, err := h.FirewallAdd(aRule)
		if err == nil && e != 42 {
			return -1, errors.New("another entry")
		}
		return -1, err
	}},
	{message.FirewallDelete{Entry: 4}, func(h Handles) (int, error) { return -1, h.FirewallDelete(4) }},
	{message.FirewallCleanup{}, func(h Handles) (int, error) { return -1, h.FirewallCleanup() }},
}

// answer is what a helper would say: success.
func answer(t *testing.T, packet []byte) (message.Request, message.Reply, int) {
	r, err := message.Decode(packet)
	if err != nil {
		t.Error(err)
		return nil, message.Reply{Errno: unix.EPROTO}, -1
	}
	reply := message.Reply{Kind: r.Kind(), Buffers: message.Buffers{Receive: 11, Send: 12}}
	if r.Kind() == message.KindFirewallAdd {
		reply.Value = 42
	}
	fd := -1
	if r.Kind().Handle() {
		if fd, err = unix.Dup(0); err != nil {
			t.Error(err)
		}
	}
	return r, reply, fd
}

func TestDirect(t *testing.T) {
	var asked message.Request
	var errno syscall.Errno
	closed := 0
	h := Direct(func(packet []byte) (message.Reply, int) {
		r, reply, fd := answer(t, packet)
		asked = r
		if errno != 0 {
			unix.Close(fd)
			return message.Reply{Kind: r.Kind(), Errno: errno}, -1
		}
		return reply, fd
	}, func() error { closed++; return nil })
	for _, test := range calls {
		errno = 0
		fd, err := test.call(h)
		if err != nil || (fd >= 0) != test.want.Kind().Handle() {
			t.Errorf("%v: descriptor %d, error %v", test.want.Kind(), fd, err)
		}
		if fd >= 0 {
			unix.Close(fd)
		}
		if diff := cmp.Diff(test.want, asked, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
			cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Errorf("-want +asked:\n%s", diff)
		}
		errno = unix.EACCES
		if fd, err := test.call(h); !errors.Is(err, unix.EACCES) || fd != -1 {
			t.Errorf("%v: descriptor %d, error %v", test.want.Kind(), fd, err)
		}
	}
	if _, err := h.RawUDP(netip.MustParseAddr("::1"), buffers); !errors.Is(err, unix.EINVAL) {
		t.Errorf("error %v", err)
	}
	if n, err := h.Notices(); h.NoticeFD() != -1 || n != nil || err != nil {
		t.Errorf("notices %v, error %v", n, err)
	}
	if err := h.Close(); err != nil || closed != 1 {
		t.Errorf("closed %d times, error %v", closed, err)
	}
}

// split is a main process and what its helper would hold.
func split(t *testing.T) (h Handles, requests, notices message.Conn) {
	t.Helper()
	r0, r1, err := message.Pair()
	if err != nil {
		t.Fatal(err)
	}
	n0, n1, err := message.Pair()
	if err != nil {
		t.Fatal(err)
	}
	return New(r1, n1), message.NewConn(r0), message.NewConn(n0)
}

func TestSocket(t *testing.T) {
	h, requests, notices := split(t)
	go func() {
		var b [message.MaxRequest]byte
		for range calls {
			n, _, err := requests.Receive(b[:], false)
			if err != nil {
				t.Error(err)
				return
			}
			_, reply, fd := answer(t, b[:n])
			requests.Send(message.AppendReply(nil, reply), fd)
			if fd >= 0 {
				unix.Close(fd)
			}
		}
		// The next request is the last that arrives.
		requests.Receive(b[:], false)
		requests.Close()
		notices.Close()
	}()
	for _, test := range calls {
		fd, err := test.call(h)
		if err != nil || (fd >= 0) != test.want.Kind().Handle() {
			t.Errorf("%v: descriptor %d, error %v", test.want.Kind(), fd, err)
		}
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	for range 2 {
		if fd, err := h.File(message.SlotList); !errors.Is(err, ErrHelperGone) || fd != -1 {
			t.Errorf("descriptor %d, error %v", fd, err)
		}
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

// A helper whose answers do not fit is not talked to any more, and leaves no
// descriptor behind.
func TestWrongReplies(t *testing.T) {
	for _, test := range []struct {
		name  string
		reply []byte
		fd    bool
	}{
		{"empty", []byte{byte(message.KindFile)}, false},
		{"another kind", message.AppendReply(nil, message.Reply{Kind: message.KindICMP}), true},
		{"no descriptor", message.AppendReply(nil, message.Reply{Kind: message.KindFile}), false},
		{"descriptor with an error", message.AppendReply(nil, message.Reply{Kind: message.KindFile, Errno: 1}), true},
		{"too long", append(message.AppendReply(nil, message.Reply{Kind: message.KindFile}), 0), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, requests, notices := split(t)
			defer requests.Close()
			defer notices.Close()
			defer h.Close()
			r, w, err := pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(r)
			fd := -1
			if test.fd {
				fd = w
			}
			if err := requests.Send(test.reply, fd); err != nil {
				t.Fatal(err)
			}
			unix.Close(w)
			if got, err := h.File(message.SlotList); err == nil || got != -1 {
				t.Errorf("descriptor %d, error %v", got, err)
			}
			// The pipe's end is read when no copy of w is left.
			if n, err := unix.Read(r, make([]byte, 1)); n != 0 || err != nil {
				t.Errorf("a descriptor is left: %d, %v", n, err)
			}
		})
	}
}

func pipe() (r, w int, err error) {
	var p [2]int
	if err := unix.Pipe(p[:]); err != nil {
		return -1, -1, err
	}
	return p[0], p[1], unix.SetNonblock(p[0], true)
}

func TestNotices(t *testing.T) {
	h, requests, notices := split(t)
	readable := func() bool {
		fds := []unix.PollFd{{Fd: int32(h.NoticeFD()), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 0)
		return n == 1 && err == nil
	}
	if n, err := h.Notices(); readable() || n != nil || err != nil {
		t.Errorf("nothing was said: %v, error %v", n, err)
	}
	for _, b := range []byte{byte(message.NoticeHup), 0, byte(message.NoticeExit), 255} {
		if err := notices.Send([]byte{b}, -1); err != nil {
			t.Fatal(err)
		}
	}
	if !readable() {
		t.Error("not readable")
	}
	got, err := h.Notices()
	if diff := cmp.Diff([]message.Notice{message.NoticeHup, message.NoticeExit}, got); diff != "" || err != nil {
		t.Errorf("error %v, -want +got:\n%s", err, diff)
	}
	notices.Send([]byte{byte(message.NoticeHup)}, -1)
	requests.Close()
	notices.Close()
	if got, err = h.Notices(); len(got) != 1 || !errors.Is(err, ErrHelperGone) || !readable() {
		t.Errorf("at the end: %v, error %v", got, err)
	}
	h.Close()
	if _, err = h.Notices(); !errors.Is(err, ErrHelperGone) {
		t.Errorf("after Close: error %v", err)
	}
}

func TestManyNotices(t *testing.T) {
	h, requests, notices := split(t)
	defer requests.Close()
	defer notices.Close()
	defer h.Close()
	for range 100 {
		if err := notices.Send([]byte{byte(message.NoticeHup)}, -1); err != nil {
			t.Fatal(err)
		}
	}
	got, err := h.Notices()
	if len(got) != 16 || err != nil {
		t.Errorf("%d notices, error %v", len(got), err)
	}
}
