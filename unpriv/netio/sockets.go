package netio

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"time"

	"scamper/privsep/client"
	"scamper/privsep/message"
	"scamper/shared/packet"
	"scamper/unpriv/loop"
)

// Linger is how long a socket stays open after its last user released it, so
// that the next task finds it open.
const Linger = 10 * time.Second

// DefaultBatch is how many packets are received at once unless configured.
const DefaultBatch = 64

// Handles supplies the descriptors that need privileges; client.Handles does.
// Each call opens a new one, owned by the caller.
type Handles interface {
	ICMP(f message.Family, b message.Buffers) (client.Socket, error)
	RawUDP(src netip.Addr, b message.Buffers) (client.Socket, error)
	RawIP(b message.Buffers) (client.Socket, error)
	Datalink(q message.Datalink) (client.Socket, error)
}

var _ Handles = client.Handles(nil)

// Receiver is given what arrives on any socket of a registry.
type Receiver interface {
	// Receive handles a batch received on s. The datagrams are only valid
	// during the call.
	Receive(s *Socket, batch []Datagram)
}

// Config is what a registry needs. Loop, Receiver and Handles or Open are
// required.
type Config struct {
	Loop     *loop.Loop
	Handles  Handles
	Receiver Receiver
	// Batch is how many packets are received at once at most, 1 to MaxBatch;
	// 0 means DefaultBatch.
	Batch int
	// PerCall is how many packets Send gives to the kernel with one system
	// call, 1 to MaxBatch; 0 means 1, for which transmit stamps are exact.
	// More saves some 0.5 us of 8 us per ping, and lets stamps be off by the
	// time that the call takes; replies seem to come before their probes then
	// where the network is a few microseconds long.
	PerCall int
	// Transmit has the kernel tell when a packet left for the device, where it
	// can (Linux), for packets sent with a system call of their own. It costs
	// some 2 us per packet, and is worth them at low rates.
	Transmit bool
	// Open, if not nil, opens ports instead of this package, which then
	// needs no Handles: memory in place of a network.
	Open func(key Key) (Opened, error)
	// Receive is the receive buffer in bytes to ask for on ICMP and datalink
	// sockets; 0 means DefaultReceive.
	Receive int
	// Ring, if not nil, has datalink sockets receive through a ring (-O ring).
	Ring *Ring
	// DynFilter keeps the filters of datalink sockets as narrow as the ports
	// that are open (-O dyn-filter); see Narrow.
	DynFilter bool
	// OnError is told of errors that concern no particular task: receiving
	// failed, a buffer is smaller than asked, packets were dropped. nil
	// ignores them.
	OnError func(error)
	// OnClose is told before the port of a socket is closed: whoever sends on
	// another goroutine has to end that first. nil: nobody does.
	OnClose func(*Socket)
}

// MaxBatch is the largest batch that can be configured: the kernel's limit
// for one sendmmsg or recvmmsg (UIO_MAXIOV).
const MaxBatch = 1024

// Sockets is the registry of open sockets, shared by the tasks of a loop and
// keyed by kind, source address and port. A socket is opened by its first
// user and closed Linger after the last one released it.
type Sockets struct {
	config  Config
	opener  opener
	batch   []Datagram
	open    map[Key]*Socket
	closed  bool
	dropped uint64     // drops of sockets that are closed
	narrow  loop.Timer // pending: filters are to be renewed
}

// Kind is a kind of socket.
type Kind uint8

const (
	// ICMP is a raw ICMPv4 or ICMPv6 socket, by the family of the source.
	ICMP Kind = iota + 1
	// UDP is a datagram socket; it reserves a port, and for IPv6 it sends.
	UDP
	// RawUDP sends UDPv4 with the IP header included; it receives nothing.
	RawUDP
	// TCP reserves a port and is never connected. It neither sends nor receives.
	TCP
	// RawIP sends IPv4 packets of any protocol; it receives nothing.
	RawIP
	// Datalink sends and receives frames on an interface.
	Datalink
)

// Key says which socket is meant. Zero fields are part of the key: a socket
// bound to the unspecified address is not the one bound to a particular one.
type Key struct {
	Kind    Kind
	Src     netip.AddrPort // port only for UDP and TCP
	IfIndex int32          // datalink, or scope of a link-local Src
}

// NewSockets returns an empty registry.
func NewSockets(config Config) (*Sockets, error) {
	if config.Batch == 0 {
		config.Batch = DefaultBatch
	}
	switch {
	case config.Batch < 1 || config.Batch > MaxBatch:
		return nil, fmt.Errorf("batch of %d packets: not 1 to %d", config.Batch, MaxBatch)
	case config.PerCall < 0 || config.PerCall > MaxBatch:
		return nil, fmt.Errorf("%d packets per system call: not 1 to %d", config.PerCall, MaxBatch)
	case config.Loop == nil || config.Receiver == nil || config.Handles == nil && config.Open == nil:
		return nil, errors.New("sockets need a loop, handles and a receiver")
	}
	if config.Receive == 0 {
		config.Receive = DefaultReceive
	}
	if config.Receive < 0 || config.Receive > message.MaxBuffer {
		return nil, fmt.Errorf("receive buffer of %d bytes: not 1 to %d", config.Receive, message.MaxBuffer)
	}
	if config.PerCall == 0 {
		config.PerCall = 1
	}
	if config.OnError == nil {
		config.OnError = func(error) {}
	}
	s := &Sockets{
		config: config,
		batch:  NewDatagrams(config.Batch, DatagramSize),
		open:   make(map[Key]*Socket),
	}
	s.opener = opener{
		handles: config.Handles, scratch: newScratch(config.PerCall, config.Batch),
		perCall: config.PerCall, transmit: config.Transmit, receive: uint32(config.Receive),
		ring: config.Ring, filter: s.filter, onError: config.OnError,
	}
	if s.config.Open == nil {
		s.config.Open = s.opener.open
	}
	s.narrow.Expirer = (*renewal)(s)
	return s, nil
}

// Socket is an open port and its users.
type Socket struct {
	Port

	owner  *Sockets
	key    Key
	link   packet.LinkType
	users  int
	linger loop.Timer
	drops  uint64 // reported so far
	failed int    // receives since the last good one
}

// Key returns what the socket is registered under. For UDP and TCP its port
// is the real one, also if the kernel chose it.
func (s *Socket) Key() Key { return s.key }

// LinkType returns what packets of a datalink socket begin with; LinkUnknown for
// other kinds.
func (s *Socket) LinkType() packet.LinkType { return s.link }

// Split lets Send be called on a goroutine of its own from now on, everything else staying where it is. It reports
// false, and changes nothing, if the port cannot do that.
func (s *Socket) Split() bool {
	port := s.Port
	if only, ok := port.(sendOnly); ok {
		port = only.Port
	}
	p, ok := port.(splitter)
	if ok {
		p.split()
	}
	return ok
}

// Release gives up one use. The caller does not touch the socket any more.
func (s *Socket) Release() { s.owner.release(s) }

// ICMP returns the raw ICMP socket bound to src. With the zero or an
// unspecified address it receives what is sent to any of our addresses.
func (s *Sockets) ICMP(src netip.Addr, ifindex int32) (*Socket, error) {
	return s.get(Key{ICMP, netip.AddrPortFrom(src, 0), scope(src, ifindex)})
}

// UDP returns the datagram socket bound to src. Port 0 opens a new one with a
// port chosen by the kernel; see Opened for those that are open already.
func (s *Sockets) UDP(src netip.AddrPort, ifindex int32) (*Socket, error) {
	return s.get(Key{UDP, src, scope(src.Addr(), ifindex)})
}

// RawUDP returns the header-included UDP socket bound to the IPv4 address src.
func (s *Sockets) RawUDP(src netip.Addr) (*Socket, error) {
	return s.get(Key{RawUDP, netip.AddrPortFrom(src, 0), 0})
}

// TCP returns the TCP socket bound to src, which is never connected: it keeps
// the port from other programs. Port 0 as for UDP.
func (s *Sockets) TCP(src netip.AddrPort, ifindex int32) (*Socket, error) {
	return s.get(Key{TCP, src, scope(src.Addr(), ifindex)})
}

// RawIP returns the header-included IPv4 socket for any protocol.
func (s *Sockets) RawIP() (*Socket, error) { return s.get(Key{Kind: RawIP}) }

// Datalink returns the datalink socket on an interface.
func (s *Sockets) Datalink(ifindex int) (*Socket, error) {
	return s.get(Key{Kind: Datalink, IfIndex: int32(ifindex)})
}

// Opened yields the open sockets of a kind, in no particular order.
func (s *Sockets) Opened(kind Kind) iter.Seq[*Socket] {
	return func(yield func(*Socket) bool) {
		for _, socket := range s.open {
			if socket.key.Kind == kind && !yield(socket) {
				return
			}
		}
	}
}

var kindNames = [...]string{"no", "ICMP", "UDP", "raw UDP", "TCP", "raw IP", "datalink"}

// String returns the name of the kind.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}
