package route_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"scamper/unpriv/loop"
	"scamper/unpriv/netio/route"
)

// randomRoute6 returns an `ip -6 route` line, and its prefix. Many go by the same gateway, so that the kernel has no
// reason to prefer one of them to another.
func randomRoute6(r *rand.Rand, links int) (line string, prefix netip.Prefix) {
	bits := 16 + r.IntN(49)
	addr := netip.AddrFrom16([16]byte{
		0x20 + byte(r.IntN(2)), 1, byte(r.IntN(3)), byte(r.IntN(4)), byte(r.IntN(256)), byte(r.IntN(3)), byte(r.IntN(3)), byte(r.IntN(256)), 15: byte(r.IntN(256)),
	})
	via := func() string {
		if r.IntN(4) > 0 {
			return "via fd00:1::2"
		}
		return fmt.Sprintf("via fd00:%d::%d", 1+r.IntN(links), 2+r.IntN(3))
	}
	dev := fmt.Sprintf("dev eth%d", r.IntN(links))
	kind := r.IntN(28)
	switch {
	case kind < 5:
		bits = 40 + r.IntN(25) // a short one would leave little to remember
	case kind == 5:
		bits = 65 + r.IntN(64)
	}
	prefix = netip.PrefixFrom(addr, bits).Masked()
	switch kind {
	case 0:
		line = fmt.Sprintf("%s %s", []string{"unreachable", "blackhole", "prohibit", "throw"}[r.IntN(4)], prefix)
	case 1:
		line = fmt.Sprintf("local %s dev lo", prefix)
	case 2:
		line = fmt.Sprintf("%s nexthop %s nexthop %s", prefix, via(), via())
	case 3:
		line = fmt.Sprintf("%s from fd00:1::/64 %s", prefix, via())
	case 4:
		line = fmt.Sprintf("%s %s expires 1000", prefix, via())
	case 6:
		line = fmt.Sprintf("%s %s table 100", prefix, via())
	case 7, 8:
		line = fmt.Sprintf("%s %s src fd00:%d::1", prefix, dev, 1+r.IntN(links))
	case 9:
		line = fmt.Sprintf("%s %s src fd00:%d::1", prefix, via(), 1+r.IntN(links))
	case 10:
		line = fmt.Sprintf("%s via fe80::2 %s", prefix, dev)
	case 11:
		line = fmt.Sprintf("%s via fd00:77::2 onlink %s", prefix, dev)
	case 12, 13, 14, 15, 16:
		line = fmt.Sprintf("%s %s", prefix, dev)
	default:
		line = fmt.Sprintf("%s %s", prefix, via())
	}
	if r.IntN(6) == 0 {
		line += fmt.Sprintf(" metric %d", 1+r.IntN(3))
	}
	return line, prefix
}

// randomChange returns an `ip` line or a shell command of what changes the answers, or what the kernel asks itself on
// the way and must not matter. It often fails, as there is no such thing.
func randomChange(r *rand.Rand, links int, lines []string) string {
	i := r.IntN(links)
	own := fmt.Sprintf("2%d01:%d0%d:%d::77/64 dev eth%d", r.IntN(2), r.IntN(3), r.IntN(4), i, i) // near to some destinations
	onOff := r.IntN(2)
	switch r.IntN(17) {
	case 0, 15, 16:
		return fmt.Sprintf("ip addr add %s nodad", own)
	case 1:
		return fmt.Sprintf("ip -6 addr flush to 2000::/3 dev eth%d", i)
	case 2:
		return fmt.Sprintf("ip addr change fd00:%d::1/64 dev eth%d preferred_lft %d valid_lft 10000", i+1, i, onOff*9000)
	case 3:
		return fmt.Sprintf("ip addr add %s home nodad", own)
	case 4:
		return fmt.Sprintf("ip addr add 2001:db8:%d::99/128 dev lo", i)
	case 5:
		return fmt.Sprintf("ip -6 route del %s", lines[r.IntN(len(lines))])
	case 6:
		return fmt.Sprintf("ip link set eth%d down", i)
	case 7:
		return fmt.Sprintf("ip link set eth%d up; ip addr add fd00:%d::1/64 dev eth%d nodad", i, i+1, i)
	case 8, 9:
		return fmt.Sprintf("ip neigh replace fd00:%d::%d dev eth%d nud failed", i+1, 2+r.IntN(3), i)
	case 10:
		return fmt.Sprintf("ip -6 route del local fd00:%d::1 dev eth%d table local", i+1, i)
	case 11:
		return fmt.Sprintf("ip addrlabel add prefix fd00:%d::/64 label %d", i+1, 90+r.IntN(2))
	case 12:
		return fmt.Sprintf("echo %d >/proc/sys/net/ipv6/conf/eth%d/use_oif_addrs_only", onOff, i)
	case 13:
		return fmt.Sprintf("echo %d >/proc/sys/net/ipv6/conf/all/forwarding", onOff)
	default:
		return fmt.Sprintf("ip addr add %s optimistic", own)
	}
}

// The same for IPv6 as TestSourceAgainstKernel, with all that decides between IPv6 addresses of ours.
func TestSource6AgainstKernel(t *testing.T) {
	const links = 4
	var hits, ways, questions uint64
	for seed := range uint64(4) {
		host, _ := star(t, links)
		r := rand.New(rand.NewPCG(seed, 6))
		var lines []string
		var dsts []netip.Addr
		add := func(p netip.Prefix) {
			last := p.Addr().As16()
			for i := range last {
				last[i] |= 0xff >> min(max(p.Bits()-8*i, 0), 8)
			}
			first, end := p.Addr(), netip.AddrFrom16(last)
			dsts = append(dsts, first, end, first.Prev(), end.Next(), first.Next())
		}
		// Addresses that a default route, our own and special prefixes hold.
		for _, text := range []string{
			"2600::1", "fd00:1::1", "fd00:1::2", "fd00:1::", "fd00:4::1", "fd99::1", "fc00::1", "2001:db8:1::99", "2101:1::1", "2001:203::1",
			"::1", "::", "::2", "::192.0.2.1", "64:ff9b::1", "100::1", "2001::1", "2001:10::1", "2001:20::1", "2002::1", "3ffe::1", "e000::1", "fbff::1",
			"fe00::1", "fe80::1", "fe80::1%eth1", "fec0::1", "ff02::1", "ff0e::1", "2600::1%eth2",
		} {
			dsts = append(dsts, netip.MustParseAddr(text))
		}
		if seed > 0 {
			lines = append(lines, "default via fd00:1::2 metric 5")
		}
		if seed > 2 {
			lines = append(lines, "default via fd00:3::2 metric 7")
		}
		for range 100 {
			line, prefix := randomRoute6(r, links)
			lines = append(lines, line)
			add(prefix)
		}
		shell := func(line string) {
			t.Helper()
			host.Run(60e9, "sh", "-c", line)
		}
		// Some clash; -force goes on.
		shell("printf 'route add " + strings.Join(lines, "\\nroute add ") + "\\n' | ip -6 -force -batch -")
		host.Do(func() {
			cached := newTable(t, route.Config{FD: routingSocket(t)})
			asking := newTable(t, route.Config{FD: routingSocket(t), NoCache: true})
			ready := func() {
				t.Helper()
				if err := cached.Ready(); err != nil {
					t.Fatal(err)
				}
			}
			check := func(step string) {
				t.Helper()
				before := cached.Stats
				agree(t, fmt.Sprintf("seed %d, %s", seed, step), cached, asking, dsts)
				hits += cached.Stats.Cached - before.Cached
				ways += cached.Stats.Known - before.Known
				questions += uint64(2 * len(dsts))
			}
			cached.CopyNow6()
			check("at first")
			for i := range 24 {
				step := ""
				if i%2 == 0 {
					line, prefix := randomRoute6(r, links)
					add(prefix)
					step = "ip -6 route replace " + line
				} else {
					step = randomChange(r, links, lines)
				}
				shell(step)
				ready() // what the kernel doesn't tell of leaves the copy as it is
				cached.CopyNow6()
				check(step)
			}
			// Rules other than the usual: nothing may be remembered.
			shell("ip -6 rule add from fd00:1::1 table 100")
			ready()
			cached.CopyNow6()
			before := cached.Stats
			agree(t, "with a rule", cached, asking, dsts)
			if cached.Stats.Cached != before.Cached || cached.Stats.Known != before.Known {
				t.Errorf("answers from the copy in spite of a rule: %+v, before %+v", cached.Stats, before)
			}
			shell("ip -6 rule del from fd00:1::1 table 100")
			ready()
			cached.CopyNow6()
			check("without the rule")
		})
	}
	t.Logf("%d sources and %d routes of %d from the copy", hits, ways, questions)
	if hits < questions/8 || ways < questions/8 {
		t.Error("too few to tell")
	}
}

// ask6 asks for the sources of n addresses within 2001:db8::/64, one after the other.
func ask6(t *testing.T, table *route.Table, n int) {
	t.Helper()
	for i := range n {
		if _, err := table.Source(netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, 14: byte(i >> 8), 15: byte(i)})); err != nil {
			t.Fatal(err)
		}
	}
}

// While a gateway is known not to answer, the kernel uses a route of a shorter prefix, and doesn't tell. So the route is
// remembered only if there is no other, or all go by that gateway.
func TestFailedGateway(t *testing.T) {
	for _, c := range []struct {
		name  string
		other string // another route to the addresses
		want  string // the source when the gateway has failed
		known bool
	}{
		{"no other", "fd99::/64 via fd00:2::2", "fd00:1::1", true},
		{"the same gateway", "default via fd00:1::2", "fd00:1::1", true},
		{"another gateway", "default via fd00:2::2", "fd00:2::1", false},
		{"another gateway of the link", "default via fd00:1::3", "fd00:1::1", false},
		{"a higher metric", "2001:db8::/32 via fd00:2::2 metric 2000", "fd00:2::1", false},
		{"a lower metric on the link", "2001:db8::/32 dev eth1 metric 1", "fd00:2::1", true},
	} {
		host, _ := star(t, 2)
		host.IP("route add 2001:db8::/32 via fd00:1::2", "route add "+c.other)
		host.Do(func() {
			table := newTable(t, route.Config{FD: routingSocket(t)})
			table.CopyNow6()
			ask6(t, table, 10)
			if (table.Stats.Cached == 10) != c.known || (table.Stats.Asked == 10) == c.known {
				t.Errorf("%s: %+v", c.name, table.Stats)
			}
			host.IP("neigh replace fd00:1::2 dev eth0 nud failed")
			if err := table.Ready(); err != nil {
				t.Fatal(err)
			}
			if src, err := table.Source(netip.MustParseAddr("2001:db8::1")); err != nil || src != netip.MustParseAddr(c.want) {
				t.Errorf("%s: with a failed gateway: %v, %v", c.name, src, err)
			}
			if table.Stats.Changes != 0 {
				t.Errorf("%s: the kernel told: %+v", c.name, table.Stats)
			}
		})
	}
}

// A link that loses its carrier takes its routes out of use, if the system is told so, without a word about routes.
func TestCarrierLost(t *testing.T) {
	host, links := star(t, 2)
	host.IP("route add 2001:db8::/32 dev eth0 metric 1", "route add 2001:db8::/32 dev eth1 metric 2")
	host.Sysctl("net.ipv6.conf.eth0.ignore_routes_with_linkdown", "1")
	host.Do(func() {
		table := newTable(t, route.Config{FD: routingSocket(t)})
		table.CopyNow6()
		source := func() netip.Addr {
			t.Helper()
			if err := table.Ready(); err != nil {
				t.Fatal(err)
			}
			src, err := table.Source(netip.MustParseAddr("2001:db8::1"))
			if err != nil {
				t.Fatal(err)
			}
			return src
		}
		if src := source(); src != links[0].A.Addr6 || table.Stats.Cached != 1 {
			t.Errorf("with carrier: %v, %+v", src, table.Stats)
		}
		links[0].B.Namespace.IP("link set " + links[0].B.Interface + " down")
		end := time.Now().Add(20 * time.Second) // the kernel looks after carriers once in a while
		for source() != links[1].A.Addr6 {
			if time.Now().After(end) {
				t.Fatalf("without carrier: still %v, %+v", links[0].A.Addr6, table.Stats)
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
}

// A copy waits until routes that looked as if they stayed, but were about to end, have ended; and routes of router
// advertisements are believed to stay for less than a second, the least that can be made of their time without a word.
func TestCopy6InTime(t *testing.T) {
	host, _ := star(t, 1)
	for _, c := range []struct {
		line string
		ends bool
	}{
		{"route replace 2001:db8::/32 via fd00:1::2", false},
		{"route replace 2001:db8::/32 via fd00:1::2 expires 1000", true},
		{"route replace 2001:db8::/32 via fd00:1::2 proto ra", true},
		{"route replace 2001:db8::/32 via fd00:1::2 proto kernel", true},
	} {
		host.IP(c.line)
		host.Do(func() {
			clock := loop.NewFakeClock(time.Unix(1, 0))
			table := newTable(t, route.Config{FD: routingSocket(t), Clock: clock})
			cached := func(what string, want bool) {
				t.Helper()
				before := table.Stats
				ask6(t, table, 100)
				if got := table.Stats.Cached - before.Cached; (got == 100) != want || (got == 0) == want {
					t.Errorf("%s, %s: %+v, before %+v", c.line, what, table.Stats, before)
				}
			}
			cached("at first", false)
			clock.Advance(29 * time.Millisecond)
			cached("shortly after", false)
			clock.Advance(time.Millisecond)
			cached("then", true)
			clock.Advance(940 * time.Millisecond)
			cached("in the first second", true)
			clock.Advance(10 * time.Millisecond)
			cached("a second later", !c.ends)
			if table.Stats.Changes != 0 || (table.Stats.Copies == 2) != c.ends {
				t.Errorf("%s: %+v", c.line, table.Stats)
			}
		})
	}
}

// When the time of a route or an address has come, the kernel uses another one at once. Of a route it tells half a minute
// later.
func TestTimeIsUp(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		told  bool
	}{
		{"route", []string{"route add 2001:db8::/32 dev eth0 expires 3", "route add default via fd00:2::2"}, false},
		{"address", []string{"route add 2001:db8::/32 dev eth0", "addr change fd00:1::1/64 dev eth0 preferred_lft 3 valid_lft 3000"}, true},
	} {
		host, _ := star(t, 2)
		host.IP(c.lines...)
		host.Do(func() {
			table := newTable(t, route.Config{FD: routingSocket(t)})
			asking := newTable(t, route.Config{FD: routingSocket(t), NoCache: true})
			source := func(table *route.Table) netip.Addr {
				t.Helper()
				src, err := table.Source(netip.MustParseAddr("2001:db8::1"))
				if err != nil {
					t.Fatal(err)
				}
				return src
			}
			last := netip.MustParseAddr("fd00:2::1")
			wrong := 0 // in a row: the word of a change comes shortly after it
			got := netip.Addr{}
			for before, end := source(asking), time.Now().Add(20*time.Second); before != last || got != last; {
				if err := table.Ready(); err != nil {
					t.Fatal(err)
				}
				got = source(table)
				after := source(asking)
				if got == before || got == after {
					wrong = 0
				} else if wrong++; wrong == 10 {
					t.Fatalf("%s: %s; the kernel says %s, then %s", c.name, got, before, after)
				} else {
					time.Sleep(time.Millisecond)
				}
				if before = after; time.Now().After(end) {
					t.Fatalf("%s: it does not end", c.name)
				}
			}
			if table.Stats.Cached == 0 || (table.Stats.Changes > 0) != c.told {
				t.Errorf("%s: %+v", c.name, table.Stats)
			}
		})
	}
}
