package netio

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSystemTexts has what the system refuses told in the words of the C library, with the number still there to be asked.
func TestSystemTexts(t *testing.T) {
	dst := netip.MustParseAddrPort("192.0.2.1:0")
	noFiles := func() error {
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		none := limit
		none.Cur = 0
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
			t.Fatal(err)
		}
		_, err := (&opener{}).own(Key{Kind: UDP, Src: dst}, unix.SOCK_DGRAM, "udp%ddgram")
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		return err
	}
	for _, test := range []struct {
		err   error
		errno unix.Errno
		text  string
	}{
		{
			sendError(unix.EMSGSIZE, &Packet{Data: make([]byte, 8), Dst: dst}, 20), unix.EMSGSIZE,
			"send 28 bytes to 192.0.2.1: Message too long",
		},
		{sendError(unix.ENETDOWN, &Packet{Data: make([]byte, 54)}, 0), unix.ENETDOWN, "send frame of 54 bytes: Network is down"},
		{noFiles(), unix.EMFILE, "could not open udp4dgram: Too many open files"},
	} {
		if test.err == nil || test.err.Error() != test.text || !errors.Is(test.err, test.errno) {
			t.Errorf("%v, want %q, error %d", test.err, test.text, test.errno)
		}
	}
}
