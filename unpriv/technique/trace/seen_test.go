package trace

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"scamper/shared/warts"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
	"scamper/unpriv/technique/virtual"
)

// TestSeen holds that what is kept of earlier replies is what looking through them finds, in whichever order they come.
func TestSeen(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		trace := &Trace{first: 1 + random.IntN(2)}
		for range 12 {
			p := sentProbe{TraceProbe: warts.TraceProbe{TTL: uint8(1 + random.IntN(5))}, phase: phaseTrace}
			if random.IntN(6) == 0 {
				p.phase = phaseLastDitch
			}
			trace.sent = append(trace.sent, p)
			trace.hopCount = max(trace.hopCount, int(p.TTL))
		}
		for n := range 40 {
			i := random.IntN(len(trace.sent))
			p := &trace.sent[i]
			switch {
			case p.phase == phaseDiscarded:
				continue
			case n == 20:
				trace.discardTTL(int(p.TTL))
				again := *p
				again.phase = phaseTrace
				trace.sent = append(trace.sent, again)
				continue
			}
			a := warts.AddrFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(random.IntN(6))}))
			p.Replies = append(p.Replies, warts.TraceReply{Addr: a})
			trace.sighted(i)
			checkSeen(t, trace, a)
		}
	}
}

// checkSeen looks through all replies.
func checkSeen(t *testing.T, trace *Trace, a warts.Addr) {
	t.Helper()
	var lowest uint8
	for ttl := uint8(1); ttl <= 5; ttl++ {
		from := map[warts.Addr]bool{}
		for i := range trace.sent {
			p := &trace.sent[i]
			if p.phase != phaseTrace || p.TTL != ttl {
				continue
			}
			for j := range p.Replies {
				r := &p.Replies[j]
				if got := trace.answeredBefore(i, r); got != from[r.Addr] {
					t.Fatalf("reply %d to probe %d, from %s: answered before is %t, want %t", j, i, r.Addr, got, from[r.Addr])
				}
				from[r.Addr] = true
			}
		}
		if got := trace.addresses(int(ttl)); got != len(from) {
			t.Fatalf("%d addresses at TTL %d, want %d", got, ttl, len(from))
		}
		if lowest == 0 && from[a] && ttl != 3 && int(ttl) >= trace.first {
			lowest = ttl
		}
	}
	if got := trace.firstTTLOf(a, 3); got != lowest {
		t.Fatalf("%s answered first at TTL %d, want %d", a, got, lowest)
	}
}

// TestMostProbes holds that a trace ends, and says why, before its probes could be taken for one another.
func TestMostProbes(t *testing.T) {
	w := newWorld(t, virtual.Parse(t, virtual.Chain("", "", "", "")))
	opt, dst, err := commands.Parse(target4, technique.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	trace := w.traces.New(opt, dst)
	for range maxProbes - 2 {
		trace.sent = append(trace.sent, sentProbe{phase: phasePMTUD})
	}
	w.Add(sched.NewSession(trace).Machine())
	w.Run()
	r := w.records[0]
	if r.StopReason != warts.TraceStopError || r.ErrMsg != errProbes.Error() || r.ProbeCount != 65535 {
		t.Errorf("%s, %q, %d probes", reason(r), r.ErrMsg, r.ProbeCount)
	}
	if got := hops(r); got != "1:192.0.2.1 2:10.0.0.2" {
		t.Errorf("hops %s", got)
	}
}
