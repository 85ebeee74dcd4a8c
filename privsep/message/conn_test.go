//go:build unix

package message

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func pair(t *testing.T) (a, b Conn) {
	t.Helper()
	x, y, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	a, b = NewConn(x), NewConn(y)
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestConn(t *testing.T) {
	a, b := pair(t)
	for _, packet := range []string{"one", "second"} {
		if err := a.Send([]byte(packet), -1); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 6)
	for _, want := range []string{"one", "second"} {
		n, fd, err := b.Receive(buf, true)
		if err != nil || string(buf[:n]) != want || fd != -1 {
			t.Errorf("%q, descriptor %d, error %v; want %q", buf[:n], fd, err, want)
		}
	}
	if _, err := b.TryReceive(buf); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("nothing there: error %v", err)
	}
}

func TestConnTooLong(t *testing.T) {
	a, b := pair(t)
	buf := make([]byte, 4)
	a.Send([]byte("12345"), -1)
	a.Send([]byte("1234"), -1)
	if _, _, err := b.Receive(buf, false); !errors.Is(err, syscall.EPROTO) {
		t.Errorf("long packet: error %v", err)
	}
	if n, _, err := b.Receive(buf, false); err != nil || n != 4 {
		t.Errorf("next packet: %d bytes, error %v", n, err)
	}
}

// openFDs counts the descriptors of this process.
func openFDs(t *testing.T) int {
	t.Helper()
	n := 0
	for fd := range 256 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			n++
		}
	}
	return n
}

func TestConnDescriptor(t *testing.T) {
	a, b := pair(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	before := openFDs(t)
	if err := a.Send([]byte("x"), int(w.Fd())); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 8)
	_, fd, err := b.Receive(buf, true)
	if err != nil || fd < 0 {
		t.Fatalf("descriptor %d, error %v", fd, err)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags %#x, error %v: not close-on-exec", flags, err)
	}
	if _, err := unix.Write(fd, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if n, _ := r.Read(buf); string(buf[:n]) != "hello" {
		t.Errorf("the pipe has %q", buf[:n])
	}
	unix.Close(fd)

	// Not wanted, it is dropped.
	if err := a.Send([]byte("x"), int(w.Fd())); err != nil {
		t.Fatal(err)
	}
	if _, fd, err := b.Receive(buf, false); err != nil || fd != -1 {
		t.Errorf("descriptor %d, error %v", fd, err)
	}
	// Two are refused, and closed.
	if err := unix.Sendmsg(a.FD(), []byte("x"), unix.UnixRights(int(w.Fd()), int(w.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Receive(buf, true); !errors.Is(err, syscall.EPROTO) {
		t.Errorf("two descriptors: error %v", err)
	}
	// So are many.
	many := make([]int, 20)
	for i := range many {
		many[i] = int(w.Fd())
	}
	if err := unix.Sendmsg(a.FD(), []byte("x"), unix.UnixRights(many...), nil, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Receive(buf, true); !errors.Is(err, syscall.EPROTO) {
		t.Errorf("many descriptors: error %v", err)
	}
	if after := openFDs(t); after != before {
		t.Errorf("%d descriptors are open, %d were", after, before)
	}
}

func TestConnEnd(t *testing.T) {
	a, b := pair(t)
	a.Send([]byte("last"), -1)
	x, _ := unix.Dup(a.FD())
	a.Close()
	unix.Close(x)
	buf := make([]byte, 8)
	if n, _, err := b.Receive(buf, false); err != nil || !bytes.Equal(buf[:n], []byte("last")) {
		t.Errorf("%q, error %v", buf[:n], err)
	}
	if _, _, err := b.Receive(buf, false); err != io.EOF {
		t.Errorf("error %v, want EOF", err)
	}
	if err := b.Send([]byte("x"), -1); !errors.Is(err, unix.EPIPE) {
		t.Errorf("sending: error %v, want EPIPE", err)
	}
}

func TestPacketPair(t *testing.T) {
	a, _ := pair(t)
	if err := PacketPair(a.FD()); err != nil {
		t.Error(err)
	}
	stream, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(stream[0])
	defer unix.Close(stream[1])
	if err := PacketPair(stream[0]); !errors.Is(err, unix.ENOTSOCK) {
		t.Errorf("stream pair: error %v", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if err := PacketPair(int(r.Fd())); !errors.Is(err, unix.ENOTSOCK) {
		t.Errorf("pipe: error %v", err)
	}
	unconnected, err := unix.Socket(unix.AF_UNIX, packetType, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(unconnected)
	if err := PacketPair(unconnected); err == nil {
		t.Error("a socket without other end passes")
	}
	if err := PacketPair(250); err == nil {
		t.Error("a descriptor that is not open passes")
	}
}
