package probe

import (
	"fmt"
	"net/netip"

	"scamper/shared/packet"
	"scamper/shared/warts"
)

// traceProtocol returns the transport protocol of a method for an IP version.
func traceProtocol(m warts.TraceMethod, v4 bool) uint8 {
	switch {
	case m.IsUDP():
		return packet.ProtoUDP
	case m.IsTCP():
		return packet.ProtoTCP
	case m.IsICMP() && v4:
		return packet.ProtoICMP
	case m.IsICMP():
		return packet.ProtoICMPv6
	}
	return packet.ProtoNoNext
}

// Payload lengths of trace probes unless the user gives the payload, in bytes. With
// them a probe has 44 (IPv4) or 60 bytes (IPv6).
const (
	TracePayloadLen4 = 16
	TracePayloadLen6 = 12
)

// TraceProbe describes one probe of a traceroute. All probes have the IPv4
// identification N+1 and "don't fragment", and besides:
//
//	UDP         destination port DstPort+N, modulo 65536
//	UDP-paris   UDP checksum N+1
//	ICMP        sequence number N
//	ICMP-paris  sequence number N, checksum DstPort
//	TCP         IPv6 flow label N+1
//
// Whole IPv6 packets have flow label 0, unless it is the identity: TCP, and UDP-paris
// with ConstPayload. Those that the kernel completes have what it likes.
type TraceProbe struct {
	Method           warts.TraceMethod
	Src, Dst         netip.Addr
	SrcPort, DstPort uint16 // SrcPort is the identifier of the ICMP methods
	N                int    // how many probes this trace has sent before, in all its phases
	TTL, TOS         uint8

	// Payload replaces the zeros behind the header, but not in TCP probes. UDP-paris
	// and ICMP-paris overwrite the first two bytes, and put them if there are none.
	Payload []byte
	// PacketSize, if not 0, is the size of the whole packet, with a payload of zeros:
	// for path MTU discovery.
	PacketSize int
	// ConstPayload leaves the payload of UDP-paris alone.
	ConstPayload bool
	// FragOffset, if not 0, makes the probe an IPv6 fragment with that offset in units
	// of 8 bytes, and no transport header: identification SrcPort<<16 + N, the data
	// begin with N as 32 bits and go on with Payload.
	FragOffset uint16
}

// fill describes the probe to its builder.
func (t *TraceProbe) fill(p *Probe) error {
	v4 := t.Dst.Is4()
	p.Src, p.Dst = t.Src, t.Dst
	p.TTL, p.TOS = t.TTL, t.TOS
	p.ID = uint16(t.N + 1)
	p.Protocol = traceProtocol(t.Method, v4)
	p.SrcPort, p.DstPort = t.SrcPort, t.DstPort
	switch t.Method {
	case warts.TraceUDP:
		p.DstPort += uint16(t.N)
	case warts.TraceUDPParis:
		if t.ConstPayload {
			p.FlowLabel = uint32(t.N+1) & packet.MaxFlowLabel
		} else {
			p.Craft, p.Want = true, uint16(t.N+1)
		}
	case warts.TraceICMPEcho, warts.TraceICMPEchoParis:
		p.Type = packet.ICMP6Echo
		if v4 {
			p.Type = packet.ICMP4Echo
		}
		p.ICMPID, p.ICMPSeq = t.SrcPort, uint16(t.N)
		if t.Method == warts.TraceICMPEchoParis {
			p.Craft, p.Want = true, t.DstPort
		}
	case warts.TraceTCP:
		p.Flags = packet.SYN
		p.FlowLabel = uint32(t.N+1) & packet.MaxFlowLabel
	case warts.TraceTCPAck:
		p.Flags = packet.ACK
		p.FlowLabel = uint32(t.N+1) & packet.MaxFlowLabel
	default:
		return fmt.Errorf("trace probe with method %d: %w", uint8(t.Method), ErrMethod)
	}
	switch {
	case t.PacketSize != 0:
		p.Payload.Len = t.PacketSize - p.ipHeaderLen() - p.transportHeaderLen()
	case t.Method.IsTCP():
	case len(t.Payload) > 0:
		p.Payload.Body, p.Payload.Len = t.Payload, len(t.Payload)
		if p.Craft {
			p.Payload.Len = max(p.Payload.Len, craftLen)
		}
	case v4:
		p.Payload.Len = TracePayloadLen4
	default:
		p.Payload.Len = TracePayloadLen6
	}
	if p.Size() < p.leastSize() {
		return fmt.Errorf("trace probe of %d bytes: %w", t.PacketSize, ErrSize)
	}
	return nil
}

// Size returns the size of the whole IP packet in bytes, which is what is recorded
// and what is sent; 0 if the description isn't possible.
func (t *TraceProbe) Size() int {
	if t.FragOffset != 0 {
		return packet.IPv6HeaderLen + packet.FragmentHeaderLen + t.fragmentDataLen()
	}
	var p Probe
	if t.fill(&p) != nil {
		return 0
	}
	return p.Size()
}

// LeastSize returns the smallest PacketSize that is possible in bytes: headers, and what
// tells the probe apart behind them; 0 if the description isn't possible.
func (t *TraceProbe) LeastSize() int {
	if t.FragOffset != 0 {
		return packet.IPv6HeaderLen + packet.FragmentHeaderLen + fragmentNumberLen
	}
	q := *t
	q.PacketSize = 0
	var p Probe
	if q.fill(&p) != nil {
		return 0
	}
	return p.leastSize()
}

// AppendPacket appends the packet from the IP header on, for raw IPv4 sockets and,
// behind a link header, for datalinks. On error it returns b unchanged:
// [packet.ErrFamily], [packet.ErrTooLong], [ErrMethod], [ErrSize].
func (t *TraceProbe) AppendPacket(b []byte) ([]byte, error) {
	if t.FragOffset != 0 {
		return t.appendFragment(b)
	}
	var p Probe
	if err := t.fill(&p); err != nil {
		return b, err
	}
	return p.AppendPacket(b)
}

// AppendMessage appends the packet from the transport header on: for raw ICMPv6
// sockets. Errors are as with AppendPacket.
func (t *TraceProbe) AppendMessage(b []byte) ([]byte, error) {
	var p Probe
	if t.FragOffset != 0 {
		return b, fmt.Errorf("transport header of a fragment: %w", ErrMethod)
	}
	if err := t.fill(&p); err != nil {
		return b, err
	}
	return p.AppendMessage(b)
}

// AppendPayload appends the UDP payload: for IPv6 UDP sockets. Errors are as with
// AppendPacket.
func (t *TraceProbe) AppendPayload(b []byte) ([]byte, error) {
	var p Probe
	if t.FragOffset != 0 {
		return b, fmt.Errorf("UDP payload of a fragment: %w", ErrMethod)
	}
	if err := t.fill(&p); err != nil {
		return b, err
	}
	return p.AppendPayload(b)
}

// fragmentNumberLen is the length of the number that a fragment's data begin with.
const fragmentNumberLen = 4

// fragmentDataLen returns the length of what follows the fragment header.
func (t *TraceProbe) fragmentDataLen() int {
	if t.PacketSize != 0 {
		return t.PacketSize - packet.IPv6HeaderLen - packet.FragmentHeaderLen
	}
	return fragmentNumberLen + len(t.Payload)
}

func (t *TraceProbe) appendFragment(b []byte) ([]byte, error) {
	proto := traceProtocol(t.Method, false)
	if proto == packet.ProtoNoNext || t.Dst.Is4() {
		return b, fmt.Errorf("fragment probe with method %s: %w", t.Method, ErrMethod)
	}
	n := t.fragmentDataLen()
	if n < fragmentNumberLen {
		return b, fmt.Errorf("fragment probe of %d bytes: %w", t.PacketSize, ErrSize)
	}
	start := len(b)
	ip := packet.IPv6Fields{
		TrafficClass: t.TOS, NextHeader: packet.ProtoFragment, HopLimit: t.TTL, Src: t.Src, Dst: t.Dst,
	}
	b, err := ip.Append(b, packet.FragmentHeaderLen+n)
	if err != nil {
		return b, fmt.Errorf("fragment probe: %w", err)
	}
	f := packet.Fragment{NextHeader: proto, Offset: t.FragOffset, ID: uint32(t.SrcPort)<<16 | uint32(uint16(t.N))}
	if b, err = f.Append(b); err != nil {
		return b[:start], fmt.Errorf("fragment probe: %w", err)
	}
	b = append(b, byte(t.N>>24), byte(t.N>>16), byte(t.N>>8), byte(t.N))
	data := Payload{Len: n - fragmentNumberLen}
	if t.PacketSize == 0 {
		data.Body = t.Payload
	}
	return data.append(b), nil
}
