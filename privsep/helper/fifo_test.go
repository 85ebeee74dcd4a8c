//go:build unix

package helper

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scamper/privsep/message"
)

type openResult struct {
	fd  int
	err error
}

// A FIFO waits for its other end, and no longer than the helper is to live; what is handed over blocks.
func TestFIFO(t *testing.T) {
	for _, use := range []Use{Read, Write, Append} {
		for _, stop := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "fifo")
			if err := unix.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
			handles, h := opened(t, grants(Grant{Slot: message.SlotList, Path: path, Use: use}))
			done := make(chan openResult, 1)
			go func() {
				fd, err := handles.File(message.SlotList)
				done <- openResult{fd, err}
			}()
			select {
			case r := <-done:
				t.Fatalf("use %v: did not wait: descriptor %d, error %v", use, r.fd, r.err)
			case <-time.After(2 * fifoPause):
			}
			if stop {
				h.Stop()
				if r := <-done; !errors.Is(r.err, unix.EINTR) {
					t.Errorf("use %v: stopped: descriptor %d, error %v", use, r.fd, r.err)
				}
				continue
			}
			other := os.O_RDONLY
			if use == Read {
				other = os.O_WRONLY
			}
			f, err := os.OpenFile(path, other, 0)
			if err != nil {
				t.Fatal(err)
			}
			if use == Read {
				if _, err := f.WriteString("192.0.2.1\n"); err != nil {
					t.Fatal(err)
				}
			}
			r := <-done
			if r.err != nil {
				t.Fatalf("use %v: %v", use, r.err)
			}
			if flags, err := unix.FcntlInt(uintptr(r.fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
				t.Errorf("use %v: flags %#x, %v", use, flags, err)
			}
			unix.Close(r.fd)
			f.Close()
		}
	}
}

func TestDirectoryIsNoFile(t *testing.T) {
	for _, use := range []Use{Read, Write, Append} {
		handles, _ := opened(t, grants(Grant{Slot: message.SlotList, Path: t.TempDir(), Use: use}))
		if fd, err := handles.File(message.SlotList); !errors.Is(err, unix.EISDIR) {
			t.Errorf("use %v: descriptor %d, error %v", use, fd, err)
		}
	}
}
