package dump

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendSting appends the dump of a sting. No empty line ends it.
func AppendSting(b []byte, s *warts.Sting) []byte {
	b = appendFromTo(b, "sting", s.Src, s.Dst)
	b = appendOrigin(b, s.List, s.Cycle, s.UserID)
	b = appendTime(b, " start: ", s.Start)
	b = appendNum(b, " sport: ", uint64(s.SrcPort))
	b = appendNum(b, ", dport: ", uint64(s.DstPort))
	b = appendNum(b, "\n count: ", uint64(s.Count))
	b = appendWait(b, ", mean: ", s.Mean)
	b = appendWait(b, ", inter: ", s.Inter)
	b = appendNum(b, ", seqskip ", uint64(s.SeqSkip))
	b = appendNum(b, "\n synretx: ", uint64(s.SynRetx))
	b = appendNum(b, ", dataretx: ", uint64(s.DataRetx))
	b = appendNum(b, "\n dataackc: ", uint64(s.DataAcks))
	b = appendNum(b, ", holec: ", uint64(s.Holes))
	b = append(b, "\n hs-rtt: "...)
	b = render.AppendSigned6(b, s.HSRTT)
	b = append(b, "\n result: "...)
	b = append(b, s.Result.String()...)
	b = append(b, '\n')
	b = appendErrMsg(b, s.ErrMsg, s.Kept.Has(render.StingErrMsg))
	var isns render.ISNs
	for i := range s.Packets {
		packet := &s.Packets[i]
		p := render.Parse(packet.Data, render.WalkSting)
		if !p.TCP {
			continue
		}
		isns.Relearn(&p)
		sent := packet.Flags&warts.StingPacketTX != 0
		direction := "??"
		switch {
		case sent:
			direction = "TX"
		case packet.Flags&warts.StingPacketRX != 0:
			direction = "RX"
		}
		b = render.AppendPacketTime(b, packet.Time, s.Start, direction)
		field := len(b)
		b = render.AppendFlagText(b, p.Flags)
		b = render.Pad(b, field, 13)
		b = append(b, ' ')
		b = render.AppendSpacePadded(b, int64(p.Len), 4)
		field = len(b)
		seqBase, ackBase := isns.Bases(sent)
		b = appendNum(b, " seq = ", uint64(p.Seq-seqBase))
		b = appendNum(b, ":", uint64(p.Ack-ackBase))
		if p.DataLen != 0 {
			b = appendNum(b, "(", uint64(p.DataLen))
			b = append(b, ')')
		}
		b = render.Pad(b, field, 23)
		if p.Version == 4 {
			b = appendHex(b, " ", uint64(p.ID), 4)
		}
		b = append(b, '\n')
	}
	return b
}
