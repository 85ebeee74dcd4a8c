// Package virtual is an Internet for the tests of techniques: all of the program's probing, from the scheduler to the
// sockets, over a simulated network that is memory, in virtual time. Nothing is sent, and a test of minutes takes
// milliseconds.
package virtual

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"scamper/shared/packet"
	"scamper/tools/simnet"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
)

// The monitor's addresses, which topologies must give it, and what its one interface is called.
const (
	Own4    = "192.0.2.2"
	Own6    = "2001:db8:0:1::2"
	IfIndex = 7
)

// World is a simulated Internet and the program in front of it. Packets take the time that the topology says; there is a
// slot for a packet every millisecond. A World is used by one goroutine.
type World struct {
	T       testing.TB
	Clock   *loop.FakeClock
	Loop    *loop.Loop
	Sched   *sched.Scheduler
	Sockets *netio.Sockets
	Env     *technique.Env
	Start   time.Time
	Reports []string // what the techniques told the user
	Sent    []Packet
	Ended   time.Duration // when the last task had ended, since the start

	// Put is given every task that has ended.
	Put func(m sched.Machine, o sched.Origin)

	// What tests change; nil and zero change nothing.

	Mute          bool                                         // packets are lost without a trace, also in Sent
	Refuse        func(p Packet) error                         // why the kernel refuses a packet
	OpenError     map[netio.Kind]error                         // why sockets cannot be opened
	Answer        func(p Packet) (ip []byte, ok bool)          // instead of the simulation; nil is silence
	Fate          func(p Packet, reply []byte) []time.Duration // of a reply that comes: how much later each copy does
	Damage        func(ip []byte) []byte                       // of a copy that comes: what is left of it
	Arrived       func(p Packet, reply []byte)                 // told of copies that come before the last task has ended
	Takes         time.Duration                                // how long sending a packet takes
	Opening       time.Duration                                // how long opening a port takes
	Link          technique.Link                               // the way out
	LinkAfter     time.Duration                                // how long the neighbour takes to answer
	LinkError     error                                        // what the search for the way out ends with
	LinkNever     bool                                         // that search does not end
	DatalinkFirst bool                                         // the datalink is read before the ICMP socket, not after it

	poller  *loop.FakePoller
	net     *simnet.Net
	reply   probe.Reply
	ports   map[netio.Key]*netio.Memory
	port    uint16 // handed out last
	waiting []sched.Machine
	running bool // some task has not ended
}

// Once is the fate of a reply that comes once, in its time.
var Once = []time.Duration{0}

// Packet is a packet on its way out.
type Packet struct {
	N   int           // counted from 0
	At  time.Duration // since the start
	TTL int
	IP  []byte    // from the IP header on
	Key netio.Key // of the port that it left through
}

// New returns a world of a topology.
func New(t testing.TB, topology *simnet.Topology) *World {
	t.Helper()
	w := &World{
		T: t, Clock: loop.NewFakeClock(time.Unix(1_700_000_000, 0)), ports: make(map[netio.Key]*netio.Memory),
		OpenError: make(map[netio.Kind]error), Put: func(sched.Machine, sched.Origin) {},
	}
	w.Start = w.Clock.Wall()
	w.net = simnet.New(topology, simnet.Options{Start: w.Start})
	w.poller = loop.NewFakePoller(w.Clock)
	w.Loop = loop.NewLoop(w.poller, w.Clock)
	var err error
	w.Sockets, err = netio.NewSockets(netio.Config{
		Loop: w.Loop, Receiver: receiver{w}, Open: w.open, OnError: func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Sched = sched.New(sched.Config{PPS: 1000, Loop: w.Loop, Feed: feed{w}, Sink: feed{w}, Seed: 1})
	w.Sched.OnIdle(w.idle)
	w.Loop.AddTurner(w.Sched)
	w.Link = technique.Link{IfIndex: IfIndex, MTU: 1500, Type: packet.LinkEthernet, Header: Frame(nil)}
	w.Env = &technique.Env{
		Sched: w.Sched, Sockets: w.Sockets, Routes: Routes{}, Links: technique.NewLinks(finder{w}), PID: 0x71234,
		Log: func(line string) { w.Reports = append(w.Reports, line) },
	}
	return w
}

// Parse returns the topology of a text.
func Parse(t testing.TB, text string) *simnet.Topology {
	t.Helper()
	topology, err := simnet.Parse("test.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return topology
}

// Add adds a task, to be run by Run.
func (w *World) Add(m sched.Machine) { w.waiting = append(w.waiting, m) }

// Origin returns where tasks of the world come from.
func (w *World) Origin() sched.Origin { return feed{w} }

// Run runs until all tasks have ended and the sockets that they left are closed.
func (w *World) Run() {
	w.T.Helper()
	w.running = true
	if err := w.Loop.Run(); err != nil && !errors.Is(err, loop.ErrIdle) {
		w.T.Fatalf("loop: %v", err)
	}
}

// idle is called when the last task has ended. It lets the time pass after which sockets without users are closed, and
// fails the test if one is still open.
func (w *World) idle() {
	if !w.running {
		return
	}
	w.running = false
	w.Ended = w.Now()
	w.After(netio.Linger+time.Second, func() {
		for kind := netio.ICMP; kind <= netio.Datalink; kind++ {
			for s := range w.Sockets.Opened(kind) {
				w.T.Errorf("%v socket %v was not released", kind, s.Key())
			}
		}
		w.Loop.Stop()
	})
}

// Now is the time since the start.
func (w *World) Now() time.Duration { return w.Clock.Wall().Sub(w.Start) }

// After has f called in a while, unless the timer is cancelled.
func (w *World) After(d time.Duration, f func()) *loop.Timer {
	timer := &loop.Timer{Expirer: call(f)}
	w.Loop.Timers.Set(timer, w.Loop.Now().Add(d))
	return timer
}

type call func()

func (c call) Expire(loop.Mono) { c() }

// Routes knows no way to 10.99.0.0/16.
type Routes struct{}

// Source returns the monitor's address of the destination's family.
func (Routes) Source(dst netip.Addr) (netip.Addr, error) {
	switch {
	case dst.Is6():
		return netip.MustParseAddr(Own6), nil
	case netip.MustParsePrefix("10.99.0.0/16").Contains(dst):
		return netip.Addr{}, fmt.Errorf("getsrc connect to dst failed for %s: %w", dst, syscall.EHOSTUNREACH)
	}
	return netip.MustParseAddr(Own4), nil
}

// finder finds the one way out.
type finder struct{ w *World }

func (f finder) Find(dst netip.Addr, _ bool, done func(*technique.Link, error)) (cancel func()) {
	w := f.w
	if w.LinkNever {
		return nil
	}
	answer := func() {
		if w.LinkError != nil {
			done(nil, w.LinkError)
			return
		}
		link := w.Link
		if len(link.Header) > 0 && dst.Is6() {
			link.Header = etherHeader(packet.EtherIPv6)
		}
		done(&link, nil)
	}
	if w.LinkAfter == 0 {
		answer()
		return nil
	}
	timer := w.After(w.LinkAfter, answer)
	return func() { w.Loop.Timers.Cancel(timer) }
}
