package trace

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"scamper/shared/packet"
	"scamper/shared/warts"
	"scamper/tools/simnet"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
	"scamper/unpriv/technique/virtual"
)

// world is a simulated Internet in virtual time, and the traces through it.
type world struct {
	*virtual.World
	traces  *Traces
	records []*warts.Trace
}

const (
	target4 = virtual.Target4
	target6 = virtual.Target6
)

func newWorld(t testing.TB, topology *simnet.Topology) *world {
	t.Helper()
	w := &world{World: virtual.New(t, topology)}
	w.traces = &Traces{env: w.Env}
	w.Put = func(m sched.Machine, o sched.Origin) {
		if r, ok := m.Record(o).(*warts.Trace); ok {
			w.records = append(w.records, r)
		}
	}
	return w
}

// add adds a trace.
func (w *world) add(command string) {
	w.T.Helper()
	opt, dst, err := commands.Parse(command, technique.Defaults{Pid: w.Env.PID})
	if err != nil {
		w.T.Fatalf("%s: %v", command, err)
	}
	w.Add(sched.NewSession(w.traces.New(opt, dst)).Machine())
}

// run runs until all traces have ended and returns their records.
func (w *world) run() []*warts.Trace {
	w.T.Helper()
	w.Run()
	for _, r := range w.records {
		w.verify(r)
	}
	return w.records
}

// trace runs one trace and returns the last record.
func (w *world) trace(command string) *warts.Trace {
	w.T.Helper()
	w.add(command)
	records := w.run()
	if len(records) == 0 {
		w.T.Fatalf("%s: no record", command)
	}
	return records[len(records)-1]
}

// verify checks what is true of all records.
func (w *world) verify(r *warts.Trace) {
	w.T.Helper()
	n := len(r.Probes)
	if r.PMTUD != nil {
		n += len(r.PMTUD.Probes)
		for _, note := range r.PMTUD.Notes {
			if _, reply := r.PMTUD.ReplyAt(note.Reply); (reply != nil) != (note.Reply >= 0) {
				w.T.Errorf("a note is about reply %d", note.Reply)
			}
		}
	}
	if r.LastDitch != nil {
		n += len(r.LastDitch.Probes)
	}
	if n != int(r.ProbeCount) {
		w.T.Errorf("%d probes are recorded, %d counted", n, r.ProbeCount)
	}
	for i := range r.Probes {
		if r.Probes[i].TX.IsZero() {
			w.T.Errorf("probe %d has no time", i)
		}
	}
}

// schedule is when probes were sent, as "TTL@seconds" in virtual time.
func (w *world) schedule() string {
	var list []string
	for _, p := range w.Sent {
		list = append(list, fmt.Sprintf("%d@%.3g", p.TTL, p.At.Truncate(100*time.Millisecond).Seconds()))
	}
	return strings.Join(list, " ")
}

// ttls is the TTLs of all packets sent.
func (w *world) ttls() string {
	var list []string
	for _, p := range w.Sent {
		list = append(list, fmt.Sprint(p.TTL))
	}
	return strings.Join(list, " ")
}

// hops lists a record's probes as "TTL:address,address" in their order, without address if there was no reply.
func hops(r *warts.Trace) string { return probes(r.Probes) }

func probes(list []warts.TraceProbe) string {
	var out []string
	for i := range list {
		p := &list[i]
		var from []string
		for j := range p.Replies {
			from = append(from, p.Replies[j].Addr.String())
		}
		out = append(out, fmt.Sprintf("%d:%s", p.TTL, strings.Join(from, ",")))
	}
	return strings.Join(out, " ")
}

// reason is the stop reason with its data.
func reason(r *warts.Trace) string {
	s := strings.ToUpper(fmt.Sprintf("%s/%d", r.StopReason, r.StopData))
	if r.StopHop != 0 {
		s += fmt.Sprintf(" hop %d", r.StopHop)
	}
	return s
}

// icmpError is an IPv4 error message about a packet.
func icmpError(t testing.TB, from string, ip []byte, typ, code uint8, rest uint32) []byte {
	t.Helper()
	f := packet.ICMPFields{Type: typ, Code: code, Rest: rest}
	message := f.Append(nil, ip[:28], 0)
	header := packet.IPv4Fields{
		Src: netip.MustParseAddr(from), Dst: netip.MustParseAddr(virtual.Own4), TTL: 250, Protocol: packet.ProtoICMP,
	}
	b, err := header.Append(nil, len(message))
	if err != nil {
		t.Fatal(err)
	}
	return append(b, message...)
}
