package sched

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// A list of the same target over and over is measured in its order, with a bounded number of machines held back.
func TestHeldBounded(t *testing.T) {
	b := newBench(t, 100_000, 0)
	same := []Signature{ICMPSignature(Echo, netip.MustParseAddr("192.0.2.1"), 1)}
	const n = maxHeld + 1000
	var want []string
	for i := range n {
		name := fmt.Sprintf("%06d", i)
		want = append(want, name)
		b.add(&sender{b: b, name: name, sigs: same, count: 1, timeout: time.Microsecond})
	}
	most := 0
	var look func()
	look = func() {
		most = max(most, b.sched.held)
		if b.sched.running > 0 {
			b.after(10*time.Millisecond, look)
		}
	}
	b.after(time.Millisecond, look)
	b.run()
	if most == 0 || most > maxHeld+takes {
		t.Errorf("%d machines were held back at once", most)
	}
	if b.sched.held != 0 {
		t.Errorf("%d are counted as held in the end", b.sched.held)
	}
	var got []string
	for _, m := range b.done {
		got = append(got, m.(*sender).name)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%d of %d are done, not in their order: %.80q", len(got), n, got)
	}
}

// Machines that were held back give up their place when the scheduler is closed.
func TestHeldClose(t *testing.T) {
	b := newBench(t, 1000, 0)
	same := []Signature{ICMPSignature(Echo, netip.MustParseAddr("192.0.2.1"), 1)}
	for i := range 5 {
		b.add(&sender{b: b, name: fmt.Sprint(i), sigs: same, count: 1, timeout: time.Hour})
	}
	b.after(time.Second, b.sched.Close)
	b.run()
	if b.sched.held != 0 || b.ended != 5 || len(b.done) != 1 {
		t.Errorf("%d held, %d origins told, %d results", b.sched.held, b.ended, len(b.done))
	}
}
