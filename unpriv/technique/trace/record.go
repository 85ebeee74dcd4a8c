package trace

import (
	"cmp"
	"net/netip"
	"slices"

	"scamper/shared/warts"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
)

// Record implements sched.Technique.
func (t *Trace) Record(o sched.Origin) warts.Record {
	opt := t.opt
	r := &warts.Trace{
		UserID: opt.UserID, Src: warts.AddrFrom(t.src), Dst: warts.AddrFrom(t.dst), Start: warts.TimeOf(t.start),
		StopReason: t.stop, StopData: t.data, ErrMsg: t.errMsg,
		Method: opt.Method, SrcPort: opt.SrcPort, DstPort: opt.DstPort, Attempts: opt.Attempts,
		HopLimit: opt.HopLimit, FirstHop: opt.FirstHop, Squeries: opt.Parallel, GapLimit: opt.GapLimit,
		GapAction: opt.GapAction, Loops: opt.Loops, Confidence: opt.Confidence, Wait: opt.Wait,
		WaitProbe: opt.WaitProbe, ToS: opt.ToS, ProbeSize: uint16(t.probeSize()), Offset: opt.Offset,
		ProbeCount: uint16(len(t.sent)), HopCount: uint16(t.hopCount),
	}
	r.List, r.Cycle = o.Stream()
	if opt.AllAttempts {
		r.Flags |= warts.TraceAllAttempts
	}
	if opt.IgnoreTTLDst {
		r.Flags |= warts.TraceIgnoreTTLDst
	}
	if opt.Method == warts.TraceICMPEchoParis {
		r.Flags |= warts.TraceICMPCsumDport
	}
	for i := range t.sent {
		p := &t.sent[i]
		if p.phase == phaseLastDitch {
			if r.LastDitch == nil {
				r.LastDitch = &warts.TraceLastDitch{}
			}
			r.LastDitch.Probes = append(r.LastDitch.Probes, p.TraceProbe)
			continue
		}
		r.Probes = append(r.Probes, p.TraceProbe)
	}
	slices.SortStableFunc(r.Probes, func(a, b warts.TraceProbe) int { return cmp.Compare(a.TTL, b.TTL) })
	return r
}

// probeSize is the size of an ordinary probe, also if none was sent.
func (t *Trace) probeSize() int {
	p := t.probe
	p.Method, p.Dst, p.Payload, p.FragOffset = t.method(), t.dst, t.opt.Payload, t.opt.Offset
	return p.Size()
}

// Technique returns the row of trace in the registry.
func Technique() technique.Technique {
	return technique.Technique{
		Name:    "trace",
		Grammar: Grammar,
		Check: func(text string) error {
			_, _, err := Parse(text, Defaults{})
			return err
		},
		Parse: func(env *technique.Env, text string) (sched.Machine, error) {
			opt, dst, err := Parse(text, Defaults{Pid: env.PID})
			if err != nil {
				return nil, err
			}
			return sched.NewSession(New(env, opt, dst)).Machine(), nil
		},
		Template: func(env *technique.Env, options string) (technique.Template, error) {
			t, err := ParseTemplate(options, Defaults{Pid: env.PID})
			if err != nil {
				return nil, err
			}
			return template{env, t}, nil
		},
	}
}

type template struct {
	env *technique.Env
	*Template
}

func (t template) Machine(dst netip.Addr) (sched.Machine, error) {
	opt, err := t.For(dst)
	if err != nil {
		return nil, err
	}
	return sched.NewSession(New(t.env, opt, dst)).Machine(), nil
}
