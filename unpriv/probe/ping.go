package probe

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"scamper/shared/packet"
	"scamper/shared/warts"
)

// pingFlags returns the TCP flags of a method.
func pingFlags(m warts.PingMethod) uint8 {
	switch m {
	case warts.PingTCPAck, warts.PingTCPAckSport:
		return packet.ACK
	case warts.PingTCPSynAck:
		return packet.SYN | packet.ACK
	case warts.PingTCPRst:
		return packet.RST
	}
	return packet.SYN
}

// embeds reports the methods whose spoofed probes carry the real source address.
func embeds(m warts.PingMethod) bool { return m != warts.PingTCPSynAck && m != warts.PingTCPRst }

// PingPayloadLen returns the payload size in bytes unless the user chooses: behind
// transport header, timestamps and embedded address.
func PingPayloadLen(m warts.PingMethod) int {
	switch {
	case m == warts.PingICMPEcho:
		return 56
	case m == warts.PingICMPTime:
		return 44
	case m.IsUDP():
		return 12
	}
	return 0
}

// PingTimestamp says which IPv4 timestamp option ping probes carry.
type PingTimestamp uint8

// Timestamp options.
const (
	NoTimestamp      PingTimestamp = iota
	TimestampOnly                  // tsonly: room for 9 stamps
	TimestampAndAddr               // tsandaddr: room for 4 pairs
	TimestampPrespec               // tsprespec: the given addresses
)

// icmpTimeLen is what the three timestamps take in an icmp-time probe, in bytes.
const icmpTimeLen = packet.ICMPTimestampLen - packet.ICMPHeaderLen

// craftLen is what a forced checksum takes of the payload, in bytes.
const craftLen = 2

// PingProbe describes one probe of a ping. What varies from probe to probe is
//
//	icmp-echo, icmp-time   sequence number DstPort+Seq
//	udp-dport              destination port DstPort+Seq
//	*-sport                SrcPort, which the caller chooses
//
// and the IPv4 identification, which the caller chooses too. "Don't fragment" is set;
// whole IPv6 packets have flow label 0.
type PingProbe struct {
	Method           warts.PingMethod
	Src, Dst         netip.Addr
	SrcPort, DstPort uint16 // ICMP methods: identifier, and sequence number of the first probe
	Seq              int    // 0 for the first probe
	ID               uint16 // IPv4 identification
	TTL, TOS         uint8

	TCPSeq, TCPAck uint32 // TCPAck isn't sent by methods without ACK flag
	MSS            uint16 // TCP: maximum segment size option, 0: none
	Originate      uint32 // icmp-time: milliseconds since midnight UT

	// PayloadLen is the payload size in bytes, see [PingPayloadLen]. It
	// holds Payload once, or else Pattern over and over, and zeros.
	PayloadLen int
	Payload    []byte
	Pattern    []byte
	// Force makes the ICMP checksum come out as Checksum, by two bytes in front of
	// Payload and Pattern, which are part of PayloadLen.
	Force    bool
	Checksum uint16
	// Embed, if valid, is put in front of the payload: the real source address of a
	// probe with a spoofed one. tcp-synack and tcp-rst don't carry it.
	Embed netip.Addr

	RecordRoute bool // IPv4
	Timestamp   PingTimestamp
	Prespec     []netip.Addr // 1-4 IPv4 addresses
}

// scratch is where the variable parts of a probe are put together.
type scratch struct {
	options [packet.MaxIPv4OptionsLen]byte
	tcp     [4]byte
	head    [icmpTimeLen + 16 + craftLen]byte
}

// describe describes the probe to its builder, by value: the parts in s would
// otherwise have to be on the heap.
func (q *PingProbe) describe(s *scratch) (p Probe, err error) {
	v4 := q.Dst.Is4()
	p.Src, p.Dst = q.Src, q.Dst
	p.TTL, p.TOS = q.TTL, q.TOS
	p.ID = q.ID
	p.SrcPort, p.DstPort = q.SrcPort, q.DstPort
	switch {
	case q.Method.IsICMP():
		p.Protocol, p.Type = packet.ProtoICMPv6, packet.ICMP6Echo
		if v4 {
			p.Protocol, p.Type = packet.ProtoICMP, packet.ICMP4Echo
		}
		if q.Method == warts.PingICMPTime {
			if !v4 {
				return p, fmt.Errorf("icmp-time probe to an IPv6 address: %w", ErrMethod)
			}
			p.Type = packet.ICMP4Timestamp
		}
		p.ICMPID, p.ICMPSeq = q.SrcPort, q.DstPort+uint16(q.Seq)
	case q.Method.IsUDP():
		p.Protocol = packet.ProtoUDP
		if q.Method == warts.PingUDPDport {
			p.DstPort += uint16(q.Seq)
		}
	case q.Method.IsTCP():
		p.Protocol = packet.ProtoTCP
		p.Seq, p.Flags, p.Window = q.TCPSeq, pingFlags(q.Method), 65535
		if p.Flags&packet.ACK != 0 {
			p.Ack = q.TCPAck
		}
		if q.MSS != 0 {
			p.TCPOptions = packet.AppendMSS(s.tcp[:0], q.MSS)
		}
	default:
		return p, fmt.Errorf("ping probe with method %d: %w", uint8(q.Method), ErrMethod)
	}
	if p.Options, err = q.options(s); err != nil {
		return p, err
	}
	if q.Force && !q.Method.IsICMP() {
		return p, fmt.Errorf("ping probe with forced ICMP checksum: %w", ErrMethod)
	}
	if q.PayloadLen < 0 || q.Force && q.PayloadLen < craftLen {
		return p, fmt.Errorf("ping payload of %d bytes: %w", q.PayloadLen, ErrSize)
	}
	if p.Payload.Head, err = q.head(s); err != nil {
		return p, err
	}
	p.Payload.Len = len(p.Payload.Head) + q.PayloadLen
	if q.Force {
		p.Craft, p.Want, p.CraftAt = true, q.Checksum, len(p.Payload.Head)
		p.Payload.Head = append(p.Payload.Head, 0, 0)
	}
	p.Payload.Body, p.Payload.Repeat = q.Payload, false
	if len(q.Payload) == 0 {
		p.Payload.Body, p.Payload.Repeat = q.Pattern, true
	}
	return p, nil
}

// options makes the IPv4 options.
func (q *PingProbe) options(s *scratch) (o []byte, err error) {
	if !q.RecordRoute && q.Timestamp == NoTimestamp {
		return nil, nil
	}
	if !q.Dst.Is4() || q.RecordRoute && q.Timestamp != NoTimestamp {
		return nil, fmt.Errorf("IPv4 options of a ping probe: %w", ErrMethod)
	}
	o = s.options[:0]
	switch {
	case q.RecordRoute:
		o, err = packet.AppendRecordRoute(o, packet.MaxRecordRoute)
	case q.Timestamp == TimestampOnly:
		o, err = packet.AppendTimestampOption(o, packet.TimestampOnly, 9)
	case q.Timestamp == TimestampAndAddr:
		o, err = packet.AppendTimestampOption(o, packet.TimestampAndAddr, 4)
	default:
		o, err = packet.AppendTimestampPrespec(o, q.Prespec)
	}
	if err != nil {
		return nil, fmt.Errorf("ping probe: %w", err)
	}
	return o, nil
}

// head puts the timestamps and the embedded address in a row.
func (q *PingProbe) head(s *scratch) ([]byte, error) {
	head := s.head[:0]
	if q.Method == warts.PingICMPTime {
		head = binary.BigEndian.AppendUint32(head, q.Originate)
		head = append(head, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	if !q.Embed.IsValid() || !embeds(q.Method) {
		return head, nil
	}
	if q.Embed.Is4() != q.Dst.Is4() {
		return nil, fmt.Errorf("address in the payload of a ping probe: %w", packet.ErrFamily)
	}
	if q.Embed.Is4() {
		a := q.Embed.As4()
		return append(head, a[:]...), nil
	}
	a := q.Embed.As16()
	return append(head, a[:]...), nil
}

// Size returns the size of the whole IP packet in bytes, which is what is recorded and
// what is sent; 0 if the description isn't possible.
func (q *PingProbe) Size() int {
	var s scratch
	p, err := q.describe(&s)
	if err != nil {
		return 0
	}
	return p.Size()
}

// AppendPacket appends the packet from the IP header on, for raw IPv4 sockets and,
// behind a link header, for datalinks. On error it returns b unchanged:
// [packet.ErrFamily], [packet.ErrTooLong], [ErrMethod], [ErrSize].
func (q *PingProbe) AppendPacket(b []byte) ([]byte, error) {
	var s scratch
	p, err := q.describe(&s)
	if err != nil {
		return b, err
	}
	return p.AppendPacket(b)
}

// AppendMessage appends the packet from the transport header on: for raw ICMPv6
// sockets. Errors are as with AppendPacket.
func (q *PingProbe) AppendMessage(b []byte) ([]byte, error) {
	var s scratch
	p, err := q.describe(&s)
	if err != nil {
		return b, err
	}
	return p.AppendMessage(b)
}

// AppendPayload appends the UDP payload: for IPv6 UDP sockets. Errors are as with
// AppendPacket.
func (q *PingProbe) AppendPayload(b []byte) ([]byte, error) {
	var s scratch
	p, err := q.describe(&s)
	if err != nil {
		return b, err
	}
	return p.AppendPayload(b)
}
