package netio

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/packet"
	"scamper/unpriv/loop"
)

// world is a registry on memory ports in virtual time.
type world struct {
	*Sockets
	t      *testing.T
	clock  *loop.FakeClock
	loop   *loop.Loop
	ports  map[Key]*Memory
	opens  int
	port   uint16 // chosen for port 0 next
	got    []string
	errs   []string
	refuse error
}

func newWorld(t *testing.T, config Config) *world {
	t.Helper()
	w := &world{t: t, ports: map[Key]*Memory{}, port: 40000}
	w.clock = loop.NewFakeClock(time.Unix(1_700_000_000, 0))
	poller := loop.NewFakePoller(w.clock)
	w.loop = loop.NewLoop(poller, w.clock)
	config.Loop, config.Receiver = w.loop, w
	config.OnError = func(err error) { w.errs = append(w.errs, err.Error()) }
	config.Open = func(key Key) (Opened, error) {
		if w.refuse != nil {
			return Opened{}, w.refuse
		}
		w.opens++
		local := key.Src
		if key.Kind == UDP && local.Port() == 0 {
			w.port++
			local = netip.AddrPortFrom(local.Addr(), w.port)
		}
		p := NewMemory(w.clock, poller)
		w.ports[Key{key.Kind, local, key.IfIndex}] = p
		return Opened{Port: p, Local: local, Link: map[bool]packet.LinkType{true: packet.LinkEthernet}[key.Kind == Datalink]}, nil
	}
	s, err := NewSockets(config)
	if err != nil {
		t.Fatal(err)
	}
	w.Sockets = s
	return w
}

func (w *world) Receive(s *Socket, batch []Datagram) {
	for _, d := range batch {
		w.got = append(w.got, fmt.Sprintf("%v: %s", s.Key().Kind, d.Data))
	}
}

func (w *world) turn(limit time.Duration) {
	w.t.Helper()
	if err := w.loop.Turn(limit); err != nil {
		w.t.Fatal(err)
	}
}

var source = netip.MustParseAddr("192.0.2.1")

func TestSocketsShareAndLinger(t *testing.T) {
	var told []*Socket
	w := newWorld(t, Config{OnClose: func(s *Socket) { told = append(told, s) }})
	a, err := w.ICMP(source, 5)
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.ICMP(source, 7) // the interface only matters for link-local addresses
	if err != nil {
		t.Fatal(err)
	}
	if a != b || w.opens != 1 {
		t.Errorf("second user got another socket (%d opened)", w.opens)
	}
	a.Release()
	w.turn(time.Minute)
	if w.loop.Watched() != 1 {
		t.Error("closed while in use")
	}
	b.Release()
	w.turn(9 * time.Second)
	if c, err := w.ICMP(source, 0); err != nil || c != a {
		t.Errorf("a lingering socket was not reused: %v", err)
	}
	w.turn(time.Minute) // in use again: does not close
	w.turn(0)
	if w.loop.Watched() != 1 {
		t.Error("closed while in use again")
	}
	a.Release()
	w.turn(Linger - 1)
	w.turn(0)
	if w.loop.Watched() != 1 || len(told) != 0 {
		t.Error("closed too early")
	}
	w.turn(1)
	w.turn(0)
	if w.loop.Watched() != 0 || len(w.open) != 0 {
		t.Error("not closed after its time")
	}
	if len(told) != 1 || told[0] != a {
		t.Errorf("closing was told of %v, want %p", told, a)
	}
	a.Release() // too often: does nothing
	if _, err := w.ICMP(source, 0); err != nil || w.opens != 2 {
		t.Errorf("not opened again: %v", err)
	}
}

func TestSocketsKeys(t *testing.T) {
	w := newWorld(t, Config{})
	local := netip.MustParseAddr("fe80::1")
	for i, open := range []func() (*Socket, error){
		func() (*Socket, error) { return w.ICMP(source, 0) },
		func() (*Socket, error) { return w.ICMP(netip.IPv4Unspecified(), 0) },
		func() (*Socket, error) { return w.ICMP(local, 1) },
		func() (*Socket, error) { return w.ICMP(local, 2) },
		func() (*Socket, error) { return w.UDP(netip.AddrPortFrom(source, 1000), 0) },
		func() (*Socket, error) { return w.UDP(netip.AddrPortFrom(source, 1001), 0) },
		func() (*Socket, error) { return w.TCP(netip.AddrPortFrom(source, 1000), 0) },
		func() (*Socket, error) { return w.RawUDP(source) },
		func() (*Socket, error) { return w.RawIP() },
		func() (*Socket, error) { return w.Datalink(1) },
		func() (*Socket, error) { return w.Datalink(2) },
	} {
		if _, err := open(); err != nil {
			t.Errorf("socket %d: %v", i, err)
		}
		if w.opens != i+1 {
			t.Errorf("socket %d: %d opened", i, w.opens)
		}
	}
	for name, open := range map[string]func() (*Socket, error){
		"no address":        func() (*Socket, error) { return w.ICMP(netip.Addr{}, 0) },
		"mapped address":    func() (*Socket, error) { return w.ICMP(netip.MustParseAddr("::ffff:192.0.2.1"), 0) },
		"zone":              func() (*Socket, error) { return w.ICMP(netip.MustParseAddr("fe80::1%1"), 0) },
		"raw UDP over IPv6": func() (*Socket, error) { return w.RawUDP(local) },
	} {
		if _, err := open(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSocketsChosenPort(t *testing.T) {
	w := newWorld(t, Config{})
	a, err := w.UDP(netip.AddrPortFrom(source, 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.UDP(netip.AddrPortFrom(source, 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	if a.Key().Src.Port() != 40001 || b.Key().Src.Port() != 40002 {
		t.Errorf("ports %d and %d", a.Key().Src.Port(), b.Key().Src.Port())
	}
	if c, err := w.UDP(netip.AddrPortFrom(source, 40001), 0); err != nil || c != a {
		t.Errorf("a chosen port is not found by its number: %v", err)
	}
	n := 0
	for s := range w.Opened(UDP) {
		n++
		if s != a && s != b {
			t.Errorf("Opened yields %v", s.Key())
		}
	}
	if n != 2 {
		t.Errorf("Opened yields %d", n)
	}
}

func TestSocketsReceive(t *testing.T) {
	w := newWorld(t, Config{Batch: 4})
	s, err := w.ICMP(source, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := w.ports[s.Key()]
	want := []string{}
	for i := range 30 {
		if !p.Deliver(Datagram{Data: fmt.Append(nil, i)}) {
			t.Fatal("not delivered")
		}
		want = append(want, fmt.Sprintf("ICMP: %d", i))
	}
	w.turn(time.Second)
	if len(w.got) != 4*maxReads {
		t.Errorf("%d received in one turn, want %d", len(w.got), 4*maxReads)
	}
	w.turn(time.Second)
	if diff := cmp.Diff(want, w.got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	before := w.clock.Mono()
	w.turn(time.Second)
	if w.clock.Mono() != before.Add(time.Second) {
		t.Error("still readable after all was received")
	}

	// What one turn leaves over is received before the time that somebody waits for it is over.
	w.got = nil
	w.turn(0)
	x := &expiry{f: func() { want = w.got }}
	x.timer.Expirer = x
	w.loop.Timers.Set(&x.timer, w.loop.Now().Add(100*time.Millisecond))
	const several = 3 * 4 * maxReads
	for range several {
		p.Deliver(Datagram{Data: []byte("late")})
	}
	w.clock.Advance(200 * time.Millisecond)
	want = nil
	for range 4 {
		w.turn(0)
	}
	w.turn(0)
	if len(want) != several {
		t.Errorf("%d of %d received when the time was over", len(want), several)
	}
}

// expiry calls f when its time has come.
type expiry struct {
	timer loop.Timer
	f     func()
}

func (x *expiry) Expire(loop.Mono) { x.f() }

func TestSocketsClose(t *testing.T) {
	w := newWorld(t, Config{})
	s, err := w.ICMP(source, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := w.ports[s.Key()]
	p.room = 1
	p.Deliver(Datagram{Data: []byte("kept")})
	p.Deliver(Datagram{Data: []byte("lost")})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.loop.Watched() != 0 || !p.closed {
		t.Error("not closed")
	}
	if got := w.Drops(); got != 1 {
		t.Errorf("Drops = %d after Close, want 1", got)
	}
	if diff := cmp.Diff([]string{"ICMP socket: 1 packets lost because the receive buffer was full"}, w.errs); diff != "" {
		t.Errorf("reports (-want +got):\n%s", diff)
	}
	s.Release()
	if _, err := w.ICMP(source, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestSocketsRefused(t *testing.T) {
	w := newWorld(t, Config{})
	w.refuse = errors.New("refused")
	if _, err := w.ICMP(source, 0); !errors.Is(err, w.refuse) {
		t.Errorf("got %v", err)
	}
	w.refuse = nil
	if _, err := w.ICMP(source, 0); err != nil {
		t.Errorf("a refusal was remembered: %v", err)
	}
}

type failing struct{ Memory }

func (f *failing) Recv([]Datagram) (int, error) { return 0, errors.New("broken") }

func TestSocketsReceiveFails(t *testing.T) {
	w := newWorld(t, Config{})
	var p *failing
	poller := w.loop.Poller().(*loop.FakePoller)
	w.config.Open = func(Key) (Opened, error) {
		p = &failing{*NewMemory(w.clock, poller)}
		return Opened{Port: p}, nil
	}
	if _, err := w.ICMP(source, 0); err != nil {
		t.Fatal(err)
	}
	p.Deliver(Datagram{Data: []byte("x")})
	for range 3 * maxFailures {
		w.turn(time.Second)
	}
	if len(w.errs) != maxFailures {
		t.Errorf("%d errors reported, want %d", len(w.errs), maxFailures)
	}
}

func TestSocketsConfig(t *testing.T) {
	clock := loop.NewFakeClock(time.Unix(0, 0))
	l := loop.NewLoop(loop.NewFakePoller(clock), clock)
	open := func(Key) (Opened, error) { return Opened{}, nil }
	w := &world{}
	for name, c := range map[string]Config{
		"no loop":        {Receiver: w, Open: open},
		"no receiver":    {Loop: l, Open: open},
		"no handles":     {Loop: l, Receiver: w},
		"batch too big":  {Loop: l, Receiver: w, Open: open, Batch: MaxBatch + 1},
		"batch negative": {Loop: l, Receiver: w, Open: open, Batch: -1},
		"per call":       {Loop: l, Receiver: w, Open: open, PerCall: -1},
		"buffer":         {Loop: l, Receiver: w, Open: open, Receive: 1 << 30},
	} {
		if _, err := NewSockets(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

type filtered struct {
	Memory
	filters []*Filter
}

func (f *filtered) setFilter(x *Filter) error {
	f.filters = append(f.filters, x)
	return nil
}

func TestSocketsDynFilter(t *testing.T) {
	w := newWorld(t, Config{DynFilter: true})
	p := &filtered{}
	open := w.config.Open
	w.config.Open = func(key Key) (Opened, error) {
		if key.Kind != Datalink {
			return open(key)
		}
		p.Memory = *NewMemory(w.clock, w.loop.Poller().(*loop.FakePoller))
		return Opened{Port: p, Link: packet.LinkEthernet}, nil
	}
	if _, err := w.Datalink(1); err != nil {
		t.Fatal(err)
	}
	passes := func(port uint16) bool {
		t.Helper()
		last := p.filters[len(p.filters)-1]
		ok, err := last.Match(onLink(packet.LinkEthernet, ip4Packet(6, 0, 0, port, 80)))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	s, err := w.TCP(netip.AddrPortFrom(source, 5000), 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.filters) != 1 || !passes(5000) || passes(5001) {
		t.Fatal("the filter does not follow an opened port at once")
	}
	s.Release()
	w.turn(Linger)
	for range 3 { // expires, closes, renews
		w.turn(0)
	}
	if len(p.filters) != 2 || passes(5000) {
		t.Error("the filter does not follow a closed port")
	}
}

func TestMemory(t *testing.T) {
	clock := loop.NewFakeClock(time.Unix(1_700_000_000, 0))
	m := NewMemory(clock, loop.NewFakePoller(clock))
	refused := errors.New("refused")
	m.Transmit = func(p Packet, at Stamp) error {
		if string(p.Data) == "bad" {
			return refused
		}
		clock.Advance(time.Millisecond)
		m.Deliver(Datagram{Data: p.Data})
		return nil
	}
	var stamps [3]Stamp
	sent, err := m.Send([]Packet{
		{Data: []byte("one"), Sent: &stamps[0]},
		{Data: []byte("two"), Sent: &stamps[1]},
		{Data: []byte("bad"), Sent: &stamps[2]},
		{Data: []byte("not tried")},
	})
	if sent != 2 || !errors.Is(err, refused) {
		t.Errorf("Send = %d, %v", sent, err)
	}
	start := StampOf(time.Unix(1_700_000_000, 0))
	if diff := cmp.Diff([3]Stamp{start, start + 1e6, 0}, stamps); diff != "" {
		t.Errorf("stamps (-want +got):\n%s", diff)
	}
	into := NewDatagrams(4, 2)
	n, err := m.Recv(into)
	if n != 2 || err != nil || string(into[0].Data) != "on" || into[0].Size != 3 || into[1].Stamp != start+2e6 || !into[1].Kernel {
		t.Errorf("Recv = %d, %v: %+v", n, err, into[:n])
	}
	if _, err := m.Recv(make([]Datagram, 1)); err != nil {
		t.Errorf("Recv of nothing: %v", err)
	}
	m.Deliver(Datagram{Data: []byte("x")})
	if _, err := m.Recv(make([]Datagram, 1)); !errors.Is(err, errNoRoom) {
		t.Errorf("Recv without room: %v", err)
	}
}
