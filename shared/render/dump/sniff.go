package dump

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendSniff appends the dump of a sniff: its parameters, then each packet in hexadecimal. No empty line ends it.
func AppendSniff(b []byte, s *warts.Sniff) []byte {
	b = appendAddr(b, "sniff ", s.Src)
	b = append(b, '\n')
	b = appendOrigin(b, s.List, s.Cycle, s.UserID)
	b = appendTime(b, " start: ", s.Start)
	b = appendTime(b, " finish: ", s.Finish)
	b = appendSigned(b, " limit-pktc: ", s.LimitPacket)
	b = appendWait(b, ", limit-time: ", s.LimitTime)
	b = appendNum(b, ", icmp-id ", uint64(s.ICMPID))
	b = append(b, "\n result: "...)
	b = append(b, s.StopReason.String()...)
	b = appendNum(b, ", pktc: ", uint64(len(s.Packets)))
	b = append(b, '\n')
	b = appendErrMsg(b, s.ErrMsg, s.Kept.Has(render.SniffErrMsg))
	for i := range s.Packets {
		b = append(b, ' ')
		b = render.AppendSpacePadded(b, int64(i), 3)
		b = append(b, ' ')
		b = render.AppendSince(b, s.Packets[i].Time, s.Start)
		b = appendPacketAddrs(b, s.Packets[i].Data)
		b = append(b, '\n')
		b = appendHexDump(b, s.Packets[i].Data)
	}
	return b
}

// appendPacketAddrs appends the addresses in an IP header; nothing if the packet has none.
func appendPacketAddrs(b, packet []byte) []byte {
	var src, dst warts.Addr
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4:
		src, _ = warts.AddrFromSlice(warts.AddrIPv4, packet[12:16])
		dst, _ = warts.AddrFromSlice(warts.AddrIPv4, packet[16:20])
	case len(packet) >= 40 && packet[0]>>4 == 6:
		src, _ = warts.AddrFromSlice(warts.AddrIPv6, packet[8:24])
		dst, _ = warts.AddrFromSlice(warts.AddrIPv6, packet[24:40])
	default:
		return b
	}
	b = appendAddr(b, " ", src)
	return appendAddr(b, " -> ", dst)
}

// appendHexDump appends lines of 16 bytes, in pairs.
func appendHexDump(b, data []byte) []byte {
	for offset := 0; offset < len(data); offset += 16 {
		b = appendHex(b, "     0x", uint64(offset), 4)
		b = append(b, ": "...)
		for i, c := range data[offset:min(offset+16, len(data))] {
			if i%2 == 0 {
				b = append(b, ' ')
			}
			b = render.AppendHex(b, uint64(c), 2)
		}
		b = append(b, '\n')
	}
	return b
}
