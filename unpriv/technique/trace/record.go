package trace

import (
	"cmp"
	"net/netip"
	"slices"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
)

// Record implements sched.Technique.
func (t *Trace) Record(o sched.Origin) warts.Record { return t.result(o) }

// publish writes a copy of the work in progress.
func (t *Trace) publish(s *sched.Session) {
	r := t.result(s.Origin())
	t.markPending(r, s.Now())
	r.StopReason, r.StopData, r.ErrMsg = warts.TraceStopInProgress, 0, ""
	lists := [][]warts.TraceProbe{r.Probes}
	if r.LastDitch != nil {
		lists = append(lists, r.LastDitch.Probes)
	}
	if r.PMTUD != nil {
		lists = append(lists, r.PMTUD.Probes)
	}
	for _, list := range lists { // the copy is encoded while replies still come in
		for i := range list {
			list[i].Replies = slices.Clone(list[i].Replies)
		}
	}
	s.Publish(r)
}

// markPending marks the probes of a record that have no reply yet and may get one.
func (t *Trace) markPending(r *warts.Trace, now loop.Mono) {
	waiting := make(map[probeKey]bool)
	for i := range t.sent {
		if p := &t.sent[i]; len(p.Replies) == 0 && (p.due > now || p.due == 0) {
			waiting[keyOf(&p.TraceProbe)] = true
		}
	}
	for i := range r.Probes {
		if p := &r.Probes[i]; waiting[keyOf(p)] {
			p.Flags |= warts.TraceHopPending
		}
	}
}

// probeKey tells the probes of a trace apart.
type probeKey struct {
	ttl, id uint8
	tx      warts.Time
}

func keyOf(p *warts.TraceProbe) probeKey { return probeKey{p.TTL, p.ID, p.TX} }

func (t *Trace) result(o sched.Origin) *warts.Trace {
	opt := t.opt
	r := &warts.Trace{
		UserID: opt.UserID, Src: warts.AddrFrom(t.src), Dst: warts.AddrFrom(t.dst), Start: warts.TimeOf(t.start),
		StopReason: t.stop, StopData: t.data, StopHop: t.stopHop, ErrMsg: t.errMsg,
		Method: opt.Method, SrcPort: t.sport, DstPort: opt.DstPort, Attempts: opt.Attempts,
		HopLimit: opt.HopLimit, FirstHop: uint8(t.first), Squeries: opt.Parallel, GapLimit: opt.GapLimit,
		GapAction: opt.GapAction, Loops: opt.Loops, Confidence: opt.Confidence, Wait: opt.Wait,
		WaitProbe: opt.WaitProbe, ToS: opt.ToS, ProbeSize: uint16(opt.Size()), Offset: opt.Offset,
		ProbeCount: uint16(len(t.sent)), HopCount: uint16(t.hopCount),
	}
	r.List, r.Cycle = o.Stream()
	if opt.Router.IsValid() {
		r.Router = warts.AddrFrom(opt.Router)
	}
	r.Flags = opt.flags()
	for i := range t.sent {
		p := &t.sent[i]
		t.nameReplies(p.Replies)
		switch p.phase {
		case phaseLastDitch:
			if r.LastDitch == nil {
				r.LastDitch = &warts.TraceLastDitch{}
			}
			r.LastDitch.Probes = append(r.LastDitch.Probes, p.TraceProbe)
		case phasePMTUD:
		default:
			r.Probes = append(r.Probes, p.TraceProbe)
		}
	}
	if t.mtu != nil {
		r.PMTUD = t.mtu.record()
	}
	if opt.Doubletree() {
		r.Doubletree = t.tree.record(opt)
	}
	slices.SortStableFunc(r.Probes, func(a, b warts.TraceProbe) int { return cmp.Compare(a.TTL, b.TTL) })
	return r
}

// flags are the options that are bits of the record.
func (o *Options) flags() (f warts.TraceFlags) {
	for _, bit := range [...]struct {
		on   bool
		flag warts.TraceFlags
	}{
		{o.AllAttempts, warts.TraceAllAttempts},
		{o.PMTUD, warts.TracePMTUDFlag},
		{o.Datalink, warts.TraceDL},
		{o.IgnoreTTLDst, warts.TraceIgnoreTTLDst},
		{o.Doubletree(), warts.TraceDoubletreeOn},
		{o.Method == warts.TraceICMPEchoParis, warts.TraceICMPCsumDport},
		{o.ConstPayload, warts.TraceConstPayload},
		{o.PTR, warts.TracePTR},
		{o.Raw, warts.TraceRaw},
		{o.Back, warts.TraceBack},
	} {
		if bit.on {
			f |= bit.flag
		}
	}
	return f
}

// record is the part of the result that says where doubletree began and stopped.
func (d *doubletree) record(o *Options) *warts.TraceDoubletree {
	r := &warts.TraceDoubletree{FirstHop: d.begin, LSSName: o.LSS}
	if d.lssStop.IsValid() {
		r.LSSStop = warts.AddrFrom(d.lssStop)
	}
	if d.gssStop.IsValid() {
		r.GSSStop = warts.AddrFrom(d.gssStop)
	}
	if o.NoBack {
		r.Flags |= warts.TraceDoubletreeNoBackwards
	}
	return r
}

// Technique returns the row of trace in the registry.
func Technique() technique.Technique {
	return commands.Technique(func(env *technique.Env) technique.Maker[Options] {
		all := &Traces{env: env}
		return func(opt *Options, dst netip.Addr) sched.Machine {
			return sched.NewSession(all.New(opt, dst)).Machine()
		}
	})
}
