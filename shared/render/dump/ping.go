package dump

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendPing appends the dump of a ping.
func AppendPing(b []byte, p *warts.Ping) []byte {
	b = append(b, "ping"...)
	if p.Src.IsValid() {
		b = appendAddr(b, " from ", p.Src)
		if p.Flags&warts.PingSpoof != 0 {
			b = append(b, " (spoofed)"...)
		}
	}
	b = appendAddr(b, " to ", p.Dst)
	b = append(b, '\n')
	b = appendOrigin(b, p.List, p.Cycle, p.UserID)
	if p.Router.IsValid() {
		b = appendAddr(b, " rtr: ", p.Router)
		b = append(b, '\n')
	}
	b = appendTime(b, " start: ", p.Start)
	b = appendPingParams(b, p)
	b = appendErrMsg(b, p.ErrMsg, p.Kept.Has(render.PingErrMsg))
	if p.Flags != 0 {
		b = append(b, " flags:"...)
		if uint64(p.Flags)&(1<<len(render.PingFlagNames)-1) != 0 {
			b = append(b, ' ')
			b = appendNames(b, uint64(p.Flags), render.PingFlagNames, ", ")
		}
		b = append(b, '\n')
	}
	b = appendPingMethod(b, p)
	if len(p.TSPreSpec) > 0 {
		b = append(b, " timestamp-prespec:"...)
		for _, addr := range p.TSPreSpec {
			b = appendAddr(b, " ", addr)
		}
		b = append(b, '\n')
	}
	if len(p.Data) > 0 {
		what := " pattern bytes ("
		if p.Flags&warts.PingPayload != 0 {
			what = " payload bytes ("
		}
		b = appendNum(b, what, uint64(len(p.Data)))
		b = append(b, "): "...)
		b = render.AppendHexBytes(b, p.Data)
		b = append(b, '\n')
	}
	b = appendNum(b, " probes-sent: ", uint64(p.Sent))
	b = append(b, ", stop-reason: "...)
	b = append(b, p.StopReason.String()...)
	if p.StopReason == warts.PingStopError {
		b = appendNum(b, " ", uint64(p.StopData))
	}
	b = append(b, '\n')
	for i := range p.Probes {
		for j := range p.Probes[i].Replies {
			b = appendPingReply(b, p, &p.Probes[i], &p.Probes[i].Replies[j])
		}
	}
	return append(b, '\n')
}

func appendPingParams(b []byte, p *warts.Ping) []byte {
	b = appendNum(b, " probe-count: ", uint64(p.ProbeCount))
	if p.ReplyCount != 0 {
		b = appendNum(b, ", replies-req: ", uint64(p.ReplyCount))
	}
	b = appendNum(b, ", size: ", uint64(p.Size))
	if p.ReplyPMTU != 0 {
		b = appendNum(b, ", reply-pmtu: ", uint64(p.ReplyPMTU))
	}
	b = append(b, ", wait: "...)
	b = render.AppendWait(b, p.Wait)
	b = append(b, ", timeout: "...)
	b = render.AppendWait(b, p.Timeout)
	b = appendNum(b, ", ttl: ", uint64(p.TTL))
	b = appendHex(b, ", tos: 0x", uint64(p.ToS), 2)
	return append(b, '\n')
}

func appendPingMethod(b []byte, p *warts.Ping) []byte {
	b = append(b, " method: "...)
	b = append(b, p.Method.String()...)
	switch m := p.Method; {
	case m.IsICMP():
		b = appendNum(b, ", icmp-id: ", uint64(p.SrcPort))
		if p.Flags&warts.PingICMPSum != 0 {
			b = appendHex(b, ", icmp-csum: 0x", uint64(p.ICMPSum), 4)
		}
	case m.VariesSport():
		b = appendNum(b, ", base-sport: ", uint64(p.SrcPort))
		b = appendNum(b, ", dport: ", uint64(p.DstPort))
	case m.VariesDport():
		b = appendNum(b, ", sport: ", uint64(p.SrcPort))
		b = appendNum(b, ", base-dport ", uint64(p.DstPort))
	case m.IsTCP() || m.IsUDP():
		b = appendNum(b, ", sport: ", uint64(p.SrcPort))
		b = appendNum(b, ", dport: ", uint64(p.DstPort))
	}
	if p.Method.IsTCP() {
		b = appendNum(b, ", seq: ", uint64(p.TCPSeq))
		b = appendNum(b, ", ack: ", uint64(p.TCPAck))
	}
	return append(b, '\n')
}

func appendPingReply(b []byte, p *warts.Ping, probe *warts.PingProbe, r *warts.PingReply) []byte {
	b = appendAddr(b, "reply from ", r.Addr)
	b = appendNum(b, ", attempt: ", uint64(probe.ID)+1)
	if probe.TX.Compare(p.Start) >= 0 {
		b = append(b, ", tx: "...)
		b = render.AppendSince(b, probe.TX, p.Start)
		b = append(b, 's')
	}
	b = append(b, ", rtt: "...)
	b = render.AppendSigned6(b, r.RTT)
	b = appendNum(b, "s\n size: ", uint64(r.Size))
	if r.Flags&warts.PingReplyTTL != 0 {
		b = appendNum(b, ", ttl: ", uint64(r.TTL))
	}
	if r.Flags&warts.PingReplyToS != 0 {
		b = appendHex(b, ", tos: 0x", uint64(r.ToS), 2)
	}
	if probe.SrcPort != 0 {
		b = appendNum(b, ", probe-sport: ", uint64(probe.SrcPort))
	}
	if r.Flags&warts.PingReplyProbeIPID != 0 {
		b = appendHex(b, ", probe-ipid: 0x", uint64(probe.IPID), 4)
	}
	b = appendText(b, ", ifname: ", r.IfName, r.Kept.Has(render.PingReplyIfName))
	if r.Flags&warts.PingReplyIPID != 0 {
		if r.Addr.Is4() {
			b = appendHex(b, ", reply-ipid: 0x", uint64(uint16(r.IPID)), 4)
		} else {
			b = appendHex(b, ", reply-ipid32: 0x", uint64(r.IPID), 8)
		}
	}
	if r.Flags&warts.PingReplyDLTX != 0 {
		b = append(b, ", dltx"...)
	}
	if r.Flags&warts.PingReplyDLRX != 0 {
		b = append(b, ", dlrx"...)
	}
	b = append(b, '\n')
	switch {
	case r.IsICMP():
		b = appendNum(b, " icmp type: ", uint64(r.ICMPType))
		b = appendNum(b, ", code: ", uint64(r.ICMPCode))
		if r.IsPTB() {
			b = appendNum(b, ", nhmtu: ", uint64(r.NextMTU))
		}
		b = append(b, '\n')
	case r.IsTCP():
		b = appendHex(b, " tcp flags: ", uint64(r.TCPFlags), 2)
		b = appendTCPFlags(b, r.TCPFlags)
		b = append(b, '\n')
	}
	if s := r.TSICMP; s != nil {
		b = append(b, " icmp-tsreply: tso="...)
		b = render.AppendMidnight(b, s.Originate)
		b = append(b, " tsr="...)
		b = render.AppendMidnight(b, s.Receive)
		b = append(b, " tst="...)
		b = render.AppendMidnight(b, s.Transmit)
		b = append(b, '\n')
	}
	b = appendRecordRoute(b, r.RR)
	return appendTimestamps(b, r.TS)
}

// appendRecordRoute appends the addresses of a record route option, three to a line.
func appendRecordRoute(b []byte, rr []warts.Addr) []byte {
	if len(rr) == 0 {
		return b
	}
	b = append(b, " record route:"...)
	for i, addr := range rr {
		if i > 0 && i%3 == 0 {
			b = append(b, "\n              "...)
		}
		b = append(b, ' ')
		start := len(b)
		b = addr.AppendTo(b)
		b = render.Pad(b, start, 15)
	}
	return append(b, '\n')
}

// appendTimestamps appends an IP timestamp option: two to a line with addresses, three without.
func appendTimestamps(b []byte, ts *warts.PingTimestamps) []byte {
	if ts == nil {
		return b
	}
	b = appendNum(b, " IP timestamp option: tsc ", uint64(len(ts.Stamps)))
	for i, stamp := range ts.Stamps {
		if i >= len(ts.Addrs) {
			if i%3 == 0 {
				b = append(b, "\n  "...)
			}
			b = appendHex(b, " 0x", uint64(stamp), 8)
			continue
		}
		if i%2 == 0 {
			b = append(b, "\n  "...)
		} else {
			b = append(b, "    "...)
		}
		start := len(b)
		b = ts.Addrs[i].AppendTo(b)
		b = render.Pad(b, start, 15)
		b = appendHex(b, " 0x", uint64(stamp), 8)
	}
	return append(b, '\n')
}
