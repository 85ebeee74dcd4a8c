package netio

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// BindError says that a socket could not be bound to the address that a task
// asked for. Its text is what a record's error message contains.
type BindError struct {
	Socket string // kind and address: "udp4dgram 192.0.2.1:33434"
	Errno  syscall.Errno
}

// Error returns "could not bind udp4dgram 192.0.2.1:33434: Cannot assign
// requested address".
func (e *BindError) Error() string {
	return "could not bind " + e.Socket + ": " + InC(e.Errno).Error()
}

// Unwrap returns the system's error number.
func (e *BindError) Unwrap() error { return e.Errno }

// bindError makes the error for a socket kind ("udp4dgram", "icmp6", "tcp4")
// that could not be bound to addr; port 0 is left out.
func bindError(kind string, addr netip.AddrPort, err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return fmt.Errorf("could not bind %s: %w", kind, err)
	}
	return &BindError{kind + " " + endpoint(addr), errno}
}

// endpoint returns the text of an address with its port, if it has one:
// 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1]:80.
func endpoint(addr netip.AddrPort) string {
	if addr.Port() == 0 {
		return addr.Addr().String()
	}
	return addr.String()
}

// InC returns an error with the text of the C library's strerror if err is or wraps a system's error number: "No route to
// host" where Go has "no route to host", for records and lines that users of the C program know. It unwraps to err. Other
// errors are returned as they are.
func InC(err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err
	}
	return inC{errno, err}
}

type inC struct {
	errno syscall.Errno
	err   error
}

func (e inC) Error() string {
	text := e.errno.Error()
	if strings.HasPrefix(text, "errno ") {
		return "Unknown error " + strconv.Itoa(int(e.errno))
	}
	first, n := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[n:]
}

func (e inC) Unwrap() error { return e.err }

// scopeOf returns the scope id for dst: its zone if it has one, else ifindex.
func scopeOf(dst netip.Addr, ifindex int32) (uint32, error) {
	zone := dst.Zone()
	if zone == "" {
		return uint32(ifindex), nil
	}
	if id, err := strconv.ParseUint(zone, 10, 31); err == nil {
		return uint32(id), nil
	}
	ifi, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, fmt.Errorf("zone of %v: %w", dst, err)
	}
	return uint32(ifi.Index), nil
}

// SmallBuffer tells that the receive buffer of a kind of socket is smaller than asked for, as is usual without the right
// to have it larger than the system's limit. Replies may be lost then at high rates, which is counted (Sockets.Drops).
type SmallBuffer struct {
	Socket     string // its kind
	Got, Asked int    // bytes
}

func (e *SmallBuffer) Error() string {
	return fmt.Sprintf("receive buffer of %s is %d bytes, asked for %d", e.Socket, e.Got, e.Asked)
}
