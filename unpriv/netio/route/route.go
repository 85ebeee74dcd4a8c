// Package route answers where packets to a destination go and from which of our
// addresses, always as the kernel would.
//
// The way of a question:
//
//  1. Table.Source: is the destination in the copy of the kernel's routes (Linux; see
//     fib.go), and does that route have one known source? That is it.
//  2. Otherwise a UDP socket is connected to the destination, and told its name.
//     Nothing is sent. If the route is one whose source never differs, it is
//     remembered with the route.
//  3. Table.Lookup, which also tells interface and gateway, asks the kernel over
//     the routing socket; what it says of a route in the copy with one next hop
//     is remembered, too.
//
// The source of an IPv6 route may depend on the destination, and which route it is on
// whether gateways answer. Such routes are not remembered (address_linux.go; yields in fib.go).
//
// The routing socket also tells of changes; a copy of the routes is thrown away
// with the first of them, and made anew when that is worth its while.
package route

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
)

// Route is where packets to a destination go.
type Route struct {
	// IfIndex is the outgoing interface.
	IfIndex int
	// Gateway is the next hop, without zone. It is invalid if the destination is
	// on the link itself. It may be IPv6 for an IPv4 destination (RFC 8950).
	Gateway netip.Addr
	// Src is the source address that the kernel would choose; invalid if it
	// didn't say.
	Src netip.Addr
	// Local says that the destination is this host.
	Local bool
	// MAC is the next hop's link-layer address where the system answers with that (BSD,
	// for neighbours that it knows); usually nil.
	MAC net.HardwareAddr
}

// NextHop returns the address whose link-layer address frames to dst carry: the
// gateway's, or dst itself on the link. It is without zone.
func (r *Route) NextHop(dst netip.Addr) netip.Addr {
	if r.Gateway.IsValid() {
		return r.Gateway
	}
	return dst.WithZone("")
}

// Link is an interface.
type Link struct {
	Index int
	Name  string
	// MTU is the largest IP packet in bytes, 0 to 4294967295 as the system says.
	MTU int
	// MAC is the hardware address, 6 bytes for Ethernet; nil if there is none.
	MAC net.HardwareAddr
	// Up says that the interface is configured up and has a carrier.
	Up bool
	// Loopback says that it is the host's own.
	Loopback bool
}

// ErrNoSocket is the error of questions that need a routing socket where there is none.
var ErrNoSocket = errors.New("no routing socket")

// errTimeout: the kernel answers at once, so this means that the answer was lost.
var errTimeout = errors.New("the kernel did not answer")

// Config is what a Table needs.
type Config struct {
	// FD is the routing socket: netlink (NETLINK_ROUTE) on Linux, PF_ROUTE on BSD
	// and macOS. The table owns it from New on. -1 if there is none: Source then
	// asks the kernel each time, and Lookup fails with ErrNoSocket.
	FD int
	// Clock limits how often the copy of the routes is made; nil is the system's.
	Clock loop.Clock
	// OnLink is told when an interface went up or down or is gone, with its index, or
	// with 0 if that may be true of any of them; nil: nobody is. It is called in the
	// middle of the table's work and may not ask the table.
	OnLink func(ifindex int)
	// NoCache makes Source and Lookup ask the kernel each time.
	NoCache bool
}

// Table answers questions about routes. It belongs to one goroutine.
type Table struct {
	clock   loop.Clock
	asker   asker
	fd      int
	noCache bool
	onLink  func(ifindex int)
	system  // per-system state: the routing socket's conversation, the copy
	closed  bool
	Stats   Stats
}

// Stats counts the answers of Source and Lookup by where they came from, and what kept the copy
// of the routes fresh.
type Stats struct {
	Cached  uint64 // from the copy of the routes
	Asked   uint64 // from the kernel, errors included
	Known   uint64 // routes that Lookup knew from the copy
	Changes uint64 // notifications that made the copy void
	Copies  uint64 // copies made
}

// New returns a table. If it fails, the routing socket is closed.
func New(c Config) (*Table, error) {
	if c.Clock == nil {
		c.Clock = loop.System
	}
	if c.OnLink == nil {
		c.OnLink = func(int) {}
	}
	t := &Table{clock: c.Clock, fd: c.FD, noCache: c.NoCache, onLink: c.OnLink}
	t.asker = asker{fd4: -1, fd6: -1}
	if t.fd < 0 {
		t.fd = -1
		return t, nil
	}
	if err := t.open(); err != nil {
		closeFD(t.fd)
		return nil, fmt.Errorf("routing socket: %w", err)
	}
	return t, nil
}

// FD returns the descriptor to watch for reading, -1 if there is none. When it is
// readable, call Ready.
func (t *Table) FD() int { return t.fd }

// Ready takes in the changes that the kernel has told of. It never blocks. An error
// means that the descriptor is not to be watched any more; the table then goes on
// without remembering anything.
func (t *Table) Ready() error {
	if t.fd < 0 {
		return nil
	}
	if err := t.ready(); err != nil {
		t.noCache = true
		return fmt.Errorf("routing socket: %w", err)
	}
	return nil
}

// Source returns the source address that routing chooses towards dst, without zone.
// A link-local IPv6 address needs its zone. The error reads `getsrc connect to dst
// failed for ADDRESS: No route to host`, in the words of the C library, and wraps a
// syscall.Errno.
//
// An answer from the copy of the routes takes less than 100 ns and does not allocate.
func (t *Table) Source(dst netip.Addr) (netip.Addr, error) {
	dst = dst.Unmap()
	if !t.noCache {
		if src, ok := t.cachedSource(dst); ok {
			t.Stats.Cached++
			return src, nil
		}
	}
	return t.ask(dst)
}

func (t *Table) ask(dst netip.Addr) (netip.Addr, error) {
	t.Stats.Asked++
	zone, err := t.zoneIndex(dst.Zone())
	if err != nil {
		return netip.Addr{}, &SourceError{Dst: dst, Err: err}
	}
	src, err := t.asker.source(dst, zone)
	if err != nil {
		return netip.Addr{}, &SourceError{Dst: dst, Err: err}
	}
	return src, nil
}

// zoneIndex turns the zone of an address, which is the name of an interface or its
// number, into the number. An empty zone is 0.
func (t *Table) zoneIndex(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if n, ok := parseIndex(zone); ok {
		return n, nil
	}
	l, err := t.linkByName(zone)
	return uint32(l.Index), err
}

// portableLink is for where there is no routing socket to ask.
func portableLink(ifc *net.Interface, err error) (Link, error) {
	if err != nil {
		// The net package has an error of its own for what is ENODEV elsewhere.
		return Link{}, fmt.Errorf("%w (%w)", syscall.ENODEV, err)
	}
	l := Link{
		Index: ifc.Index, Name: ifc.Name, MTU: ifc.MTU,
		Up:       ifc.Flags&net.FlagUp != 0 && ifc.Flags&net.FlagRunning != 0,
		Loopback: ifc.Flags&net.FlagLoopback != 0,
	}
	if len(ifc.HardwareAddr) > 0 {
		l.MAC = ifc.HardwareAddr
	}
	return l, nil
}

// Lookup returns the route to dst. A link-local IPv6 address needs its zone. The error
// wraps the kernel's syscall.Errno, such as ENETUNREACH, or ErrNoSocket.
func (t *Table) Lookup(dst netip.Addr) (Route, error) {
	dst = dst.Unmap()
	if t.fd < 0 {
		return Route{}, fmt.Errorf("route to %s: %w", dst, ErrNoSocket)
	}
	r, err := t.lookup(dst)
	if err != nil {
		return Route{}, fmt.Errorf("route to %s: %w", dst, netio.InC(err))
	}
	return r, nil
}

// Link returns the interface with an index. The error wraps the kernel's, such as
// ENODEV.
func (t *Table) Link(ifindex int) (Link, error) {
	l, err := t.link(ifindex)
	if err != nil {
		return Link{}, fmt.Errorf("interface %d: %w", ifindex, netio.InC(err))
	}
	return l, nil
}

// LinkByName returns the interface with a name. The error reads `could not get ifindex
// for NAME: No such device`.
func (t *Table) LinkByName(name string) (Link, error) {
	l, err := t.linkByName(name)
	if err != nil {
		return Link{}, fmt.Errorf("could not get ifindex for %s: %w", name, netio.InC(err))
	}
	return l, nil
}

// Neighbour is an entry of the kernel's neighbour cache (ARP, neighbour discovery).
type Neighbour struct {
	IfIndex int
	Addr    netip.Addr // without zone
	MAC     [6]byte
	// Static says that somebody has set it: the kernel believes it whatever it hears.
	Static bool
}

// maxNeighbours bounds what is read of the kernel's neighbour cache.
const maxNeighbours = 1 << 16

// Neighbours returns the neighbours of which the kernel knows an Ethernet address that
// it has recently seen to work, or that was set by hand (Linux: those in state reachable
// and permanent). The error is ErrNoSocket without a routing socket.
func (t *Table) Neighbours() ([]Neighbour, error) {
	if t.fd < 0 {
		return nil, fmt.Errorf("neighbour cache: %w", ErrNoSocket)
	}
	list, err := t.neighbours()
	if err != nil {
		return nil, fmt.Errorf("neighbour cache: %w", netio.InC(err))
	}
	return list, nil
}

// Close closes the routing socket and what Source asks with.
func (t *Table) Close() error {
	if t.closed {
		return nil
	}
	t.closed = true
	t.asker.close()
	fd := t.fd
	t.fd, t.noCache = -1, true
	if fd < 0 {
		return nil
	}
	return closeFD(fd)
}
