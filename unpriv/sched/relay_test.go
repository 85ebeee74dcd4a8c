package sched

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
)

var errRefused = errors.New("refused")

// splitPort is a port whose sending half may be on another goroutine.
type splitPort struct {
	mu     sync.Mutex
	sent   []string
	full   int             // so many calls find the send buffer full; negative: all
	refuse map[string]int  // packets to refuse, by their data
	drop   map[string]bool // packets that the device never takes
	onSend func()          // called with each packet that the kernel has, before Send returns
}

func (p *splitPort) Split() bool { return true }

func (p *splitPort) Send(batch []netio.Packet) (int, error) {
	for i := range batch {
		p.mu.Lock()
		if p.full != 0 {
			p.full--
			p.mu.Unlock()
			return i, netio.ErrFull
		}
		data := string(batch[i].Data)
		if p.drop[data] {
			p.mu.Unlock()
			return i, netio.ErrDevice
		}
		if p.refuse[data] > 0 {
			p.refuse[data]--
			p.mu.Unlock()
			return i, errRefused
		}
		p.sent = append(p.sent, data)
		*batch[i].Sent = netio.Stamp(len(p.sent))
		f := p.onSend
		p.mu.Unlock()
		if f != nil {
			f()
		}
	}
	return len(batch), nil
}

func (p *splitPort) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sent)
}

func (*splitPort) Recv([]netio.Datagram) (int, error) { return 0, nil }
func (*splitPort) FD() int                            { return -1 }
func (*splitPort) Drops() uint64                      { return 0 }
func (*splitPort) Close() error                       { return nil }

// newRelayBench is a scheduler in real time that sends through p on another goroutine.
func newRelayBench(t *testing.T, p netio.Port) *bench {
	poller, err := loop.New(loop.Default)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t}
	b.loop = loop.NewLoop(poller, nil)
	b.sched = New(Config{PPS: 1_000_000, Loop: b.loop, Feed: b, Sink: b, Seed: 1})
	b.loop.AddTurner(b.sched)
	b.sched.OnIdle(b.loop.Stop)
	b.out = b.sched.NewOutbox(p)
	if b.out.relay == nil {
		t.Fatal("the outbox has no relay")
	}
	t.Cleanup(func() {
		b.sched.Shut()
		_ = b.loop.Close()
	})
	return b
}

// turns takes turns until done holds.
func (b *bench) turns(done func() bool) {
	b.t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); {
		if time.Now().After(end) {
			b.t.Fatalf("still not done: %+v", b.sched.Stats)
		}
		if err := b.loop.Turn(time.Millisecond); err != nil && !errors.Is(err, loop.ErrStopped) {
			b.t.Fatal(err)
		}
	}
}

func TestRelayFullAndRefused(t *testing.T) {
	p := &splitPort{full: 3, refuse: map[string]int{"m7": 1, "m9": 2}}
	b := newRelayBench(t, p)
	const tasks, each = 400, 5
	var all []*sender
	for i := range tasks {
		m := &sender{b: b, name: fmt.Sprintf("m%d", i), count: each, sigs: echo("192.0.2.1", uint16(i))}
		all = append(all, m)
		b.add(m)
	}
	b.run()
	s := b.sched.Stats
	if s.Sent != tasks*each-3 || s.Refused != 3 || s.Full != 3 || s.Ended != tasks || s.Unsent != 0 {
		t.Errorf("counted %+v", s)
	}
	if n := p.count(); n != tasks*each-3 {
		t.Errorf("the port has %d packets", n)
	}
	for i, m := range all {
		refused := map[int]int{7: 1, 9: 2}[i]
		if len(m.stamps) != each-refused || len(m.errs) != refused {
			t.Errorf("%s: %d sent, errors %v", m.name, len(m.stamps), m.errs)
		}
		for _, err := range m.errs {
			if !errors.Is(err, errRefused) {
				t.Errorf("%s: error %v", m.name, err)
			}
		}
	}
}

func TestRelayEarlyReply(t *testing.T) {
	sent, goOn := make(chan struct{}), make(chan struct{})
	p := &splitPort{onSend: func() { sent <- struct{}{}; <-goOn }}
	b := newRelayBench(t, p)
	// Both have signatures for the address; only one of them has a packet under way.
	m := &sender{b: b, name: "m", count: 1, sigs: echo("192.0.2.1", 1), timeout: time.Hour}
	other := &sender{b: b, name: "o", sigs: []Signature{{Addr: m.sigs[0].Addr, Kind: Sniff, SrcLo: 1, SrcHi: 1}}}
	b.add(m)
	b.turns(func() bool { return b.out.unsettled() })
	<-sent
	b.sched.begin(&resting{other}, b)
	if !b.sched.Deliver(echoReply("192.0.2.1", 1, 0)) {
		t.Error("the reply was not matched")
	}
	if m.replies != 0 || other.replies != 0 {
		t.Errorf("the reply came before the news of its packet: %d, %d", m.replies, other.replies)
	}
	b.sched.Collect() // still no news: kept, not doubled
	close(goOn)
	b.turns(func() bool { return m.replies > 0 })
	if len(m.stamps) != 1 || m.replies != 1 || other.replies != 1 {
		t.Errorf("%d sent, %d and %d replies, want 1 each", len(m.stamps), m.replies, other.replies)
	}
	if s := b.sched.Stats; s.Matched != 1 || s.Unmatched != 0 {
		t.Errorf("counted %+v", s)
	}
}

// resting is a sender that does not send.
type resting struct{ *sender }

func (*resting) Begin(*Task) {}

func TestRelayShutWithPackets(t *testing.T) {
	p := &splitPort{full: -1}
	b := newRelayBench(t, p)
	var all []*sender
	for i := range 50 {
		m := &sender{b: b, name: "m", count: 1, sigs: echo("192.0.2.1", uint16(i))}
		all = append(all, m)
		b.add(m)
	}
	b.turns(func() bool { return b.out.next == 50 && b.out.relay.full.Load() > 0 })
	b.sched.Close()
	relay := b.out.relay
	b.sched.Shut()
	b.sched.Shut() // nothing more
	select {
	case <-relay.exited:
	default:
		t.Error("the sender still runs")
	}
	s := b.sched.Stats
	if s.Sent+s.Refused+s.Unsent != 50 || s.Unsent != 50 || s.Full == 0 {
		t.Errorf("counted %+v", s)
	}
	for _, m := range all {
		if !m.halted {
			t.Error("a task was not halted")
		}
	}
	if b.out.Buffer() != nil {
		t.Error("a closed outbox has room")
	}
}

func TestRelaysAreBounded(t *testing.T) {
	b := newRelayBench(t, &splitPort{})
	var list []*Outbox
	for range 2 * maxRelays {
		list = append(list, b.sched.NewOutbox(&splitPort{}))
	}
	if b.sched.relaying != maxRelays {
		t.Errorf("%d relays, want %d", b.sched.relaying, maxRelays)
	}
	for _, o := range list {
		o.Close()
	}
	if b.sched.relaying != 1 || len(b.sched.outboxes) != 1 {
		t.Errorf("%d relays, %d outboxes after closing", b.sched.relaying, len(b.sched.outboxes))
	}
}
