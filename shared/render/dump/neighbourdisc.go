package dump

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendNeighbourdisc appends the dump of a neighbourdisc.
func AppendNeighbourdisc(b []byte, n *warts.Neighbourdisc) []byte {
	b = append(b, "neighbourdisc\n"...)
	b = appendOrigin(b, n.List, n.Cycle, n.UserID)
	b = appendTime(b, " start: ", n.Start)
	switch n.Method {
	case warts.NeighbourdiscARP:
		b = appendNeighbourdiscParams(b, " method: arp", n)
	case warts.NeighbourdiscNDNSol:
		b = appendNeighbourdiscParams(b, " method: ipv6 nsol", n)
	}
	b = appendErrMsg(b, n.ErrMsg, n.Kept.Has(render.NeighbourdiscErrMsg))
	for i := range n.Probes {
		probe := &n.Probes[i]
		b = appendNum(b, " probe: ", uint64(i))
		b = appendAbsolute(b, ", tx: ", probe.TX)
		b = append(b, '\n')
		for _, r := range probe.Replies {
			// The number is the probe's here as well.
			b = appendNum(b, "  reply: ", uint64(i))
			b = append(b, ", rtt: "...)
			b = render.AppendSince(b, r.RX, probe.TX)
			b = appendAddr(b, ", mac: ", r.MAC)
			b = append(b, '\n')
		}
	}
	return append(b, '\n')
}

var neighbourdiscFlagNames = [...]string{" all-attempts", " first-response"}

func appendNeighbourdiscParams(b []byte, method string, n *warts.Neighbourdisc) []byte {
	b = append(b, method...)
	b = appendNum(b, ", attempts: ", uint64(n.Attempts))
	b = appendWait(b, ", wait-timeout: ", n.Wait)
	b = appendNum(b, ", replyc: ", uint64(n.Wanted))
	b = append(b, ", iface: "...)
	if n.IfName == "" && !n.Kept.Has(render.NeighbourdiscIfName) {
		b = append(b, "(null)"...)
	}
	b = append(b, n.IfName...)
	b = append(b, '\n')
	if n.SrcMAC.IsValid() {
		b = appendAddr(b, " our-mac: ", n.SrcMAC)
		b = append(b, '\n')
	}
	b = appendHex(b, " flags: 0x", uint64(n.Flags), 2)
	if n.Flags != 0 {
		b = append(b, " ("...)
		for bit, name := range neighbourdiscFlagNames {
			if n.Flags>>bit&1 != 0 {
				b = append(b, name...)
			}
		}
		b = append(b, " )"...)
	}
	b = append(b, "\n query:  who-has"...)
	if n.DstIP.IsValid() {
		b = appendAddr(b, " ", n.DstIP)
	}
	if n.SrcIP.IsValid() {
		b = appendAddr(b, " tell ", n.SrcIP)
	}
	if n.DstMAC.IsValid() {
		b = appendAddr(b, " result: ", n.DstIP)
		b = appendAddr(b, " is-at ", n.DstMAC)
	}
	return append(b, '\n')
}
