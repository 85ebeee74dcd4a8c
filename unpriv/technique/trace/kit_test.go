package trace

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"syscall"
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
// network. Packets take no time unless the topology says so; there is a slot for a packet every millisecond.
type world struct {
	t       testing.TB
	clock   *loop.FakeClock
	poller  *loop.FakePoller
	loop    *loop.Loop
	sched   *sched.Scheduler
	sockets *netio.Sockets
	env     *technique.Env
	traces  *Traces
	net     *simnet.Net
	start   time.Time
	reply   probe.Reply

	ports   map[netio.Key]*netio.Memory
	waiting []sched.Machine
	records []*warts.Trace
	reports []string
	port    uint16 // handed out last
	sent    []sentPacket

	// What tests change.
	refuse    func(n int) error                       // the kernel refuses packet n
	fate      func(p sentPacket) []time.Duration      // how much later each copy of a reply comes; nil is once, at once
	answer    func(p sentPacket) (ip []byte, ok bool) // instead of the simulation
	damage    func(ip []byte) []byte                  // of a reply
	arrived   func(p sentPacket, from netip.Addr)     // told of replies that come
	takes     time.Duration                           // of a packet to be sent
	link      technique.Link                          // the way out
	linkError error
	linkNever bool
	dlFirst   bool // the datalink sees packets before the ICMP socket does
}

// sentPacket is a packet on its way.
type sentPacket struct {
	n   int           // counted from 0
	at  time.Duration // since the start
	ttl int
	ip  []byte
	key netio.Key // of the port that it left through
}

func (p sentPacket) size() int { return len(p.ip) }

const (
	own4    = "192.0.2.2"
	own6    = "2001:db8:0:1::2"
	target4 = "198.51.100.10"
	target6 = "2001:db8:100::10"
)

// path returns a topology with a chain of routers that behave as given, a host behind them and its behaviour. The
// addresses of the hops are 192.0.2.1, 10.0.0.2, 10.0.0.6, ..., target4; link i is the one behind router i, from 1.
func path(host string, routers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed = 1\n[monitor]\naddress = [%q, %q]\n", own4+"/24", own6+"/64")
	b.WriteString("[[gateway]]\nrouter = \"r1\"\naddress = [\"192.0.2.1\", \"2001:db8:0:1::1\"]\n")
	links := ""
	for i, behaviour := range routers {
		behaviour, link, _ := strings.Cut(behaviour, "|") // what follows is of the link behind the router
		fmt.Fprintf(&b, "[[router]]\nname = \"r%d\"\n%s\n", i+1, behaviour)
		if i+1 < len(routers) {
			links += fmt.Sprintf("[[link]]\nbetween = [\"r%d\", \"r%d\"]\nprefix = [\"10.0.0.%d/30\", \"2001:db8:10:%d::/64\"]\n%s\n",
				i+1, i+2, 4*i, i, link)
		} else {
			host += "\n" + strings.NewReplacer("mtu", "link-mtu", "too-big", "link-too-big").Replace(link)
		}
	}
	b.WriteString(links)
	fmt.Fprintf(&b, "[[host]]\nname = \"d\"\nat = \"r%d\"\naddress = [%q, %q]\n%s\n", len(routers), target4, target6, host)
	return b.String()
}

// hopAddr returns the address of a hop of path, from 1.
func hopAddr(n int) string {
	if n == 1 {
		return "192.0.2.1"
	}
	return fmt.Sprintf("10.0.0.%d", 4*(n-2)+2)
}

func parsed(t testing.TB, text string) *simnet.Topology {
	t.Helper()
	topology, err := simnet.Parse("test.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return topology
}

func newWorld(t testing.TB, topology *simnet.Topology) *world {
	w := &world{
		t: t, clock: loop.NewFakeClock(time.Unix(1_700_000_000, 0)), ports: make(map[netio.Key]*netio.Memory),
	}
	w.start = w.clock.Wall()
	w.net = simnet.New(topology, simnet.Options{Start: w.start})
	w.poller = loop.NewFakePoller(w.clock)
	w.loop = loop.NewLoop(w.poller, w.clock)
	var err error
	w.sockets, err = netio.NewSockets(netio.Config{
		Loop: w.loop, Receiver: w, Open: w.open, OnError: func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.sched = sched.New(sched.Config{PPS: 1000, Loop: w.loop, Feed: w, Sink: w, Seed: 1})
	w.sched.OnIdle(w.loop.Stop)
	w.loop.AddTurner(w.sched)
	w.link = technique.Link{IfIndex: 7, MTU: 1500, Type: netio.LinkEthernet, Header: make([]byte, packet.EthernetHeaderLen)}
	w.env = &technique.Env{
		Sched: w.sched, Sockets: w.sockets, Routes: routes{}, Links: technique.NewLinks(w), PID: 0x71234,
		Log: func(line string) { w.reports = append(w.reports, line) },
	}
	w.traces = &Traces{env: w.env}
	return w
}

// routes knows no way to 10.99.0.0/16.
type routes struct{}

func (routes) Source(dst netip.Addr) (netip.Addr, error) {
	switch {
	case dst.Is6():
		return netip.MustParseAddr(own6), nil
	case netip.MustParsePrefix("10.99.0.0/16").Contains(dst):
		return netip.Addr{}, fmt.Errorf("getsrc connect to dst failed for %s: %w", dst, syscall.EHOSTUNREACH)
	}
	return netip.MustParseAddr(own4), nil
}

// Find implements technique.Finder.
func (w *world) Find(_ netip.Addr, _ bool, done func(*technique.Link, error)) (cancel func()) {
	switch link := w.link; {
	case w.linkNever:
	case w.linkError != nil:
		done(nil, w.linkError)
	default:
		done(&link, nil)
	}
	return nil
}

// Feed and sink of the scheduler.
func (w *world) Ready() bool { return len(w.waiting) > 0 }

func (w *world) Finished() bool                      { return len(w.waiting) == 0 && w.sched.Running() == 0 }
func (w *world) Full() bool                          { return false }
func (w *world) Ended(*sched.Task)                   {}
func (w *world) Stream() (*warts.List, *warts.Cycle) { return nil, nil }

func (w *world) Take() (sched.Machine, sched.Origin, bool) {
	for len(w.waiting) > 0 {
		m := w.waiting[0]
		w.waiting = w.waiting[1:]
		if !w.sched.Hold(m, w) {
			return m, w, true
		}
	}
	return nil, nil, false
}

func (w *world) Restore(held iter.Seq2[sched.Machine, sched.Origin]) {
	var back []sched.Machine
	for m := range held {
		back = append(back, m)
	}
	w.waiting = append(back, w.waiting...)
}

func (w *world) Put(m sched.Machine, o sched.Origin) {
	if r, ok := m.Record(o).(*warts.Trace); ok {
		w.records = append(w.records, r)
	}
}

// open opens a port of memory.
func (w *world) open(key netio.Key) (netio.Opened, error) {
	m := netio.NewMemory(w.clock, w.poller)
	if key.Src.Port() == 0 && (key.Kind == netio.UDP || key.Kind == netio.TCP) {
		w.port++
		key.Src = netip.AddrPortFrom(key.Src.Addr(), w.port+49999)
	}
	m.Transmit = func(p netio.Packet, at netio.Stamp) error { return w.transmit(key, p) }
	w.ports[key] = m
	got := netio.Opened{Port: m, Local: key.Src}
	if key.Kind == netio.Datalink {
		got.Link = w.link.Type
	}
	return got, nil
}

// transmit is what the kernel and then the network make of a packet.
func (w *world) transmit(key netio.Key, p netio.Packet) error {
	if w.refuse != nil {
		if err := w.refuse(len(w.sent)); err != nil {
			return err
		}
	}
	ip := w.complete(key, p)
	sp := sentPacket{n: len(w.sent), at: w.now(), ip: ip, ttl: int(ip[8]), key: key}
	if ip[0]>>4 == 6 {
		sp.ttl = int(ip[7])
	}
	w.sent = append(w.sent, sp)
	if key.Kind != netio.Datalink {
		for k, port := range w.ports {
			if k.Kind == netio.Datalink {
				port.Deliver(netio.Datagram{Data: frame(ip), Outgoing: true, IfIndex: 7})
			}
		}
	}
	var replies []simnet.Reply
	if answer, ok := w.answered(sp); ok {
		replies = []simnet.Reply{{Packet: answer, At: w.now()}}
	} else {
		replies = w.net.Exchange(ip, w.now())
	}
	w.clock.Advance(w.takes)
	later := []time.Duration{0}
	if w.fate != nil {
		if f := w.fate(sp); f != nil {
			later = f
		}
	}
	for _, r := range replies {
		for _, d := range later {
			w.after(max(r.At-w.now(), 0)+d, func() {
				if w.arrived != nil {
					w.arrived(sp, source(r.Packet))
				}
				ip := r.Packet
				if w.damage != nil {
					ip = w.damage(append([]byte(nil), ip...))
				}
				w.deliver(ip)
			})
		}
	}
	return nil
}

func (w *world) answered(p sentPacket) (ip []byte, ok bool) {
	if w.answer == nil {
		return nil, false
	}
	return w.answer(p)
}

// complete returns the whole packet of which the program may have made a part.
func (w *world) complete(key netio.Key, p netio.Packet) []byte {
	ip := p.Data
	var err error
	switch {
	case key.Kind == netio.ICMP && p.Dst.Addr().Is6():
		header := packet.IPv6Fields{
			Src: key.Src.Addr(), Dst: p.Dst.Addr(), HopLimit: p.HopLimit, TrafficClass: p.TClass, NextHeader: packet.ProtoICMPv6,
		}
		if ip, err = header.Append(nil, len(p.Data)); err == nil {
			ip = append(ip, p.Data...)
		}
	case key.Kind == netio.UDP:
		q := probe.Probe{
			Src: key.Src.Addr(), Dst: p.Dst.Addr(), TTL: p.HopLimit, TOS: p.TClass, Protocol: packet.ProtoUDP,
			SrcPort: key.Src.Port(), DstPort: p.Dst.Port(), Payload: probe.Payload{Body: p.Data, Len: len(p.Data)},
		}
		ip, err = q.AppendPacket(nil)
	case key.Kind == netio.Datalink:
		ip = ip[packet.EthernetHeaderLen:]
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return append([]byte(nil), ip...)
}

func source(ip []byte) netip.Addr {
	if ip[0]>>4 == 4 {
		return packet.IPv4(ip).Src()
	}
	return packet.IPv6(ip).Src()
}

func frame(ip []byte) []byte {
	header := packet.EthernetFields{Type: packet.EtherIPv4}
	if ip[0]>>4 == 6 {
		header.Type = packet.EtherIPv6
	}
	return append(header.Append(nil), ip...)
}

func (w *world) now() time.Duration { return w.clock.Wall().Sub(w.start) }

// deliver gives a packet to the sockets that want it. The datalink and the ICMP socket are read in either order.
func (w *world) deliver(ip []byte) {
	if len(ip) < 40 {
		return
	}
	dl := func() {
		for key, port := range w.ports {
			if key.Kind == netio.Datalink {
				port.Deliver(netio.Datagram{Data: frame(ip), IfIndex: 7})
			}
		}
	}
	if !w.dlFirst {
		defer w.after(time.Microsecond, dl)
	} else {
		dl()
	}
	for key, port := range w.ports {
		switch {
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

// after has f called in a while.
func (w *world) after(d time.Duration, f func()) {
	c := &call{f: f}
	c.timer.Expirer = c
	w.loop.Timers.Set(&c.timer, w.loop.Now().Add(d))
}

type call struct {
	timer loop.Timer
	f     func()
}

func (c *call) Expire(loop.Mono) { c.f() }

// add adds a trace.
func (w *world) add(command string) {
	w.t.Helper()
	opt, dst, err := Parse(command, Defaults{Pid: w.env.PID})
	if err != nil {
		w.t.Fatalf("%s: %v", command, err)
	}
	w.waiting = append(w.waiting, sched.NewSession(w.traces.New(opt, dst)).Machine())
}

// run runs until all traces have ended and returns their records.
func (w *world) run() []*warts.Trace {
	w.t.Helper()
	if err := w.loop.Run(); err != nil && !errors.Is(err, loop.ErrIdle) {
		w.t.Fatalf("loop: %v", err)
	}
	for _, r := range w.records {
		w.verify(r)
	}
	return w.records
}

// trace runs one trace and returns the last record.
func (w *world) trace(command string) *warts.Trace {
	w.t.Helper()
	w.add(command)
	records := w.run()
	if len(records) == 0 {
		w.t.Fatalf("%s: no record", command)
	}
	return records[len(records)-1]
}

// verify checks what is true of all records.
func (w *world) verify(r *warts.Trace) {
	w.t.Helper()
	n := len(r.Probes)
	if r.PMTUD != nil {
		n += len(r.PMTUD.Probes)
		for _, note := range r.PMTUD.Notes {
			if _, reply := r.PMTUD.ReplyAt(note.Reply); (reply != nil) != (note.Reply >= 0) {
				w.t.Errorf("a note is about reply %d", note.Reply)
			}
		}
	}
	if r.LastDitch != nil {
		n += len(r.LastDitch.Probes)
	}
	if n != int(r.ProbeCount) {
		w.t.Errorf("%d probes are recorded, %d counted", n, r.ProbeCount)
	}
	for i := range r.Probes {
		if r.Probes[i].TX.IsZero() {
			w.t.Errorf("probe %d has no time", i)
		}
	}
}

// schedule is when probes were sent, as "TTL@seconds" in virtual time.
func (w *world) schedule() string {
	var list []string
	for _, p := range w.sent {
		list = append(list, fmt.Sprintf("%d@%.3g", p.ttl, p.at.Truncate(100*time.Millisecond).Seconds()))
	}
	return strings.Join(list, " ")
}

// ttls is the TTLs of all packets sent.
func (w *world) ttls() string {
	var list []string
	for _, p := range w.sent {
		list = append(list, fmt.Sprint(p.ttl))
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
		Src: netip.MustParseAddr(from), Dst: netip.MustParseAddr(own4), TTL: 250, Protocol: packet.ProtoICMP,
	}
	b, err := header.Append(nil, len(message))
	if err != nil {
		t.Fatal(err)
	}
	return append(b, message...)
}
