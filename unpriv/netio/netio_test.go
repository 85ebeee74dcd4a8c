package netio

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

func TestInC(t *testing.T) {
	for err, want := range map[error]string{
		syscall.EHOSTUNREACH:                         "No route to host",
		syscall.Errno(4000):                          "Unknown error 4000",
		fmt.Errorf("in between: %w", syscall.ENODEV): "No such device",
		io.ErrUnexpectedEOF:                          "unexpected EOF",
	} {
		if got := InC(err); got.Error() != want || !errors.Is(got, err) {
			t.Errorf("InC(%v) = %v, want %q", err, got, want)
		}
	}
}

func TestBindErrorText(t *testing.T) {
	for _, c := range []struct{ kind, addr, want string }{
		{"udp4dgram", "9.9.9.9:56090", "could not bind udp4dgram 9.9.9.9:56090: "},
		{"icmp4", "9.9.9.9:0", "could not bind icmp4 9.9.9.9: "},
		{"udp6dgram", "[2001:db8::1]:5", "could not bind udp6dgram [2001:db8::1]:5: "},
		{"icmp6", "[2001:db8::1]:0", "could not bind icmp6 2001:db8::1: "},
	} {
		err := bindError(c.kind, netip.MustParseAddrPort(c.addr), syscall.EADDRNOTAVAIL)
		if want := c.want + InC(syscall.EADDRNOTAVAIL).Error(); err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
		if !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Errorf("%v does not wrap its cause", err)
		}
	}
}

func TestStamp(t *testing.T) {
	at := time.Unix(1_700_000_000, 123_456_789)
	if got := StampOf(at).Time(); !got.Equal(at) {
		t.Errorf("Time = %v, want %v", got, at)
	}
	if !Stamp(0).Time().IsZero() {
		t.Error("no stamp must be the zero time")
	}
	if got := StampOf(at).Sub(StampOf(at.Add(time.Second))); got != -time.Second {
		t.Errorf("Sub = %v", got)
	}
}

func TestNewDatagrams(t *testing.T) {
	list := NewDatagrams(3, 100)
	for i := range list {
		if len(list[i].buf) != 100 || cap(list[i].buf) != 100 {
			t.Errorf("datagram %d has room for %d of %d", i, len(list[i].buf), cap(list[i].buf))
		}
		for k := range list[i].buf {
			list[i].buf[k] = byte(i)
		}
	}
	for i := range list {
		for k, b := range list[i].buf {
			if b != byte(i) {
				t.Fatalf("datagrams share memory: %d at %d of %d", b, k, i)
			}
		}
	}
	list[0].Data, list[0].HopLimit = list[0].buf, 7
	list[0].Clear()
	if list[0].Data != nil || list[0].HopLimit != Unknown || len(list[0].buf) != 100 {
		t.Errorf("after Clear: %+v", list[0])
	}
}

func TestKindNames(t *testing.T) {
	if Kind(99).String() != "kind 99" || ICMP.String() != "ICMP" {
		t.Error("names of kinds")
	}
}
