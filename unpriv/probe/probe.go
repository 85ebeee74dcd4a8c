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
	v4 := p.Dst.Is4()
	if !p.Dst.IsValid() || p.Src.Is4() != v4 || !p.Src.IsValid() {
		return b, fmt.Errorf("probe packet: %w", packet.ErrFamily)
	}
	hlen := p.transportHeaderLen()
	if p.Payload.Len < 0 || hlen+p.Payload.Len > 0xffff {
		return b, fmt.Errorf("probe payload: %w", packet.ErrTooLong)
	}
	if p.Craft && (p.CraftAt < 0 || p.CraftAt&1 != 0 || p.CraftAt+2 > p.Payload.Len) {
		return b, fmt.Errorf("probe payload for a wanted checksum: %w", ErrSize)
	}
	start := len(b)
	at := 2 // where the checksum is
	switch {
	case p.Protocol == packet.ProtoUDP:
		b = append(b, byte(p.SrcPort>>8), byte(p.SrcPort), byte(p.DstPort>>8), byte(p.DstPort))
		n := hlen + p.Payload.Len
		b = append(b, byte(n>>8), byte(n), 0, 0)
		at = 6
	case p.Protocol == packet.ProtoTCP:
		if len(p.TCPOptions) > packet.MaxTCPOptionsLen {
			return b, fmt.Errorf("TCP options of a probe: %w", packet.ErrTooLong)
		}
		b = append(b, byte(p.SrcPort>>8), byte(p.SrcPort), byte(p.DstPort>>8), byte(p.DstPort))
		b = binary.BigEndian.AppendUint32(b, p.Seq)
		b = binary.BigEndian.AppendUint32(b, p.Ack)
		b = append(b, byte(hlen/4)<<4, p.Flags, byte(p.Window>>8), byte(p.Window), 0, 0, 0, 0)
		b = append(b, p.TCPOptions...)
		for (len(b)-start)&3 != 0 {
			b = append(b, 0)
		}
		at = 16
	case p.Protocol == packet.ProtoICMP && v4, p.Protocol == packet.ProtoICMPv6 && !v4:
		b = append(b, p.Type, p.Code, 0, 0)
		b = append(b, byte(p.ICMPID>>8), byte(p.ICMPID), byte(p.ICMPSeq>>8), byte(p.ICMPSeq))
	default:
		return b, fmt.Errorf("probe with protocol %d: %w", p.Protocol, ErrMethod)
	}
	b = p.Payload.append(b)

	m := b[start:]
	var sum packet.Sum
	if p.Protocol != packet.ProtoICMP {
		sum = packet.PseudoSum(p.Src, p.Dst, p.Protocol, len(m))
	}
	if p.Craft {
		free := m[hlen+p.CraftAt:]
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
	binary.BigEndian.PutUint16(m[at:], c)
	return b, nil
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
