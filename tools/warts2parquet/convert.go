package warts2parquet

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

func newOrigin(l *warts.List, c *warts.Cycle, user uint32, src, dst, router warts.Addr, start warts.Time) origin {
	o := origin{
		UserID: user, Src: addr(src), Dst: dst.String(), Router: addr(router), Start: start.UnixMicro(),
	}
	if l != nil {
		o.ListID, o.ListName, o.Monitor = &l.ID, text(l.Name), text(l.Monitor)
	}
	if c != nil {
		o.CycleID = &c.ID
	}
	return o
}

// text is a text, nil for none.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// addr is the text of an address, nil for none.
func addr(a warts.Addr) *string { return text(a.String()) }

// moment is a time, nil if it isn't known.
func moment(t warts.Time) *int64 {
	if t.Sec == 0 {
		return nil
	}
	us := t.UnixMicro()
	return &us
}

// when is a value if there is one.
func when[T any](known bool, v T) *T {
	if !known {
		return nil
	}
	return &v
}

// names are the names of flags that are set; bits without a name are left out.
func names(flags uint64, table []string) []string {
	var set []string
	for bit, name := range table {
		if flags>>bit&1 != 0 {
			set = append(set, name)
		}
	}
	return set
}

func labels(exts []warts.ICMPExt) []mplsRow {
	var rows []mplsRow
	for _, ext := range exts {
		for _, label := range ext.Labels() {
			rows = append(rows, mplsRow{label.Label, label.Exp, label.S, label.TTL})
		}
	}
	return rows
}

func newTrace(t *warts.Trace) traceRow {
	row := traceRow{
		origin:     newOrigin(t.List, t.Cycle, t.UserID, t.Src, t.Dst, t.Router, t.Start),
		StopReason: t.StopReason.String(), StopData: t.StopData,
		HopCount: t.HopCount, StopHop: when(t.StopHop != 0, t.StopHop), FirstHop: uint8(render.TraceFirstHop(t)),
		HopLimit: t.HopLimit, Attempts: t.Attempts, GapLimit: t.GapLimit,
		WaitUS: t.Wait.Microseconds(), WaitProbe: t.WaitProbe.Microseconds(),
		ToS: t.ToS, ProbeSize: t.ProbeSize, ProbeCount: t.ProbeCount,
		Flags: names(uint64(t.Flags), render.TraceFlagNames),
	}
	row.Method, row.SrcPort, row.DstPort, row.ErrMsg = t.Method.String(), t.SrcPort, t.DstPort, text(t.ErrMsg)
	if t.PMTUD != nil {
		row.PathMTU = &t.PMTUD.PathMTU
	}
	for i := range t.Probes {
		for j := range t.Probes[i].Replies {
			row.Hops = append(row.Hops, newHop(t, &t.Probes[i], &t.Probes[i].Replies[j]))
		}
	}
	return row
}

func newHop(t *warts.Trace, p *warts.TraceProbe, r *warts.TraceReply) hopRow {
	sized := t.Flags&warts.TraceRXErr == 0
	quotes := r.Quotes() && sized
	return hopRow{
		Addr: r.Addr.String(), Name: text(r.Name), ProbeTTL: p.TTL, Attempt: p.ID + 1, ProbeSize: p.Size,
		TX: moment(p.TX), RTT: r.RTT.Microseconds(),
		TTL: when(r.Flags&warts.TraceHopTTL != 0, r.TTL), ToS: r.ToS,
		Size: when(sized, r.Size), IPID: when(sized && r.Addr.Is4(), r.IPID),
		ICMPType: when(r.IsICMP(), r.ICMPType), ICMPCode: when(r.IsICMP(), r.ICMPCode),
		QuoTTL: when(quotes, r.QuoTTL), QuoLen: when(quotes, r.QuoLen), QuoToS: when(quotes, r.QuoToS),
		NextMTU: when(r.IsPTB(), r.NextMTU), TCPFlags: when(r.Flags&warts.TraceHopTCP != 0, r.TCPFlags),
		MPLS: labels(r.Exts),
	}
}

func newPing(p *warts.Ping) pingRow {
	s := render.Statistics(p)
	answered := s.Replies > 0
	row := pingRow{
		origin:     newOrigin(p.List, p.Cycle, p.UserID, p.Src, p.Dst, p.Router, p.Start),
		StopReason: p.StopReason.String(), StopData: p.StopData,
		ProbeCount: p.ProbeCount, Sent: p.Sent, ProbeSize: p.Size,
		WaitUS: p.Wait.Microseconds(), TimeoutUS: p.Timeout.Microseconds(), TTL: p.TTL, ToS: p.ToS,
		Flags:   names(uint64(p.Flags), render.PingFlagNames),
		Replies: uint16(s.Replies), Dups: uint32(s.Dups), Errs: uint32(s.Errs),
		MinRTT: when(answered, int64(s.Min)), AvgRTT: when(answered, int64(s.Avg)),
		MaxRTT: when(answered, int64(s.Max)), StdDevRTT: when(answered, int64(s.StdDev)),
	}
	row.Method, row.SrcPort, row.DstPort, row.ErrMsg = p.Method.String(), p.SrcPort, p.DstPort, text(p.ErrMsg)
	for i := range p.Probes {
		for j := range p.Probes[i].Replies {
			row.Responses = append(row.Responses, newPingReply(&p.Probes[i], &p.Probes[i].Replies[j]))
		}
	}
	return row
}

func newPingReply(p *warts.PingProbe, r *warts.PingReply) pingReplyRow {
	return pingReplyRow{
		Addr: r.Addr.String(), Seq: p.ID, TX: moment(p.TX), RTT: r.RTT.Microseconds(), Size: r.Size,
		TTL:       when(r.Flags&warts.PingReplyTTL != 0, r.TTL),
		ToS:       when(r.Flags&warts.PingReplyToS != 0, r.ToS),
		IPID:      when(r.Flags&warts.PingReplyIPID != 0, r.IPID),
		ProbeIPID: when(p.Flags&warts.PingReplyProbeIPID != 0, p.IPID),
		Proto:     r.Proto,
		ICMPType:  when(r.IsICMP(), r.ICMPType), ICMPCode: when(r.IsICMP(), r.ICMPCode),
		NextMTU: when(r.IsPTB(), r.NextMTU), TCPFlags: when(r.IsTCP(), r.TCPFlags), IfName: text(r.IfName),
	}
}

func newTracelb(t *warts.Tracelb) tracelbRow {
	row := tracelbRow{
		origin:   newOrigin(t.List, t.Cycle, t.UserID, t.Src, t.Dst, t.Router, t.Start),
		FirstHop: t.FirstHop, Attempts: t.Attempts, Confidence: t.Confidence, GapLimit: t.GapLimit,
		WaitUS: t.Wait.Microseconds(), WaitProbe: t.WaitProbe.Microseconds(), ToS: t.ToS, ProbeSize: t.ProbeSize,
		ProbeCount: t.ProbeCount, ProbeMax: t.ProbeMax,
	}
	row.Method, row.SrcPort, row.DstPort, row.ErrMsg = t.Method.String(), t.SrcPort, t.DstPort, text(t.ErrMsg)
	for i := range t.Nodes {
		n := &t.Nodes[i]
		row.Nodes = append(row.Nodes, nodeRow{
			addr(n.Addr), text(n.Name), when(n.Flags&warts.TracelbNodeQTTL != 0, n.QuoTTL),
		})
	}
	for i := range t.Links {
		l := &t.Links[i]
		link := linkRow{From: l.From, To: when(l.To >= 0, uint16(l.To)), Hops: uint8(len(l.Sets))}
		for hop := range l.Sets {
			for j := range l.Sets[hop].Probes {
				link.Sent = append(link.Sent, newTracelbProbe(hop, &l.Sets[hop].Probes[j]))
			}
		}
		row.Links = append(row.Links, link)
	}
	return row
}

func newTracelbProbe(hop int, p *warts.TracelbProbe) tracelbProbeRow {
	row := tracelbProbeRow{
		Hop: uint8(hop), TX: p.TX.UnixMicro(), FlowID: p.FlowID, TTL: p.TTL, Attempt: p.Attempt,
	}
	for i := range p.Replies {
		r := &p.Replies[i]
		icmp := !r.IsTCP()
		row.Replies = append(row.Replies, tracelbReplyRow{
			Addr: r.Addr.String(), RX: r.RX.UnixMicro(), RTT: r.RX.Sub(p.TX).Microseconds(),
			TTL:      when(r.Flags&warts.TracelbReplyTTL != 0, r.TTL),
			IPID:     when(r.Addr.Is4(), r.IPID),
			ICMPType: when(icmp, r.ICMPType), ICMPCode: when(icmp, r.ICMPCode),
			QuoTTL: when(render.TracelbQuotes(r), r.QuoTTL), QuoToS: when(icmp, r.QuoToS),
			TCPFlags: when(r.IsTCP(), r.TCPFlags), MPLS: labels(r.Exts),
		})
	}
	return row
}
