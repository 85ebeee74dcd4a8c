package technique

import (
	"iter"
	"net/netip"

	"scamper/unpriv/netio"
	"scamper/unpriv/sched"
)

// Form says what the packets that a socket takes begin with.
type Form uint8

// The forms.
const (
	FormPacket  Form = iota // the IP header: raw IPv4 sockets
	FormMessage             // the ICMPv6 header; the kernel makes the IP header
	FormPayload             // what follows the UDP header; the kernel makes both headers
	FormFrame               // the link header, then the IP header
)

// Appender is a probe that can be put into any form; see package probe.
type Appender interface {
	AppendPacket(b []byte) ([]byte, error)
	AppendMessage(b []byte) ([]byte, error)
	AppendPayload(b []byte) ([]byte, error)
}

// Ports is what a task sends probes through and receives replies from. The zero value has nothing open.
type Ports struct {
	Out  *sched.Outbox
	Form Form
	Link *Link // with FormFrame

	few  [3]*netio.Socket
	n    int
	more []*netio.Socket
}

// add keeps a socket open until Close.
func (p *Ports) add(s *netio.Socket, err error) error {
	if err != nil {
		return err
	}
	if p.n < len(p.few) {
		p.few[p.n] = s
		p.n++
	} else {
		p.more = append(p.more, s)
	}
	return nil
}

// ICMP opens what ICMP probes need: one raw socket that sends and receives.
func (p *Ports) ICMP(e *Env, src netip.Addr) error {
	s, err := e.Sockets.ICMP(src, 0)
	if err := p.add(s, err); err != nil {
		return err
	}
	p.Out, p.Form = e.Outbox(s), FormPacket
	if src.Is6() {
		p.Form = FormMessage
	}
	return nil
}

// UDP opens what UDP probes need: a socket that keeps the source port from others, which for IPv6 sends as well, a raw
// socket that sends IPv4, and an ICMP socket that receives errors.
func (p *Ports) UDP(e *Env, src netip.Addr, sport uint16) error {
	bound, err := e.Sockets.UDP(netip.AddrPortFrom(src, sport), 0)
	if err := p.add(bound, err); err != nil {
		return err
	}
	p.Out, p.Form = nil, FormPayload
	if src.Is4() {
		raw, err := e.Sockets.RawUDP(src)
		if err := p.add(raw, err); err != nil {
			return err
		}
		p.Out, p.Form = e.Outbox(raw), FormPacket
	} else {
		p.Out = e.Outbox(bound)
	}
	return p.errors(e, src)
}

// ReserveUDP keeps one more UDP source port from others. For IPv6 it returns the outbox that sends from it.
func (p *Ports) ReserveUDP(e *Env, src netip.Addr, sport uint16) (*sched.Outbox, error) {
	s, err := e.Sockets.UDP(netip.AddrPortFrom(src, sport), 0)
	if err := p.add(s, err); err != nil {
		return nil, err
	}
	if src.Is4() {
		return p.Out, nil
	}
	return e.Outbox(s), nil
}

// TCP opens what TCP probes need besides a way to send: a socket that keeps the source port from others, and an ICMP
// socket that receives errors. The address of the first is unspecified, as for any other program that listens.
func (p *Ports) TCP(e *Env, src netip.Addr, sport uint16) error {
	if err := p.ReserveTCP(e, src, sport); err != nil {
		return err
	}
	return p.errors(e, src)
}

// ReserveTCP keeps one more TCP source port from others.
func (p *Ports) ReserveTCP(e *Env, src netip.Addr, sport uint16) error {
	return p.add(e.Sockets.TCP(netip.AddrPortFrom(Unspecified(src), sport), 0))
}

// Unspecified is the address of all interfaces in the family of a: what sockets that keep a TCP port are bound to.
func Unspecified(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// OpenPorts yields, in no particular order, the ports of the sockets of a kind, UDP or TCP, that are open and bound to src.
// Whether a task may use one too is for the scheduler to say: see sched.Task.Listen.
func OpenPorts(e *Env, kind netio.Kind, src netip.Addr) iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		for socket := range e.Sockets.Opened(kind) {
			if key := socket.Key(); key.Src.Addr() == src && key.Src.Port() != 0 && !yield(key.Src.Port()) {
				return
			}
		}
	}
}

// Raw makes probes go through a raw IPv4 socket for any protocol.
func (p *Ports) Raw(e *Env) error {
	s, err := e.Sockets.RawIP()
	if err := p.add(s, err); err != nil {
		return err
	}
	p.Out, p.Form = e.Outbox(s), FormPacket
	return nil
}

// Capture opens the datalink of an interface for receiving.
func (p *Ports) Capture(e *Env, ifindex int) error { return p.add(e.Sockets.Datalink(ifindex)) }

// Frames makes probes go out through a link that Links.Resolve has found.
func (p *Ports) Frames(e *Env, l *Link) error {
	s, err := e.Sockets.Datalink(l.IfIndex)
	if err := p.add(s, err); err != nil {
		return err
	}
	p.Link, p.Out, p.Form = l, e.Outbox(s), FormFrame
	return nil
}

func (p *Ports) errors(e *Env, src netip.Addr) error { return p.add(e.Sockets.ICMP(src, 0)) }

// Close releases all sockets.
func (p *Ports) Close() {
	for i := range p.n {
		p.few[i].Release()
	}
	for _, s := range p.more {
		s.Release()
	}
	*p = Ports{}
}

// Packet appends a probe to b, in the form that the sockets take, and addresses it. ttl and tos are used where the kernel
// makes the IP header, dst.Port for FormPayload.
func (p *Ports) Packet(b []byte, a Appender, dst netip.AddrPort, ttl, tos uint8) (netio.Packet, error) {
	var err error
	pk := netio.Packet{Dst: dst}
	switch p.Form {
	case FormPacket:
		b, err = a.AppendPacket(b)
		pk.Dst = netip.AddrPortFrom(dst.Addr(), 0)
	case FormFrame:
		if p.Link.Renew != nil {
			p.Link.Renew()
		}
		b, err = a.AppendPacket(append(b, p.Link.Header...))
	case FormMessage:
		b, err = a.AppendMessage(b)
		pk.Dst = netip.AddrPortFrom(dst.Addr(), 0)
		pk.HopLimit, pk.TClass = ttl, tos
	case FormPayload:
		b, err = a.AppendPayload(b)
		pk.HopLimit, pk.TClass = ttl, tos
	}
	pk.Data = b
	return pk, err
}
