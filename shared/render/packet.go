package render

import (
	"encoding/binary"

	"scamper/shared/warts"
)

// Bits of the TCP flags byte (RFC 9293 section 3.1, RFC 3168 section 6.1).
const (
	FIN = 0x01
	SYN = 0x02
	RST = 0x04
	PSH = 0x08
	ACK = 0x10
	URG = 0x20
	ECE = 0x40
	CWR = 0x80
)

// TCPFlagNames are the names of the TCP flags by bit number.
var TCPFlagNames = []string{"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"}

// IP protocol numbers.
const (
	protoHopByHop = 0
	protoICMP     = 1
	protoTCP      = 6
	protoRouting  = 43
	protoFragment = 44
	protoICMPv6   = 58
	protoDstOpts  = 60
)

// Packet is what the renderings of tbit and sting show of a packet that was recorded from its IP header on.
type Packet struct {
	Version   int // 4 or 6; 0 if the bytes are no IP packet, or too few for an IP header
	HeaderLen int // of the IP header, IPv6 extension headers included
	Len       int // of the whole packet, from the IP header
	TTL       uint8
	ECN       uint8
	Proto     uint8
	DF        bool // IPv4

	HasID    bool // IPv4, or IPv6 with a fragment header
	ID       uint32
	Fragment bool // a part of a packet; an IPv6 packet with a fragment header, even if it is whole
	FragOff  int
	MF       bool

	// TCP segments whose header was recorded and that are not later fragments.
	TCP     bool
	Seq     uint32
	Ack     uint32
	DataOff int // length of the TCP header
	Flags   uint8
	Win     uint16
	DataLen uint16 // of the payload, from the lengths in the headers, modulo 65536
	options []byte

	icmp []byte // the ICMP message, of a packet that is not a later fragment
}

// WalkRule says how IPv6 extension headers are followed to the transport header.
type WalkRule uint8

const (
	// WalkAll follows them all; this is what JSON does.
	WalkAll WalkRule = iota
	// WalkSome stops at a hop-by-hop, destination options or routing header of 8 bytes, and at headers that reach
	// 255 bytes behind the beginning of the packet; this is what text and dump do.
	WalkSome
	// WalkSting is WalkSome, and takes later fragments for whole packets; the dump of a sting does.
	WalkSting
)

// Parse takes a recorded packet apart.
func Parse(data []byte, rule WalkRule) Packet {
	var p Packet
	if len(data) == 0 {
		return p
	}
	switch {
	case data[0]>>4 == 4 && len(data) >= 20:
		p.parseIPv4(data)
	case data[0]>>4 == 6 && len(data) >= 40:
		p.parseIPv6(data, rule)
	default:
		return p
	}
	if p.FragOff != 0 && rule != WalkSting || p.HeaderLen > len(data) {
		return p
	}
	body := data[p.HeaderLen:]
	switch p.Proto {
	case protoTCP:
		p.parseTCP(body)
	case protoICMP, protoICMPv6:
		p.icmp = body
	}
	return p
}

func (p *Packet) parseIPv4(data []byte) {
	p.Version = 4
	p.HeaderLen = int(data[0]&15) * 4
	p.Len = int(binary.BigEndian.Uint16(data[2:]))
	p.ECN = data[1] & 3
	p.TTL = data[8]
	p.Proto = data[9]
	p.HasID = true
	p.ID = uint32(binary.BigEndian.Uint16(data[4:]))
	p.DF = data[6]&0x40 != 0
	p.MF = data[6]&0x20 != 0
	p.FragOff = int(binary.BigEndian.Uint16(data[6:])&0x1fff) * 8
	p.Fragment = p.MF || p.FragOff != 0
}

func (p *Packet) parseIPv6(data []byte, rule WalkRule) {
	p.Version = 6
	p.HeaderLen = 40
	p.Len = int(binary.BigEndian.Uint16(data[4:])) + 40
	p.ECN = data[1] & 0x30 >> 4
	p.TTL = data[7]
	p.Proto = data[6]
	for p.HeaderLen+8 <= len(data) {
		header := data[p.HeaderLen:]
		size := 8
		switch p.Proto {
		case protoHopByHop, protoDstOpts, protoRouting:
			size = int(header[1])*8 + 8
			if rule != WalkAll && header[1] == 0 {
				return
			}
		case protoFragment:
		default:
			return
		}
		if rule != WalkAll && 255-p.HeaderLen <= size {
			return
		}
		if p.Proto == protoFragment {
			p.HasID = true
			p.Fragment = true
			p.MF = header[3]&1 != 0
			p.FragOff = int(binary.BigEndian.Uint16(header[2:]) & 0xfff8)
			p.ID = binary.BigEndian.Uint32(header[4:])
		}
		p.Proto = header[0]
		p.HeaderLen += size
	}
}

func (p *Packet) parseTCP(segment []byte) {
	if len(segment) < 20 {
		return
	}
	p.TCP = true
	p.Seq = binary.BigEndian.Uint32(segment[4:])
	p.Ack = binary.BigEndian.Uint32(segment[8:])
	p.DataOff = int(segment[12]>>4) * 4
	p.Flags = segment[13]
	p.Win = binary.BigEndian.Uint16(segment[14:])
	p.DataLen = uint16(p.Len - p.HeaderLen - p.DataOff)
	if end := min(p.DataOff, len(segment)); end > 20 {
		p.options = segment[20:end]
	}
}

// TooBigMTU returns the MTU in a packet too big (ICMP type 3 code 4, ICMPv6 type 2).
func (p *Packet) TooBigMTU() (mtu int32, ok bool) {
	if len(p.icmp) < 8 {
		return 0, false
	}
	switch {
	case p.Proto == protoICMP && p.icmp[0] == 3 && p.icmp[1] == 4:
		return int32(binary.BigEndian.Uint16(p.icmp[6:])), true
	case p.Proto == protoICMPv6 && p.icmp[0] == 2:
		return int32(binary.BigEndian.Uint32(p.icmp[4:])), true
	}
	return 0, false
}

// TCPOption is an option of a TCP header: its kind, its length byte (1 for the two kinds that have none), and what
// follows them.
type TCPOption struct {
	Kind uint8
	Len  uint8
	Data []byte
}

// TCP option kinds.
const (
	OptEOL    = 0
	OptNOP    = 1
	OptWScale = 3
	OptSACKOK = 4
	OptSACK   = 5
	OptTS     = 8
	OptFO     = 34
	OptExp    = 254
)

// NextOption returns the first of the options in opts and what is behind it; ok is false at their end, which the
// end-of-options option is not.
func NextOption(opts []byte) (opt TCPOption, rest []byte, ok bool) {
	if len(opts) == 0 {
		return opt, nil, false
	}
	if opts[0] == OptEOL || opts[0] == OptNOP {
		return TCPOption{Kind: opts[0], Len: 1}, opts[1:], true
	}
	if len(opts) < 2 || opts[1] == 0 || int(opts[1]) > len(opts) {
		return opt, nil, false
	}
	opt.Kind, opt.Len = opts[0], opts[1]
	if opts[1] >= 2 {
		opt.Data = opts[2:opts[1]]
	}
	return opt, opts[opts[1]:], true
}

// Options returns the options of the TCP header, as far as they were recorded.
func (p *Packet) Options() []byte { return p.options }

// AppendSACK appends the blocks of the segment's SACK options, their edges relative to base: " {L:R,L:R}" for each
// option.
func (p *Packet) AppendSACK(b []byte, base uint32) []byte {
	for opts := p.options; ; {
		opt, rest, ok := NextOption(opts)
		if !ok || opt.Kind == OptEOL {
			return b
		}
		opts = rest
		if opt.Kind != OptSACK || !IsSACK(opt.Data) {
			continue
		}
		for i, edges := 0, opt.Data; len(edges) >= 8; i, edges = i+1, edges[8:] {
			if i == 0 {
				b = append(b, " {"...)
			} else {
				b = append(b, ',')
			}
			b = AppendUint(b, uint64(binary.BigEndian.Uint32(edges)-base))
			b = append(b, ':')
			b = AppendUint(b, uint64(binary.BigEndian.Uint32(edges[4:])-base))
		}
		b = append(b, '}')
	}
}

// IsSACK tells whether data is that of a SACK option: one to four blocks.
func IsSACK(data []byte) bool { return len(data)%8 == 0 && len(data) >= 8 && len(data) <= 32 }

// ISNs are the initial sequence numbers of the two ends of a connection, as far as packets have shown them.
type ISNs struct {
	Client, Server       uint32
	HasClient, HasServer bool
}

// Learn takes note of a SYN or SYN/ACK. The first one of each counts.
func (n *ISNs) Learn(p *Packet) {
	switch {
	case !p.TCP || p.Flags&SYN == 0:
	case p.Flags&ACK == 0 && !n.HasClient:
		n.Client, n.HasClient = p.Seq, true
	case p.Flags&ACK != 0 && !n.HasServer:
		n.Server, n.HasServer = p.Seq, true
	}
}

// Relearn is Learn, but every SYN or SYN/ACK replaces the one before it.
func (n *ISNs) Relearn(p *Packet) {
	switch {
	case !p.TCP || p.Flags&SYN == 0:
	case p.Flags&ACK == 0:
		n.Client, n.HasClient = p.Seq, true
	default:
		n.Server, n.HasServer = p.Seq, true
	}
}

// Bases returns what the sequence and acknowledgment numbers of a packet of that direction are relative to.
func (n *ISNs) Bases(sent bool) (seq, ack uint32) {
	if sent {
		return n.Client, n.Server
	}
	return n.Server, n.Client
}

// AppendFlagText appends what text and dump call a segment: SYN/ACK, SYN, FIN or RST, then ECE and CWR; nothing for an
// ordinary one.
func AppendFlagText(b []byte, flags uint8) []byte {
	start := len(b)
	switch {
	case flags&(SYN|ACK) == SYN|ACK:
		b = append(b, "SYN/ACK"...)
	case flags&SYN != 0:
		b = append(b, "SYN"...)
	case flags&FIN != 0:
		b = append(b, "FIN"...)
	case flags&RST != 0:
		b = append(b, "RST"...)
	}
	for _, f := range [...]struct {
		bit  uint8
		name string
	}{{ECE, "ECE"}, {CWR, "CWR"}} {
		if flags&f.bit != 0 {
			if len(b) > start {
				b = append(b, '/')
			}
			b = append(b, f.name...)
		}
	}
	return b
}

// AppendFragment appends where a fragment belongs: its offset, and whether more follow.
func (p *Packet) AppendFragment(b []byte) []byte {
	if !p.Fragment {
		return b
	}
	b = append(b, ':')
	b = AppendUint(b, uint64(p.FragOff))
	if p.MF {
		b = append(b, " MF"...)
	}
	return b
}

// AppendPacketTime appends the beginning of the line of a packet, " [%3d.%03d] %s ": seconds and milliseconds since
// the start of the measurement, and the direction.
func AppendPacketTime(b []byte, at, start warts.Time, direction string) []byte {
	sec, us := Since(at, start)
	b = append(b, " ["...)
	b = AppendSpacePadded(b, sec, 3)
	b = append(b, '.')
	b = AppendZeroPadded(b, uint64(us/1000), 3)
	b = append(b, "] "...)
	b = append(b, direction...)
	return append(b, ' ')
}
