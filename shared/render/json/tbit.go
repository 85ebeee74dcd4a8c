package json

import (
	"encoding/binary"

	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendTbit appends the line of a tbit.
func AppendTbit(b []byte, t *warts.Tbit) []byte {
	b = append(b, `{"type":"tbit"`...)
	b = appendStringKey(b, `, "tbit_type":`, t.Test.String())
	b = appendUintKey(b, `, "userid":`, uint64(t.UserID))
	b = appendAddrKey(b, `, "src":`, t.Src)
	b = appendAddrKey(b, `, "dst":`, t.Dst)
	b = appendUintKey(b, `, "sport":`, uint64(t.SrcPort))
	b = appendUintKey(b, `, "dport":`, uint64(t.DstPort))
	b = append(b, `, "start":`...)
	b = appendTime(b, t.Start)
	b = appendUintKey(b, `, "client_mss":`, uint64(t.ClientMSS))
	b = appendUintKey(b, `, "server_mss":`, uint64(t.ServerMSS))
	b = appendUintKey(b, `, "ttl":`, uint64(t.TTL))
	b = appendStringKey(b, `, "result":`, t.Result.String())
	if t.Options != 0 {
		b = append(b, `, "options":`...)
		b = appendFlags(b, uint64(uint16(t.Options)), render.TbitOptionNames, ",", byNumber) // the rest isn't looked at
	}
	b = appendTextKey(b, `,"errmsg":`, t.ErrMsg, t.Kept.Has(render.TbitErrMsg))
	if t.WScale != 0 {
		b = appendUintKey(b, `, "wscale":`, uint64(t.WScale))
	}
	b = appendHexKey(b, `, "fo_cookie":`, t.FOCookie)

	var isns render.ISNs
	for i := range t.Packets {
		p := render.Parse(t.Packets[i].Data, render.WalkAll)
		isns.Learn(&p)
	}
	if isns.HasClient {
		b = appendUintKey(b, `, "client_isn":`, uint64(isns.Client))
	}
	if isns.HasServer {
		b = appendUintKey(b, `, "server_isn":`, uint64(isns.Server))
	}
	b = appendTbitTest(b, t)
	b = appendTbitApp(b, t)
	b = appendMonitorKey(b, t.List)

	b = append(b, `, "pkts":[`...)
	isns = render.ISNs{}
	for i := range t.Packets {
		if i > 0 {
			b = append(b, ", "...)
		}
		p := render.Parse(t.Packets[i].Data, render.WalkAll)
		isns.Learn(&p)
		b = appendTbitPacket(b, t, &t.Packets[i], &p, &isns)
	}
	return append(b, "]}\n"...)
}

func appendTbitTest(b []byte, t *warts.Tbit) []byte {
	switch {
	case t.PMTUD != nil:
		b = appendUintKey(b, `, "mtu":`, uint64(t.PMTUD.MTU))
		b = appendUintKey(b, `, "ptb_retx":`, uint64(t.PMTUD.PTBRetx))
		b = appendAddrKey(b, `, "ptbsrc":`, t.PMTUD.PTBSrc)
		b = append(b, `, "pmtud_options":`...)
		b = appendFlags(b, uint64(t.PMTUD.Options), render.TbitPMTUDNames, ",", byNumber)
	case t.Null != nil:
		b = append(b, `, "null_options":`...)
		b = appendFlags(b, uint64(t.Null.Options), render.TbitNullOptionNames, ",", byNumber)
		b = append(b, `, "null_results":`...)
		b = appendFlags(b, uint64(t.Null.Results), render.TbitNullResultNames, ",", byNumber)
	case t.ICW != nil:
		if size, ok := render.InitialWindow(t); ok {
			b = appendUintKey(b, `, "icw_bytes":`, uint64(size))
		}
	case t.Blind != nil:
		b = append(b, `, "blind_off":`...)
		b = render.AppendInt(b, int64(t.Blind.Offset))
		b = appendUintKey(b, `, "blind_retx":`, uint64(t.Blind.Retx))
	}
	return b
}

func appendTbitApp(b []byte, t *warts.Tbit) []byte {
	switch {
	case t.HTTP != nil:
		b = append(b, `, "app":"http"`...)
		if t.HTTP.Host != "" || t.HTTP.Kept.Has(render.TbitHTTPHost) {
			url := render.TbitSchemeName(t.HTTP.Scheme) + "://" + t.HTTP.Host + t.HTTP.File
			b = append(b, `, "http_url":`...)
			b = render.AppendQuoted(b, url, noLimit)
		}
	case t.BGP != nil:
		b = appendUintKey(b, `, "app":"bgp", "bgp_asn":`, uint64(t.BGP.ASN))
	}
	return b
}

func appendTbitPacket(b []byte, t *warts.Tbit, packet *warts.TbitPacket, p *render.Packet, isns *render.ISNs) []byte {
	b = append(b, `{"dir":`...)
	switch packet.Dir {
	case warts.TbitTX:
		b = append(b, `"tx"`...)
	case warts.TbitRX:
		b = append(b, `"rx"`...)
	default:
		b = render.AppendUint(b, uint64(packet.Dir))
	}
	sec, usec := render.Since(packet.Time, t.Start)
	b = appendUintKey(b, `, "tv_sec":`, uint64(uint32(sec)))
	b = appendUintKey(b, `, "tv_usec":`, uint64(usec))
	b = appendUintKey(b, `, "len":`, uint64(len(packet.Data)))
	if p.Version == 0 {
		return append(b, '}')
	}
	b = appendUintKey(b, `, "ip_hlen":`, uint64(uint8(p.HeaderLen)))
	b = appendUintKey(b, `, "ip_ecn":`, uint64(p.ECN))
	b = appendUintKey(b, `, "ip_ttl":`, uint64(p.TTL))
	if p.HasID {
		b = appendUintKey(b, `, "frag_id":`, uint64(p.ID))
		b = appendUintKey(b, `, "frag_off":`, uint64(p.FragOff))
		if p.MF {
			b = append(b, `, "frag_mf":1`...)
		} else {
			b = append(b, `, "frag_mf":0`...)
		}
	}
	if p.Version == 4 {
		// No version has ever looked at the bit.
		b = append(b, `, "frag_df":0`...)
	}
	if p.TCP {
		b = appendSegment(b, p, packet.Dir == warts.TbitTX, isns)
	}
	return append(b, '}')
}

func appendSegment(b []byte, p *render.Packet, sent bool, isns *render.ISNs) []byte {
	seqBase, ackBase := isns.Bases(sent)
	seq := p.Seq - seqBase
	if !sent && p.Flags&render.RST != 0 && p.Seq == 0 {
		seq = 0
	}
	b = appendUintKey(b, `, "tcp_hlen":`, uint64(p.DataOff))
	b = append(b, `, "tcp_flags":`...)
	b = appendFlags(b, uint64(p.Flags), render.TCPFlagNames, ",", nil)
	b = append(b, `, "tcp_options":[`...)
	b = appendTCPOptions(b, p.Options(), ackBase)
	b = appendUintKey(b, `], "tcp_seq":`, uint64(seq))
	if p.Flags&render.ACK != 0 {
		b = appendUintKey(b, `, "tcp_ack":`, uint64(p.Ack-ackBase))
	}
	b = appendUintKey(b, `, "tcp_datalen":`, uint64(p.DataLen))
	return appendUintKey(b, `, "tcp_win":`, uint64(p.Win))
}

// appendTCPOptions appends the options that JSON knows; others are left out. What separates an option from the one
// before it depends on its kind.
func appendTCPOptions(b, opts []byte, sackBase uint32) []byte {
	start := len(b)
	separate := func(b []byte, sep string) []byte {
		if len(b) == start {
			return b
		}
		return append(b, sep...)
	}
	for {
		opt, rest, ok := render.NextOption(opts)
		if !ok {
			return b
		}
		opts = rest
		data := opt.Data
		switch {
		case opt.Kind == render.OptEOL:
			b = separate(b, ", ")
			return append(b, `{"kind":"eol"}`...)
		case opt.Kind == render.OptNOP:
			b = separate(b, ", ")
			b = append(b, `{"kind":"nop"}`...)
		case opt.Kind == render.OptWScale && len(data) == 1:
			b = separate(b, ",")
			b = appendUintKey(b, `{"kind":"wscale", "shift":`, uint64(data[0]))
			b = append(b, '}')
		case opt.Kind == render.OptSACKOK && opt.Len == 2:
			b = separate(b, ",")
			b = append(b, `{"kind":"sack-ok"}`...)
		case opt.Kind == render.OptSACK && render.IsSACK(data):
			b = separate(b, ",")
			b = appendSACK(b, data, sackBase)
		case opt.Kind == render.OptTS && len(data) == 8:
			b = separate(b, ",")
			b = appendUintKey(b, `{"kind":"ts", "val":`, uint64(binary.BigEndian.Uint32(data)))
			b = appendUintKey(b, `, "ecr":`, uint64(binary.BigEndian.Uint32(data[4:])))
			b = append(b, '}')
		case opt.Kind == render.OptFO && opt.Len >= 2:
			b = separate(b, ", ")
			b = append(b, `{"kind":"fo"`...)
			b = appendHexKey(b, `, "cookie":`, data)
			b = append(b, '}')
		case opt.Kind == render.OptExp && render.IsFOExp(data):
			b = separate(b, ", ")
			b = append(b, `{"kind":"fo-exp"`...)
			b = appendHexKey(b, `, "cookie":`, data[2:])
			b = append(b, '}')
		}
	}
}

func appendSACK(b, edges []byte, base uint32) []byte {
	b = append(b, `{"kind":"sack", "blocks":[`...)
	for i := 0; len(edges) >= 8; i, edges = i+1, edges[8:] {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendUintKey(b, `{"left":`, uint64(binary.BigEndian.Uint32(edges)-base))
		b = appendUintKey(b, `, "right":`, uint64(binary.BigEndian.Uint32(edges[4:])-base))
		b = append(b, '}')
	}
	return append(b, "]}"...)
}
