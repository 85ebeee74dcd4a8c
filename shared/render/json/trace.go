package json

import (
	"strings"

	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendTrace appends the line of a trace.
func AppendTrace(b []byte, t *warts.Trace) []byte {
	b = appendTraceHeader(b, t)
	probes, extra := splitProbes(t)
	b = appendHops(b, `,"hops":[`, t, probes)
	b = appendHops(b, `,"extra_hops":[`, t, extra)
	b = appendNoHops(b, `,"no_hops":[`, probes)
	b = appendNoHops(b, `,"extra_no_hops":[`, extra)
	if t.PMTUD != nil && t.PMTUD.Version == 2 {
		b = appendPMTUD(b, t)
	}
	return append(b, "}\n"...)
}

// traceStopNames are the stop reasons in capitals.
var traceStopNames = func() (names [warts.TraceStopInProgress + 1]string) {
	for i := range names {
		names[i] = strings.ToUpper(warts.TraceStop(i).String())
	}
	return names
}()

func appendTraceHeader(b []byte, t *warts.Trace) []byte {
	b = append(b, `{"type":"trace","version":"0.1"`...)
	b = appendUintKey(b, `,"userid":`, uint64(t.UserID))
	b = appendStringKey(b, `,"method":`, t.Method.String())
	b = appendAddrKey(b, `,"src":`, t.Src)
	b = appendAddrKey(b, `,"dst":`, t.Dst)
	b = appendAddrKey(b, `,"rtr":`, t.Router)
	switch t.Method {
	case warts.TraceUDP, warts.TraceUDPParis, warts.TraceTCP, warts.TraceTCPAck:
		b = appendUintKey(b, `,"sport":`, uint64(t.SrcPort))
		b = appendUintKey(b, `,"dport":`, uint64(t.DstPort))
	default:
		if t.Flags&warts.TraceICMPCsumDport != 0 {
			b = appendUintKey(b, `,"icmp_sum":`, uint64(t.DstPort))
		}
	}
	stop := t.StopReason.String()
	if int(t.StopReason) < len(traceStopNames) {
		stop = traceStopNames[t.StopReason]
	}
	b = appendStringKey(b, `,"stop_reason":`, stop)
	b = appendUintKey(b, `,"stop_data":`, uint64(t.StopData))
	b = appendTextKey(b, `,"errmsg":`, t.ErrMsg, t.Kept.Has(render.TraceErrMsg))
	b = appendUintKey(b, `,"start":{"sec":`, uint64(t.Start.Sec))
	b = appendUintKey(b, `,"usec":`, uint64(t.Start.Usec))
	b = append(b, `,"ftime":"`...)
	b = render.AppendDateTime(b, t.Start.Sec)
	b = append(b, `"}`...)
	b = appendUintKey(b, `,"hop_count":`, uint64(render.TraceLastHop(t)))
	b = appendUintKey(b, `,"attempts":`, uint64(t.Attempts))
	b = appendUintKey(b, `,"hoplimit":`, uint64(t.HopLimit))
	b = appendUintKey(b, `,"firsthop":`, uint64(t.FirstHop))
	b = appendUintKey(b, `,"wait":`, uint64(t.Wait.Seconds()))
	b = appendUintKey(b, `,"wait_probe":`, uint64(t.WaitProbe.Milliseconds()/10))
	b = appendUintKey(b, `,"tos":`, uint64(t.ToS))
	b = appendUintKey(b, `,"probe_size":`, uint64(t.ProbeSize))
	b = appendUintKey(b, `,"probe_count":`, uint64(t.ProbeCount))
	b = appendMonitorKey(b, t.List)
	if t.Flags != 0 {
		b = append(b, `,"flags":`...)
		b = appendFlags(b, uint64(t.Flags), render.TraceFlagNames, ",", byHex)
	}
	return b
}

// splitProbes returns the probes from the first hop to the hop at which the trace ended, and those beyond.
func splitProbes(t *warts.Trace) (probes, extra []warts.TraceProbe) {
	first, last := render.TraceFirstHop(t), render.TraceLastHop(t)
	probes = t.Probes
	for len(probes) > 0 && int(probes[0].TTL) < first {
		probes = probes[1:]
	}
	n := 0
	for n < len(probes) && int(probes[n].TTL) <= last {
		n++
	}
	return probes[:n], probes[n:]
}

// appendHops appends an array of the replies to probes, given the text that begins it; nothing if there are none.
func appendHops(b []byte, begin string, t *warts.Trace, probes []warts.TraceProbe) []byte {
	some := false
	for i := range probes {
		for j := range probes[i].Replies {
			if !some {
				b = append(b, begin...)
				some = true
			} else {
				b = append(b, ',')
			}
			b = appendHop(b, t, &probes[i], &probes[i].Replies[j])
		}
	}
	if some {
		b = append(b, ']')
	}
	return b
}

// hopFlagNames are the hop flags that JSON shows, in its order.
var hopFlagNames = [...]struct {
	flag warts.TraceHopFlags
	name string
}{
	{warts.TraceHopDLTX, `"dltxts"`}, {warts.TraceHopDLRX, `"dlrxts"`}, {warts.TraceHopSockRX, `"sockrxts"`},
}

func appendHop(b []byte, t *warts.Trace, probe *warts.TraceProbe, r *warts.TraceReply) []byte {
	rxerr := t.Flags&warts.TraceRXErr != 0
	b = append(b, `{"addr":`...)
	b = appendAddr(b, r.Addr)
	if r.Name != "" || r.Kept.Has(render.TraceReplyName) {
		b = append(b, `,"name":`...)
		b = render.AppendQuoted(b, r.Name, render.NameLimit)
	}
	b = appendUintKey(b, `,"probe_ttl":`, uint64(probe.TTL))
	b = appendUintKey(b, `,"probe_id":`, uint64(render.Attempt(probe, r)))
	b = appendUintKey(b, `,"probe_size":`, uint64(probe.Size))
	b = appendTX(b, probe.TX)
	b = appendRTTKey(b, `,"rtt":`, uint32(r.RTT.Microseconds()))
	b = appendUintKey(b, `,"reply_ttl":`, uint64(r.TTL))
	b = appendUintKey(b, `,"reply_tos":`, uint64(r.ToS))
	sep := `,"flags":[`
	for _, f := range hopFlagNames {
		if r.Flags&f.flag != 0 {
			b = append(b, sep...)
			b = append(b, f.name...)
			sep = ","
		}
	}
	if sep == "," {
		b = append(b, ']')
	}
	if !rxerr {
		b = appendUintKey(b, `,"reply_ipid":`, uint64(r.IPID))
		b = appendUintKey(b, `,"reply_size":`, uint64(r.Size))
	}
	switch {
	case r.Flags&warts.TraceHopTCP != 0:
		b = appendUintKey(b, `,"tcp_flags":`, uint64(render.TraceTCPFlags(r)))
	case r.IsICMP():
		b = appendUintKey(b, `,"icmp_type":`, uint64(r.ICMPType))
		b = appendUintKey(b, `,"icmp_code":`, uint64(r.ICMPCode))
		if r.Quotes() && !rxerr {
			b = appendUintKey(b, `,"icmp_q_ttl":`, uint64(r.QuoTTL))
			b = appendUintKey(b, `,"icmp_q_ipl":`, uint64(r.QuoLen))
			b = appendUintKey(b, `,"icmp_q_tos":`, uint64(r.QuoToS))
		}
		if r.IsPTB() {
			// The colon inside the key has been there in every version; readers know it by now.
			b = appendUintKey(b, `,"icmp_nhmtu:":`, uint64(r.NextMTU))
		}
	}
	b = appendExts(b, r.Exts)
	return append(b, '}')
}

func appendTX(b []byte, tx warts.Time) []byte {
	if tx.Sec == 0 {
		return b
	}
	b = append(b, `,"tx":`...)
	return appendTime(b, tx)
}

// appendNoHops appends an array of the probes that nobody answered; nothing if there are none.
func appendNoHops(b []byte, begin string, probes []warts.TraceProbe) []byte {
	some := false
	for i := range probes {
		probe := &probes[i]
		if len(probe.Replies) > 0 {
			continue
		}
		if !some {
			b = append(b, begin...)
			some = true
		} else {
			b = append(b, ',')
		}
		b = appendUintKey(b, `{"probe_ttl":`, uint64(probe.TTL))
		b = appendUintKey(b, `,"probe_id":`, uint64(probe.ID+1))
		b = appendUintKey(b, `,"probe_size":`, uint64(probe.Size))
		b = appendTX(b, probe.TX)
		switch probe.Flags & (warts.TraceHopPending | warts.TraceHopDLTX) {
		case warts.TraceHopPending:
			b = append(b, `,"flags":["pending"]`...)
		case warts.TraceHopDLTX:
			b = append(b, `,"flags":["dltxts"]`...)
		case warts.TraceHopPending | warts.TraceHopDLTX:
			b = append(b, `,"flags":["pending","dltxts"]`...)
		default:
			if probe.Flags != 0 {
				b = append(b, `,"flags":[]`...)
			}
		}
		b = append(b, '}')
	}
	if some {
		b = append(b, ']')
	}
	return b
}

func appendPMTUD(b []byte, t *warts.Trace) []byte {
	d := t.PMTUD
	out := d.OutMTU
	if out == 0 {
		out = d.IfMTU
	}
	b = appendUintKey(b, `,"pmtud":{"if_mtu":`, uint64(d.IfMTU))
	b = appendUintKey(b, `,"out_mtu":`, uint64(out))
	b = appendUintKey(b, `,"path_mtu":`, uint64(d.PathMTU))
	b = appendUintKey(b, `,"probec":`, uint64(len(d.Probes)))
	b = appendUintKey(b, `,"notec":`, uint64(len(d.Notes)))
	// With an outgoing MTU the first note must be the silence that it was inferred from.
	if len(d.Notes) > 0 && (d.OutMTU == 0 || isSilenceWithoutReply(d, d.Notes[0])) {
		b = appendNotes(b, t)
	}
	b = appendHops(b, `,"hops":[`, t, d.Probes)
	b = appendNoHops(b, `,"no_hops":[`, d.Probes)
	return append(b, '}')
}

func isSilenceWithoutReply(d *warts.TracePMTUD, note warts.TracePMTUDNote) bool {
	_, r := d.ReplyAt(note.Reply)
	return note.Type == warts.TraceNoteSilence && r == nil
}

func appendNotes(b []byte, t *warts.Trace) []byte {
	dists := render.PMTUDNoteDistances(t)
	for i, note := range t.PMTUD.Notes {
		if i == 0 {
			b = append(b, `,"notes":[`...)
		} else {
			b = append(b, ',')
		}
		b = appendUintKey(b, `{"nhmtu":`, uint64(note.NextMTU))
		_, r := t.PMTUD.ReplyAt(note.Reply)
		if r != nil {
			b = appendUintKey(b, `,"hop_id":`, uint64(note.Reply))
		}
		if dists[i] >= 0 {
			b = appendUintKey(b, `,"dist":`, uint64(dists[i]))
		}
		b = appendStringKey(b, `,"type":`, note.Type.String())
		if r != nil {
			if r.IsPTB() {
				b = appendUintKey(b, `,"icmp_nhmtu":`, uint64(r.NextMTU))
			}
			b = appendAddrKey(b, `,"addr":`, r.Addr)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}
