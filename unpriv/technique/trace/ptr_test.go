package trace

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
	"scamper/unpriv/technique/virtual"
)

// nameServer answers after some time, with what is behind "host-"; never about silent addresses.
type nameServer struct {
	w      *world
	takes  time.Duration
	silent netip.Addr
	dead   bool         // answers nothing
	late   func(string) // tells the silent one's name
	asked  []netip.Addr
}

func (n *nameServer) Name(addr netip.Addr, done func(string)) {
	n.asked = append(n.asked, addr)
	if n.dead {
		return
	}
	if addr == n.silent {
		n.late = done
		return
	}
	n.w.Loop.Timers.Set(&loop.Timer{Expirer: delayed(func() { done("host-" + addr.String()) })}, n.w.Loop.Now().Add(n.takes))
}

// delayed is what a timer calls.
type delayed func()

func (f delayed) Expire(loop.Mono) { f() }

func (n *nameServer) check(t *testing.T, r *warts.Trace) {
	t.Helper()
	for i, p := range r.Probes {
		for _, reply := range p.Replies {
			want := "host-" + reply.Addr.String()
			if reply.Addr.IP() == n.silent || n.dead {
				want = ""
			}
			if reply.Name != want {
				t.Errorf("probe %d: %s is called %q, want %q", i, reply.Addr, reply.Name, want)
			}
		}
	}
}

func TestNames(t *testing.T) {
	w := newWorld(t, virtual.Parse(t, virtual.Chain("", "", "", "")))
	server := &nameServer{w: w, takes: 2 * time.Second}
	w.Env.Names = server
	r := w.trace("-O ptr -Q -q 2 " + target4)
	if r.Flags&warts.TracePTR == 0 || r.StopReason != warts.TraceStopCompleted {
		t.Errorf("flags %v, stopped by %v", r.Flags, r.StopReason)
	}
	server.check(t, r)
	if got := fmt.Sprint(server.asked); got != "[192.0.2.1 10.0.0.2 10.0.0.6 198.51.100.10]" {
		t.Errorf("asked for %s, want each address once", got)
	}
	if took := w.Ended; took < 2*time.Second || took > 3*time.Second {
		t.Errorf("ended after %v, want the 2 seconds that the last name took", took)
	}
}

// TestDeadNameServer holds that a trace whose name server says nothing is the same without names, up to -w later.
func TestDeadNameServer(t *testing.T) {
	for _, command := range []string{"-w 2", "-w 2 -Q -q 3", "-w 2 -N 3", "-w 2 -M", "-w 2 -g 1 -G 2"} {
		for _, dst := range []string{target4, target6} {
			t.Run(command+" "+dst, func(t *testing.T) {
				want := newWorld(t, virtual.Parse(t, virtual.Chain("", "", "", quiet, "")))
				without := want.trace(command + " " + dst)
				w := newWorld(t, virtual.Parse(t, virtual.Chain("", "", "", quiet, "")))
				server := &nameServer{w: w, dead: true}
				w.Env.Names = server
				r := w.trace("-O ptr " + command + " " + dst)
				server.check(t, r)
				if hops(r) != hops(without) || reason(r) != reason(without) {
					t.Errorf("%s %s, without names %s %s", hops(r), reason(r), hops(without), reason(without))
				}
				if more := w.Ended - want.Ended; more < 2*time.Second-time.Millisecond || more > 2*time.Second+time.Millisecond {
					t.Errorf("ended %v later than without names, want 2 seconds", more)
				}
			})
		}
	}
}

// TestManyNames holds that who answers from thousands of addresses does not make us ask for all of their names.
func TestManyNames(t *testing.T) {
	w := floodedWorld(t, 3, 3000)
	server := &nameServer{w: w, takes: time.Second}
	w.Env.Names = server
	r := w.trace("-O ptr -P icmp " + target4)
	if len(server.asked) != maxNames {
		t.Errorf("asked for %d names, want %d", len(server.asked), maxNames)
	}
	if len(r.Probes) != 6 || len(r.Probes[2].Replies) != 3000 || reason(r) != "COMPLETED/0" {
		t.Errorf("%d probes, %s", len(r.Probes), reason(r))
	}
}

// TestMissingName holds that a trace does not wait for a name for ever.
func TestMissingName(t *testing.T) {
	w := newWorld(t, virtual.Parse(t, virtual.Chain("", "", "", "")))
	server := &nameServer{w: w, silent: netip.MustParseAddr("10.0.0.2")}
	w.Env.Names = server
	opt, dst, err := commands.Parse("-O ptr -w 3 "+target4, technique.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	trace := w.traces.New(opt, dst)
	w.Add(sched.NewSession(trace).Machine())
	server.check(t, w.run()[0])
	if took := w.Ended; took < 3*time.Second || took > 4*time.Second {
		t.Errorf("ended after %v, want the 3 seconds of -w", took)
	}
	server.late("late")
	if name := trace.names.of[server.silent]; name != "" {
		t.Errorf("%q came when the record may have been read already", name)
	}
}
