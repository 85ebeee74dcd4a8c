package warts

import (
	"cmp"
	"slices"
	"time"
)

var pingCodec = codec{
	read:  func(d *decoder) Record { return d.readPing() },
	write: func(e *body, r Record) { e.writePing(r.(*Ping)) },
	group: func(r Record) (*List, *Cycle) { p := r.(*Ping); return p.List, p.Cycle },
}

var pingParams = newTable("ping", func(p *Ping) *Kept { return &p.Kept },
	list(1, func(p *Ping) **List { return &p.List }).nonzero(),
	cycle(2, func(p *Ping) **Cycle { return &p.Cycle }).nonzero(),
	gid(3, "source id", func(p *Ping) *Addr { return &p.Src }),
	gid(4, "destination id", func(p *Ping) *Addr { return &p.Dst }),
	moment(5, "start", func(p *Ping) *Time { return &p.Start }),
	u8(6, "stop reason", func(p *Ping) *PingStop { return &p.StopReason }),
	u8(7, "stop data", func(p *Ping) *uint8 { return &p.StopData }),
	dataLen16(8, "data", func(p *Ping) *[]byte { return &p.Data }),
	data(9, "data", func(p *Ping) *[]byte { return &p.Data }),
	u16(10, "probe count", func(p *Ping) *uint16 { return &p.ProbeCount }),
	u16(11, "probe size", func(p *Ping) *uint16 { return &p.Size }),
	secondsPart(12, "wait", func(p *Ping) *time.Duration { return &p.Wait }),
	u8(13, "ttl", func(p *Ping) *uint8 { return &p.TTL }),
	u16(14, "reply count", func(p *Ping) *uint16 { return &p.ReplyCount }).nonzero(),
	u16(15, "sent", func(p *Ping) *uint16 { return &p.Sent }),
	u8(16, "method", func(p *Ping) *PingMethod { return &p.Method }).nonzero(),
	u16(17, "source port", func(p *Ping) *uint16 { return &p.SrcPort }).nonzero(),
	u16(18, "destination port", func(p *Ping) *uint16 { return &p.DstPort }).nonzero(),
	u32(19, "user id", func(p *Ping) *uint32 { return &p.UserID }).nonzero(),
	addr(20, "source", func(p *Ping) *Addr { return &p.Src }),
	addr(21, "destination", func(p *Ping) *Addr { return &p.Dst }),
	param[Ping]{
		n: 22, name: "flags, low bits",
		read:   func(d *decoder, p *Ping) { p.Flags = PingFlags(d.u8()) },
		write:  func(e *body, p *Ping) { e.u8(uint8(p.Flags)) },
		absent: func(p *Ping) bool { return p.Flags&0xff == 0 || p.Kept.has(30) },
	}.on(func(p *Ping) bool { return p.Flags&0xff != 0 }),
	u8(23, "tos", func(p *Ping) *uint8 { return &p.ToS }).nonzero(),
	pingPreSpec(24),
	u16(25, "icmp checksum", func(p *Ping) *uint16 { return &p.ICMPSum }).
		on(func(p *Ping) bool { return p.ICMPSum != 0 && p.Flags&PingICMPSum != 0 }),
	u16(26, "reply path MTU", func(p *Ping) *uint16 { return &p.ReplyPMTU }).nonzero(),
	secondsPart(27, "timeout", func(p *Ping) *time.Duration { return &p.Timeout }).
		otherwise(func(p *Ping) bool { return p.Timeout/time.Second == p.Wait/time.Second }).nonzero(),
	microPart(28, "wait microseconds", func(p *Ping) *time.Duration { return &p.Wait }),
	u32(29, "tcp ack", func(p *Ping) *uint32 { return &p.TCPAck }).nonzero(),
	u32(30, "flags", func(p *Ping) *PingFlags { return &p.Flags }).
		otherwise(func(p *Ping) bool { return p.Flags&^0xff == 0 }).nonzero(),
	u32(31, "tcp seq", func(p *Ping) *uint32 { return &p.TCPSeq }).nonzero(),
	staticAddr(32, "router", func(p *Ping) *Addr { return &p.Router }),
	microPart(33, "timeout microseconds", func(p *Ping) *time.Duration { return &p.Timeout }),
	str(34, "error message", func(p *Ping) *string { return &p.ErrMsg }),
)

// secondsPart is the whole seconds of a duration whose microseconds are another parameter, which is read later.
func secondsPart[T any](n int, name string, field func(*T) *time.Duration) param[T] {
	return wait8(n, name, time.Second, field)
}

// microPart adds the microseconds.
func microPart[T any](n int, name string, field func(*T) *time.Duration) param[T] {
	return param[T]{
		n: n, name: name,
		read:   func(d *decoder, r *T) { *field(r) += time.Duration(d.u32()) * time.Microsecond },
		write:  func(e *body, r *T) { e.u32(uint32(*field(r) % time.Second / time.Microsecond)) },
		absent: func(r *T) bool { return *field(r)%time.Second/time.Microsecond == 0 },
	}.nonzero()
}

// pingPreSpec are the addresses that are to stamp probes.
func pingPreSpec(n int) param[Ping] {
	p := param[Ping]{
		n: n, name: "prespecified timestamps",
		read: func(d *decoder, p *Ping) {
			c := d.count(uint32(d.u8()), 5)
			if c == 0 {
				d.fail(errValue)
				return
			}
			p.TSPreSpec = d.addrList(c)
		},
		write: func(e *body, p *Ping) {
			e.length8("addresses", len(p.TSPreSpec))
			for _, a := range p.TSPreSpec {
				e.addr(a)
			}
		},
		absent: func(p *Ping) bool { return len(p.TSPreSpec) == 0 },
	}.nonzero()
	p.can = p.when
	return p
}

// addrList reads n embedded addresses.
func (d *decoder) addrList(n int) []Addr {
	list := make([]Addr, n)
	for i := range list {
		list[i] = d.addr()
	}
	return list
}

// pingReplyRec is a reply record: the reply, what it tells about its probe, and the ping it belongs to.
type pingReplyRec struct {
	reply *PingReply
	probe PingProbe // without replies
	ping  *Ping
}

func (r *pingReplyRec) to4() bool { return r.ping.Dst.Is4() }

// diskFlags are the flags of the reply record.
func (r *pingReplyRec) diskFlags() PingReplyFlags {
	if r.reply.Kept.read() {
		return r.reply.Flags
	}
	return (r.reply.Flags | r.probe.Flags&(PingReplyProbeIPID|PingReplyDLTX)) &^ PingReplyPending
}

// defaultProto is the protocol of a reply that does not say.
func (r *pingReplyRec) defaultProto() uint8 {
	if r.to4() {
		return 1
	}
	return 58
}

var pingReplyParams = newTable("ping reply", func(r *pingReplyRec) *Kept { return &r.reply.Kept },
	gid(1, "source id", func(r *pingReplyRec) *Addr { return &r.reply.Addr }),
	param[pingReplyRec]{
		n: 2, name: "flags",
		read:   func(d *decoder, r *pingReplyRec) { r.reply.Flags = PingReplyFlags(d.u8()) },
		write:  func(e *body, r *pingReplyRec) { e.u8(uint8(r.diskFlags())) },
		absent: func(r *pingReplyRec) bool { return r.diskFlags() == 0 },
	}.nonzero(),
	u8(3, "ttl", func(r *pingReplyRec) *uint8 { return &r.reply.TTL }).
		on(func(r *pingReplyRec) bool { return r.reply.Flags&PingReplyTTL != 0 }),
	u16(4, "size", func(r *pingReplyRec) *uint16 { return &r.reply.Size }),
	icmpTypeCode(5, func(r *pingReplyRec) *uint8 { return &r.reply.ICMPType },
		func(r *pingReplyRec) *uint8 { return &r.reply.ICMPCode }).
		on(func(r *pingReplyRec) bool { return r.reply.IsICMP() }),
	rtt(6, "rtt", func(r *pingReplyRec) *time.Duration { return &r.reply.RTT }),
	u16(7, "probe id", func(r *pingReplyRec) *uint16 { return &r.probe.ID }),
	param[pingReplyRec]{
		n: 8, name: "reply ip id",
		read: func(d *decoder, r *pingReplyRec) { // comes before parameter 15 and replaces it
			if v := d.u16(); r.to4() {
				r.reply.IPID = uint32(v)
			}
		},
		write: func(e *body, r *pingReplyRec) {
			if r.to4() {
				e.u16(uint16(r.reply.IPID))
			} else {
				e.u16(0)
			}
		},
		absent: func(r *pingReplyRec) bool { return r.reply.IPID == 0 || r.reply.Kept.has(15) },
	}.on(func(r *pingReplyRec) bool { return r.to4() && r.reply.Flags&PingReplyIPID != 0 }),
	u16(9, "probe ip id", func(r *pingReplyRec) *uint16 { return &r.probe.IPID }).
		on(func(r *pingReplyRec) bool { return r.to4() && r.diskFlags()&PingReplyProbeIPID != 0 }),
	u8(10, "protocol", func(r *pingReplyRec) *uint8 { return &r.reply.Proto }).
		otherwise(func(r *pingReplyRec) bool { return r.reply.Proto == r.defaultProto() }).
		on(func(r *pingReplyRec) bool { return !r.ping.Method.IsICMP() }),
	u8(11, "tcp flags", func(r *pingReplyRec) *uint8 { return &r.reply.TCPFlags }).
		on(func(r *pingReplyRec) bool { return r.reply.IsTCP() }),
	addr(12, "source", func(r *pingReplyRec) *Addr { return &r.reply.Addr }),
	pingRR(13),
	pingTS(14),
	param[pingReplyRec]{
		n: 15, name: "reply ip id, 32 bits",
		read: func(d *decoder, r *pingReplyRec) {
			if v := d.u32(); !r.to4() || !r.reply.Kept.has(8) {
				r.reply.IPID = v
			}
		},
		write: func(e *body, r *pingReplyRec) {
			if r.to4() && r.reply.Kept.has(8) {
				e.u32(0)
			} else {
				e.u32(r.reply.IPID)
			}
		},
		absent: func(r *pingReplyRec) bool { return r.reply.IPID == 0 || r.to4() && r.reply.Kept.has(8) },
	}.on(func(r *pingReplyRec) bool { return r.ping.Dst.Is6() && r.reply.Flags&PingReplyIPID != 0 }),
	moment(16, "tx", func(r *pingReplyRec) *Time { return &r.probe.TX }).
		on(func(r *pingReplyRec) bool { return r.probe.TX.Sec != 0 }),
	pingICMPTimes(17),
	u16(18, "probe source port", func(r *pingReplyRec) *uint16 { return &r.probe.SrcPort }).nonzero(),
	u8(19, "tos", func(r *pingReplyRec) *uint8 { return &r.reply.ToS }).nonzero(),
	ifname(20, "interface", func(r *pingReplyRec) *string { return &r.reply.IfName }),
	u16(21, "next-hop MTU", func(r *pingReplyRec) *uint16 { return &r.reply.NextMTU }).
		on(func(r *pingReplyRec) bool { return r.reply.IsPTB() }),
)

// pingRR is the IPv4 record route option.
func pingRR(n int) param[pingReplyRec] {
	p := param[pingReplyRec]{
		n: n, name: "record route",
		read: func(d *decoder, r *pingReplyRec) {
			c := d.count(uint32(d.u8()), 5)
			if c == 0 {
				d.fail(errValue)
				return
			}
			r.reply.RR = d.addrList(c)
		},
		write: func(e *body, r *pingReplyRec) {
			e.length8("addresses", len(r.reply.RR))
			for _, a := range r.reply.RR {
				e.addr(a)
			}
		},
		absent: func(r *pingReplyRec) bool { return len(r.reply.RR) == 0 },
	}.nonzero()
	p.can = p.when
	return p
}

// pingTS is the IPv4 timestamp option.
func pingTS(n int) param[pingReplyRec] {
	p := param[pingReplyRec]{
		n: n, name: "timestamps",
		read: func(d *decoder, r *pingReplyRec) {
			at := d.pos
			stamps, addrs := int(d.u8()), int(d.u8())
			if d.err != nil {
				return
			}
			if addrs != 0 && addrs != stamps {
				d.pos = at
				d.fail(errValue)
				return
			}
			ts := &PingTimestamps{Stamps: make([]uint32, stamps)}
			for i := range ts.Stamps {
				ts.Stamps[i] = d.u32()
			}
			if addrs > 0 {
				ts.Addrs = d.addrList(addrs)
			}
			r.reply.TS = ts
		},
		write: func(e *body, r *pingReplyRec) {
			ts := r.reply.TS
			if len(ts.Addrs) != 0 && len(ts.Addrs) != len(ts.Stamps) {
				e.fail("addresses", errRange)
			}
			e.length8("timestamps", len(ts.Stamps))
			e.length8("addresses", len(ts.Addrs))
			for _, v := range ts.Stamps {
				e.u32(v)
			}
			for _, a := range ts.Addrs {
				e.addr(a)
			}
		},
		absent: func(r *pingReplyRec) bool { return r.reply.TS == nil },
	}.nonzero()
	p.can = p.when
	return p
}

// pingICMPTimes are the times of an ICMP timestamp reply.
func pingICMPTimes(n int) param[pingReplyRec] {
	p := param[pingReplyRec]{
		n: n, name: "icmp timestamps",
		read: func(d *decoder, r *pingReplyRec) {
			r.reply.TSICMP = &PingICMPStamps{Originate: d.u32(), Receive: d.u32(), Transmit: d.u32()}
		},
		write: func(e *body, r *pingReplyRec) {
			ts := r.reply.TSICMP
			e.u32(ts.Originate)
			e.u32(ts.Receive)
			e.u32(ts.Transmit)
		},
		absent: func(r *pingReplyRec) bool { return r.reply.TSICMP == nil },
	}.nonzero()
	p.can = p.when
	return p
}

// pingReplyMin is the least number of bytes of a reply record: flags (1), length (2), an address id (4).
const pingReplyMin = 7

// readPing decodes the body of a ping record.
func (d *decoder) readPing() *Ping {
	p := d.reusePing()
	pingParams.read(d, p)
	d.block = "ping"
	if d.err == nil && !p.Dst.IsValid() {
		d.failAt(0, "ping: destination", errNoAddr)
	}
	if !p.Kept.has(27) {
		p.Timeout += p.Wait / time.Second * time.Second
	}
	n := d.count(uint32(d.u16()), pingReplyMin)
	if d.err != nil {
		return p
	}
	d.readPingReplies(p, n)
	if d.err == nil {
		p.Kept.keepTrailing(d.buf[d.pos:])
	}
	return p
}

// readPingReplies decodes n reply records and groups them by probe.
func (d *decoder) readPingReplies(p *Ping, n int) {
	replies := d.pingReplies(n)
	probes := p.Probes[:0]
	rec := &d.ping
	sorted := true
	for i := range replies {
		r := &replies[i]
		*rec = pingReplyRec{reply: r, ping: p}
		at := d.pos
		pingReplyParams.read(d, rec)
		if d.err != nil {
			return
		}
		if !r.Addr.IsValid() {
			d.failAt(at, "ping reply: source", errNoAddr)
			return
		}
		if rec.probe.ID >= p.Sent {
			d.failAt(at, "ping reply: probe id", errValue)
			return
		}
		if !r.Kept.has(10) {
			r.Proto = rec.defaultProto()
		}
		rec.probe.Flags = r.Flags & (PingReplyProbeIPID | PingReplyDLTX)
		last := len(probes) - 1
		if last >= 0 && probes[last].ID == rec.probe.ID {
			first := &probes[last]
			if p := rec.probe; p.IPID != first.IPID || p.SrcPort != first.SrcPort || p.TX != first.TX {
				r.Kept.extra().ping = &p
			}
			first.Replies = replies[i-len(first.Replies) : i+1 : i+1]
			continue
		}
		sorted = sorted && (last < 0 || probes[last].ID < rec.probe.ID)
		rec.probe.Replies = replies[i : i+1 : i+1]
		probes = append(probes, rec.probe)
	}
	if !sorted {
		probes = mergePingProbes(probes)
	}
	p.Probes = probes
	*rec = pingReplyRec{}
}

// mergePingProbes orders probes by their ID and makes one of those with the same; the first one read tells about the
// probe.
func mergePingProbes(probes []PingProbe) []PingProbe {
	slices.SortStableFunc(probes, func(a, b PingProbe) int { return cmp.Compare(a.ID, b.ID) })
	merged := probes[:1]
	for _, p := range probes[1:] {
		if last := &merged[len(merged)-1]; last.ID == p.ID {
			last.Replies = append(last.Replies, p.Replies...)
		} else {
			merged = append(merged, p)
		}
	}
	return merged
}

// writePing appends the body of a ping record. Probes without replies have no place in it.
func (e *body) writePing(p *Ping) {
	if !p.Dst.IsValid() {
		e.fail("destination", errNeedsAddr)
		return
	}
	pingParams.write(e, p)
	n := 0
	for i := range p.Probes {
		n += len(p.Probes[i].Replies)
	}
	e.length16("replies", n)
	rec := &e.ping
	rec.ping = p
	for i := range p.Probes {
		probe := &p.Probes[i]
		for j := range probe.Replies {
			rec.probe, rec.reply = *probe, &probe.Replies[j]
			if more := rec.reply.Kept.more; more != nil && more.ping != nil {
				rec.probe = *more.ping
			}
			if !rec.reply.Addr.IsValid() {
				e.fail("reply: source", errNeedsAddr)
			}
			pingReplyParams.write(e, rec)
			if e.err != nil {
				return
			}
		}
	}
	e.bytes(p.Kept.trailing())
	*rec = pingReplyRec{}
}
