package sched

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"scamper/unpriv/netio"
)

// told is a machine that notes when each of its packets was sent.
type told struct {
	sender
	stamps []netio.Stamp
	errs   []error
}

func (m *told) Sent(_ *Task, id uint32, at netio.Stamp, err error) {
	if int(id) != len(m.stamps) {
		err = fmt.Errorf("told of packet %d after %d", id, len(m.stamps))
	}
	if err != nil {
		m.errs = append(m.errs, err)
	}
	m.stamps = append(m.stamps, at)
}

// However an outbox has grown, and wherever its ring began then: packets leave in order, whole, and each sender hears of its
// own.
func TestOutboxGrows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		b := newBench(t, 1000, 0)
		var left int
		var at []netio.Stamp
		transmit := b.port.Transmit
		b.port.Transmit = func(p netio.Packet, now netio.Stamp) error {
			if left == 0 {
				return netio.ErrFull
			}
			left--
			at = append(at, now)
			b.clock.Advance(time.Microsecond)
			return transmit(p, now)
		}
		m := &told{}
		task := &Task{machine: m, sched: b.sched, state: taskWaiting}
		const packets = 600
		want := make([]string, 0, packets)
		for len(want) < packets {
			buf := b.out.Buffer()
			if buf == nil || r.IntN(4) == 0 {
				left = r.IntN(40)
				b.out.flush()
				if b.out.room() == 0 {
					continue
				}
				buf = b.out.Buffer()
			}
			text := fmt.Sprintf("%0*d", 1+r.IntN(2*usualPacket), len(want))
			b.out.Add(task, uint32(len(want)), netio.Packet{Data: append(buf, text...)})
			want = append(want, text)
		}
		left = packets
		b.out.flush()
		if len(b.sent) != packets || len(m.stamps) != packets || len(m.errs) != 0 || task.unsent != 0 {
			t.Fatalf("%d sent, %d told, %v", len(b.sent), len(m.stamps), m.errs)
		}
		for i := range want {
			if b.sent[i].data != want[i] || m.stamps[i] != at[i] {
				t.Fatalf("packet %d: %q, sent %d, told %d; want %q", i, b.sent[i].data, at[i], m.stamps[i], want[i])
			}
		}
	}
}

// A ping may have tens of thousands of ports that it sends one packet from. What is sent in two turns always fits.
func TestOutboxSize(t *testing.T) {
	b := newBench(t, 1000, 0)
	for range 10 {
		if err := b.out.Post([]byte("x"), nil); err != nil {
			t.Fatal(err)
		}
		b.sched.flush()
	}
	if n := b.out.size(); n > 2 {
		t.Errorf("room for %d packets, of which there was one at a time", n)
	}
	for b.out.grow() {
	}
	if n, batch := b.out.size(), uint64(b.sched.batch); n < 2*batch || n >= 4*batch {
		t.Errorf("room for %d packets at most, with batches of %d", n, batch)
	}
}
