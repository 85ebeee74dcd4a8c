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
