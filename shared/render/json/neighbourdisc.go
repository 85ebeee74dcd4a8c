package json

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

var neighbourdiscFlagNames = []string{"allattempts", "firstresponse"}

// AppendNeighbourdisc appends the line of a neighbourdisc.
func AppendNeighbourdisc(b []byte, n *warts.Neighbourdisc) []byte {
	b = append(b, `{"type":"neighbourdisc", "version":"0.1"`...)
	b = appendStringKey(b, `, "method":`, n.Method.String())
	b = appendAddrKey(b, `, "src_ip":`, n.SrcIP)
	b = appendAddrKey(b, `, "src_mac":`, n.SrcMAC)
	b = appendAddrKey(b, `, "dst_ip":`, n.DstIP)
	b = appendAddrKey(b, `, "dst_mac":`, n.DstMAC)
	if n.IfName != "" || n.Kept.Has(render.NeighbourdiscIfName) {
		b = append(b, `, "ifname":`...)
		b = render.AppendQuoted(b, n.IfName, noLimit)
	}
	b = appendUintKey(b, `, "userid":`, uint64(n.UserID))
	b = appendUintKey(b, `, "attempts":`, uint64(n.Attempts))
	b = appendUintKey(b, `, "stop_count":`, uint64(n.Wanted))
	b = append(b, `, "start":`...)
	b = appendSpacedTime(b, n.Start)
	b = appendDurationKey(b, `, "wait_timeout":`, n.Wait)
	b = appendTextKey(b, `,"errmsg":`, n.ErrMsg, n.Kept.Has(render.NeighbourdiscErrMsg))
	if n.Flags != 0 {
		b = append(b, `, "flags":`...)
		b = appendFlags(b, uint64(n.Flags), neighbourdiscFlagNames, ",", nil)
	}
	b = appendMonitorKey(b, n.List)
	b = append(b, `, "probes":[`...)
	for i := range n.Probes {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendNeighbourdiscProbe(b, &n.Probes[i])
	}
	return append(b, "]}\n"...)
}

func appendNeighbourdiscProbe(b []byte, p *warts.NeighbourdiscProbe) []byte {
	b = append(b, `{"tx":`...)
	b = appendSpacedTime(b, p.TX)
	b = appendUintKey(b, `, "replyc":`, uint64(len(p.Replies)))
	b = append(b, `, "replies":[`...)
	for i := range p.Replies {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"rx":`...)
		b = appendSpacedTime(b, p.Replies[i].RX)
		b = appendAddrKey(b, `, "mac":`, p.Replies[i].MAC)
		b = append(b, '}')
	}
	return append(b, "]}"...)
}
