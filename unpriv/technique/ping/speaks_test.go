package ping

import (
	"encoding/binary"
	"slices"

	"scamper/shared/packet"
	"scamper/unpriv/technique/virtual"
)

// raw is what the bytes of a packet say, read by other code than what is tested.
type raw struct {
	src, dst string
	proto    byte
	id       int    // IPv4
	body     []byte // behind the IP headers; nil in later fragments
}

// readRaw reads IP headers; false if something is missing.
func readRaw(b []byte) (p raw, ok bool) {
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		h := int(b[0]&15) * 4
		if h < 20 || h > len(b) || binary.BigEndian.Uint16(b[6:])&0x1fff != 0 {
			return p, false
		}
		return raw{string(b[12:16]), string(b[16:20]), b[9], at(b, 4), b[h:]}, true
	case len(b) >= 40 && b[0]>>4 == 6:
		p = raw{src: string(b[8:24]), dst: string(b[24:40]), proto: b[6], body: b[40:]}
	default:
		return p, false
	}
	for len(p.body) >= 8 {
		n := 8
		switch p.proto {
		case 0, 43, 60, 135:
			n = (int(p.body[1]) + 1) * 8
		case 51:
			n = (int(p.body[1]) + 2) * 4
		case 44:
			if at(p.body, 2)&^7 != 0 {
				return p, false
			}
		default:
			return p, true
		}
		if n > len(p.body) {
			return p, false
		}
		p.proto, p.body = p.body[0], p.body[n:]
	}
	return p, true
}

// at returns the two bytes at an offset; -1 if they are not there.
func at(b []byte, offset int) int {
	if offset+2 > len(b) {
		return -1
	}
	return int(binary.BigEndian.Uint16(b[offset:]))
}

// speaksOf returns the probes that a packet may be about, by its bytes and those of the probes sent so far. A socket for
// IPv6 gives what is behind the first header.
func speaksOf(ip []byte, datalink bool, sent []virtual.Packet) (list []int) {
	p, ok := readRaw(ip)
	if ip[0]>>4 == 6 && !datalink {
		p, ok = raw{src: string(ip[8:24]), dst: string(ip[24:40]), proto: packet.ProtoICMPv6, body: ip[40:]}, true
	}
	if !ok || len(p.body) < 4 {
		return nil
	}
	same := func(raw) bool { return false } // whether it is about a probe, but for IPv4 identifications
	id, quotes := 0, false                  // what tells probes apart that are the same otherwise, and whether it is of a quoted one
	kind := p.body[0]
	switch {
	case p.proto == packet.ProtoTCP || p.proto == packet.ProtoUDP:
		if p.proto == packet.ProtoTCP {
			id = p.id
		}
		same = func(s raw) bool {
			return s.proto == p.proto && s.dst == p.src && s.src == p.dst && at(s.body, 0) == at(p.body, 2) &&
				at(s.body, 2) == at(p.body, 0)
		}
	case p.proto == packet.ProtoICMP && slices.Contains([]byte{3, 11, 12}, kind) && ip[0]>>4 == 4,
		p.proto == packet.ProtoICMPv6 && slices.Contains([]byte{1, 2, 3, 4}, kind) && ip[0]>>4 == 6:
		if len(p.body) < 8 {
			return nil
		}
		q, ok := readRaw(p.body[8:])
		if !ok {
			return nil
		}
		id, quotes = q.id, true
		same = func(s raw) bool {
			if s.proto != q.proto || s.dst != q.dst || s.src != p.dst {
				return false
			}
			if q.proto == packet.ProtoTCP || q.proto == packet.ProtoUDP {
				return len(q.body) >= 4 && string(s.body[:4]) == string(q.body[:4])
			}
			return len(q.body) >= 8 && s.body[0] == q.body[0] && string(s.body[4:8]) == string(q.body[4:8])
		}
	case p.proto == packet.ProtoICMP || p.proto == packet.ProtoICMPv6:
		answers := map[byte]byte{8: 0, 13: 14}
		if p.proto == packet.ProtoICMPv6 {
			answers = map[byte]byte{128: 129}
		}
		same = func(s raw) bool {
			want, ok := answers[s.body[0]]
			return ok && s.proto == p.proto && kind == want && s.dst == p.src && s.src == p.dst && len(p.body) >= 8 &&
				string(s.body[4:8]) == string(p.body[4:8])
		}
	}
	var ids []int
	for i := range sent {
		s, _ := readRaw(sent[i].IP)
		if same(s) {
			list, ids = append(list, i), append(ids, s.id)
		}
	}
	if len(list) < 2 {
		return list
	}
	// It is about the one whose identification it quotes, or one of the last five that has its own; else it counts for
	// the last.
	window := 5
	if quotes {
		window = len(list)
	}
	for n := len(list) - 1; n >= max(0, len(list)-window); n-- {
		if id != 0 && ids[n] == id {
			return list[n : n+1]
		}
	}
	return list[len(list)-1:]
}
