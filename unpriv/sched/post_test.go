package sched

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"scamper/unpriv/netio"
)

// poster posts packets in its turn, and sends one of its own behind them.
type poster struct {
	sender
	texts  []string
	taken  []error
	failed []error
}

func (m *poster) Turn(t *Task) {
	for _, text := range m.texts {
		data := []byte(text)
		m.taken = append(m.taken, m.b.out.Post(data, func(err error) { m.failed = append(m.failed, err) }))
		clear(data) // it was copied
	}
	m.sender.Turn(t)
}

// A packet that is nobody's leaves in order with those of tasks, and only its sender hears that it was refused.
func TestPost(t *testing.T) {
	b := newBench(t, 1000, 0)
	no := errors.New("network is down")
	transmit := b.port.Transmit
	b.port.Transmit = func(p netio.Packet, at netio.Stamp) error {
		if string(p.Data) == "bad" {
			return no
		}
		return transmit(p, at)
	}
	m := &poster{sender: sender{b: b, name: "task", count: 1}, texts: []string{"first", "bad", "last"}}
	b.add(m)
	b.run()
	if got := names(b.sent); got != "first last task" {
		t.Errorf("sent %q", got)
	}
	if errors.Join(m.taken...) != nil || len(m.failed) != 1 || !errors.Is(m.failed[0], no) || len(m.stamps) != 1 {
		t.Errorf("taken %v, failed %v, %d stamps", m.taken, m.failed, len(m.stamps))
	}
	if s := b.sched.Stats; s.Sent != 1 || s.Refused != 0 {
		t.Errorf("counted as a task's: %+v", s)
	}
}

// The kernel takes nothing: what no longer fits is counted and told, and what was taken is not lost when it does again.
func TestPostAndSendWithoutRoom(t *testing.T) {
	b := newBench(t, 1000, 0)
	for b.out.grow() { // to its full size
	}
	room := b.out.room()
	stuck := true
	transmit := b.port.Transmit
	b.port.Transmit = func(p netio.Packet, at netio.Stamp) error {
		if stuck {
			return netio.ErrFull
		}
		return transmit(p, at)
	}
	m := &poster{sender: sender{b: b, name: "task", count: 1, timeout: time.Second}}
	for i := range room + 2 {
		m.texts = append(m.texts, fmt.Sprint(i))
	}
	b.add(m)
	var full error
	b.script(nil, func(c *script, s *Session) {
		s.Wait(s.Now().Add(time.Second))
		full = c.send(s, "session") // not in a slot
	})
	b.after(time.Minute, func() { stuck = false })
	b.clock.Advance(10 * time.Millisecond) // both begin in the first turn
	b.run()
	for i, err := range m.taken {
		if errors.Is(err, netio.ErrFull) != (i >= room) {
			t.Fatalf("packet %d of room for %d: %v", i, room, err)
		}
	}
	if len(m.failed) != 0 || len(b.sent) != room {
		t.Errorf("%d sent, %d failed", len(b.sent), len(m.failed))
	}
	if len(m.errs) != 1 || !errors.Is(m.errs[0], netio.ErrFull) || !errors.Is(full, netio.ErrFull) {
		t.Errorf("machine %v, session %v", m.errs, full)
	}
	if s := b.sched.Stats; s.NoRoom != 2 || s.Refused != 0 || s.Sent != 0 {
		t.Errorf("%+v", s)
	}
}

// A posted packet goes by way of the relay, which is the only one that sends then.
func TestPostRelayed(t *testing.T) {
	p := &splitPort{full: -1}
	b := newRelayBench(t, p)
	var failed error
	if err := b.out.Post([]byte("question"), func(err error) { failed = err }); err != nil {
		t.Fatal(err)
	}
	b.turns(func() bool { return b.out.relay.full.Load() > 0 })
	b.sched.Shut()
	if !errors.Is(failed, errClosed) {
		t.Errorf("closed before it was sent: %v", failed)
	}
	if err := b.out.Post([]byte("question"), nil); !errors.Is(err, errClosed) || errors.Is(err, netio.ErrFull) {
		t.Errorf("posted to a closed outbox: %v", err)
	}
	if s := b.sched.Stats; s.Unsent != 0 {
		t.Errorf("counted as a task's: %+v", s)
	}
}
