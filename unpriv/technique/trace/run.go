// Package trace is traceroute: probes with growing TTL towards one destination, and what the routers say.
//
//	options.go     a command becomes checked options; options_table.go is the grammar
//	run.go         which phases a trace has, and what ends it
//	serial.go      one probe outstanding: the usual search, forward
//	attempts.go    probes until one is answered, for the phases below
//	parallel.go    many TTLs outstanding, or backwards from a hop limit
//	doubletree.go  beginning in the middle, with stop sets (Donnet et al., SIGMETRICS 2005)
//	lastditch.go   is the destination there, behind the silent hops?
//	pmtud.go       path MTU discovery (Luckie, Cho and Owens, IMC 2005); pmtudsize.go searches the size
//	probe.go       what is sent; anyport.go a free port to send it from
//	reply.go       what is recorded of a reply; stop.go which replies end a trace, seen.go what that asks of earlier
//	               ones; datalink.go better time stamps
//	ptr.go         the names of the hops
//	record.go      the result
package trace

import (
	"net/netip"
	"strings"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
)

// maxTTL is the largest TTL that the protocols allow.
const maxTTL = 255

// Traces makes the traces of one program run and keeps what they share.
type Traces struct {
	env      *technique.Env
	stopSets map[string]map[netip.Addr]bool // local stop sets of doubletree, by name in lower case
}

// stopSet returns the local stop set of a name, which is not case-sensitive.
func (a *Traces) stopSet(name string) map[netip.Addr]bool {
	name = strings.ToLower(name)
	set := a.stopSets[name]
	if set == nil {
		set = make(map[netip.Addr]bool)
		if a.stopSets == nil {
			a.stopSets = make(map[string]map[netip.Addr]bool)
		}
		a.stopSets[name] = set
	}
	return set
}

// Trace is one traceroute. It is a sched.Technique.
type Trace struct {
	all *Traces
	env *technique.Env
	opt *Options
	dst netip.Addr
	src netip.Addr

	ports technique.Ports
	link  *technique.Link // the way out to the datalink, if that is open
	match probe.TraceMatch
	probe probe.TraceProbe // the one under way
	sport uint16

	start    time.Time
	sent     []sentProbe // all probes in the order sent; the index identifies a probe on the wire
	replies  int         // recorded, of all probes
	repeated int         // those that were not the first of their probe
	seen     seen
	first    int  // TTL at which the trace begins; doubletree moves it
	hopCount int  // highest TTL probed
	loops    int  // loops seen
	judging  bool // all replies are there and looked at again, lowest TTL first
	lastSent loop.Mono
	begun    bool // something was sent: lastSent is valid

	tree  doubletree
	names names
	mtu   *pmtud

	stop    warts.TraceStop
	data    uint8
	stopHop uint8
	errMsg  string
}

// phase is the part of the algorithm that sent a probe.
type phase uint8

const (
	phaseTrace     phase = iota
	phaseDiscarded       // doubletree's first probes that went too far: replies to them are not recorded
	phaseLastDitch
	phasePMTUD
)

// sentProbe is a probe on its way, with what came back.
type sentProbe struct {
	warts.TraceProbe
	tx      netio.Stamp
	dlrx    netio.Stamp // of an answer seen on the datalink that has not come through the socket yet
	due     loop.Mono   // when the wait for a reply is over
	phase   phase
	step    mtuStep // of path MTU discovery
	txFixed bool    // tx is the datalink's
}

// New returns the trace of a destination. opt is for the family of dst.
func (a *Traces) New(opt *Options, dst netip.Addr) *Trace {
	t := &Trace{all: a, env: a.env, opt: opt, dst: dst, first: int(opt.FirstHop), sport: opt.SrcPort}
	t.tree.begin = opt.FirstHop
	t.match = probe.TraceMatch{
		Method: opt.Method, Dst: dst, SrcPort: t.sport, DstPort: opt.DstPort,
		FragOffset: opt.Offset, ConstPayload: opt.ConstPayload,
	}
	return t
}

// Run implements sched.Technique.
func (t *Trace) Run(s *sched.Session) {
	t.start = t.env.Clock().Wall()
	t.measure(s)
	t.awaitNames(s)
}

// measure is the trace with all its phases.
func (t *Trace) measure(s *sched.Session) {
	if err := t.open(s); err != nil {
		if s.Halted() {
			t.halt()
		} else {
			t.fail(err)
		}
		return
	}
	t.conclude(s, t.search(s))
	if t.opt.PMTUD && t.reached() {
		t.discoverMTU(s)
	}
}

// search is the trace proper.
func (t *Trace) search(s *sched.Session) outcome {
	switch {
	case t.opt.Back:
		return t.backwards(s)
	case t.opt.Parallel > 1:
		return t.parallel(s)
	case t.opt.Doubletree():
		return t.doubletree(s)
	}
	return t.forward(s, t.first)
}

// reached reports whether something at the end of the path answered, without which silence says nothing about sizes.
func (t *Trace) reached() bool {
	switch t.stop {
	case warts.TraceStopCompleted, warts.TraceStopUnreach, warts.TraceStopICMP:
		return true
	}
	return false
}

// outcome is how a phase ended.
type outcome uint8

const (
	ended    outcome = iota // the stop reason is set
	gapLimit                // too many silent hops in a row
	hopLimit                // the last hop was probed
)

// conclude sets why a search stopped that ran into a limit, the gap limit after the last ditch.
func (t *Trace) conclude(s *sched.Session, out outcome) {
	switch out {
	case gapLimit:
		if t.opt.GapAction == warts.TraceGapLastDitch {
			t.lastDitch(s)
		}
		t.end(warts.TraceStopGapLimit, 0)
	case hopLimit:
		t.end(warts.TraceStopHopLimit, 0)
	}
}

// limit is the last TTL to probe.
func (t *Trace) limit() int {
	if t.opt.HopLimit != 0 {
		return int(t.opt.HopLimit)
	}
	return maxTTL
}

// end sets why the trace stopped; the first reason stays.
func (t *Trace) end(why warts.TraceStop, data uint8) {
	if t.stop == warts.TraceStopNone {
		t.stop, t.data = why, data
	}
}

// fail ends the trace with an error of the system or of ours.
func (t *Trace) fail(err error) {
	t.errMsg = err.Error()
	t.end(warts.TraceStopError, technique.Errno(err))
	t.env.Report("trace to %s failed: %s", t.dst, t.errMsg)
}

// halt ends the trace because somebody said so: also one that had reached its end already and went on with something
// else.
func (t *Trace) halt() outcome {
	t.stop, t.data = warts.TraceStopHalted, 0
	return ended
}

// turn waits for a slot, which must not be sooner than WaitProbe after the last probe.
func (t *Trace) turn(s *sched.Session) sched.Event { return t.turnUntil(s, loop.Never) }

// turnUntil is turn that gives up at a time, with Timeout.
func (t *Trace) turnUntil(s *sched.Session, until loop.Mono) sched.Event {
	for t.begun && t.opt.WaitProbe > 0 {
		earliest := t.lastSent.Add(t.opt.WaitProbe)
		if s.Now() >= earliest {
			break
		}
		if ev := s.Wait(min(earliest, until)); ev.Kind != sched.Timeout || until < earliest {
			return ev
		}
	}
	return s.TurnUntil(until)
}
