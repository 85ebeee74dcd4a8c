package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"scamper/shared/packet"
)

// Errors of the builders, besides those of package packet. Compare with errors.Is.
var (
	// ErrMethod: the method isn't known, or not for this IP version or form.
	ErrMethod = errors.New("not possible with this probe method")
	// ErrSize: the size asked for has no room for what has to be in the packet.
	ErrSize = errors.New("probe size too small")
)

// Payload says what the bytes behind the transport header are: Head, then Body (once,
// or over and over), then zeros, Len bytes in all. What doesn't fit is left out.
type Payload struct {
	Head   []byte
	Body   []byte
	Repeat bool
	Len    int
}

// append appends the payload.
func (p *Payload) append(b []byte) []byte {
	end := len(b) + p.Len
	b = append(b, p.Head[:min(len(p.Head), p.Len)]...)
	for len(b) < end && len(p.Body) > 0 {
		b = append(b, p.Body[:min(len(p.Body), end-len(b))]...)
		if !p.Repeat {
			break
		}
	}
	for len(b) < end {
		const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
		b = append(b, zeros[:min(len(zeros), end-len(b))]...)
	}
	return b
}

// Probe is any probe packet, described field by field. Technique by technique there
// are shorter descriptions: [TraceProbe], [PingProbe].
type Probe struct {
	Src, Dst netip.Addr // of one family
	TTL, TOS uint8      // TTL or hop limit; type of service or traffic class

	ID      uint16 // IPv4 identification
	NoDF    bool   // IPv4: leave the "don't fragment" flag off
	Options []byte // IPv4 options, 0-40 bytes

	FlowLabel uint32 // IPv6, in AppendPacket only

	Protocol         uint8  // packet.ProtoUDP, ProtoTCP, ProtoICMP or ProtoICMPv6, fitting the family
	SrcPort, DstPort uint16 // UDP, TCP
	Type, Code       uint8  // ICMP
	ICMPID, ICMPSeq  uint16 // ICMP
	Seq, Ack         uint32 // TCP
	Flags            uint8  // TCP
	Window           uint16 // TCP
	TCPOptions       []byte // TCP, 0-40 bytes; filled up with zeros to a multiple of 4

	Payload Payload

	// Craft makes the transport checksum come out as Want by setting the two payload
	// bytes at CraftAt, an even offset inside the payload. A wanted UDP checksum of 0
	// becomes 0xffff, as 0 would say that there is none.
	Craft   bool
	Want    uint16
	CraftAt int
}

// ipHeaderLen returns the length of the IP header with its options.
func (p *Probe) ipHeaderLen() int {
	if p.Dst.Is4() {
		return packet.IPv4HeaderLen + (len(p.Options)+3)&^3
	}
	return packet.IPv6HeaderLen
}

// transportHeaderLen returns the length of the transport header with its options.
func (p *Probe) transportHeaderLen() int {
	if p.Protocol == packet.ProtoTCP {
		return packet.TCPHeaderLen + (len(p.TCPOptions)+3)&^3
	}
	return packet.UDPHeaderLen // the same as ICMP's
}

// Size returns the size of the whole IP packet in bytes.
func (p *Probe) Size() int {
	return p.ipHeaderLen() + p.transportHeaderLen() + p.Payload.Len
}

// leastSize returns the size in bytes that the packet has without what isn't needed of the
// payload.
func (p *Probe) leastSize() int {
	n := p.ipHeaderLen() + p.transportHeaderLen()
	if p.Craft {
		n += craftLen
	}
	return n
}

// AppendPacket appends the packet from the IP header on. On error it returns b
// unchanged: [packet.ErrFamily], [packet.ErrTooLong], [ErrMethod], [ErrSize].
func (p *Probe) AppendPacket(b []byte) ([]byte, error) {
	start := len(b)
	size := p.transportHeaderLen() + p.Payload.Len
	if p.Dst.Is4() {
		ip := packet.IPv4Fields{
			TOS: p.TOS, ID: p.ID, DF: !p.NoDF, TTL: p.TTL, Protocol: p.Protocol,
			Src: p.Src, Dst: p.Dst, Options: p.Options,
		}
		var err error
		if b, err = ip.Append(b, size); err != nil {
			return b, fmt.Errorf("probe packet: %w", err)
		}
	} else {
		ip := packet.IPv6Fields{
			TrafficClass: p.TOS, FlowLabel: p.FlowLabel, NextHeader: p.Protocol, HopLimit: p.TTL,
			Src: p.Src, Dst: p.Dst,
		}
		var err error
		if b, err = ip.Append(b, size); err != nil {
			return b, fmt.Errorf("probe packet: %w", err)
		}
	}
	b, err := p.AppendMessage(b)
	if err != nil {
		return b[:start], err
	}
	return b, nil
}

// AppendMessage appends the packet from the transport header on, with a right
// checksum. On error it returns b unchanged, see AppendPacket.
func (p *Probe) AppendMessage(b []byte) ([]byte, error) {
	if !p.Dst.IsValid() || p.Src.Is4() != p.Dst.Is4() || !p.Src.IsValid() {
		return b, fmt.Errorf("probe packet: %w", packet.ErrFamily)
	}
	if p.Payload.Len < 0 || p.transportHeaderLen()+p.Payload.Len > 0xffff {
		return b, fmt.Errorf("probe payload: %w", packet.ErrTooLong)
	}
	if p.Craft && (p.CraftAt < 0 || p.CraftAt&1 != 0 || p.CraftAt+craftLen > p.Payload.Len) {
		return b, fmt.Errorf("probe payload for a wanted checksum: %w", ErrSize)
	}
	start := len(b)
	b, at, err := p.appendHeader(b)
	if err != nil {
		return b, err
	}
	b = p.Payload.append(b)
	p.seal(b[start:], at)
	return b, nil
}

// appendHeader appends the transport header without its checksum, which will be at the given place. On error it returns b
// unchanged.
func (p *Probe) appendHeader(b []byte) (_ []byte, checksumAt int, err error) {
	v4 := p.Dst.Is4()
	switch {
	case p.Protocol == packet.ProtoUDP:
		f := packet.UDPFields{SrcPort: p.SrcPort, DstPort: p.DstPort}
		return f.AppendHeader(b, p.Payload.Len), packet.UDPChecksumAt, nil
	case p.Protocol == packet.ProtoTCP:
		f := packet.TCPFields{
			SrcPort: p.SrcPort, DstPort: p.DstPort, Seq: p.Seq, Ack: p.Ack, Flags: p.Flags, Window: p.Window,
			Options: p.TCPOptions,
		}
		if b, err = f.AppendHeader(b); err != nil {
			err = fmt.Errorf("probe packet: %w", err)
		}
		return b, packet.TCPChecksumAt, err
	case p.Protocol == packet.ProtoICMP && v4, p.Protocol == packet.ProtoICMPv6 && !v4:
		f := packet.ICMPFields{Type: p.Type, Code: p.Code, Rest: packet.EchoRest(p.ICMPID, p.ICMPSeq)}
		return f.AppendHeader(b), packet.ICMPChecksumAt, nil
	}
	return b, 0, fmt.Errorf("probe with protocol %d: %w", p.Protocol, ErrMethod)
}

// seal makes the checksum of a message right, or the payload fit the wanted one.
func (p *Probe) seal(m []byte, checksumAt int) {
	var sum packet.Sum
	if p.Protocol != packet.ProtoICMP {
		sum = packet.PseudoSum(p.Src, p.Dst, p.Protocol, len(m))
	}
	if p.Craft {
		free := m[p.transportHeaderLen()+p.CraftAt:]
		free[0], free[1] = 0, 0
		sum = sum.Bytes(m)
		v := packet.Craft(sum, p.Want)
		binary.BigEndian.PutUint16(free, v)
		sum = sum.Word(v)
	} else {
		sum = sum.Bytes(m)
	}
	c := sum.Checksum()
	if p.Protocol == packet.ProtoUDP {
		c = sum.UDPChecksum()
	}
	binary.BigEndian.PutUint16(m[checksumAt:], c)
}

// AppendPayload appends what follows the UDP header, for a UDP socket. The crafted
// bytes are in it, so that the checksum the kernel computes is the wanted one. On
// error it returns b unchanged; [ErrMethod] if the probe isn't UDP.
func (p *Probe) AppendPayload(b []byte) ([]byte, error) {
	if p.Protocol != packet.ProtoUDP {
		return b, fmt.Errorf("UDP payload of a probe with protocol %d: %w", p.Protocol, ErrMethod)
	}
	start := len(b)
	b, err := p.AppendMessage(b)
	if err != nil {
		return b, err
	}
	n := copy(b[start:], b[start+packet.UDPHeaderLen:])
	return b[:start+n], nil
}
