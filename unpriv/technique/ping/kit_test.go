package ping

import (
	"errors"
	"iter"
	"net/netip"
	"testing"
	"time"

	"scamper/shared/packet"
	"scamper/shared/warts"
	"scamper/tools/simnet"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
)

// world is a simulated Internet behind ports that are memory, in virtual time: all of the program's probing without a
// network. The topology is testdata/world.toml unless a test has its own.
type world struct {
	t       testing.TB
	clock   *loop.FakeClock
	poller  *loop.FakePoller
	loop    *loop.Loop
	sched   *sched.Scheduler
	sockets *netio.Sockets
	env     *technique.Env
	pings   *Pings
	net     *simnet.Net
	station packet.MAC // of the gateway
	monitor packet.MAC
	start   time.Time
	due     loop.Timer // of the simulation
	reply   probe.Reply

	ports   map[netio.Key]*netio.Memory
	waiting []*Ping
	used    []sched.Machine // to be recycled
	records []*warts.Ping
	reports []string
	sent    []sentPacket
	ended   time.Duration // when the last ping had ended, since the start

	// What tests change.
	refuse    func(ip []byte) error                    // the kernel refuses a packet
	openError map[netio.Kind]error                     // a socket cannot be opened
	link      technique.Link                           // the way out
	linkAfter time.Duration                            // how long the neighbour takes to answer
	linkError error                                    //
	arriving  func(ip []byte) (copies []time.Duration) // delays of what arrives; nil is once, at once
	bypass    func(ip []byte) bool                     // true: does not reach the simulation
}

type sentPacket struct {
	at time.Duration // since the start
	ip []byte
}

const (
	own4 = "192.0.2.2"
	own6 = "2001:db8:0:1::2"
)

func newWorld(t testing.TB) *world {
	topology, err := simnet.Load("testdata/world.toml")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, clock: loop.NewFakeClock(time.Unix(1_700_000_000, 0)), ports: make(map[netio.Key]*netio.Memory),
		station: packet.MAC{2, 0, 0, 0, 0, 1}, monitor: topology.Monitor.MAC, openError: make(map[netio.Kind]error),
	}
	w.start = w.clock.Wall()
	w.net = simnet.New(topology, simnet.Options{Start: w.start})
	w.poller = loop.NewFakePoller(w.clock)
	w.loop = loop.NewLoop(w.poller, w.clock)
	w.due.Expirer = arrivals{w}
	w.sockets, err = netio.NewSockets(netio.Config{
		Loop: w.loop, Receiver: w, Open: w.open, OnError: func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.sched = sched.New(sched.Config{PPS: 1000, Loop: w.loop, Feed: w, Sink: w, Seed: 1})
	w.sched.OnIdle(w.idle)
	w.loop.AddTurner(w.sched)
	header := packet.EthernetFields{Src: w.monitor, Dst: w.station, Type: packet.EtherIPv4}
	w.link = technique.Link{IfIndex: 7, MTU: 1500, Type: netio.LinkEthernet, Header: header.Append(nil)}
	w.env = &technique.Env{
		Sched: w.sched, Sockets: w.sockets, Routes: routes{}, Links: technique.NewLinks(w), PID: 0x71234,
		Log: func(line string) { w.reports = append(w.reports, line) },
	}
	w.pings = &Pings{env: w.env}
	return w
}

// routes knows no way to 10.0.0.0/8.
type routes struct{}

var errNoRoute = errors.New("no route")

func (routes) Source(dst netip.Addr) (netip.Addr, error) {
	switch {
	case dst.Is6():
		return netip.MustParseAddr(own6), nil
	case dst.As4()[0] == 10:
		return netip.Addr{}, errNoRoute
	}
	return netip.MustParseAddr(own4), nil
}

// Find implements technique.Finder.
func (w *world) Find(dst netip.Addr, _ bool, done func(*technique.Link, error)) (cancel func()) {
	link := w.link
	if dst.Is6() && len(link.Header) > 0 {
		header := packet.EthernetFields{Src: w.monitor, Dst: w.station, Type: packet.EtherIPv6}
		link.Header = header.Append(nil)
	}
	answer := func() {
		if w.linkError != nil {
			done(nil, w.linkError)
			return
		}
		done(&link, nil)
	}
	if w.linkAfter == 0 {
		answer()
		return nil
	}
	c := w.after(w.linkAfter, answer)
	return func() { w.loop.Timers.Cancel(&c.timer) }
}

// Feed and sink of the scheduler.
func (w *world) Ready() bool    { return len(w.waiting) > 0 }
func (w *world) Finished() bool { return len(w.waiting) == 0 && w.sched.Running() == 0 }
func (w *world) Full() bool     { return false }
func (w *world) Ended(*sched.Task) {
}
func (w *world) Stream() (*warts.List, *warts.Cycle) { return nil, nil }

func (w *world) Take() (sched.Machine, sched.Origin, bool) {
	for len(w.waiting) > 0 {
		p := w.waiting[0]
		w.waiting = w.waiting[1:]
		if !w.sched.Hold(p, w) {
			return p, w, true
		}
	}
	return nil, nil, false
}

func (w *world) Restore(held iter.Seq2[sched.Machine, sched.Origin]) {
	var back []*Ping
	for m := range held {
		back = append(back, m.(*Ping))
	}
	w.waiting = append(back, w.waiting...)
}

func (w *world) Put(m sched.Machine, o sched.Origin) {
	if rec, ok := m.Record(o).(*warts.Ping); ok {
		kept := *rec
		w.records = append(w.records, &kept)
		w.pings.builder = builder{} // what the copy refers to is not used again
	}
	w.used = append(w.used, m)
	w.after(0, func() { // as the loop does once the record is written
		for _, m := range w.used {
			m.Recycle()
		}
		w.used = w.used[:0]
	})
}

// open opens a port of memory.
func (w *world) open(key netio.Key) (netio.Opened, error) {
	if err := w.openError[key.Kind]; err != nil {
		return netio.Opened{}, err
	}
	m := netio.NewMemory(w.clock, w.poller)
	m.Transmit = func(p netio.Packet, at netio.Stamp) error { return w.transmit(key, p) }
	w.ports[key] = m
	got := netio.Opened{Port: m, Local: key.Src}
	if key.Kind == netio.Datalink {
		got.Link = w.link.Type
	}
	return got, nil
}

// transmit is what the kernel makes of a packet.
func (w *world) transmit(key netio.Key, p netio.Packet) error {
	ip := p.Data
	var err error
	switch {
	case key.Kind == netio.ICMP && p.Dst.Addr().Is6():
		header := packet.IPv6Fields{
			Src: key.Src.Addr(), Dst: p.Dst.Addr(), HopLimit: p.HopLimit, TrafficClass: p.TClass,
			NextHeader: packet.ProtoICMPv6,
		}
		if ip, err = header.Append(nil, len(p.Data)); err != nil {
			w.t.Fatal(err)
		}
		ip = append(ip, p.Data...)
	case key.Kind == netio.UDP:
		q := probe.Probe{
			Src: key.Src.Addr(), Dst: p.Dst.Addr(), TTL: p.HopLimit, TOS: p.TClass, Protocol: packet.ProtoUDP,
			SrcPort: key.Src.Port(), DstPort: p.Dst.Port(), Payload: probe.Payload{Body: p.Data, Len: len(p.Data)},
		}
		if ip, err = q.AppendPacket(nil); err != nil {
			w.t.Fatal(err)
		}
	case key.Kind == netio.Datalink:
		ip = ip[packet.EthernetHeaderLen:]
	}
	ip = append([]byte(nil), ip...)
	if w.refuse != nil {
		if err := w.refuse(ip); err != nil {
			return err
		}
	}
	w.sent = append(w.sent, sentPacket{w.now(), ip})
	if key.Kind != netio.Datalink {
		for k, port := range w.ports {
			if k.Kind == netio.Datalink {
				port.Deliver(netio.Datagram{Data: w.frame(ip), Outgoing: true, IfIndex: int32(w.link.IfIndex)})
			}
		}
	}
	if w.bypass == nil || !w.bypass(ip) {
		w.net.Handle(0, w.frame(ip), w.now())
		w.schedule()
	}
	return nil
}

func (w *world) frame(ip []byte) []byte {
	header := packet.EthernetFields{Src: w.monitor, Dst: w.station, Type: packet.EtherIPv4}
	if ip[0]>>4 == 6 {
		header.Type = packet.EtherIPv6
	}
	return append(header.Append(nil), ip...)
}

func (w *world) now() time.Duration { return w.clock.Wall().Sub(w.start) }

func (w *world) schedule() {
	if due, ok := w.net.Next(); ok {
		w.loop.Timers.Set(&w.due, w.loop.Now().Add(max(due-w.now(), 0)))
	}
}

// arrivals is the simulation as an Expirer.
type arrivals struct{ w *world }

func (a arrivals) Expire(loop.Mono) {
	w := a.w
	w.net.Deliver(w.now(), func(_ simnet.Port, frame []byte) {
		if ip := frame[packet.EthernetHeaderLen:]; frame[12] != 8 || frame[13] != 6 {
			w.arrive(ip)
		}
	})
	w.schedule()
}

// arrive delivers a packet to whom it may concern, as often and as late as the test wants.
func (w *world) arrive(ip []byte) {
	if w.arriving == nil {
		w.deliver(ip)
		return
	}
	kept := append([]byte(nil), ip...)
	for _, d := range w.arriving(kept) {
		w.after(d, func() { w.deliver(kept) })
	}
}

func (w *world) deliver(ip []byte) {
	for key, port := range w.ports {
		switch {
		case key.Kind == netio.Datalink:
			port.Deliver(netio.Datagram{Data: w.frame(ip), IfIndex: int32(w.link.IfIndex)})
		case key.Kind != netio.ICMP || key.Src.Addr().Is6() != (ip[0]>>4 == 6):
		case ip[0]>>4 == 4 && ip[9] == packet.ProtoICMP:
			port.Deliver(netio.Datagram{Data: ip, IfIndex: 7})
		case ip[0]>>4 == 6 && ip[6] == packet.ProtoICMPv6:
			v6 := packet.IPv6(ip)
			port.Deliver(netio.Datagram{
				Data: ip[packet.IPv6HeaderLen:], Src: netip.AddrPortFrom(v6.Src(), 0), Dst: v6.Dst(), IfIndex: 7,
				HopLimit: int16(v6.HopLimit()), TClass: int16(v6.TrafficClass()),
			})
		}
	}
}

// Receive implements netio.Receiver as the engine does.
func (w *world) Receive(s *netio.Socket, batch []netio.Datagram) {
	for i := range batch {
		d := &batch[i]
		w.reply.Capture = probe.Capture{Stamp: d.Stamp, Kernel: d.Kernel, IfIndex: d.IfIndex, Outgoing: d.Outgoing}
		reason := probe.Protocol
		switch key := s.Key(); {
		case key.Kind == netio.ICMP && key.Src.Addr().Is4():
			reason = probe.ParseICMP4(d.Data, &w.reply)
		case key.Kind == netio.ICMP:
			reason = probe.ParseICMP6(d.Data, probe.Ancillary{
				Src: d.Src.Addr(), Dst: d.Dst, HopLimit: d.HopLimit, TrafficClass: d.TClass,
			}, &w.reply)
		case key.Kind == netio.Datalink:
			reason = probe.ParseFrame(packet.LinkEthernet, d.Data, &w.reply)
		}
		if reason == probe.Accepted {
			w.sched.Deliver(&w.reply)
		}
	}
}

// after has f called at a time.
func (w *world) after(d time.Duration, f func()) *call {
	c := &call{f: f}
	c.timer.Expirer = c
	w.loop.Timers.Set(&c.timer, w.loop.Now().Add(d))
	return c
}

type call struct {
	timer loop.Timer
	f     func()
}

func (c *call) Expire(loop.Mono) { c.f() }

// add adds a ping.
func (w *world) add(command string) *Ping {
	w.t.Helper()
	opt, dst, err := Parse(command, Defaults{Pid: w.env.PID})
	if err != nil {
		w.t.Fatalf("%s: %v", command, err)
	}
	p := w.pings.New(opt, dst)
	w.waiting = append(w.waiting, p)
	return p
}

// run runs until all pings have ended and returns their records.
func (w *world) run() []*warts.Ping {
	w.t.Helper()
	if err := w.loop.Run(); err != nil {
		w.t.Fatalf("loop: %v", err)
	}
	return w.records
}

// ping runs one ping in a world of its own.
func (w *world) ping(command string) *warts.Ping {
	w.t.Helper()
	w.add(command)
	records := w.run()
	if len(records) == 0 {
		w.t.Fatalf("%s: no record", command)
	}
	return records[len(records)-1]
}

// idle is called when the last ping has ended. It lets the time pass after which sockets without users are closed, and
// fails the test if one is still open.
func (w *world) idle() {
	if w.ended != 0 {
		return
	}
	w.ended = w.now()
	w.after(netio.Linger+time.Second, func() {
		for kind := netio.ICMP; kind <= netio.Datalink; kind++ {
			for s := range w.sockets.Opened(kind) {
				w.t.Errorf("%v socket %v was not released", kind, s.Key())
			}
		}
		w.loop.Stop()
	})
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
