package json

import (
	"time"

	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendDealias appends the line of a dealias; nothing for midarest, midardisc and unknown methods, which have no JSON
// form. Where this object has spaces after its commas is irregular.
func AppendDealias(b []byte, d *warts.Dealias) []byte {
	switch {
	case d.Mercator != nil, d.Ally != nil, d.RadarGun != nil, d.PrefixScan != nil, d.Bump != nil:
	default:
		return b
	}
	b = append(b, `{"type":"dealias","version":"0.2"`...)
	b = appendStringKey(b, `,"method":`, d.Method.String())
	b = appendUintKey(b, `, "userid":`, uint64(d.UserID))
	b = appendStringKey(b, `, "result":`, d.Result.String())
	b = append(b, `, "start":`...)
	b = appendSpacedTime(b, d.Start)
	b = appendTextKey(b, `,"errmsg":`, d.ErrMsg, d.Kept.Has(render.DealiasErrMsg))
	b = appendDealiasMethod(b, d)
	b = appendMonitorKey(b, d.List)
	b = append(b, `, "probedefs":[`...)
	for i := range d.ProbeDefs {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendProbeDef(b, &d.ProbeDefs[i])
	}
	b = append(b, `], "probes":[`...)
	for i := range d.Probes {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendDealiasProbe(b, d, &d.Probes[i])
	}
	return append(b, "]}\n"...)
}

// appendMillisKey appends a wait in milliseconds, which this object counts modulo 65536.
func appendMillisKey(b []byte, key string, d time.Duration) []byte {
	return appendUintKey(b, key, uint64(uint16(d.Milliseconds())))
}

func appendSecondsKey(b []byte, key string, d time.Duration) []byte {
	return appendUintKey(b, key, uint64(d/time.Second))
}

func appendDealiasMethod(b []byte, d *warts.Dealias) []byte {
	switch {
	case d.Mercator != nil:
		b = appendUintKey(b, `, "attempts":`, uint64(d.Mercator.Attempts))
		b = appendSecondsKey(b, `, "wait_timeout":`, d.Mercator.Wait)
	case d.Ally != nil:
		b = appendMillisKey(b, `, "wait_probe":`, d.Ally.WaitProbe)
		b = appendSecondsKey(b, `, "wait_timeout":`, d.Ally.Wait)
		b = appendUintKey(b, `, "attempts":`, uint64(d.Ally.Attempts))
		b = appendUintKey(b, `, "fudge":`, uint64(d.Ally.Fudge))
		b = appendDealiasFlags(b, d.Ally.Flags, "nobs")
	case d.RadarGun != nil:
		b = appendUintKey(b, `, "attempts":`, uint64(d.RadarGun.Rounds))
		b = appendMillisKey(b, `, "wait_probe":`, d.RadarGun.WaitProbe)
		b = appendMillisKey(b, `, "wait_round":`, d.RadarGun.WaitRound)
		b = appendSecondsKey(b, `, "wait_timeout":`, d.RadarGun.Wait)
		// The flag means shuffle, and has always been printed under this name.
		b = appendDealiasFlags(b, d.RadarGun.Flags, "nobs")
	case d.PrefixScan != nil:
		b = appendPrefixScan(b, d.PrefixScan)
	case d.Bump != nil:
		b = appendMillisKey(b, `, "wait_probe":`, d.Bump.WaitProbe)
		b = appendUintKey(b, `, "bump_limit":`, uint64(d.Bump.Limit))
		b = appendUintKey(b, `, "attempts":`, uint64(d.Bump.Attempts))
	}
	return b
}

func appendPrefixScan(b []byte, p *warts.DealiasPrefixScanParams) []byte {
	b = appendAddrKey(b, `, "a":`, p.A)
	if p.B.IsValid() {
		b = append(b, `, "b":"`...)
		b = p.B.AppendTo(b)
		b = appendUintKey(b, "/", uint64(p.PrefixLen))
		b = append(b, '"')
	}
	if n := render.HostsPrefix(p.B, p.AB); n >= 0 {
		b = append(b, `, "ab":"`...)
		b = p.AB.AppendTo(b)
		b = appendUintKey(b, "/", uint64(n))
		b = append(b, '"')
	}
	b = appendAddrs(b, `, "xs":[`, p.Exclude)
	b = appendUintKey(b, `, "attempts":`, uint64(p.Attempts))
	b = appendUintKey(b, `, "replyc":`, uint64(p.Replies))
	b = appendUintKey(b, `, "fudge":`, uint64(p.Fudge))
	b = appendMillisKey(b, `, "wait_probe":`, p.WaitProbe)
	b = appendSecondsKey(b, `, "wait_timeout":`, p.Wait)
	return appendDealiasFlags(b, p.Flags, "nobs", "csa")
}

func appendDealiasFlags(b []byte, flags warts.DealiasFlags, names ...string) []byte {
	if flags == 0 {
		return b
	}
	b = append(b, `, "flags":`...)
	return appendFlags(b, uint64(flags), names, ",", byNumber)
}

func appendProbeDef(b []byte, def *warts.DealiasProbeDef) []byte {
	b = appendUintKey(b, `{"id":`, uint64(def.ID))
	b = appendAddrKey(b, `, "src":`, def.Src)
	b = appendAddrKey(b, `, "dst":`, def.Dst)
	b = appendUintKey(b, `, "ttl":`, uint64(def.TTL))
	b = appendUintKey(b, `, "size":`, uint64(def.Size))
	b = appendStringKey(b, `, "method":`, def.Method.String())
	switch {
	case def.Method.IsICMP():
		b = appendUintKey(b, `, "icmp_id":`, uint64(def.ICMPID))
		b = appendUintKey(b, `, "icmp_csum":`, uint64(def.ICMPSum))
	case def.Method.IsUDP():
		b = appendUintKey(b, `, "udp_sport":`, uint64(def.SrcPort))
		b = appendUintKey(b, `, "udp_dport":`, uint64(def.DstPort))
	case def.Method.IsTCP():
		b = appendUintKey(b, `, "tcp_sport":`, uint64(def.SrcPort))
		b = appendUintKey(b, `, "tcp_dport":`, uint64(def.DstPort))
		b = appendUintKey(b, `, "tcp_flags":`, uint64(def.TCPFlags))
	}
	if def.MTU != 0 {
		b = appendUintKey(b, `, "mtu":`, uint64(def.MTU))
	}
	return append(b, '}')
}

func appendDealiasProbe(b []byte, d *warts.Dealias, p *warts.DealiasProbe) []byte {
	def := render.ProbeDef(d, p)
	id := p.Def
	if def != nil {
		id = def.ID
	}
	b = appendUintKey(b, `{"probedef_id":`, uint64(id))
	b = appendUintKey(b, `,"seq":`, uint64(p.Seq))
	b = append(b, `,"tx":`...)
	b = appendTime(b, p.TX)
	if def != nil && def.Dst.Is4() {
		b = appendUintKey(b, `, "ipid":`, uint64(p.IPID))
	}
	b = append(b, `, "replies":[`...)
	for i := range p.Replies {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendDealiasReply(b, &p.Replies[i])
	}
	return append(b, "]}"...)
}

func appendDealiasReply(b []byte, r *warts.DealiasReply) []byte {
	b = appendAddrKey(b, `{"src":`, r.Addr)
	b = append(b, `,"rx":`...)
	b = appendTime(b, r.RX)
	b = appendUintKey(b, `,"ttl":`, uint64(r.TTL))
	if r.Size != 0 {
		b = appendUintKey(b, `, "size":`, uint64(r.Size))
	}
	if r.Addr.Is4() {
		b = appendUintKey(b, `, "ipid":`, uint64(r.IPID))
	} else if r.Flags&warts.DealiasReplyIPID32 != 0 {
		b = appendUintKey(b, `, "ipid":`, uint64(r.IPID32))
	}
	b = appendUintKey(b, `, "proto":`, uint64(r.Proto))
	switch {
	case r.IsICMP():
		b = appendUintKey(b, `, "icmp_type":`, uint64(r.ICMPType))
		b = appendUintKey(b, `, "icmp_code":`, uint64(r.ICMPCode))
		if r.Quotes() {
			b = appendUintKey(b, `, "icmp_q_ttl":`, uint64(r.QuoTTL))
		}
	case r.IsTCP():
		b = appendUintKey(b, `, "tcp_flags":`, uint64(r.TCPFlags))
	}
	return append(b, '}')
}
