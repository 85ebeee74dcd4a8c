package render

import "scamper/shared/warts"

// Names of the options and results of a tbit by bit number.
var (
	TbitOptionNames     = []string{"tcpts", "sack"}
	TbitPMTUDNames      = []string{"blackhole"}
	TbitNullOptionNames = []string{"tcpts", "ipts-syn", "iprr-syn", "ipqs-syn", "sack", "fo", "fo-exp"}
	TbitNullResultNames = []string{"tcpts-ok", "sack-ok", "fo-ok"}
)

// TbitDirection returns the direction of a packet as text and dump show it: everything that was not sent was received.
func TbitDirection(p *warts.TbitPacket) string {
	if p.Dir == warts.TbitTX {
		return "TX"
	}
	return "RX"
}

// TbitSchemeName returns the scheme of the URL of an HTTP application.
func TbitSchemeName(s warts.TbitHTTPScheme) string {
	if s == warts.TbitHTTPS {
		return "https"
	}
	return "http"
}

// InitialWindow infers the initial congestion window of the server from the packets of a tbit, in bytes: what it sent
// before it sent its first segment again.
func InitialWindow(t *warts.Tbit) (size uint32, ok bool) {
	if t.ICW == nil || t.Result != warts.TbitResultICWSuccess {
		return 0, false
	}
	i := 1
	for i < len(t.Packets) && t.Packets[i].Dir != warts.TbitRX {
		i++
	}
	if i >= len(t.Packets) {
		return 0, false
	}
	first := Parse(t.Packets[i].Data, WalkAll)
	if !first.TCP || first.Flags&(SYN|ACK) != SYN|ACK {
		return 0, false
	}
	start := first.Seq + t.ICW.StartSeq
	seenStart := false
	for _, packet := range t.Packets[i+1:] {
		if packet.Dir != warts.TbitRX {
			continue
		}
		p := Parse(packet.Data, WalkAll)
		if !p.TCP || p.Version == 6 && (p.FragOff != 0 || p.MF) {
			return 0, false
		}
		length := uint32(p.DataLen)
		if length == 0 && p.Flags&FIN == 0 || !inWindow(p.Seq, start) && !inWindow(p.Seq+length-1, start) {
			continue
		}
		if p.Seq == start {
			if seenStart {
				return size, true
			}
			seenStart = true
		}
		size = max(size, p.Seq+length-start)
	}
	return 0, false
}

// inWindow tells whether a sequence number is one of the 65535 from start on, by serial number arithmetic.
func inWindow(seq, start uint32) bool { return seq-start < 65535 }

// ServerCookie returns the TCP fast-open cookie that the server gave in its SYN/ACK, nil if it gave none.
//
// The options are walked as scamper does: not the kind of a byte tells a no-operation, but its length, so that the
// cookie behind the no-operations of a Linux server is not found.
func ServerCookie(t *warts.Tbit) []byte {
	for i := range t.Packets {
		if t.Packets[i].Dir != warts.TbitRX {
			continue
		}
		p := Parse(t.Packets[i].Data, WalkAll)
		if !p.TCP || p.Fragment || p.Flags&(SYN|ACK) != SYN|ACK {
			continue
		}
		if cookie := optionCookie(p.options); cookie != nil {
			return cookie
		}
	}
	return nil
}

func optionCookie(opts []byte) []byte {
	for len(opts) >= 2 {
		kind, length := opts[0], int(opts[1])
		if kind == OptEOL {
			return nil
		}
		if length == 1 {
			opts = opts[1:]
			continue
		}
		if length == 0 || length > len(opts) {
			return nil
		}
		switch {
		case kind == OptFO && length >= 3 && length <= 18:
			return opts[2:length]
		case kind == OptExp && length >= 5 && length <= 20 && IsFOExp(opts[2:length]):
			return opts[4:length]
		}
		opts = opts[length:]
	}
	return nil
}

// IsFOExp tells whether data is that of an experimental option (RFC 6994) with the identifier of TCP fast open.
func IsFOExp(data []byte) bool { return len(data) >= 2 && data[0] == 0xf9 && data[1] == 0x89 }

// AppendTbit appends the columns that text and dump show of a packet of a tbit: flags, size, numbers, IP-ID and what else
// marks it. Numbers appends the sequence numbers of a TCP segment; width is how many columns they fill, and idPrefix stands
// in front of an IPv4 identification.
func (p *Packet) AppendTbit(b []byte, width int, idPrefix string, numbers func(b []byte) []byte) []byte {
	start := len(b)
	switch {
	case p.FragOff != 0:
		b = Pad(b, start, 14)
		b = AppendSpacePadded(b, int64(p.Len), 4)
		b = append(b, 'F')
		b = Pad(b, len(b), width)
		b = p.appendID(b, idPrefix)
		return p.AppendFragment(b)
	case p.TCP:
		b = AppendFlagText(b, p.Flags)
		b = Pad(b, start, 13)
		b = append(b, ' ')
		b = AppendSpacePadded(b, int64(p.Len), 4)
		if p.Fragment {
			b = append(b, 'F')
		} else {
			b = append(b, ' ')
		}
		field := len(b)
		b = Pad(numbers(b), field, width)
		b = p.appendID(b, idPrefix)
		return p.appendMarks(p.AppendFragment(b))
	}
	if mtu, ok := p.TooBigMTU(); ok {
		b = append(b, "PTB           "...)
		b = AppendSpacePadded(b, int64(p.Len), 4)
		b = append(b, "  mtu = "...)
		b = AppendInt(b, int64(mtu))
	}
	return b
}

// appendID appends the identification: that of IPv4 in four digits, that of an IPv6 fragment without leading zeros.
func (p *Packet) appendID(b []byte, prefix string) []byte {
	switch {
	case p.Version == 4:
		return AppendHex(append(b, prefix...), uint64(p.ID), 4)
	case p.HasID:
		return AppendHex(b, uint64(p.ID), 1)
	}
	return b
}

// appendMarks appends what the IP header of a segment says about fragmenting and congestion.
func (p *Packet) appendMarks(b []byte) []byte {
	if p.Version == 4 && p.DF && p.DataLen > 0 {
		b = append(b, " DF"...)
	}
	switch p.ECN {
	case 3:
		b = append(b, " CE"...)
	case 1, 2:
		b = append(b, " ECT"...)
	}
	return b
}
