package route_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"scamper/testkit"
	"scamper/unpriv/netio/route"
)

// routingSocket opens what the privileged process would, in the current namespace.
func routingSocket(t testing.TB) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func newTable(t testing.TB, c route.Config) *route.Table {
	t.Helper()
	table, err := route.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	})
	return table
}

var addrs = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

// star is a host with a few links to others, which need not do anything.
func star(t testing.TB, links int) (*testkit.Namespace, []*testkit.Link) {
	n := testkit.NewNet(t)
	host, other := n.Namespace("host"), n.Namespace("other")
	var list []*testkit.Link
	for range links {
		list = append(list, n.Link(host, other, testkit.LinkConfig{}))
	}
	return host, list
}

func TestLookup(t *testing.T) {
	host, _ := star(t, 2)
	host.IP(
		"route add 192.0.2.0/24 via 10.0.1.2",
		"route add 198.51.100.0/24 via 10.0.2.2 mtu 1280 src 10.0.1.1",
		"route add 203.0.113.0/24 via inet6 fd00:2::2",
		"route add unreachable 192.0.2.128/25",
		"route add blackhole 192.0.2.64/26",
		"route add 2001:db8::/32 via fd00:1::2",
		"route add local 100.64.0.0/24 dev lo",
	)
	a := netip.MustParseAddr
	host.Do(func() {
		table := newTable(t, route.Config{FD: routingSocket(t)})
		for _, c := range []struct {
			dst  string
			want route.Route
			err  error
		}{
			{"192.0.2.1", route.Route{IfIndex: 2, Gateway: a("10.0.1.2"), Src: a("10.0.1.1")}, nil},
			{"::ffff:192.0.2.1", route.Route{IfIndex: 2, Gateway: a("10.0.1.2"), Src: a("10.0.1.1")}, nil},
			{"198.51.100.9", route.Route{IfIndex: 4, Gateway: a("10.0.2.2"), Src: a("10.0.1.1"), MTU: 1280}, nil},
			{"203.0.113.1", route.Route{IfIndex: 4, Gateway: a("fd00:2::2"), Src: a("10.0.2.1")}, nil},
			{"10.0.2.77", route.Route{IfIndex: 4, Src: a("10.0.2.1")}, nil},
			{"10.0.2.1", route.Route{IfIndex: 1, Src: a("10.0.2.1"), Local: true}, nil},
			{"100.64.0.5", route.Route{IfIndex: 1, Src: a("100.64.0.5"), Local: true}, nil},
			{"127.0.0.9", route.Route{IfIndex: 1, Src: a("127.0.0.1"), Local: true}, nil},
			{"192.0.2.129", route.Route{}, syscall.EHOSTUNREACH},
			{"192.0.2.65", route.Route{}, syscall.EINVAL},
			{"8.8.8.8", route.Route{}, syscall.ENETUNREACH},
			{"2001:db8::1", route.Route{IfIndex: 2, Gateway: a("fd00:1::2"), Src: a("fd00:1::1")}, nil},
			{"fd00:2::9", route.Route{IfIndex: 4, Src: a("fd00:2::1")}, nil},
			{"fd00:1::1", route.Route{IfIndex: 1, Src: a("fd00:1::1"), Local: true}, nil},
			{"2001:db9::1", route.Route{}, syscall.ENETUNREACH},
			{"fe80::9%nosuch", route.Route{}, syscall.ENODEV},
		} {
			got, err := table.Lookup(a(c.dst))
			if diff := cmp.Diff(c.want, got, addrs); diff != "" {
				t.Errorf("%s: %s", c.dst, diff)
			}
			if !errors.Is(err, c.err) {
				t.Errorf("%s: error %v, want %v", c.dst, err, c.err)
			}
		}
		for _, zone := range []string{"eth1", "4"} {
			got, err := table.Lookup(a("fe80::9%" + zone))
			if err != nil || got.IfIndex != 4 || got.Gateway.IsValid() || !got.Src.IsLinkLocalUnicast() {
				t.Errorf("fe80::9%%%s: %+v, %v", zone, got, err)
			}
			hop := got.NextHop(a("fe80::9%" + zone))
			if hop != a("fe80::9") {
				t.Errorf("next hop %s", hop)
			}
		}
	})
}

func TestLink(t *testing.T) {
	host, links := star(t, 1)
	host.Do(func() {
		for _, fd := range []int{routingSocket(t), -1} {
			table := newTable(t, route.Config{FD: fd})
			end := links[0].A
			want := route.Link{Index: end.Index, Name: "eth0", MTU: 1500, MAC: end.MAC, Up: true}
			for range 2 { // asked and remembered
				got, err := table.Link(end.Index)
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Errorf("by index: %v %s", err, diff)
				}
			}
			got, err := table.LinkByName("eth0")
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("by name: %v %s", err, diff)
			}
			if lo, err := table.LinkByName("lo"); err != nil || !lo.Loopback || lo.MTU != 65536 {
				t.Errorf("lo: %+v, %v", lo, err)
			}
			_, err = table.LinkByName("nosuch")
			if err == nil || !errors.Is(err, syscall.ENODEV) ||
				err.Error() != "could not get ifindex for nosuch: No such device" {
				t.Errorf("nosuch: %v", err)
			}
			for _, name := range []string{"", strings.Repeat("x", 16), strings.Repeat("x", 5000)} {
				if _, err := table.LinkByName(name); !errors.Is(err, syscall.ENODEV) {
					t.Errorf("%.20q: %v", name, err)
				}
			}
			for _, index := range []int{0, -1, 99, 1 << 40} {
				if _, err := table.Link(index); !errors.Is(err, syscall.ENODEV) {
					t.Errorf("%d: %v", index, err)
				}
			}

			// A changed MTU is noticed with the next notification.
			links[0].SetMTU(1400)
			if err := table.Ready(); err != nil {
				t.Error(err)
			}
			if got, err := table.Link(end.Index); err != nil || got.MTU != 1400 {
				t.Errorf("after the change: %+v, %v", got, err)
			}
			links[0].SetMTU(1500)
		}
	})
}

func TestSource(t *testing.T) {
	host, _ := star(t, 2)
	host.IP("route add 192.0.2.0/24 via 10.0.2.2", "route add unreachable 198.51.100.0/24",
		"route add 2001:db8::/32 via fd00:2::2")
	host.Do(func() {
		table := newTable(t, route.Config{FD: -1})
		for _, c := range []struct{ dst, want, err string }{
			{"192.0.2.9", "10.0.2.1", ""},
			{"::ffff:192.0.2.9", "10.0.2.1", ""},
			{"10.0.1.9", "10.0.1.1", ""},
			{"127.1.2.3", "127.0.0.1", ""},
			{"2001:db8::9", "fd00:2::1", ""},
			{"::1", "::1", ""},
			{"198.51.100.1", "", "getsrc connect to dst failed for 198.51.100.1: No route to host"},
			{"8.8.8.8", "", "getsrc connect to dst failed for 8.8.8.8: Network is unreachable"},
			{"2001:db9::1", "", "getsrc connect to dst failed for 2001:db9::1: Network is unreachable"},
			{"fe80::1%nosuch", "", "getsrc connect to dst failed for fe80::1%nosuch: No such device"},
			{"10.0.1.255", "", "getsrc connect to dst failed for 10.0.1.255: Permission denied"},
		} {
			got, err := table.Source(netip.MustParseAddr(c.dst))
			text := ""
			if err != nil {
				text = err.Error()
				var errno syscall.Errno
				if !errors.As(err, &errno) {
					t.Errorf("%s: no error number in %v", c.dst, err)
				}
			}
			if text != c.err {
				t.Errorf("%s: error %q, want %q", c.dst, text, c.err)
			}
			if c.want != "" && got != netip.MustParseAddr(c.want) {
				t.Errorf("%s: %s, want %s", c.dst, got, c.want)
			}
		}
		got, err := table.Source(netip.MustParseAddr("fe80::1%eth1"))
		if err != nil || !got.IsLinkLocalUnicast() || got.Zone() != "" {
			t.Errorf("link-local: %v, %v", got, err)
		}
		if _, err := table.Source(netip.Addr{}); err == nil {
			t.Error("no address, no error")
		}
		if _, err := table.Lookup(netip.MustParseAddr("192.0.2.9")); !errors.Is(err, route.ErrNoSocket) {
			t.Errorf("without routing socket: %v", err)
		}
	})
}

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
	answer := func(table *route.Table, dst netip.Addr) string {
		src, err := table.Source(dst)
		return fmt.Sprintf("%v, %v", src, err)
	}
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
	var hits, questions uint64
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
			asking := newTable(t, route.Config{FD: -1})
			check := func(step string) {
				t.Helper()
				before := cached.Stats
				if err := cached.Ready(); err != nil {
					t.Fatal(err)
				}
				cached.CopyNow()
				agree(t, fmt.Sprintf("seed %d, %s", seed, step), cached, asking, dsts)
				hits += cached.Stats.Cached - before.Cached
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
			before := cached.Stats.Cached
			if err := cached.Ready(); err != nil {
				t.Fatal(err)
			}
			cached.CopyNow()
			agree(t, "with a rule", cached, asking, dsts)
			if cached.Stats.Cached != before {
				t.Errorf("%d answers from the copy in spite of a rule", cached.Stats.Cached-before)
			}
			host.IP("rule del from 10.0.1.1 table 100")
			check("without the rule") // by now the kernel keeps its tables apart
		})
	}
	t.Logf("%d of %d answers from the copy", hits, questions)
	if hits < questions/4 {
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

func TestNeighbours(t *testing.T) {
	host, links := star(t, 1)
	host.IP("neigh add 10.0.1.50 lladdr 02:00:00:00:00:50 dev eth0 nud reachable",
		"neigh add 10.0.1.51 lladdr 02:00:00:00:00:51 dev eth0 nud stale",
		"neigh add 10.0.1.52 dev eth0 nud failed",
		"neigh add fd00:1::50 lladdr 02:00:00:00:00:60 dev eth0 nud reachable")
	host.Do(func() {
		table := newTable(t, route.Config{FD: routingSocket(t)})
		list, err := table.Neighbours()
		if err != nil {
			t.Fatal(err)
		}
		want := []route.Neighbour{
			{IfIndex: links[0].A.Index, Addr: netip.MustParseAddr("10.0.1.50"), MAC: [6]byte{2, 0, 0, 0, 0, 0x50}},
			{IfIndex: links[0].A.Index, Addr: netip.MustParseAddr("fd00:1::50"), MAC: [6]byte{2, 0, 0, 0, 0, 0x60}},
		}
		if diff := cmp.Diff(want, list, addrs); diff != "" {
			t.Error(diff)
		}
	})
	if _, err := newTable(t, route.Config{FD: -1}).Neighbours(); !errors.Is(err, route.ErrNoSocket) {
		t.Errorf("without routing socket: %v", err)
	}
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
