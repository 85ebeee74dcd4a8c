package dump

import (
	"time"

	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendDealias appends the dump of a dealias.
func AppendDealias(b []byte, d *warts.Dealias) []byte {
	if d.Mercator != nil && len(d.ProbeDefs) > 0 {
		b = append(b, "dealias from "...)
		b = appendAddrOrNull(b, d.ProbeDefs[0].Src)
		b = append(b, " to "...)
		b = appendAddrOrNull(b, d.ProbeDefs[0].Dst)
		b = append(b, '\n')
	} else {
		b = append(b, "dealias\n"...)
	}
	b = appendOrigin(b, d.List, d.Cycle, d.UserID)
	b = appendTime(b, " start: ", d.Start)
	b = append(b, " method: "...)
	b = append(b, d.Method.String()...)
	b = appendDealiasMethod(b, d)
	for i := range d.ProbeDefs {
		b = appendProbeDef(b, i, &d.ProbeDefs[i])
	}
	b = appendNum(b, " probes: ", uint64(len(d.Probes)))
	b = append(b, ", result: "...)
	b = append(b, d.Result.String()...)
	if d.PrefixScan != nil && d.PrefixScan.Flags&warts.DealiasPrefixScanCSA != 0 {
		b = append(b, ", csa"...)
	}
	b = append(b, '\n')
	b = appendErrMsg(b, d.ErrMsg, d.Kept.Has(render.DealiasErrMsg))
	for i := range d.Probes {
		b = appendDealiasProbe(b, d, i, &d.Probes[i])
	}
	return append(b, '\n')
}

func appendWait(b []byte, label string, d time.Duration) []byte {
	b = append(b, label...)
	return render.AppendWait(b, d)
}

// appendDealiasMethod appends the rest of the method's line and its further lines.
func appendDealiasMethod(b []byte, d *warts.Dealias) []byte {
	switch {
	case d.Mercator != nil:
		b = appendNum(b, ", attempts: ", uint64(d.Mercator.Attempts))
		b = appendWait(b, ", timeout: ", d.Mercator.Wait)
		return append(b, '\n')
	case d.Ally != nil:
		b = appendNum(b, ", attempts: ", uint64(d.Ally.Attempts))
		b = appendNum(b, ", fudge: ", uint64(d.Ally.Fudge))
		b = appendWait(b, ", wait-probe: ", d.Ally.WaitProbe)
		b = appendWait(b, ", wait-timeout: ", d.Ally.Wait)
		if d.Ally.Flags&warts.DealiasAllyNoBS != 0 {
			b = append(b, ", nobs"...)
		}
		return append(b, '\n')
	case d.Bump != nil:
		b = appendNum(b, ", attempts: ", uint64(d.Bump.Attempts))
		b = appendWait(b, ", wait-probe: ", d.Bump.WaitProbe)
		b = appendNum(b, ", bump-limit: ", uint64(d.Bump.Limit))
		return append(b, '\n')
	case d.RadarGun != nil:
		return appendRadarGun(b, d)
	case d.PrefixScan != nil:
		return appendPrefixScan(b, d.PrefixScan)
	case d.MidarEst != nil:
		b = appendWait(b, ", wait-probe: ", d.MidarEst.WaitProbe)
		b = appendWait(b, ", wait-round: ", d.MidarEst.WaitRound)
		b = appendWait(b, "\n  wait-timeout: ", d.MidarEst.Wait)
		b = appendNum(b, ", rounds: ", uint64(d.MidarEst.Rounds))
		b = appendNum(b, ", probedefc: ", uint64(len(d.ProbeDefs)))
		return append(b, '\n')
	case d.MidarDisc != nil:
		return appendMidarDisc(b, d)
	}
	return append(b, '\n')
}

func appendRadarGun(b []byte, d *warts.Dealias) []byte {
	r := d.RadarGun
	b = appendNum(b, ", rounds: ", uint64(r.Rounds))
	b = appendNum(b, ", probedefc: ", uint64(len(d.ProbeDefs)))
	b = appendWait(b, "\n  wait-probe: ", r.WaitProbe)
	b = appendWait(b, ", wait-round: ", r.WaitRound)
	b = appendWait(b, ", wait-timeout: ", r.Wait)
	b = append(b, '\n')
	if r.Flags == 0 {
		return b
	}
	b = append(b, "  flags: "...)
	for bit, sep := 0, ""; bit < 8; bit++ {
		if r.Flags>>bit&1 == 0 {
			continue
		}
		b = append(b, sep...)
		sep = ", "
		if bit == 0 {
			b = append(b, "shuffle"...)
		} else {
			b = appendHex(b, "0x", 1<<bit, 2)
		}
	}
	return append(b, '\n')
}

func appendPrefixScan(b []byte, p *warts.DealiasPrefixScanParams) []byte {
	b = append(b, ", "...)
	b = appendAddrOrNull(b, p.A)
	b = append(b, ':')
	b = appendAddrOrNull(b, p.B)
	b = appendNum(b, "/", uint64(p.PrefixLen))
	if p.AB.IsValid() {
		b = appendAddr(b, ", alias: ", p.AB)
		b = append(b, '/')
		b = render.AppendInt(b, int64(render.HostsPrefix(p.B, p.AB)))
	}
	b = appendNum(b, "\n  attempts: ", uint64(p.Attempts))
	b = appendNum(b, ", replyc: ", uint64(p.Replies))
	b = appendNum(b, ", fudge: ", uint64(p.Fudge))
	b = appendWait(b, ", wait-probe: ", p.WaitProbe)
	b = appendWait(b, ", wait-timeout: ", p.Wait)
	if p.Flags&warts.DealiasPrefixScanNoBS != 0 {
		b = append(b, ", nobs"...)
	}
	b = append(b, '\n')
	if len(p.Exclude) == 0 {
		return b
	}
	b = append(b, "  exclude:"...)
	for _, addr := range p.Exclude {
		b = appendAddr(b, " ", addr)
	}
	return append(b, '\n')
}

func appendMidarDisc(b []byte, d *warts.Dealias) []byte {
	m := d.MidarDisc
	b = appendWait(b, ", wait-timeout: ", m.Wait)
	b = appendNum(b, ", probedefc: ", uint64(len(d.ProbeDefs)))
	b = append(b, '\n')
	if !m.StartAt.IsZero() {
		b = appendTime(b, " startat: ", m.StartAt)
	}
	probes := uint32(0)
	for i, round := range m.Schedule {
		b = appendNum(b, "  round ", uint64(i))
		b = appendAbsolute(b, ": ", round.Start)
		b = appendNum(b, " ", uint64(round.Begin))
		b = appendNum(b, " ", uint64(round.End))
		b = appendNum(b, ", ", uint64(probes))
		probes += round.End - round.Begin
		b = appendNum(b, "-", uint64(probes))
		probes++
		b = append(b, '\n')
	}
	return b
}

func appendProbeDef(b []byte, index int, def *warts.DealiasProbeDef) []byte {
	b = appendNum(b, " probedef ", uint64(index))
	b = appendAddr(b, ": dst: ", def.Dst)
	b = appendNum(b, ", ttl: ", uint64(def.TTL))
	b = appendHex(b, ", tos: 0x", uint64(def.ToS), 2)
	b = append(b, "\n  src: "...)
	b = appendAddrOrNull(b, def.Src)
	if def.Size != 0 {
		b = appendNum(b, ", size: ", uint64(def.Size))
	}
	if def.MTU != 0 {
		b = appendNum(b, ", mtu: ", uint64(def.MTU))
	}
	b = append(b, "\n  "...)
	b = append(b, def.Method.String()...)
	switch {
	case def.Method.IsICMP():
		b = appendHex(b, " csum: 0x", uint64(def.ICMPSum), 4)
		b = appendHex(b, ", id: 0x", uint64(def.ICMPID), 4)
	case def.Method.IsUDP():
		b = appendNum(b, " ", uint64(def.SrcPort))
		b = appendNum(b, ":", uint64(def.DstPort))
	case def.Method.IsTCP():
		b = appendNum(b, " ", uint64(def.SrcPort))
		b = appendNum(b, ":", uint64(def.DstPort))
		b = append(b, ' ')
		b = appendTCPFlags(b, def.TCPFlags)
	}
	return append(b, '\n')
}

func appendDealiasProbe(b []byte, d *warts.Dealias, index int, p *warts.DealiasProbe) []byte {
	def := render.ProbeDef(d, p)
	id := p.Def
	if def != nil {
		id = def.ID
	}
	b = appendNum(b, " probe: ", uint64(index))
	b = appendSigned(b, ", def: ", id)
	b = appendSigned(b, ", seq: ", p.Seq)
	b = appendAbsolute(b, ", tx: ", p.TX)
	if def != nil && def.Dst.Is4() {
		b = appendHex(b, ", ipid: 0x", uint64(p.IPID), 4)
	}
	b = append(b, '\n')
	for i := range p.Replies {
		r := &p.Replies[i]
		b = appendNum(b, "  reply: ", uint64(i))
		b = appendAddr(b, ", src: ", r.Addr)
		b = appendNum(b, ", ttl: ", uint64(r.TTL))
		b = append(b, ", rtt: "...)
		b = render.AppendSince(b, r.RX, p.TX)
		if r.Size != 0 {
			b = appendNum(b, ", size: ", uint64(r.Size))
		}
		if r.Addr.Is4() {
			b = appendHex(b, ", ipid: 0x", uint64(r.IPID), 4)
		} else if r.Flags&warts.DealiasReplyIPID32 != 0 {
			b = appendHex(b, ", ipid32: 0x", uint64(r.IPID32), 8)
		}
		switch {
		case r.IsICMP():
			b = appendNum(b, "\n  icmp-type: ", uint64(r.ICMPType))
			b = appendNum(b, ", icmp-code: ", uint64(r.ICMPCode))
			if r.Quotes() {
				b = appendNum(b, ", icmp-q-ttl: ", uint64(r.QuoTTL))
			}
		case r.IsTCP():
			b = append(b, "\n   tcp flags:"...)
			b = appendTCPFlags(b, r.TCPFlags)
		default:
			b = appendNum(b, "\n  reply proto ", uint64(r.Proto))
		}
		b = append(b, '\n')
	}
	return b
}
