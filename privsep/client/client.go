// Package client is what the main process calls for handles that it has no
// right to open by itself. It never opens anything: it asks the helper, over a
// socket or, when there is one process only, by a function call (see
// New and Direct). Both go through the same checks.
//
// All calls belong to one goroutine, the event loop. A call blocks until the
// helper has answered, which for all but a list file that is a FIFO is at once.
package client

import (
	"errors"
	"net/netip"

	"scamper/privsep/firewall"
	"scamper/privsep/message"
)

// Socket is an open socket or capture handle, owned by the caller, close-on-exec.
type Socket struct {
	FD      int
	Buffers message.Buffers // what the kernel gave, read back; 0 where not applicable
}

// Handles opens what needs rights. Errors wrap the errno that the system or the
// helper answered: EPERM for a slot that was not granted or is used up, EINVAL
// for an argument out of range, ENOTSUP for what this system has not,
// ErrHelperGone when there is no helper any more.
type Handles interface {
	// ICMP opens a raw socket for ICMP (header included) or ICMPv6. It is
	// neither bound nor filtered.
	ICMP(f message.Family, b message.Buffers) (Socket, error)
	// RawUDP opens a raw IPv4 UDP socket, header included, bound to src
	// (0.0.0.0: any). It is for sending only: its receive queue is closed off.
	RawUDP(src netip.Addr, b message.Buffers) (Socket, error)
	// RawIP opens a raw IPv4 socket of IPPROTO_RAW, header included; it
	// sends only.
	RawIP(b message.Buffers) (Socket, error)
	// Datalink opens a capture handle on an interface, non-blocking, with
	// the first filter in place before it is bound. See message.Datalink
	// for the fields.
	Datalink(q message.Datalink) (Socket, error)
	// Route opens a routing socket: netlink on Linux, PF_ROUTE elsewhere.
	Route(b message.Buffers) (Socket, error)

	// File opens the file of a slot with the rights of the invoking user
	// and the flags that the slot was granted with.
	File(s message.Slot) (fd int, err error)
	// FileIn opens the file name in the granted directory dir.
	FileIn(dir message.Slot, name string, how message.Open) (fd int, err error)
	// Unix opens a unix stream socket, bound to the path of the slot and
	// listening, non-blocking.
	Unix(s message.Slot) (fd int, err error)
	// Unlink removes the path of a socket that Unix made. The helper does
	// so too if the main process dies without.
	Unlink(s message.Slot) error

	// FirewallInit makes the firewall of the command line ready; without
	// one it answers ENOTSUP.
	FirewallInit() error
	// FirewallAdd drops the incoming packets of a flow until its entry is
	// deleted. The same rule asked twice is one entry with a count.
	FirewallAdd(r firewall.Rule) (firewall.Entry, error)
	// FirewallDelete gives an entry back.
	FirewallDelete(e firewall.Entry) error
	// FirewallCleanup removes every entry.
	FirewallCleanup() error

	// NoticeFD is readable (poll, epoll, kqueue) when Notices has something
	// to return. -1: there is no helper, hence never a notice.
	NoticeFD() int
	// Notices returns what the helper said since the last call, without
	// blocking. The error is ErrHelperGone when the helper has ended: then
	// the main process has to end too, in good order.
	Notices() ([]message.Notice, error)

	// Close ends the conversation: the helper then removes what is left
	// (firewall entries, the control socket) and ends. Descriptors that
	// were opened stay open.
	Close() error
}

// ErrHelperGone is the error of every call after the helper has ended.
var ErrHelperGone = errors.New("the privileged process has ended")
