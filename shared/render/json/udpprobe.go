package json

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

var udpprobeFlagNames = []string{"exitfirst"}

// AppendUDPProbe appends the line of a udpprobe.
func AppendUDPProbe(b []byte, u *warts.UDPProbe) []byte {
	b = append(b, `{"type":"udpprobe", "version":"0.1"`...)
	b = appendAddrKey(b, `, "src":`, u.Src)
	b = appendAddrKey(b, `, "dst":`, u.Dst)
	b = appendUintKey(b, `, "userid":`, uint64(u.UserID))
	b = append(b, `, "start":`...)
	b = appendSpacedTime(b, u.Start)
	b = appendUintKey(b, `, "sport":`, uint64(u.SrcPort))
	b = appendUintKey(b, `, "dport":`, uint64(u.DstPort))
	b = appendDurationKey(b, `, "wait_timeout":`, u.Wait)
	if u.Flags != 0 {
		b = append(b, `, "flags":`...)
		b = appendFlags(b, uint64(u.Flags), udpprobeFlagNames, ",", nil)
	}
	b = appendStringKey(b, `, "stop_reason":`, u.StopReason.String())
	b = appendTextKey(b, `,"errmsg":`, u.ErrMsg, u.Kept.Has(render.UDPProbeErrMsg))
	b = appendHexKey(b, `, "data":`, u.Data)
	b = appendUintKey(b, `, "len":`, uint64(len(u.Data)))
	b = appendUintKey(b, `, "probe_count":`, uint64(u.ProbeCount))
	b = appendUintKey(b, `, "probe_sent":`, uint64(len(u.Probes)))
	b = appendUintKey(b, `, "stop_count":`, uint64(u.StopCount))
	b = appendMonitorKey(b, u.List)
	b = append(b, `, "probes":[`...)
	for i := range u.Probes {
		probe := &u.Probes[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"tx":`...)
		b = appendSpacedTime(b, probe.TX)
		b = appendUintKey(b, `, "sport":`, uint64(probe.SrcPort))
		b = appendUintKey(b, `, "replyc":`, uint64(len(probe.Replies)))
		b = append(b, `, "replies":[`...)
		for j := range probe.Replies {
			if j > 0 {
				b = append(b, ", "...)
			}
			b = appendUDPProbeReply(b, probe, &probe.Replies[j])
		}
		b = append(b, "]}"...)
	}
	return append(b, "]}\n"...)
}

func appendUDPProbeReply(b []byte, probe *warts.UDPProbeProbe, r *warts.UDPProbeReply) []byte {
	b = append(b, `{"rx":`...)
	b = appendSpacedTime(b, r.RX)
	b = appendDurationKey(b, `, "rtt":`, r.RX.Sub(probe.TX))
	b = appendUintKey(b, `, "len":`, uint64(len(r.Data)))
	b = appendHexKey(b, `, "data":`, r.Data)
	if r.IfName != "" || r.Kept.Has(render.UDPProbeReplyIfName) {
		b = append(b, `, "ifname":`...)
		b = render.AppendQuoted(b, r.IfName, noLimit)
	}
	return append(b, '}')
}
