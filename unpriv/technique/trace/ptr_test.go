package trace

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/sched"
)

// nameServer answers after some time, with what is behind "host-"; never about silent addresses.
type nameServer struct {
	w      *world
	takes  time.Duration
	silent netip.Addr
	late   func(string) // tells the silent one's name
	asked  []netip.Addr
}

func (n *nameServer) Name(addr netip.Addr, done func(string)) {
	n.asked = append(n.asked, addr)
	if addr == n.silent {
		n.late = done
		return
	}
	n.w.loop.Timers.Set(&loop.Timer{Expirer: delayed(func() { done("host-" + addr.String()) })}, n.w.loop.Now().Add(n.takes))
}

// delayed is what a timer calls.
type delayed func()

func (f delayed) Expire(loop.Mono) { f() }

func (n *nameServer) check(t *testing.T, r *warts.Trace) {
	t.Helper()
	for i, p := range r.Probes {
		for _, reply := range p.Replies {
			want := "host-" + reply.Addr.String()
			if reply.Addr.IP() == n.silent {
				want = ""
			}
			if reply.Name != want {
				t.Errorf("probe %d: %s is called %q, want %q", i, reply.Addr, reply.Name, want)
			}
		}
	}
}

func TestNames(t *testing.T) {
	w := newWorld(t, parsed(t, path("", "", "", "")))
	server := &nameServer{w: w, takes: 2 * time.Second}
	w.env.Names = server
	r := w.trace("-O ptr -Q -q 2 " + target4)
	if r.Flags&warts.TracePTR == 0 || r.StopReason != warts.TraceStopCompleted {
		t.Errorf("flags %v, stopped by %v", r.Flags, r.StopReason)
	}
	server.check(t, r)
	if got := fmt.Sprint(server.asked); got != "[192.0.2.1 10.0.0.2 10.0.0.6 198.51.100.10]" {
		t.Errorf("asked for %s, want each address once", got)
	}
}

// TestMissingName holds that a trace does not wait for a name for ever.
func TestMissingName(t *testing.T) {
	w := newWorld(t, parsed(t, path("", "", "", "")))
	server := &nameServer{w: w, silent: netip.MustParseAddr("10.0.0.2")}
	w.env.Names = server
	opt, dst, err := Parse("-O ptr -w 3 "+target4, Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	trace := w.traces.New(opt, dst)
	w.waiting = append(w.waiting, sched.NewSession(trace).Machine())
	server.check(t, w.run()[0])
	if took := w.clock.Wall().Sub(w.start); took < 3*time.Second || took > 4*time.Second {
		t.Errorf("ended after %v, want the 3 seconds of -w", took)
	}
	server.late("late")
	if name := trace.names.of[server.silent]; name != "" {
		t.Errorf("%q came when the record may have been read already", name)
	}
}
