// Package netio moves packets between the main process and the network, in
// batches and without an allocation per packet.
//
// The way of a probe:
//
//  1. a technique builds it in a buffer that it keeps until Send returns
//  2. the scheduler collects what is due into a []Packet
//  3. Port.Send hands the batch to the kernel in one system call where the
//     system can, and fills in when each packet left
//
// The way of a reply:
//
//  1. the kernel filters (ICMP filter, BPF), stamps and queues it
//  2. the loop finds the socket readable; Sockets calls Port.Recv, which
//     fills the []Datagram that all sockets of a loop share
//  3. the Receiver gets the batch; what it wants to keep it copies
//
// This file is the door. Behind it are raw sockets, UDP and TCP sockets,
// datalink sockets, and memory (for tests and simulations). Which system calls
// are used is decided when a port is opened.
package netio

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Stamp is a wall-clock time in nanoseconds since the Unix epoch, as the
// kernel stamps packets. Zero means that there is none. Round-trip times are
// differences of two stamps; nothing else is scheduled by them.
type Stamp int64

// StampOf returns the stamp of a wall-clock time.
func StampOf(t time.Time) Stamp { return Stamp(t.UnixNano()) }

// Time returns the stamp as a time; the zero Time if there is none.
func (s Stamp) Time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(s))
}

// Sub returns s-o. It is negative if the wall clock was set back in between.
func (s Stamp) Sub(o Stamp) time.Duration { return time.Duration(s - o) }

// Packet is one packet to send. What Data begins with depends on the port:
// the IP header (raw IPv4), the ICMPv6 header, the UDP payload, or the link
// header (datalink).
type Packet struct {
	// Data is the packet. It belongs to the caller, who does not change it
	// while Send runs; the port does not keep it.
	Data []byte
	// Dst is where it goes: an address, and for UDP sockets a port. Ignored
	// by datalink ports. An IPv4-mapped IPv6 address is refused.
	Dst netip.AddrPort
	// IfIndex is the scope of a link-local Dst, or 0.
	IfIndex int32
	// HopLimit, 1 to 255, is set by IPv6 sockets and by UDP sockets, which do
	// not send a header of ours; 0 leaves the system's default.
	HopLimit uint8
	// TClass is the traffic class (TOS), set by the same sockets.
	TClass uint8
	// Sent, if not nil, receives the wall-clock time just before the packet
	// was given to the kernel. Within a batch sent by one system call the
	// times are interpolated between the call's begin and end.
	Sent *Stamp
}

// Unknown is the value of HopLimit and TClass of a datagram for which the
// system did not tell them.
const Unknown int16 = -1

// Datagram is one received packet. Data begins with the IP header (raw IPv4),
// the ICMPv6 header, the UDP payload, or the link header (datalink).
type Datagram struct {
	// Data is valid until the next Recv into this Datagram or on this port,
	// whichever comes first.
	Data []byte
	// Size is the length on the wire; more than len(Data) if the packet was
	// cut.
	Size int
	// Src is the sender: address, and port for UDP. Invalid for datalink
	// ports. It has no zone: the scope of a link-local address is IfIndex.
	Src netip.AddrPort
	// Dst is the address it was sent to; invalid if the system did not tell.
	Dst netip.Addr
	// Stamp is when it was received according to the kernel. A port without
	// kernel stamps fills in the time of the read and clears Kernel.
	Stamp Stamp
	// IfIndex is the interface that it was received on; 0 if unknown.
	IfIndex int32
	// HopLimit and TClass are from ancillary data: 0 to 255, or Unknown.
	HopLimit int16
	TClass   int16
	// Kernel says that Stamp is the kernel's.
	Kernel bool
	// Outgoing is set by datalink ports for the copy of a packet that this
	// host sent; Stamp then is the transmit time.
	Outgoing bool

	buf []byte // room for Data, allocated once by NewDatagrams
}

// Port moves batches of packets. It is owned by one goroutine.
type Port interface {
	// Send sends batch in order. If sent < len(batch), err says what happened
	// to batch[sent] and the rest was not tried: ErrFull if the send buffer
	// has no room (nothing is lost: send the rest later), otherwise that
	// packet is refused for good (too large, no route, filtered here...) and
	// the caller goes on with batch[sent+1:]. err is nil exactly if sent ==
	// len(batch). Send never blocks and does not allocate unless it fails.
	Send(batch []Packet) (sent int, err error)
	// Recv fills into from its begin with what has been received and returns
	// how many count. It never blocks: nothing there is n == 0 without an
	// error. It does not allocate unless it fails. n == len(into) means that
	// there may be more.
	Recv(into []Datagram) (n int, err error)
	// FD returns the descriptor to watch for reading.
	FD() int
	// Drops returns how many received packets the kernel has thrown away
	// since the port was opened because our buffer was full, as far as is
	// known: sockets learn it with the next packet that they receive.
	Drops() uint64
	// Close closes the port and its descriptor.
	Close() error
}

// errNoRoom is what Recv answers for a Datagram that NewDatagrams did not make.
var errNoRoom = errors.New("datagram without room: use NewDatagrams")

// splitter is a port whose two halves may belong to different goroutines.
type splitter interface{ split() }

// ErrFull says that a packet was not sent because the send buffer is full.
var ErrFull = errors.New("send buffer is full")

// ErrDevice is the ErrFull of a packet that the socket had room for, but that the device or its queue dropped. It may
// have room later; or it never takes a packet like that, as when what is behind it has a smaller MTU.
var ErrDevice = fmt.Errorf("%w: the device dropped the packet", ErrFull)

// ErrUnavailable is wrapped by the errors for ports that a system does not
// have.
var ErrUnavailable = errors.New("not available on this system")

// DatagramSize is the room that a Datagram needs for whatever a socket may
// deliver: the longest IPv4 packet, behind a link header.
const DatagramSize = 65535 + 64

// NewDatagrams returns n datagrams with room for size bytes each, which is
// all that Recv will ever need. Memory is touched only as far as packets reach.
func NewDatagrams(n, size int) []Datagram {
	// Strides that are multiples of the page size would make the first line of
	// all buffers share one cache set.
	stride := (size+4095)&^4095 + 192
	room := make([]byte, n*stride)
	list := make([]Datagram, n)
	for i := range list {
		list[i].buf = room[i*stride : i*stride+size : i*stride+size]
		list[i].HopLimit, list[i].TClass = Unknown, Unknown
	}
	return list
}

// Clear forgets what was received and keeps the buffer.
func (d *Datagram) Clear() {
	*d = Datagram{HopLimit: Unknown, TClass: Unknown, buf: d.buf}
}
