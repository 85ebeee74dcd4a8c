package json

import (
	"strconv"

	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendPing appends the line of a ping.
func AppendPing(b []byte, p *warts.Ping) []byte {
	b = appendPingHeader(b, p)
	b = append(b, `,"responses":[`...)
	some := false
	for i := range p.Probes {
		for j := range p.Probes[i].Replies {
			if some {
				b = append(b, ',')
			}
			some = true
			b = appendPingReply(b, p, &p.Probes[i], &p.Probes[i].Replies[j])
		}
	}
	b = append(b, `],"no_responses":[`...)
	some = false
	for i := range p.Probes {
		if len(p.Probes[i].Replies) > 0 {
			continue
		}
		if some {
			b = append(b, ',')
		}
		some = true
		b = appendNoResponse(b, p, &p.Probes[i])
	}
	b = append(b, `],"statistics":`...)
	b = appendPingStats(b, p)
	return append(b, "}\n"...)
}

func appendPingHeader(b []byte, p *warts.Ping) []byte {
	b = append(b, `{"type":"ping","version":"0.4"`...)
	b = appendStringKey(b, `,"method":`, p.Method.String())
	b = appendAddrKey(b, `,"src":`, p.Src)
	b = appendAddrKey(b, `,"dst":`, p.Dst)
	b = appendAddrKey(b, `,"rtr":`, p.Router)
	b = append(b, `,"start":`...)
	b = appendTime(b, p.Start)
	b = appendStringKey(b, `,"stop_reason":`, p.StopReason.String())
	b = appendUintKey(b, `,"stop_data":`, uint64(p.StopData))
	b = appendTextKey(b, `,"errmsg":`, p.ErrMsg, p.Kept.Has(render.PingErrMsg))
	b = appendUintKey(b, `,"ping_sent":`, uint64(p.Sent))
	b = appendUintKey(b, `,"probe_size":`, uint64(p.Size))
	b = appendUintKey(b, `,"userid":`, uint64(p.UserID))
	b = appendUintKey(b, `,"ttl":`, uint64(p.TTL))
	b = appendUintKey(b, `,"tos":`, uint64(p.ToS))
	sec, usec := render.SplitMicros(p.Wait)
	b = appendUintKey(b, `,"wait":`, uint64(sec))
	if usec != 0 {
		b = appendUintKey(b, `,"wait_us":`, uint64(usec))
	}
	sec, usec = render.SplitMicros(p.Timeout)
	b = appendUintKey(b, `,"timeout":`, uint64(sec))
	if usec != 0 {
		b = appendUintKey(b, `,"timeout_us":`, uint64(usec))
	}
	if p.Method.IsUDP() || p.Method.IsTCP() {
		b = appendUintKey(b, `,"sport":`, uint64(p.SrcPort))
		b = appendUintKey(b, `,"dport":`, uint64(p.DstPort))
	}
	if p.Method.IsTCP() {
		b = appendUintKey(b, `,"tcp_seq":`, uint64(p.TCPSeq))
		b = appendUintKey(b, `,"tcp_ack":`, uint64(p.TCPAck))
		if p.TCPMSS != 0 {
			b = appendUintKey(b, `,"tcp_mss":`, uint64(p.TCPMSS))
		}
	}
	if p.Flags&warts.PingPayload != 0 {
		b = appendHexKey(b, `,"payload":`, p.Data)
	} else {
		b = appendHexKey(b, `,"pattern":`, p.Data)
	}
	if p.Flags != 0 {
		b = append(b, `,"flags":`...)
		b = appendFlags(b, uint64(p.Flags), render.PingFlagNames, ",", nil)
	}
	if p.Method.IsICMP() && p.Flags&warts.PingICMPSum != 0 {
		b = appendUintKey(b, `,"icmp_csum":`, uint64(p.ICMPSum))
	}
	b = appendAddrs(b, `,"probe_tsps":[`, p.TSPreSpec)
	return appendMonitorKey(b, p.List)
}

// appendAddrs appends an array of addresses, given the text that begins it; nothing if there are none.
func appendAddrs(b []byte, begin string, addrs []warts.Addr) []byte {
	for i, addr := range addrs {
		if i == 0 {
			b = append(b, begin...)
		} else {
			b = append(b, ',')
		}
		b = appendAddr(b, addr)
	}
	if len(addrs) > 0 {
		b = append(b, ']')
	}
	return b
}

func appendPingReply(b []byte, p *warts.Ping, probe *warts.PingProbe, r *warts.PingReply) []byte {
	b = append(b, `{"from":`...)
	b = appendAddr(b, r.Addr)
	b = appendUintKey(b, `,"reply_size":`, uint64(r.Size))
	b = appendUintKey(b, `,"reply_ttl":`, uint64(r.TTL))
	b = appendUintKey(b, `,"seq":`, uint64(probe.ID))
	b = appendProbeFields(b, p, probe)
	b = append(b, `,"reply_proto":`...)
	switch r.Proto {
	case 1, 58:
		b = append(b, `"icmp"`...)
	case 6:
		b = append(b, `"tcp"`...)
	case 17:
		b = append(b, `"udp"`...)
	default:
		b = render.AppendUint(b, uint64(r.Proto))
	}
	if r.IfName != "" || r.Kept.Has(render.PingReplyIfName) {
		b = append(b, `,"ifname":`...)
		b = render.AppendQuoted(b, r.IfName, noLimit)
	}
	switch r.Flags & (warts.PingReplyDLTX | warts.PingReplyDLRX) {
	case warts.PingReplyDLTX:
		b = append(b, `,"reply_flags":["dltxts"]`...)
	case warts.PingReplyDLRX:
		b = append(b, `,"reply_flags":["dlrxts"]`...)
	case warts.PingReplyDLTX | warts.PingReplyDLRX:
		b = append(b, `,"reply_flags":["dltxts","dlrxts"]`...)
	}
	rtt := uint32(r.RTT.Microseconds())
	if probe.TX.Sec != 0 {
		b = append(b, `,"rx":`...)
		b = appendTime(b, render.After(probe.TX, r.RTT))
	}
	b = appendRTTKey(b, `,"rtt":`, rtt)
	if r.Addr.Is4() {
		b = appendUintKey(b, `,"reply_ipid":`, uint64(uint16(r.IPID)))
	} else if r.Flags&warts.PingReplyIPID != 0 {
		b = appendUintKey(b, `,"reply_ipid":`, uint64(r.IPID))
	}
	if r.Flags&warts.PingReplyToS != 0 {
		b = appendUintKey(b, `,"reply_tos":`, uint64(r.ToS))
	}
	switch {
	case r.IsICMP():
		b = appendUintKey(b, `,"icmp_type":`, uint64(r.ICMPType))
		b = appendUintKey(b, `,"icmp_code":`, uint64(r.ICMPCode))
		if r.IsPTB() {
			b = appendUintKey(b, `,"icmp_nhmtu":`, uint64(r.NextMTU))
		}
	case r.IsTCP():
		b = appendUintKey(b, `,"tcp_flags":`, uint64(r.TCPFlags))
		if r.TCPMSS != 0 {
			b = appendUintKey(b, `, "tcp_mss":`, uint64(r.TCPMSS))
		}
	}
	b = appendAddrs(b, `,"RR":[`, r.RR)
	b = appendPingTimestamps(b, p, r.TS)
	return append(b, '}')
}

// appendProbeFields appends what the probe of a reply is known by: its time, ports or ICMP id and sequence, and IP-ID.
func appendProbeFields(b []byte, p *warts.Ping, probe *warts.PingProbe) []byte {
	b = appendTX(b, probe.TX)
	if p.Method.IsICMP() {
		b = appendUintKey(b, `,"icmp_id":`, uint64(p.SrcPort))
		b = appendUintKey(b, `,"icmp_seq":`, uint64(p.DstPort+probe.ID))
	} else {
		sportKey, dportKey := `,"bug_sport":`, `, "bug_dport":`
		switch {
		case p.Method.IsUDP():
			sportKey, dportKey = `,"udp_sport":`, `, "udp_dport":`
		case p.Method.IsTCP():
			sportKey, dportKey = `,"tcp_sport":`, `, "tcp_dport":`
		}
		sport, dport := render.PingPorts(p, probe)
		b = appendUintKey(b, sportKey, uint64(sport))
		b = appendUintKey(b, dportKey, uint64(dport))
	}
	if probe.Flags&warts.PingReplyProbeIPID != 0 {
		b = appendUintKey(b, `,"probe_ipid":`, uint64(probe.IPID))
	}
	return b
}

func appendPingTimestamps(b []byte, p *warts.Ping, ts *warts.PingTimestamps) []byte {
	if ts == nil || len(ts.Stamps) == 0 {
		return b
	}
	if p.Flags&warts.PingTSOnly != 0 {
		b = append(b, `,"tsonly":[`...)
		for i, stamp := range ts.Stamps {
			if i > 0 {
				b = append(b, ',')
			}
			b = render.AppendUint(b, uint64(stamp))
		}
		return append(b, ']')
	}
	b = append(b, `,"tsandaddr":[`...)
	for i, stamp := range ts.Stamps {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendUintKey(b, `{"ts":`, uint64(stamp))
		if i < len(ts.Addrs) {
			b = append(b, `,"ip":`...)
			b = appendAddr(b, ts.Addrs[i])
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendNoResponse appends a probe that nobody answered, or not yet.
func appendNoResponse(b []byte, p *warts.Ping, probe *warts.PingProbe) []byte {
	b = appendUintKey(b, `{"seq":`, uint64(probe.ID))
	switch probe.Flags & (warts.PingReplyDLTX | warts.PingReplyPending) {
	case warts.PingReplyDLTX:
		b = append(b, `,"probe_flags":["dltxts"]`...)
	case warts.PingReplyPending:
		b = append(b, `,"probe_flags":["pending"]`...)
	case warts.PingReplyDLTX | warts.PingReplyPending:
		b = append(b, `,"probe_flags":["dltxts", "pending"]`...)
	}
	b = appendProbeFields(b, p, probe)
	return append(b, '}')
}

func appendPingStats(b []byte, p *warts.Ping) []byte {
	s := render.Statistics(p)
	b = appendUintKey(b, `{"replies":`, uint64(s.Replies))
	if s.Total > 0 {
		b = append(b, `,"loss":`...)
		switch lost := s.Lost(); {
		case s.Replies == 0:
			b = append(b, '1')
		case lost == 0:
			b = append(b, '0')
		default:
			b = strconv.AppendFloat(b, float64(float32(lost)/float32(s.Total)), 'f', 2, 64)
		}
	}
	if s.Replies > 0 {
		b = appendRTTKey(b, `,"min":`, s.Min)
		b = appendRTTKey(b, `,"max":`, s.Max)
		b = appendRTTKey(b, `,"avg":`, s.Avg)
		b = appendRTTKey(b, `,"stddev":`, s.StdDev)
	}
	if s.Dups > 0 {
		b = appendUintKey(b, `,"ndups":`, uint64(s.Dups))
	}
	if s.Errs > 0 {
		b = appendUintKey(b, `,"nerrs":`, uint64(s.Errs))
	}
	if s.Pending > 0 {
		b = appendUintKey(b, `,"npend":`, uint64(s.Pending))
	}
	return append(b, '}')
}
