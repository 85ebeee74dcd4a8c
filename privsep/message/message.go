// Package message is the language between the main process, which has no
// rights, and the helper, which has them.
//
// Two socket pairs join the processes. On the first, the main process sends a
// request and the helper answers it with exactly one reply, and with a
// descriptor (SCM_RIGHTS) if the request asked for a handle; one request is
// under way at a time. On the second, the helper sends notices when it likes.
// One message is one packet, so that a message has no length field to lie
// about: each kind has one exact length (see the table in request.go), and
// every field a fixed place and a checked range. No path crosses the socket:
// a Slot stands for a path that the command line or the configuration named
// before the two processes parted.
//
// Integers are in network byte order. Both ends are always the same binary.
package message

import (
	"fmt"
	"syscall"
)

// Kind is the first byte of a request and of its reply. It says what is asked.
type Kind uint8

// The requests. All numbers are here. 0 is not used.
const (
	KindDatalink        Kind = 1  // open a capture handle on an interface
	KindICMP            Kind = 2  // open a raw ICMP or ICMPv6 socket
	KindRawUDP          Kind = 3  // open a raw IPv4 UDP socket, header included
	KindRawIP           Kind = 4  // open a raw IPv4 socket, header included
	KindRoute           Kind = 5  // open a routing socket
	KindFile            Kind = 6  // open the file of a slot
	KindFileIn          Kind = 7  // open a file in the directory of a slot
	KindUnix            Kind = 8  // bind and listen on the unix socket of a slot
	KindUnlink          Kind = 9  // remove the unix socket of a slot
	KindFirewallInit    Kind = 10 // make the firewall ready
	KindFirewallAdd     Kind = 11 // drop incoming packets of one flow
	KindFirewallDelete  Kind = 12 // stop dropping them
	KindFirewallCleanup Kind = 13 // remove all that was added
)

// Notice is a message that the helper sends unasked: one byte, one packet.
type Notice uint8

// The notices. Their numbers are apart from those of requests.
const (
	NoticeExit Notice = 64 // the helper was sent SIGINT or SIGTERM: end cleanly
	NoticeHup  Notice = 65 // the helper was sent SIGHUP: read configuration again
)

// String returns the word for the notice.
func (n Notice) String() string {
	switch n {
	case NoticeExit:
		return "exit"
	case NoticeHup:
		return "hup"
	}
	return fmt.Sprintf("notice %d", uint8(n))
}

// Valid reports whether n is one of the notices above.
func (n Notice) Valid() bool { return n == NoticeExit || n == NoticeHup }

// Family is an Internet protocol family. Its values are version numbers, which
// are the same on every system, unlike AF_INET6.
type Family uint8

// The two families.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// Slot stands for a path (or, from SlotDirectory on, a directory) that may be
// opened. What it stands for is decided before the processes part.
type Slot uint16

// The slots of the command line. A slot that the command line did not fill is
// refused with EPERM.
const (
	SlotDebug      Slot = 1  // -d
	SlotPID        Slot = 2  // -e
	SlotOutput     Slot = 3  // -o
	SlotList       Slot = 4  // -f; may be opened again to reload it
	SlotControl    Slot = 5  // -U: a unix socket, for Unix and Unlink
	SlotConf       Slot = 6  // -g; may be opened again on SIGHUP
	SlotDoNotProbe Slot = 7  // -O dnp=; may be opened again on SIGHUP
	SlotCAFile     Slot = 8  // -O cafile=
	SlotClientCert Slot = 9  // -O client-certfile=; may be opened again on SIGHUP
	SlotClientKey  Slot = 10 // -O client-privfile=; may be opened again on SIGHUP

	// SlotDirectory is the first of the directories that the configuration
	// lists, in its order: the directory with index i has SlotDirectory+i.
	SlotDirectory Slot = 256
	// MaxSlot is the greatest valid slot: 64 directories.
	MaxSlot Slot = SlotDirectory + 63
)

// Buffers are socket buffer sizes in bytes. In a request, 0 leaves the
// system's default, and MaxBuffer is the most that may be asked for. In a
// reply they are what getsockopt reads back afterwards (Linux reports twice
// the usable size, socket(7)), or 0 where the handle has no such buffer.
type Buffers struct {
	Receive uint32
	Send    uint32
}

// MaxBuffer is the largest buffer that may be requested: 64 MiB. It bounds the
// kernel memory that a main process gone wrong could ask for per socket.
const MaxBuffer = 64 << 20

// Error says why a message was refused: a message that is none of ours
// (EPROTO) or a field out of its range (EINVAL).
type Error struct {
	Errno syscall.Errno
	What  string // which message and field, and the offending value
}

func (e *Error) Error() string { return e.What + ": " + e.Errno.Error() }

// Unwrap gives the errno, so that errors.Is(err, syscall.EPROTO) works.
func (e *Error) Unwrap() error { return e.Errno }

func protocol(format string, args ...any) error {
	return &Error{syscall.EPROTO, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return &Error{syscall.EINVAL, fmt.Sprintf(format, args...)}
}
