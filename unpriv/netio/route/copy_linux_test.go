package route_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scamper/unpriv/loop"
	"scamper/unpriv/netio/route"
)

// randomRoute returns an `ip route` line, and an address inside its prefix. Prefixes
// crowd in few places so that they contain one another.
func randomRoute(r *rand.Rand, links int) (line string, prefix netip.Prefix) {
	bits := 8 + r.IntN(25)
	addr := netip.AddrFrom4([4]byte{byte(20 + r.IntN(3)), byte(r.IntN(4)), byte(r.IntN(4)), byte(r.IntN(256))})
	prefix = netip.PrefixFrom(addr, bits).Masked()
	via := func() string { return fmt.Sprintf("via 10.0.%d.%d", 1+r.IntN(links), 2+r.IntN(200)) }
	kind := r.IntN(24)
	if kind == 3 || kind == 4 { // a short one would leave little to remember
		prefix = netip.PrefixFrom(addr, 24+r.IntN(9)).Masked()
	}
	switch kind {
	case 0:
		line = fmt.Sprintf("unreachable %s", prefix)
	case 1:
		line = fmt.Sprintf("blackhole %s", prefix)
	case 2:
		line = fmt.Sprintf("prohibit %s", prefix)
	case 3:
		line = fmt.Sprintf("local %s dev lo", prefix)
	case 4:
		line = fmt.Sprintf("local %s dev lo src 10.0.%d.1", prefix, 1+r.IntN(links))
	case 5:
		line = fmt.Sprintf("%s nexthop %s nexthop %s", prefix, via(), via())
	case 6:
		line = fmt.Sprintf("%s dev eth%d", prefix, r.IntN(links))
	case 7:
		line = fmt.Sprintf("%s dev eth%d src 10.0.%d.1", prefix, r.IntN(links), 1+r.IntN(links))
	case 8:
		line = fmt.Sprintf("%s %s src 10.0.%d.1", prefix, via(), 1+r.IntN(links))
	case 9:
		line = fmt.Sprintf("%s %s tos 0x10", prefix, via())
	case 10:
		line = fmt.Sprintf("throw %s", prefix)
	case 11:
		line = fmt.Sprintf("%s %s table default", prefix, via())
	case 12:
		line = fmt.Sprintf("%s via inet6 fd00:%d::2", prefix, 1+r.IntN(links))
	case 13:
		line = fmt.Sprintf("%s %s onlink dev eth%d", prefix, via(), r.IntN(links))
	default:
		line = fmt.Sprintf("%s %s", prefix, via())
	}
	if r.IntN(4) == 0 && !strings.HasPrefix(line, "local") {
		line += fmt.Sprintf(" metric %d", 1+r.IntN(3))
	}
	return line, prefix
}

// agree asks two tables, of which one remembers, about the same addresses. Where the
// kernel's own answer varies (several next hops, chosen by port), one of its answers
// will do.
func agree(t *testing.T, step string, cached, asking *route.Table, dsts []netip.Addr) {
	t.Helper()
	agreeOn(t, step, cached, asking, dsts, func(table *route.Table, dst netip.Addr) string {
		src, err := table.Source(dst)
		return fmt.Sprintf("%v, %v", src, err)
	})
	agreeOn(t, step, cached, asking, dsts, func(table *route.Table, dst netip.Addr) string {
		way, err := table.Lookup(dst)
		return fmt.Sprintf("%+v, %v", way, err)
	})
}

func agreeOn(
	t *testing.T, step string, cached, asking *route.Table, dsts []netip.Addr, answer func(*route.Table, netip.Addr) string,
) {
	t.Helper()
	wrong := 0
	for range 2 { // the second time from memory
		for _, dst := range dsts {
			got, want := answer(cached, dst), answer(asking, dst)
			if got == want {
				continue
			}
			all := map[string]bool{want: true}
			for range 64 {
				all[answer(asking, dst)] = true
			}
			if !all[got] || len(all) == 1 {
				if wrong++; wrong < 10 {
					t.Errorf("%s: %s: %s; the kernel says %v", step, dst, got, all)
				}
			}
		}
	}
}

// The copy of the routes has to answer as the kernel does, for a few hundred random
// routes, while they come and go, and links and addresses too.
func TestSourceAgainstKernel(t *testing.T) {
	const links = 4
	var hits, ways, questions uint64
	for seed := range uint64(4) {
		host, _ := star(t, links)
		r := rand.New(rand.NewPCG(seed, 2))
		var lines []string
		var dsts []netip.Addr
		add := func(p netip.Prefix) {
			last := p.Addr().As4()
			for i, bits := range []int{8, 16, 24, 32} {
				if free := bits - p.Bits(); free > 0 {
					last[i] |= byte(1<<min(free, 8) - 1)
				}
			}
			first, end := p.Addr(), netip.AddrFrom4(last)
			dsts = append(dsts, first, end, first.Prev(), end.Next(), first.Next())
		}
		// Addresses that a default route, our own and special prefixes hold.
		for _, text := range []string{
			"8.8.8.8", "10.0.1.1", "10.0.1.2", "10.0.1.255", "10.0.1.0", "127.0.0.1", "127.0.0.2", "127.255.255.255",
			"0.0.0.0", "0.0.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "169.254.1.1",
		} {
			dsts = append(dsts, netip.MustParseAddr(text))
		}
		if seed > 0 {
			lines = append(lines, "0.0.0.0/0 via 10.0.2.2 metric 5")
		}
		if seed > 1 {
			lines = append(lines, "0.0.0.0/0 via 10.0.3.2 metric 7")
		}
		for range 300 {
			line, prefix := randomRoute(r, links)
			lines = append(lines, line)
			add(prefix)
		}
		// Some clash; -force goes on.
		batch := "route add " + strings.Join(lines, "\nroute add ") + "\n"
		host.Run(60e9, "sh", "-c", "printf '%s' \"$0\" | ip -force -batch -", batch)
		host.Do(func() {
			cached := newTable(t, route.Config{FD: routingSocket(t)})
			asking := newTable(t, route.Config{FD: routingSocket(t), NoCache: true})
			check := func(step string) {
				t.Helper()
				before := cached.Stats
				if err := cached.Ready(); err != nil {
					t.Fatal(err)
				}
				cached.CopyNow()
				agree(t, fmt.Sprintf("seed %d, %s", seed, step), cached, asking, dsts)
				hits += cached.Stats.Cached - before.Cached
				ways += cached.Stats.Known - before.Known
				questions += uint64(2 * len(dsts))
			}
			check("at first")
			for i := range 12 {
				step := ""
				switch i % 6 {
				case 0, 1, 2:
					line, prefix := randomRoute(r, links)
					add(prefix)
					step = "route replace " + line
				case 3:
					step = "addr add 10.0.1.77/24 dev eth0"
				case 4:
					step = fmt.Sprintf("link set eth%d down", r.IntN(links))
				case 5:
					step = fmt.Sprintf("route del %s", lines[r.IntN(len(lines))])
				}
				host.Run(60e9, "sh", "-c", "ip "+step)
				check(step)
			}
			// Rules other than the usual: nothing may be remembered.
			host.IP("rule add from 10.0.1.1 table 100")
			before := cached.Stats
			if err := cached.Ready(); err != nil {
				t.Fatal(err)
			}
			cached.CopyNow()
			agree(t, "with a rule", cached, asking, dsts)
			if cached.Stats.Cached != before.Cached || cached.Stats.Known != before.Known {
				t.Errorf("answers from the copy in spite of a rule: %+v, before %+v", cached.Stats, before)
			}
			host.IP("rule del from 10.0.1.1 table 100")
			check("without the rule") // by now the kernel keeps its tables apart
		})
	}
	t.Logf("%d sources and %d routes of %d from the copy", hits, ways, questions)
	if hits < questions/4 || ways < questions/4 {
		t.Error("too few to tell")
	}
}

// A route with several next hops has several sources, and none may be remembered.
func TestSeveralNextHops(t *testing.T) {
	host, _ := star(t, 3)
	host.IP("route add 20.0.0.0/8 nexthop via 10.0.1.2 nexthop via 10.0.2.2 nexthop via 10.0.3.2")
	host.Do(func() {
		table := newTable(t, route.Config{FD: routingSocket(t)})
		table.CopyNow()
		sources := map[netip.Addr]bool{}
		for range 200 {
			src, err := table.Source(netip.MustParseAddr("20.1.1.1"))
			if err != nil {
				t.Fatal(err)
			}
			sources[src] = true
		}
		if len(sources) != 3 || table.Stats.Cached != 0 || table.Stats.Copies != 1 {
			t.Errorf("%v, %+v", sources, table.Stats)
		}
	})
}

func TestCopyIsMadeForMany(t *testing.T) {
	host, _ := star(t, 1)
	host.IP("route add 20.0.0.0/8 via 10.0.1.2")
	host.Do(func() {
		table := newTable(t, route.Config{FD: routingSocket(t)})
		ask := func(n int) {
			t.Helper()
			for i := range n {
				if _, err := table.Source(netip.AddrFrom4([4]byte{20, 1, byte(i >> 8), byte(i)})); err != nil {
					t.Fatal(err)
				}
			}
		}
		ask(10)
		if table.Stats != (route.Stats{Asked: 10}) {
			t.Errorf("after 10: %+v", table.Stats)
		}
		ask(1000)
		if s := table.Stats; s.Copies != 1 || s.Asked > 100 || s.Cached < 900 {
			t.Errorf("after 1010: %+v", s)
		}
		// A change is in force as soon as the notification was read, whether or not
		// there is a new copy yet.
		host.IP("addr add 10.0.1.99/24 dev eth0", "route change 20.0.0.0/8 via 10.0.1.2 src 10.0.1.99")
		if err := table.Ready(); err != nil {
			t.Fatal(err)
		}
		got, err := table.Source(netip.MustParseAddr("20.1.1.1"))
		if err != nil || got != netip.MustParseAddr("10.0.1.99") {
			t.Errorf("after the change: %v, %v", got, err)
		}
		if table.Stats.Changes != 1 {
			t.Errorf("after the change: %+v", table.Stats)
		}
		// The next copy has to wait, lest changing routes keep us busy.
		ask(200)
		if table.Stats.Copies != 1 {
			t.Errorf("at once after a change: %+v", table.Stats)
		}
	})
}

// The kernel tells of a link or an address before it takes the routes away. What is read meanwhile must not be kept.
func TestCopyWaitsAfterChange(t *testing.T) {
	host, _ := star(t, 2)
	host.IP("route add 20.0.0.0/8 via 10.0.1.2", "route add 2001:db8::/32 via fd00:1::2")
	host.Do(func() {
		clock := loop.NewFakeClock(time.Unix(1, 0))
		table := newTable(t, route.Config{FD: routingSocket(t), Clock: clock})
		copies := func(what string, want uint64) {
			t.Helper()
			if err := table.Ready(); err != nil {
				t.Fatal(err)
			}
			ask6(t, table, 100)
			for i := range 100 {
				if _, err := table.Source(netip.AddrFrom4([4]byte{20, 3: byte(i)})); err != nil {
					t.Fatal(err)
				}
			}
			if table.Stats.Copies != want {
				t.Errorf("%s: %+v, want %d copies", what, table.Stats, want)
			}
		}
		copies("at first", 2)
		clock.Advance(time.Second) // longer than the pause between copies
		host.IP("link set eth1 down")
		copies("at once", 2)
		clock.Advance(29 * time.Millisecond)
		copies("shortly after", 2)
		clock.Advance(time.Millisecond)
		copies("then", 4)
	})
}

func TestCachedSourceDoesNotAllocate(t *testing.T) {
	table, dsts := benchmarkTable(t)
	i := 0
	allocs := testing.AllocsPerRun(1000, func() {
		if _, err := table.Source(dsts[i%len(dsts)]); err != nil {
			t.Fatal(err)
		}
		i++
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkSourceCached(b *testing.B) {
	table, dsts := benchmarkTable(b)
	i := 0
	for b.Loop() {
		if _, err := table.Source(dsts[i%len(dsts)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkSourceAsked(b *testing.B) {
	table := newTable(b, route.Config{FD: -1})
	dst := netip.MustParseAddr("127.0.0.1")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.Source(dst); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkTable is a table with 500 routes of which all is known.
func benchmarkTable(t testing.TB) (*route.Table, []netip.Addr) {
	t.Helper()
	host, _ := star(t, 2)
	var lines []string
	var dsts []netip.Addr
	for i := range 500 {
		lines = append(lines, fmt.Sprintf("route add 20.%d.%d.0/24 via 10.0.%d.2", i/250, i%250, 1+i%2))
		dsts = append(dsts, netip.AddrFrom4([4]byte{20, byte(i / 250), byte(i % 250), 9}))
	}
	host.IP(lines...)
	var table *route.Table
	host.Do(func() {
		table = newTable(t, route.Config{FD: routingSocket(t)})
		table.CopyNow()
		for _, dst := range dsts {
			if _, err := table.Source(dst); err != nil {
				t.Fatal(err)
			}
		}
	})
	if table.Stats.Asked != 0 || table.Stats.Copies != 1 {
		t.Fatalf("%+v", table.Stats)
	}
	return table, dsts
}

// When changes come faster than they are read, the kernel drops notifications, and the
// table has to take it that anything may have changed.
func TestLostNotifications(t *testing.T) {
	host, _ := star(t, 2)
	host.IP("route add 20.0.0.0/8 via 10.0.1.2")
	host.Do(func() {
		fd := routingSocket(t)
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1); err != nil {
			t.Fatal(err)
		}
		table := newTable(t, route.Config{FD: fd})
		table.CopyNow()
		dst := netip.MustParseAddr("20.1.1.1")
		if src, err := table.Source(dst); err != nil || src != netip.MustParseAddr("10.0.1.1") {
			t.Fatalf("%v, %v", src, err)
		}
		var lines []string
		for i := range 400 {
			lines = append(lines, fmt.Sprintf("route add 30.1.%d.0/24 via 10.0.1.2", i%250), fmt.Sprintf("route del 30.1.%d.0/24", i%250))
		}
		host.IP(append(lines, "route change 20.0.0.0/8 via 10.0.2.2")...)
		if err := table.Ready(); err != nil {
			t.Fatal(err)
		}
		if src, err := table.Source(dst); err != nil || src != netip.MustParseAddr("10.0.2.1") {
			t.Errorf("after the change: %v, %v", src, err)
		}
		host.IP(append(lines, "route change 20.0.0.0/8 via 10.0.1.2")...)
		if r, err := table.Lookup(dst); err != nil || r.Gateway != netip.MustParseAddr("10.0.1.2") {
			t.Errorf("asked with a full buffer: %+v, %v", r, err)
		}
		if table.CopyNow(); table.Stats.Copies != 2 {
			t.Errorf("no new copy: %+v", table.Stats)
		}
		if src, err := table.Source(dst); err != nil || src != netip.MustParseAddr("10.0.1.1") {
			t.Errorf("after the second change: %v, %v", src, err)
		}
	})
}

// What was known of links before notifications were dropped says nothing about them: here it is said that a link went down,
// as it was before.
func TestLostLinkUp(t *testing.T) {
	host, links := star(t, 2)
	host.IP("link set eth0 down")
	host.Do(func() {
		fd := routingSocket(t)
		buffer := func(size int) {
			t.Helper()
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size); err != nil {
				t.Fatal(err)
			}
		}
		buffer(1)
		told := false
		table := newTable(t, route.Config{FD: fd, OnLink: func(ifindex int) { told = told || ifindex == links[0].A.Index }})
		if l, err := table.Link(links[0].A.Index); err != nil || l.Up {
			t.Fatalf("%+v, %v", l, err)
		}
		var lines []string
		for i := range 400 {
			lines = append(lines, fmt.Sprintf("route add 30.1.%d.0/24 via 10.0.2.2", i%250), fmt.Sprintf("route del 30.1.%d.0/24", i%250))
		}
		host.IP(append(lines, "link set eth0 up", "route add 20.0.0.0/8 via 10.0.1.2 metric 1", "route add 20.0.0.0/8 via 10.0.2.2 metric 2")...)
		dst := netip.MustParseAddr("20.1.1.1")
		source := func(want string, copies uint64) {
			t.Helper()
			if err := table.Ready(); err != nil {
				t.Fatal(err)
			}
			table.CopyNow()
			if src, err := table.Source(dst); err != nil || src != netip.MustParseAddr(want) || table.Stats.Copies != copies {
				t.Errorf("%v, %v, want %s; %+v", src, err, want, table.Stats)
			}
		}
		source("10.0.1.1", 1)
		if told {
			t.Fatal("the notification was not lost")
		}
		buffer(1 << 20)
		host.IP("link set eth0 down")
		source("10.0.2.1", 2)
		if !told {
			t.Error("not told of the link")
		}
	})
}

// Links that go down, come up, lose their carrier or are gone are told of; what has nothing to do with that is not.
func TestLinkChanges(t *testing.T) {
	host, _ := star(t, 1)
	host.IP("link add dum0 type veth peer name dum1", "link set dum0 up")
	host.Do(func() {
		dummy, err := net.InterfaceByName("dum0")
		if err != nil {
			t.Fatal(err)
		}
		var told []int
		table := newTable(t, route.Config{FD: routingSocket(t), OnLink: func(ifindex int) { told = append(told, ifindex) }})
		if _, err := table.Link(dummy.Index); err != nil {
			t.Fatal(err)
		}
		for _, change := range []struct {
			line string
			want bool
		}{
			{"link set dum0 mtu 1400", false},
			{"addr add 10.9.9.1/24 dev dum0", false},
			{"link set dum0 down", true},
			{"link set dum0 up", true},
			{"link set dum0 alias name", false},
			{"link del dum0", true},
		} {
			told = nil
			host.IP(change.line)
			if err := table.Ready(); err != nil {
				t.Fatal(err)
			}
			if (len(told) > 0) != change.want || change.want && !slices.Contains(told, dummy.Index) {
				t.Errorf("%s: told of %v", change.line, told)
			}
		}
	})
}
