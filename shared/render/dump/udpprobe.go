package dump

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendUDPProbe appends the dump of a udpprobe. No empty line ends it.
func AppendUDPProbe(b []byte, u *warts.UDPProbe) []byte {
	b = append(b, "udpprobe"...)
	if u.Src.IsValid() {
		b = appendAddr(b, " from ", u.Src)
	}
	if u.Dst.IsValid() {
		b = appendAddr(b, " to ", u.Dst)
	}
	b = append(b, '\n')
	b = appendOrigin(b, u.List, u.Cycle, u.UserID)
	b = appendTime(b, " start: ", u.Start)
	b = appendWait(b, " wait-timeout: ", u.Wait)
	b = appendWait(b, ", wait-probe: ", u.WaitProbe)
	b = appendNum(b, ", sport: ", uint64(u.SrcPort))
	b = appendNum(b, ", dport: ", uint64(u.DstPort))
	b = append(b, '\n')
	if len(u.Data) > 0 {
		b = appendNum(b, " payload: (", uint64(len(u.Data)))
		b = append(b, ") "...)
		b = appendCutHex(b, u.Data)
	}
	b = appendNum(b, " probe-count: ", uint64(u.ProbeCount))
	b = appendNum(b, ", probe-sent: ", uint64(len(u.Probes)))
	b = append(b, ", stop-reason: "...)
	b = append(b, u.StopReason.String()...)
	b = append(b, '\n')
	b = appendErrMsg(b, u.ErrMsg, u.Kept.Has(render.UDPProbeErrMsg))
	for i := range u.Probes {
		probe := &u.Probes[i]
		b = append(b, "  "...)
		b = render.AppendSince(b, probe.TX, u.Start)
		b = appendNum(b, " probe: ", uint64(i))
		b = appendNum(b, ", sport: ", uint64(probe.SrcPort))
		b = appendNum(b, ", replyc: ", uint64(len(probe.Replies)))
		b = append(b, '\n')
		for j := range probe.Replies {
			r := &probe.Replies[j]
			if len(r.Data) == 0 {
				continue
			}
			b = append(b, "  "...)
			b = render.AppendSince(b, r.RX, u.Start)
			b = appendNum(b, " reply: ", uint64(j))
			b = appendText(b, ", ifname: ", r.IfName, r.Kept.Has(render.UDPProbeReplyIfName))
			b = appendNum(b, ", len: ", uint64(len(r.Data)))
			b = append(b, "\n           "...)
			b = appendCutHex(b, r.Data)
		}
	}
	return b
}

// appendCutHex appends the first 20 bytes of data in hexadecimal, and how many more there are.
func appendCutHex(b, data []byte) []byte {
	const shown = 20
	b = render.AppendHexBytes(b, data[:min(len(data), shown)])
	if len(data) > shown {
		b = appendNum(b, " + ", uint64(len(data)-shown))
		b = append(b, " bytes"...)
	}
	return append(b, '\n')
}
