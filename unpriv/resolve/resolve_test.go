package resolve

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"scamper/unpriv/loop"
)

// server starts a name server on loopback, UDP and TCP, and returns its address.
func server(t *testing.T, handle func(q *dns.Msg, udp bool) *dns.Msg) netip.AddrPort {
	t.Helper()
	var conn net.PacketConn
	var listener net.Listener
	for listener == nil { // until a port is free for both
		var err error
		if conn, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if listener, err = net.Listen("tcp", conn.LocalAddr().String()); err != nil {
			t.Cleanup(func() { _ = conn.Close() })
		}
	}
	for _, s := range []*dns.Server{{PacketConn: conn}, {Listener: listener}} {
		udp := s.PacketConn != nil
		s.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
			if m := handle(q, udp); m != nil {
				_ = w.WriteMsg(m)
			}
		})
		go func() { _ = s.ActivateAndServe() }()
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// ptr is an answer with records; one that ends with "!" is a CNAME.
func ptr(q *dns.Msg, names ...string) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	for _, name := range names {
		h := dns.RR_Header{Name: q.Question[0].Name, Class: dns.ClassINET, Ttl: 60, Rrtype: dns.TypePTR}
		if alias, ok := strings.CutSuffix(name, "!"); ok {
			h.Rrtype = dns.TypeCNAME
			m.Answer = append(m.Answer, &dns.CNAME{Hdr: h, Target: alias})
			continue
		}
		m.Answer = append(m.Answer, &dns.PTR{Hdr: h, Ptr: name})
	}
	return m
}

func refusal(q *dns.Msg, code int) *dns.Msg { return new(dns.Msg).SetRcode(q, code) }

func TestAsk(t *testing.T) {
	good := server(t, func(q *dns.Msg, udp bool) *dns.Msg {
		name := q.Question[0].Name
		switch {
		case q.Question[0].Qtype != dns.TypePTR || !q.RecursionDesired:
			return refusal(q, dns.RcodeFormatError)
		case name == "1.2.0.192.in-addr.arpa.":
			return ptr(q, "one.example.", "other.example.")
		case name == "2.2.0.192.in-addr.arpa.":
			return ptr(q, "2.0-127.2.0.192.in-addr.arpa.!", `odd\.label.example.`)
		case name == "3.2.0.192.in-addr.arpa.":
			m := ptr(q, "long.example.")
			if udp {
				m.Answer, m.Truncated = nil, true
			}
			return m
		case name == "4.2.0.192.in-addr.arpa.":
			return ptr(q)
		case name == "6.2.0.192.in-addr.arpa." && udp: // whole, so nobody asks over TCP
			return ptr(q, "short.example.")
		case strings.HasSuffix(name, "8.b.d.0.1.0.0.2.ip6.arpa."):
			return ptr(q, "six.example.")
		}
		return refusal(q, dns.RcodeNameError)
	})
	broken := server(t, func(q *dns.Msg, _ bool) *dns.Msg { return refusal(q, dns.RcodeServerFailure) })
	liar := server(t, func(q *dns.Msg, _ bool) *dns.Msg {
		m := ptr(q, "lie.example.")
		m.Question[0].Name = "9.9.9.9.in-addr.arpa."
		return m
	})
	dead := netip.MustParseAddrPort("127.0.0.1:1")
	for _, test := range []struct {
		servers []netip.AddrPort
		addr    string
		want    string
		keep    time.Duration
	}{
		{[]netip.AddrPort{good}, "192.0.2.1", "one.example", time.Minute},
		{[]netip.AddrPort{good}, "::ffff:192.0.2.1", "one.example", time.Minute},
		{[]netip.AddrPort{good}, "192.0.2.2", `odd\.label.example`, time.Minute},
		{[]netip.AddrPort{good}, "192.0.2.3", "long.example", time.Minute},
		{[]netip.AddrPort{good}, "192.0.2.4", "", noneKept},
		{[]netip.AddrPort{good}, "192.0.2.5", "", noneKept},
		{[]netip.AddrPort{good}, "192.0.2.6", "short.example", time.Minute},
		{[]netip.AddrPort{good}, "2001:db8::1", "six.example", time.Minute},
		{[]netip.AddrPort{good}, "fe80::1%lo", "", noneKept},
		{[]netip.AddrPort{broken, good}, "192.0.2.1", "one.example", time.Minute},
		{[]netip.AddrPort{dead, good}, "192.0.2.1", "one.example", time.Minute},
		{[]netip.AddrPort{liar, good}, "192.0.2.1", "one.example", time.Minute},
		{[]netip.AddrPort{broken, dead}, "192.0.2.1", "", failKept},
	} {
		got := ask(context.Background(), test.servers, netip.MustParseAddr(test.addr))
		if got.name != test.want || got.keep != test.keep || got.failed != (test.keep == failKept) {
			t.Errorf("%s from %v: %q for %v, want %q for %v", test.addr, test.servers, got.name, got.keep, test.want, test.keep)
		}
	}
}

// asker stands in for the servers: it counts questions and answers when told to.
type asker struct {
	asked, under, most atomic.Int64
	release            chan struct{}
}

func (a *asker) ask(_ context.Context, addr netip.Addr) answer {
	a.asked.Add(1)
	under := a.under.Add(1)
	for most := a.most.Load(); under > most && !a.most.CompareAndSwap(most, under); most = a.most.Load() {
	}
	<-a.release
	a.under.Add(-1)
	return answer{name: "n" + addr.String(), keep: time.Minute, failed: addr.As4()[3] == 1}
}

// until takes turns of a loop until a condition holds.
func until(t *testing.T, l *loop.Loop, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after 20 seconds", what)
		}
		if err := l.Turn(10 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

func newResolver(t *testing.T) (*Resolver, *asker, *loop.Loop) {
	t.Helper()
	poller, err := loop.New(loop.Default)
	if err != nil {
		t.Fatal(err)
	}
	l := loop.NewLoop(poller, nil)
	r := New(Config{Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")}, Loop: l})
	a := &asker{release: make(chan struct{})}
	r.ask = a.ask
	return r, a, l
}

func TestSharedQuestion(t *testing.T) {
	r, a, l := newResolver(t)
	addr := netip.MustParseAddr("192.0.2.1")
	var got []string
	done := func(name string) { got = append(got, name) }
	r.Name(addr, done)
	r.Name(addr, done)
	close(a.release)
	until(t, l, "answer", func() bool { return len(got) == 2 })
	r.Name(addr, done) // at once
	if fmt.Sprint(got) != "[n192.0.2.1 n192.0.2.1 n192.0.2.1]" {
		t.Errorf("told %q", got)
	}
	if n := a.asked.Load(); n != 1 {
		t.Errorf("%d questions, want 1", n)
	}
	r.known.Add(addr, kept{"old", r.config.Loop.Now()})
	r.Name(addr, done)
	until(t, l, "answer after the first has become too old", func() bool { return len(got) == 4 })
	if n := a.asked.Load(); n != 2 || got[3] != "n192.0.2.1" {
		t.Errorf("%d questions, told %q, want a second one", n, got[3])
	}
}

func TestManyQuestions(t *testing.T) {
	r, a, l := newResolver(t)
	const more = 10
	told, empty := 0, 0
	addr := netip.MustParseAddr("10.0.0.0")
	for range maxAsking + maxQueued + more {
		addr = addr.Next()
		r.Name(addr, func(name string) {
			told++
			if name == "" {
				empty++
			}
		})
	}
	if told != more || empty != more || r.Stats.Lost != more {
		t.Errorf("%d told at once, %d without name, %d lost, want %d", told, empty, r.Stats.Lost, more)
	}
	close(a.release)
	until(t, l, "all answers", func() bool { return told == maxAsking+maxQueued+more })
	if n := a.most.Load(); n > maxAsking {
		t.Errorf("%d questions at a time, want at most %d", n, maxAsking)
	}
	failed := uint64(maxAsking+maxQueued)/256 + 1 // all that end in 1
	if want := (Stats{Asked: maxAsking + maxQueued, Unanswered: failed, Lost: more}); r.Stats != want {
		t.Errorf("counted %+v, want %+v", r.Stats, want)
	}
	if empty != more || len(r.waiting) != 0 || len(r.queue) != 0 || r.asking != 0 || r.known.Len() != maxKept {
		t.Errorf("%d without name, %d waiting, %d queued, %d under way, %d remembered",
			empty, len(r.waiting), len(r.queue), r.asking, r.known.Len())
	}
}

// What has no answer when the resolver is closed counts as that, and nobody is told.
func TestCloseUnanswered(t *testing.T) {
	r, _, _ := newResolver(t)
	for _, text := range []string{"192.0.2.2", "192.0.2.3", "192.0.2.3"} {
		r.Name(netip.MustParseAddr(text), func(name string) { t.Errorf("%s: told %q", text, name) })
	}
	r.Close()
	if want := (Stats{Asked: 2, Unanswered: 2}); r.Stats != want {
		t.Errorf("counted %+v, want %+v", r.Stats, want)
	}
}

func TestNoServers(t *testing.T) {
	r, _, _ := newResolver(t)
	r.config.Servers = nil
	lines := 0
	r.config.Log = func(string) { lines++ }
	for range 2 {
		name := "?"
		r.Name(netip.MustParseAddr("192.0.2.1"), func(n string) { name = n })
		if name != "" || lines != 1 {
			t.Errorf("name is %q, %d lines for the user, want 1", name, lines)
		}
	}
}

func TestClose(t *testing.T) {
	silent := server(t, func(*dns.Msg, bool) *dns.Msg { return nil })
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan answer, 1)
	go func() { ended <- ask(ctx, []netip.AddrPort{silent}, netip.MustParseAddr("192.0.2.1")) }()
	stop()
	select {
	case a := <-ended:
		if a.name != "" || !a.failed {
			t.Errorf("%+v, want a failure", a)
		}
	case <-time.After(20 * time.Second):
		t.Error("still asking")
	}
}

func FuzzRead(f *testing.F) {
	q := new(dns.Msg).SetQuestion("1.2.0.192.in-addr.arpa.", dns.TypePTR)
	for _, m := range []*dns.Msg{q, ptr(q, "a.example.", "b.example."), ptr(q, "c.example.!"), refusal(q, 3)} {
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := new(dns.Msg)
		if m.Unpack(b) != nil || !answers(m, q) {
			return
		}
		if a, ok := read(m); len(a.name) > 4*255 || ok && a.keep < leastKept || a.keep > mostKept {
			t.Errorf("name of %d characters for %v", len(a.name), a.keep)
		}
	})
}
