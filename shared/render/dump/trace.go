package dump

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendTrace appends the dump of a trace.
func AppendTrace(b []byte, t *warts.Trace) []byte {
	b = appendFromTo(b, "traceroute", t.Src, t.Dst)
	b = appendOrigin(b, t.List, t.Cycle, t.UserID)
	if t.Router.IsValid() {
		b = appendAddr(b, " rtr: ", t.Router)
		b = append(b, '\n')
	}
	b = appendTime(b, " start: ", t.Start)
	b = appendTraceType(b, t)
	if d := t.Doubletree; d != nil {
		b = appendDoubletree(b, d)
	}
	b = appendTraceParams(b, t)
	if t.Flags != 0 {
		b = appendTraceFlags(b, t.Flags)
	}
	b = appendTraceStop(b, t)
	b = appendErrMsg(b, t.ErrMsg, t.Kept.Has(render.TraceErrMsg))
	b = appendHops(b, t, t.Probes)
	if t.LastDitch != nil {
		b = appendHops(b, t, t.LastDitch.Probes)
	}
	if t.PMTUD != nil {
		b = appendPMTUD(b, t)
	}
	return append(b, '\n')
}

func appendTraceType(b []byte, t *warts.Trace) []byte {
	b = append(b, " type: "...)
	switch t.Method {
	case warts.TraceICMPEcho:
		b = appendNum(b, "icmp, echo id: ", uint64(t.SrcPort))
	case warts.TraceICMPEchoParis:
		b = appendNum(b, "icmp paris, echo id: ", uint64(t.SrcPort))
		if t.Flags&warts.TraceICMPCsumDport != 0 {
			b = appendHex(b, ", csum: 0x", uint64(t.DstPort), 4)
		}
	case warts.TraceUDP:
		b = appendNum(b, "udp, sport: ", uint64(t.SrcPort))
		b = appendNum(b, ", base dport: ", uint64(t.DstPort))
	case warts.TraceUDPParis, warts.TraceTCP, warts.TraceTCPAck:
		name := "udp paris"
		if t.Method != warts.TraceUDPParis {
			name = t.Method.String()
		}
		b = append(b, name...)
		b = appendNum(b, ", sport: ", uint64(t.SrcPort))
		b = appendNum(b, ", dport: ", uint64(t.DstPort))
	default:
		b = appendNum(b, "", uint64(t.Method))
	}
	if t.Offset != 0 {
		b = appendNum(b, ", offset ", uint64(t.Offset))
	}
	return append(b, '\n')
}

func appendDoubletree(b []byte, d *warts.TraceDoubletree) []byte {
	b = appendNum(b, " doubletree firsthop: ", uint64(d.FirstHop))
	b = appendText(b, ", lss-name: ", d.LSSName, d.Kept.Has(render.DoubletreeLSSName))
	if d.LSSStop.IsValid() {
		b = appendAddr(b, ", lss-stop: ", d.LSSStop)
	}
	if d.GSSStop.IsValid() {
		b = appendAddr(b, ", gss-stop: ", d.GSSStop)
	}
	return append(b, '\n')
}

func appendTraceParams(b []byte, t *warts.Trace) []byte {
	b = appendNum(b, " attempts: ", uint64(t.Attempts))
	b = appendNum(b, ", hoplimit: ", uint64(t.HopLimit))
	b = appendNum(b, ", loops: ", uint64(t.Loops))
	b = appendNum(b, ", probec: ", uint64(t.ProbeCount))
	b = appendNum(b, ", hopcount: ", uint64(t.HopCount))
	if t.StopHop != 0 {
		b = appendNum(b, ", stophop: ", uint64(t.StopHop))
	}
	b = appendNum(b, "\n squeries: ", uint64(max(t.Squeries, 1)))
	b = appendNum(b, ", firsthop: ", uint64(render.TraceFirstHop(t)))
	b = appendNum(b, ", gaplimit: ", uint64(t.GapLimit))
	b = append(b, ", gapaction: "...)
	b = append(b, t.GapAction.String()...)
	b = append(b, "\n wait-timeout: "...)
	b = render.AppendWait(b, t.Wait)
	if t.WaitProbe != 0 {
		b = append(b, ", wait-probe: "...)
		b = render.AppendWait(b, t.WaitProbe)
	}
	if t.Confidence != 0 {
		b = appendNum(b, ", confidence: ", uint64(t.Confidence))
		b = append(b, '%')
	}
	b = appendHex(b, ", tos: 0x", uint64(t.ToS), 1)
	return append(b, '\n')
}

func appendTraceFlags(b []byte, flags warts.TraceFlags) []byte {
	b = appendHex(b, " flags: 0x", uint64(flags), 8)
	b = append(b, " ("...)
	for bit := range 32 {
		if flags>>bit&1 == 0 {
			continue
		}
		b = append(b, ' ')
		if bit < len(render.TraceFlagNames) {
			b = append(b, render.TraceFlagNames[bit]...)
		} else {
			b = appendHex(b, "0x", 1<<bit, 8)
		}
	}
	return append(b, " )\n"...)
}

// Names of the unreachable codes; those that are missing are shown by number.
var (
	unreach4Names = [...]string{
		"net", "host", "protocol", "port", "need frag", "src-rt failed", "net unknown", "host unknown", "isolated",
		"net prohib", "host prohib", "tos net", "tos host", "admin prohib",
	}
	unreach6Names = [...]string{"no route", "admin prohib", "beyond scope", "addr", "port"}
)

func appendTraceStop(b []byte, t *warts.Trace) []byte {
	b = append(b, " stop reason: "...)
	b = append(b, t.StopReason.String()...)
	switch t.StopReason {
	case warts.TraceStopUnreach:
		names := unreach4Names[:]
		if t.Dst.Is6() {
			names = unreach6Names[:]
		}
		b = append(b, ' ')
		if int(t.StopData) < len(names) {
			b = append(b, names[t.StopData]...)
		} else {
			b = render.AppendUint(b, uint64(t.StopData))
		}
	case warts.TraceStopICMP, warts.TraceStopError:
		b = appendNum(b, " ", uint64(t.StopData))
	}
	return append(b, '\n')
}

func appendHops(b []byte, t *warts.Trace, probes []warts.TraceProbe) []byte {
	for i := range probes {
		for j := range probes[i].Replies {
			b = appendHop(b, t, &probes[i], &probes[i].Replies[j])
		}
	}
	return b
}

var hopFlagNames = [...]struct {
	flag warts.TraceHopFlags
	name string
}{
	{warts.TraceHopSockRX, " sockrxts"},
	{warts.TraceHopDLTX, " dltxts"},
	{warts.TraceHopDLRX, " dlrxts"},
	{warts.TraceHopTTL, " replyttl"},
}

func appendHop(b []byte, t *warts.Trace, probe *warts.TraceProbe, r *warts.TraceReply) []byte {
	b = append(b, "hop "...)
	b = render.AppendSpacePadded(b, int64(probe.TTL), 2)
	b = appendAddr(b, "  ", r.Addr)
	b = appendText(b, " name ", r.Name, r.Kept.Has(render.TraceReplyName))
	b = appendNum(b, "\n attempt: ", uint64(render.Attempt(probe, r)))
	if probe.TX.Sec != 0 {
		b = append(b, ", tx: "...)
		b = render.AppendSince(b, probe.TX, t.Start)
		b = append(b, 's')
	}
	b = append(b, ", rtt: "...)
	b = render.AppendSigned6(b, r.RTT)
	b = appendNum(b, "s, probe-size: ", uint64(probe.Size))
	b = append(b, "\n "...)
	if r.Flags&warts.TraceHopTTL != 0 {
		b = appendNum(b, "reply-ttl: ", uint64(r.TTL))
		b = append(b, ", "...)
	}
	if t.Flags&warts.TraceRXErr == 0 {
		b = appendNum(b, "reply-size: ", uint64(r.Size))
		b = append(b, ", "...)
		if r.Addr.Is4() {
			b = appendHex(b, "reply-ipid: 0x", uint64(r.IPID), 4)
			b = append(b, ", "...)
		}
	}
	b = appendHex(b, "reply-tos: 0x", uint64(r.ToS), 2)
	b = append(b, '\n')
	switch {
	case r.Flags&warts.TraceHopTCP != 0:
		flags := render.TraceTCPFlags(r)
		b = appendHex(b, " tcp-flags: 0x", uint64(flags), 2)
		b = appendTCPFlags(b, flags)
		b = append(b, '\n')
	case r.IsICMP():
		b = appendNum(b, " icmp-type: ", uint64(r.ICMPType))
		b = appendNum(b, ", icmp-code: ", uint64(r.ICMPCode))
		if r.Quotes() {
			b = appendNum(b, ", q-ttl: ", uint64(r.QuoTTL))
			b = appendNum(b, ", q-len: ", uint64(r.QuoLen))
			b = appendNum(b, ", q-tos ", uint64(r.QuoToS))
		}
		if r.IsPTB() {
			b = appendNum(b, ", nhmtu: ", uint64(r.NextMTU))
		}
		b = append(b, '\n')
	}
	b = appendHex(b, " flags: 0x", uint64(r.Flags), 2)
	if r.Flags != 0 {
		b = append(b, " ("...)
		for _, f := range hopFlagNames {
			if r.Flags&f.flag != 0 {
				b = append(b, f.name...)
			}
		}
		b = append(b, " )"...)
	}
	b = append(b, '\n')
	for _, ext := range r.Exts {
		b = appendMPLS(b, ext)
	}
	return b
}

// appendMPLS appends a line for each label of a stack; nothing for other extensions.
func appendMPLS(b []byte, ext warts.ICMPExt) []byte {
	for i, label := range ext.Labels() {
		if i == 0 {
			b = append(b, " mpls ext"...)
		} else {
			b = append(b, "         "...)
		}
		b = appendNum(b, " ttl: ", uint64(label.TTL))
		b = appendNum(b, ", s: ", uint64(label.S))
		b = appendNum(b, ", exp: ", uint64(label.Exp))
		b = appendNum(b, ", label: ", uint64(label.Label))
		b = append(b, '\n')
	}
	return b
}

func appendPMTUD(b []byte, t *warts.Trace) []byte {
	d := t.PMTUD
	b = appendNum(b, "pmtud: ver ", uint64(d.Version))
	b = appendNum(b, " ifmtu ", uint64(d.IfMTU))
	b = appendNum(b, ", outmtu ", uint64(d.OutMTU))
	b = appendNum(b, ", pmtu ", uint64(d.PathMTU))
	if d.OutMTU != 0 {
		// Yes, again.
		b = appendNum(b, ", outmtu ", uint64(d.OutMTU))
	}
	if len(d.Notes) > 0 {
		b = appendNum(b, ", notec ", uint64(len(d.Notes)))
	}
	b = append(b, '\n')
	for i, note := range d.Notes {
		b = appendNum(b, " note ", uint64(i))
		b = appendNum(b, ": nhmtu ", uint64(note.NextMTU))
		b = append(b, ", "...)
		probe, r := d.ReplyAt(note.Reply)
		switch note.Type {
		case warts.TraceNotePTB:
			b = append(b, "ptb "...)
			if r != nil {
				b = r.Addr.AppendTo(b)
			}
		case warts.TraceNotePTBBad:
			if r != nil {
				b = appendAddr(b, "ptb-bad ", r.Addr)
				b = appendNum(b, " mtu ", uint64(r.NextMTU))
			}
		case warts.TraceNoteSilence:
			ttl := uint8(0)
			if probe != nil {
				ttl = probe.TTL
			}
			b = appendNum(b, "silence > ttl ", uint64(ttl))
		default:
			b = appendNum(b, "type-", uint64(note.Type))
		}
		b = append(b, '\n')
	}
	return appendHops(b, t, d.Probes)
}
