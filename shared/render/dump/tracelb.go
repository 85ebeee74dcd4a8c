package dump

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendTracelb appends the dump of a tracelb: its parameters, then each node with its links and their probes.
func AppendTracelb(b []byte, t *warts.Tracelb) []byte {
	b = appendFromTo(b, "tracelb", t.Src, t.Dst)
	b = appendOrigin(b, t.List, t.Cycle, t.UserID)
	if t.Router.IsValid() {
		b = appendAddr(b, " rtr: ", t.Router)
		b = append(b, '\n')
	}
	b = appendTime(b, " start: ", t.Start)
	b = append(b, " type: "...)
	b = append(b, t.Method.String()...)
	switch t.Method {
	case warts.TracelbICMPEcho:
		b = appendNum(b, " id: ", uint64(t.SrcPort))
	case warts.TracelbUDPDport, warts.TracelbUDPSport, warts.TracelbTCPSport, warts.TracelbTCPAckSport:
		b = appendNum(b, " ", uint64(t.SrcPort))
		b = appendNum(b, ":", uint64(t.DstPort))
	}
	b = appendHex(b, ", tos: 0x", uint64(t.ToS), 2)
	b = appendNum(b, "\n firsthop: ", uint64(t.FirstHop))
	b = appendNum(b, ", attempts: ", uint64(t.Attempts))
	b = appendNum(b, ", confidence: ", uint64(t.Confidence))
	b = appendNum(b, "\n probe-size: ", uint64(t.ProbeSize))
	b = append(b, ", wait-probe: "...)
	b = render.AppendWait(b, t.WaitProbe)
	b = append(b, ", wait-timeout: "...)
	b = render.AppendWait(b, t.Wait)
	b = appendNum(b, "\n nodec: ", uint64(len(t.Nodes)))
	b = appendNum(b, ", linkc: ", uint64(len(t.Links)))
	b = appendSigned(b, ", probec: ", t.ProbeCount)
	b = appendSigned(b, ", probec_max: ", t.ProbeMax)
	b = append(b, '\n')
	if t.Flags != 0 {
		b = append(b, " flags:"...)
		if t.Flags&warts.TracelbPTR != 0 {
			b = append(b, " ptr"...)
		}
		b = append(b, '\n')
	}
	b = appendErrMsg(b, t.ErrMsg, t.Kept.Has(render.TracelbErrMsg))
	for node, links := range render.LinksByNode(t) {
		n := &t.Nodes[node]
		b = appendNum(b, "node ", uint64(node))
		b = append(b, ' ')
		b = render.AppendAddrOrStar(b, n.Addr)
		if n.Flags&warts.TracelbNodeQTTL != 0 {
			b = appendNum(b, ", q-ttl ", uint64(n.QuoTTL))
		}
		b = appendText(b, ", name ", n.Name, n.Kept.Has(render.TracelbNodeName))
		b = append(b, '\n')
		for _, link := range links {
			b = appendTracelbLink(b, t, n, link)
		}
	}
	return append(b, '\n')
}

func appendTracelbLink(b []byte, t *warts.Tracelb, from *warts.TracelbNode, link *warts.TracelbLink) []byte {
	b = append(b, " link "...)
	b = render.AppendAddrOrStar(b, from.Addr)
	b = append(b, " -> "...)
	if link.To < 0 {
		b = append(b, '*')
	} else {
		b = appendAddrOrNull(b, render.LinkEnd(t, link))
	}
	b = appendNum(b, " hopc ", uint64(len(link.Sets)))
	b = append(b, '\n')
	for i := range link.Sets {
		for j := range link.Sets[i].Probes {
			b = appendTracelbProbe(b, &link.Sets[i].Probes[j])
		}
	}
	return b
}

// appendAddrOrNull appends an address, or <null> for an unknown one.
func appendAddrOrNull(b []byte, a warts.Addr) []byte {
	if !a.IsValid() {
		return append(b, "<null>"...)
	}
	return a.AppendTo(b)
}

func appendTracelbProbe(b []byte, probe *warts.TracelbProbe) []byte {
	b = appendNum(b, "  probe flowid: ", uint64(probe.FlowID))
	b = appendNum(b, ", ttl: ", uint64(probe.TTL))
	b = appendNum(b, ", attempt: ", uint64(probe.Attempt))
	b = appendAbsolute(b, ", tx: ", probe.TX)
	b = append(b, '\n')
	for i := range probe.Replies {
		r := &probe.Replies[i]
		b = appendAddr(b, "   reply from: ", r.Addr)
		b = append(b, ", rtt: "...)
		b = render.AppendSince(b, r.RX, probe.TX)
		b = appendNum(b, ", ttl: ", uint64(r.TTL))
		if r.Addr.Is4() {
			b = appendHex(b, ", ipid: 0x", uint64(r.IPID), 4)
		}
		b = append(b, '\n')
		if r.IsTCP() {
			b = appendHex(b, "     tcp flags 0x", uint64(r.TCPFlags), 2)
			b = appendTCPFlags(b, r.TCPFlags)
			b = append(b, '\n')
			continue
		}
		b = appendNum(b, "     icmp: ", uint64(r.ICMPType))
		b = appendNum(b, "/", uint64(r.ICMPCode))
		if render.TracelbQuotes(r) {
			b = appendHex(b, ", q-tos: 0x", uint64(r.QuoToS), 2)
			b = appendNum(b, ", q-ttl: ", uint64(r.QuoTTL))
		}
		b = append(b, '\n')
		for _, ext := range r.Exts {
			b = appendTracelbMPLS(b, ext)
		}
	}
	return b
}

// appendTracelbMPLS appends a line for each label of a stack; nothing for other extensions.
func appendTracelbMPLS(b []byte, ext warts.ICMPExt) []byte {
	for i, label := range ext.Labels() {
		if i == 0 {
			b = append(b, "     icmp-ext mpls"...)
		} else {
			b = append(b, "            "...)
		}
		b = appendNum(b, ": label ", uint64(label.Label))
		b = appendNum(b, " exp ", uint64(label.Exp))
		b = appendNum(b, " s ", uint64(label.S))
		b = appendNum(b, " ttl ", uint64(label.TTL))
		b = append(b, '\n')
	}
	return b
}
