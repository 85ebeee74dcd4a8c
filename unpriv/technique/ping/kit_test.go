package ping

import (
	"testing"
	"time"

	"scamper/shared/warts"
	"scamper/tools/simnet"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
	"scamper/unpriv/technique/virtual"
)

// world is a simulated Internet in virtual time, and the pings through it. Its topology is testdata/world.toml.
type world struct {
	*virtual.World
	pings   *Pings
	records []*warts.Ping
}

func newWorld(t testing.TB) *world {
	t.Helper()
	topology, err := simnet.Load("testdata/world.toml")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{World: virtual.New(t, topology)}
	w.pings = &Pings{env: w.Env}
	var used []sched.Machine
	w.Put = func(m sched.Machine, o sched.Origin) {
		if rec, ok := m.Record(o).(*warts.Ping); ok {
			kept := *rec
			w.records = append(w.records, &kept)
			w.pings.builder = builder{} // what the copy refers to is not used again
		}
		used = append(used, m)
		w.After(0, func() { // as the loop does once the record is written
			for _, m := range used {
				m.Recycle()
			}
			used = used[:0]
		})
	}
	return w
}

// add adds a ping.
func (w *world) add(command string) *Ping {
	w.T.Helper()
	opt, dst, err := commands.Parse(command, technique.Defaults{Pid: w.Env.PID})
	if err != nil {
		w.T.Fatalf("%s: %v", command, err)
	}
	p := w.pings.New(opt, dst)
	w.Add(p)
	return p
}

// run runs until all pings have ended and returns their records.
func (w *world) run() []*warts.Ping {
	w.T.Helper()
	w.Run()
	return w.records
}

// ping runs one ping in a world of its own.
func (w *world) ping(command string) *warts.Ping {
	w.T.Helper()
	w.add(command)
	records := w.run()
	if len(records) == 0 {
		w.T.Fatalf("%s: no record", command)
	}
	return records[len(records)-1]
}

// replies returns the round-trip times by probe.
func replies(p *warts.Ping) (list [][]time.Duration) {
	for i := range p.Probes {
		var rtts []time.Duration
		for j := range p.Probes[i].Replies {
			rtts = append(rtts, p.Probes[i].Replies[j].RTT)
		}
		list = append(list, rtts)
	}
	return list
}
