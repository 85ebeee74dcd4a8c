//go:build unix

package netio

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"scamper/privsep/message"
	"scamper/shared/packet"
)

// Buffer sizes in bytes. A burst of small replies takes some 800 bytes of
// buffer each on Linux, so the default holds 200 ms at 100,000 per second.
const (
	// DefaultReceive is the receive buffer of ICMP and datalink sockets
	// unless configured.
	DefaultReceive = 16 << 20
	// sendBuffer is that of sockets that send probes.
	sendBuffer = 4 << 20
	// smallBuffer is that of sockets opened without privileges: room for the
	// longest datagram and its overhead.
	smallBuffer = 65535 + 128
)

// opener opens ports; what differs per system is in open_SYSTEM.go.
type opener struct {
	handles  Handles
	scratch  *scratch
	perCall  int    // packets per system call of Send
	transmit bool   // the kernel stamps what is sent
	receive  uint32 // receive buffer of ICMP and datalink sockets
	ring     *Ring
	filter   func(link packet.LinkType) *Filter
	onError  func(error)
	told     map[string]bool // kinds of which a small buffer was reported
}

// Opened is a port and what became known when it was opened.
type Opened struct {
	Port  Port
	Local netip.AddrPort  // what it is bound to, with the real port
	Link  packet.LinkType // of a datalink port
}

func (o *opener) buffers(receive uint32) message.Buffers {
	return message.Buffers{Receive: receive, Send: sendBuffer}
}

// finish runs setup, and closes fd if that fails.
func (o *opener) finish(fd int, setup func() (Opened, error)) (Opened, error) {
	got, err := setup()
	if err != nil {
		_ = unix.Close(fd)
		return Opened{}, err
	}
	return got, nil
}

// smallerBuffer reports once per kind of socket that its receive buffer is
// smaller than asked for: then replies may be lost at high rates.
func (o *opener) smallerBuffer(name string, got, asked int) {
	if o.told == nil {
		o.told = make(map[string]bool)
	}
	if !o.told[name] {
		o.told[name] = true
		o.onError(&SmallBuffer{Socket: name, Got: got, Asked: asked})
	}
}

// errNoTraffic is what a socket answers that only reserves a port.
var errNoTraffic = errors.New("socket only reserves its port")

// reserved is the port of a TCP socket that is bound and never connected.
type reserved struct{ fd int }

func (r *reserved) Send([]Packet) (int, error)   { return 0, errNoTraffic }
func (r *reserved) Recv([]Datagram) (int, error) { return 0, nil }
func (r *reserved) FD() int                      { return r.fd }
func (r *reserved) Drops() uint64                { return 0 }
func (r *reserved) Close() error                 { return unix.Close(r.fd) }

// sendOnly is a port whose receive queue is closed off.
type sendOnly struct{ Port }

func (s sendOnly) Recv([]Datagram) (int, error) { return 0, nil }
func (s sendOnly) Drops() uint64                { return 0 }
