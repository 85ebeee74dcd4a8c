package testkit

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// End is one end of a link: an interface in a namespace with its addresses.
type End struct {
	Namespace *Namespace
	Interface string // eth0, ...
	Index     int    // interface index inside the namespace: 2*Number on side A, one more on side B
	MAC       net.HardwareAddr
	Addr4     netip.Addr
	Addr6     netip.Addr // the global one; there is a link-local one too
}

// Link is a veth pair.
type Link struct {
	Number  int // from 1, unique in its Net; says which addresses it has
	A, B    End
	Prefix4 netip.Prefix // 10.0.Number.0/24
	Prefix6 netip.Prefix // fd00:Number::/64
}

// LinkConfig says how a link differs from a plain one. The zero value is a plain one.
type LinkConfig struct {
	MTU     int  // octets, of both interfaces; 0 for 1500
	Offload bool // leave checksum and segmentation offload on
}

// maxLinks is how many links the address plan has room for.
const maxLinks = 250

// Link connects two namespaces. Both interfaces are up and have their addresses;
// see the package comment for which. There are no routes but those to the link.
func (n *Net) Link(a, b *Namespace, config LinkConfig) *Link {
	n.t.Helper()
	if n.links == maxLinks {
		n.t.Fatalf("no address left for more than %d links", maxLinks)
	}
	n.links++
	link := &Link{
		Number:  n.links,
		Prefix4: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(n.links), 0}), 24),
		Prefix6: netip.MustParsePrefix(fmt.Sprintf("fd00:%d::/64", n.links)),
	}
	link.A = link.end(a, 1)
	link.B = link.end(b, 2)
	mtu := config.MTU
	if mtu == 0 {
		mtu = 1500
	}
	out, err := ip(strings.Fields(fmt.Sprintf(
		"link add name %s index %d netns %s mtu %d address %s type veth peer name %s index %d netns %s mtu %d address %s",
		link.A.Interface, link.A.Index, a.Full, mtu, link.A.MAC, link.B.Interface, link.B.Index, b.Full, mtu, link.B.MAC))...)
	if err != nil {
		n.t.Fatalf("linking %s and %s: %v\n%s", a.Name, b.Name, err, out)
	}
	for _, end := range []*End{&link.A, &link.B} {
		end.up(config.Offload)
	}
	for _, end := range []*End{&link.A, &link.B} {
		end.awaitCarrier()
	}
	return link
}

func (l *Link) end(s *Namespace, side byte) End {
	addr6 := l.Prefix6.Addr().As16()
	addr6[15] = side
	end := End{
		Namespace: s,
		Interface: fmt.Sprintf("eth%d", s.interfaces),
		// The kernel takes its time over the carrier of an interface whose index is its
		// peer's too, which by default the first two of two namespaces have.
		Index: 2*l.Number + int(side) - 1,
		MAC:   net.HardwareAddr{2, 0, 0, 0, byte(l.Number), side},
		Addr4: netip.AddrFrom4([4]byte{10, 0, byte(l.Number), side}),
		Addr6: netip.AddrFrom16(addr6),
	}
	s.interfaces++
	return end
}

func (e *End) up(offload bool) {
	s := e.Namespace
	s.t.Helper()
	if !offload {
		if err := s.disableOffload(e.Interface); err != nil {
			s.t.Fatalf("switching offload off on %s of %s: %v", e.Interface, s.Name, err)
		}
	}
	s.IP(
		fmt.Sprintf("addr add %s/24 dev %s", e.Addr4, e.Interface),
		fmt.Sprintf("addr add %s/64 dev %s nodad", e.Addr6, e.Interface),
		fmt.Sprintf("link set %s up", e.Interface),
	)
}

// awaitCarrier waits until the kernel has noticed that both ends are up, which it does
// on a work queue; what is sent earlier is dropped without a word.
func (e *End) awaitCarrier() {
	s := e.Namespace
	s.t.Helper()
	ok := eventually(10*time.Second, func() bool {
		var (
			ifc *net.Interface
			err error
		)
		s.Do(func() { ifc, err = net.InterfaceByName(e.Interface) })
		if err != nil {
			s.t.Fatalf("%s of %s: %v", e.Interface, s.Name, err)
		}
		return ifc.Flags&net.FlagRunning != 0
	})
	if !ok {
		s.t.Fatalf("%s of %s does not come up", e.Interface, s.Name)
	}
}

// SetMTU sets the largest packet of both ends, in octets.
func (l *Link) SetMTU(mtu int) {
	for _, end := range []End{l.A, l.B} {
		end.Namespace.IP(fmt.Sprintf("link set %s mtu %d", end.Interface, mtu))
	}
}

// Down takes the link's first end down, and with it the carrier of the other.
func (l *Link) Down() { l.A.Namespace.IP("link set " + l.A.Interface + " down") }

// Route adds a route to prefix. With several next hops it is a multipath route, over
// which flows are spread by their 5-tuple.
func (s *Namespace) Route(prefix netip.Prefix, nexthops ...netip.Addr) {
	s.t.Helper()
	line := fmt.Sprintf("route add %s", prefix)
	for _, hop := range nexthops {
		if len(nexthops) > 1 {
			line += " nexthop"
		}
		line += fmt.Sprintf(" via %s", hop)
	}
	s.IP(line)
}

// AnswerPrefix makes every address of prefix one of the namespace's own: it answers
// pings to it, and servers there that listen on all addresses get its packets.
func (s *Namespace) AnswerPrefix(prefix netip.Prefix) {
	s.t.Helper()
	s.IP(fmt.Sprintf("route add local %s dev lo", prefix))
}

// LinkLocal returns the IPv6 link-local address, without zone, of an interface of the
// current namespace (see Namespace.Do).
func LinkLocal(t testing.TB, ifname string) netip.Addr {
	t.Helper()
	ifc, err := net.InterfaceByName(ifname)
	if err != nil {
		t.Fatal(err)
	}
	addrs, err := ifc.Addrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range addrs {
		if prefix, err := netip.ParsePrefix(addr.String()); err == nil && prefix.Addr().IsLinkLocalUnicast() &&
			prefix.Addr().Is6() {
			return prefix.Addr()
		}
	}
	t.Fatalf("%s has no link-local address", ifname)
	return netip.Addr{}
}
