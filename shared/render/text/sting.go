package text

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendSting appends a sting: two lines of results, and a line for each packet that was lost on the way to the server.
func AppendSting(b []byte, s *warts.Sting) []byte {
	b = append(b, "sting from "...)
	b = s.Src.AppendTo(b)
	b = append(b, ':')
	b = render.AppendUint(b, uint64(s.SrcPort))
	b = append(b, " to "...)
	b = s.Dst.AppendTo(b)
	b = append(b, ':')
	b = render.AppendUint(b, uint64(s.DstPort))
	b = append(b, ", "...)
	b = render.AppendUint(b, uint64(s.Count))
	b = append(b, " probes, "...)
	b = render.AppendInt(b, s.Mean.Milliseconds())
	b = append(b, "ms mean\n data-ack count "...)
	b = render.AppendUint(b, uint64(s.DataAcks))
	b = append(b, ", holec "...)
	b = render.AppendUint(b, uint64(s.Holes))
	b = append(b, '\n')
	if s.Holes == 0 {
		return b
	}
	probe := 0
	for i := range s.Packets {
		flags := s.Packets[i].Flags
		if flags&warts.StingPacketData == 0 {
			continue
		}
		probe++
		if flags&warts.StingPacketHole != 0 {
			b = append(b, "  probe "...)
			b = render.AppendInt(b, int64(probe))
			b = append(b, " hole\n"...)
		}
	}
	return b
}
