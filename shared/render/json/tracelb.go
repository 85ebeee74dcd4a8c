package json

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendTracelb appends the line of a tracelb. This object has a space after most of its commas.
func AppendTracelb(b []byte, t *warts.Tracelb) []byte {
	b = appendTracelbHeader(b, t)
	some := false
	for node, links := range render.LinksByNode(t) {
		if len(links) == 0 {
			continue
		}
		if some {
			b = append(b, ',')
		} else {
			b = append(b, `, "nodes":[`...)
			some = true
		}
		b = appendTracelbNode(b, t, &t.Nodes[node], links)
	}
	if some {
		b = append(b, ']')
	}
	return append(b, "}\n"...)
}

func appendTracelbHeader(b []byte, t *warts.Tracelb) []byte {
	b = appendUintKey(b, `{"type":"tracelb", "version":"0.1", "userid":`, uint64(t.UserID))
	b = appendStringKey(b, `, "method":`, t.Method.String())
	b = appendAddrKey(b, `, "src":`, t.Src)
	b = appendAddrKey(b, `, "dst":`, t.Dst)
	b = appendAddrKey(b, `, "rtr":`, t.Router)
	switch t.Method {
	case warts.TracelbUDPDport, warts.TracelbUDPSport, warts.TracelbTCPSport, warts.TracelbTCPAckSport:
		b = appendUintKey(b, `, "sport":`, uint64(t.SrcPort))
		b = appendUintKey(b, `, "dport":`, uint64(t.DstPort))
	}
	b = appendUintKey(b, `, "start":{"sec":`, uint64(t.Start.Sec))
	b = appendUintKey(b, `, "usec":`, uint64(t.Start.Usec))
	b = append(b, `, "ftime":"`...)
	b = render.AppendDateTime(b, t.Start.Sec)
	b = append(b, `"}`...)
	b = appendUintKey(b, `, "probe_size":`, uint64(t.ProbeSize))
	b = appendUintKey(b, `, "firsthop":`, uint64(t.FirstHop))
	b = appendUintKey(b, `, "attempts":`, uint64(t.Attempts))
	b = appendUintKey(b, `, "confidence":`, uint64(t.Confidence))
	b = appendUintKey(b, `, "tos":`, uint64(t.ToS))
	b = appendUintKey(b, `, "gaplimit":`, uint64(t.GapLimit))
	b = appendUintKey(b, `, "wait_timeout":`, uint64(t.Wait.Seconds()))
	b = appendUintKey(b, `, "wait_probe":`, uint64(t.WaitProbe.Milliseconds()/10))
	b = appendUintKey(b, `, "probec":`, uint64(t.ProbeCount))
	b = appendUintKey(b, `, "probec_max":`, uint64(t.ProbeMax))
	b = appendUintKey(b, `, "nodec":`, uint64(len(t.Nodes)))
	b = appendUintKey(b, `, "linkc":`, uint64(len(t.Links)))
	b = appendTextKey(b, `,"errmsg":`, t.ErrMsg, t.Kept.Has(render.TracelbErrMsg))
	return appendMonitorKey(b, t.List)
}

func appendTracelbNode(b []byte, t *warts.Tracelb, n *warts.TracelbNode, links []*warts.TracelbLink) []byte {
	b = append(b, `{"addr":"`...)
	b = render.AppendAddrOrStar(b, n.Addr)
	b = append(b, '"')
	b = appendTextKey(b, `, "name":`, n.Name, n.Kept.Has(render.TracelbNodeName))
	if n.Flags&warts.TracelbNodeQTTL != 0 {
		b = appendUintKey(b, `, "q_ttl":`, uint64(n.QuoTTL))
	}
	b = appendUintKey(b, `, "linkc":`, uint64(len(links)))
	b = append(b, `, "links":[`...)
	if len(links) == 1 {
		b = appendLinkHops(b, t, links[0])
	} else {
		b = appendLinkEnds(b, t, links)
	}
	return append(b, "]}"...)
}

// appendLinkEnds appends the one hop of a node with several links: where each of them leads.
func appendLinkEnds(b []byte, t *warts.Tracelb, links []*warts.TracelbLink) []byte {
	b = append(b, '[')
	for i, link := range links {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		end := render.LinkEnd(t, link)
		b = appendAddrKey(b, `"addr":`, end)
		if end.IsValid() {
			b = append(b, ", "...)
		}
		b = append(b, `"probes":[`...)
		if len(link.Sets) > 0 {
			b = appendTracelbProbes(b, &link.Sets[0], end, true)
		}
		b = append(b, "]}"...)
	}
	return append(b, ']')
}

// appendLinkHops appends the hops of the only link of a node.
func appendLinkHops(b []byte, t *warts.Tracelb, link *warts.TracelbLink) []byte {
	var addrs []warts.Addr
	for i := range link.Sets {
		set := &link.Sets[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '[')
		if i < len(link.Sets)-1 {
			b, addrs = appendSet(b, set, addrs)
		} else if end := render.LinkEnd(t, link); end.IsValid() {
			b = appendProbesOf(b, set, end, true)
		} else {
			b = append(b, `{"addr":"*"}`...)
		}
		b = append(b, ']')
	}
	return b
}

// appendSet appends the addresses that replied at a hop, each with its probes, and a star if some flows got no reply.
// addrs is scratch space.
func appendSet(b []byte, set *warts.TracelbSet, addrs []warts.Addr) ([]byte, []warts.Addr) {
	s := render.Summarize(set, addrs)
	for i, addr := range s.Addrs {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendProbesOf(b, set, addr, false)
	}
	if s.Silent > 0 {
		if len(s.Addrs) > 0 {
			b = append(b, ", "...)
		}
		b = append(b, `{"addr":"*"}`...)
	}
	return b, s.Addrs
}

func appendProbesOf(b []byte, set *warts.TracelbSet, addr warts.Addr, unanswered bool) []byte {
	b = appendAddrKey(b, `{"addr":`, addr)
	b = append(b, `, "probes":[`...)
	b = appendTracelbProbes(b, set, addr, unanswered)
	return append(b, "]}"...)
}

// appendTracelbProbes appends the probes of a set with the replies that came from addr, or all replies if addr is not
// valid. unanswered says whether probes without such a reply are shown.
func appendTracelbProbes(b []byte, set *warts.TracelbSet, addr warts.Addr, unanswered bool) []byte {
	some := false
	for i := range set.Probes {
		probe := &set.Probes[i]
		replies := 0
		for j := range probe.Replies {
			if !addr.IsValid() || probe.Replies[j].Addr == addr {
				replies++
			}
		}
		if replies == 0 && !unanswered {
			continue
		}
		if some {
			b = append(b, ',')
		}
		some = true
		b = append(b, `{"tx":`...)
		b = appendSpacedTime(b, probe.TX)
		b = appendUintKey(b, `, "replyc":`, uint64(replies))
		b = appendUintKey(b, `, "ttl":`, uint64(probe.TTL))
		b = appendUintKey(b, `, "attempt":`, uint64(probe.Attempt))
		b = appendUintKey(b, `, "flowid":`, uint64(probe.FlowID))
		sep := `, "replies":[`
		for j := range probe.Replies {
			if r := &probe.Replies[j]; !addr.IsValid() || r.Addr == addr {
				b = append(b, sep...)
				b = appendTracelbReply(b, probe, r)
				sep = ","
			}
		}
		if replies > 0 {
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	return b
}

func appendTracelbReply(b []byte, probe *warts.TracelbProbe, r *warts.TracelbReply) []byte {
	b = append(b, `{"rx":`...)
	b = appendSpacedTime(b, r.RX)
	b = appendUintKey(b, `, "ttl":`, uint64(r.TTL))
	b = appendRTTKey(b, `, "rtt":`, uint32(r.RX.Sub(probe.TX).Microseconds()))
	if r.Addr.Is4() {
		b = appendUintKey(b, `, "ipid":`, uint64(r.IPID))
	}
	if r.IsTCP() {
		b = appendUintKey(b, `, "tcp_flags":`, uint64(r.TCPFlags))
	} else {
		b = appendUintKey(b, `, "icmp_type":`, uint64(r.ICMPType))
		b = appendUintKey(b, `, "icmp_code":`, uint64(r.ICMPCode))
		b = appendUintKey(b, `, "icmp_q_tos":`, uint64(r.QuoToS))
		if render.TracelbQuotes(r) {
			b = appendUintKey(b, `, "icmp_q_ttl":`, uint64(r.QuoTTL))
		}
	}
	b = appendExts(b, r.Exts)
	return append(b, '}')
}
