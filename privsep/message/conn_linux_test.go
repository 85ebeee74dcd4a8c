package message

import (
	"errors"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestConnNoRoom has a receiver that may not open one more file. The conversation goes on.
func TestConnNoRoom(t *testing.T) {
	a, b := pair(t)
	if err := a.Send([]byte("first"), 0); err != nil {
		t.Fatal(err)
	}
	if err := a.Send([]byte("next"), -1); err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 8)
	_, fd, err := b.Receive(buf, true)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if fd != -1 || !errors.Is(err, syscall.EMFILE) {
		t.Errorf("descriptor %d, error %v; want EMFILE", fd, err)
	}
	if n, _, err := b.Receive(buf, true); err != nil || string(buf[:n]) != "next" {
		t.Errorf("after it %q, error %v", buf[:n], err)
	}
}
