package simnet

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// via counts which address answers at a TTL over many probes.
func via(t *testing.T, n *Net, count int, make func(i int) probe) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for i := range count {
		seen[n.one(t, make(i), n.now).src()]++
	}
	return seen
}

func TestFlowsStayTogether(t *testing.T) {
	topo := load(t, "diamonds")
	for _, tt := range []struct {
		name string
		make func(i int) probe
		ways int
	}{
		{"by destination port", func(i int) probe {
			return probe{dst: "198.51.100.10", ttl: 3, kind: "udp", sport: 1, dport: uint16(33435 + i), size: 44}
		}, 2},
		{"by source port, IPv6", func(i int) probe {
			return probe{dst: "2001:db8:100::10", ttl: 3, kind: "udp", sport: uint16(i), dport: 33435, size: 64}
		}, 2},
		{"by TCP port", func(i int) probe {
			return probe{dst: "198.51.100.10", ttl: 3, kind: "syn", sport: uint16(i), dport: 80}
		}, 2},
		{"one flow", func(i int) probe {
			return probe{dst: "198.51.100.10", ttl: 3, kind: "udp", sport: 1, dport: 2, size: 44 + i, id: uint16(i)}
		}, 1},
		{"echo requests differ in their checksum", func(i int) probe {
			return probe{dst: "198.51.100.10", ttl: 3, kind: "echo", sport: 1, dport: uint16(i)}
		}, 2},
		{"sixteen ways", func(i int) probe {
			return probe{dst: "198.51.103.10", ttl: 3, kind: "udp", sport: 1, dport: uint16(i)}
		}, 16},
		{"per packet", func(i int) probe {
			return probe{dst: "198.51.104.10", ttl: 3, kind: "udp", sport: 1, dport: 2}
		}, 2},
		{"per destination, one destination", func(i int) probe {
			return probe{dst: "198.51.105.10", ttl: 3, kind: "udp", sport: 1, dport: uint16(i)}
		}, 1},
		{"per destination, many destinations", func(i int) probe {
			return probe{dst: netip.AddrFrom4([4]byte{198, 51, 105, byte(i)}).String(), ttl: 3, kind: "udp", sport: 1, dport: 2}
		}, 2},
		{"only the destination port counts: source port", func(i int) probe {
			return probe{dst: "198.51.106.10", ttl: 3, kind: "udp", sport: uint16(i), dport: 2}
		}, 1},
		{"only the destination port counts: destination port", func(i int) probe {
			return probe{dst: "198.51.106.10", ttl: 3, kind: "udp", sport: 1, dport: uint16(i)}
		}, 2},
	} {
		n := play(topo)
		seen := via(t, n, 400, tt.make)
		if len(seen) != tt.ways {
			t.Errorf("%s: %d ways, want %d: %v", tt.name, len(seen), tt.ways, seen)
		}
		for a, count := range seen {
			if fair := 400 / tt.ways; count < fair/2 || count > fair*3/2+20 {
				t.Errorf("%s: %d of 400 packets by %s, want about %d", tt.name, count, a, fair)
			}
		}
		balanced(t, n)
	}
}

// All fragments of a packet take one way: routers cannot see ports in the later ones.
func TestFragmentsStayTogether(t *testing.T) {
	for dst, want := range map[string]int{"198.51.100.10": 30, "2001:db8:100::10": 90} { // IPv4's later ones expire without a word
		n := play(load(t, "diamonds"))
		seen := map[string]int{}
		for flow := range uint16(30) {
			whole := probe{dst: dst, kind: "udp", sport: 1, dport: flow, size: 1000, ttl: 3, fragments: true}.build(t, n.t)
			for _, piece := range fragmentsOf(whole, 400) {
				for _, r := range n.Exchange(piece, n.now) {
					seen[decode(t, r).src()]++
				}
			}
		}
		if total := n.count.TimeExceeded; len(seen) != 1 || total != uint64(want) {
			t.Errorf("%s: fragments of 30 flows take the ways %v, %d of them expire; want one way and %d", dst, seen, total, want)
		}
	}
}

// Load balancers in a row must not decide alike, or half of the paths would never be seen.
func TestBalancersAreIndependent(t *testing.T) {
	n := play(load(t, "diamonds"))
	ways := map[[2]string]int{}
	for i := range 300 {
		p := probe{dst: "198.51.101.10", ttl: 4, kind: "udp", sport: 1, dport: uint16(i)}
		first := n.one(t, p, 0).src()
		p.ttl = 5
		ways[[2]string{first, n.one(t, p, 0).src()}]++
	}
	if len(ways) != 3 {
		t.Errorf("%d ways through the nested diamond, want 3: %v", len(ways), ways)
	}
}

func TestUnequalLengths(t *testing.T) {
	n := play(load(t, "diamonds"))
	lengths := map[int]int{}
	for i := range 300 {
		for ttl := uint8(3); ttl < 10; ttl++ {
			d := n.one(t, probe{dst: "198.51.102.10", ttl: ttl, kind: "udp", sport: 1, dport: uint16(i)}, 0)
			if d.src() == "198.51.102.10" {
				lengths[int(ttl)]++
				break
			}
		}
	}
	if len(lengths) != 3 || lengths[5] < 60 || lengths[6] < 60 || lengths[7] < 60 {
		t.Errorf("path lengths %v, want about 100 each of 5, 6 and 7", lengths)
	}
}

func TestTruthOfDiamonds(t *testing.T) {
	truth, err := load(t, "diamonds").Truth(
		netip.MustParseAddr("198.51.100.10"), netip.MustParseAddr("198.51.101.10"), netip.MustParseAddr("198.51.102.10"),
		netip.MustParseAddr("198.51.103.10"), netip.MustParseAddr("198.51.104.10"))
	if err != nil {
		t.Fatal(err)
	}
	a := netip.MustParseAddr
	type summary struct {
		Length   [2]int
		Paths    uint64
		Diamonds []Diamond
	}
	want := []summary{
		{[2]int{5, 5}, 2, []Diamond{{a("10.0.0.2"), a("198.51.100.10"), "flow", 3, 3, 2}}},
		{[2]int{6, 7}, 3, []Diamond{{a("10.2.1.2"), a("198.51.101.10"), "flow", 3, 4, 3}, {a("10.2.1.6"), a("198.51.101.10"), "flow", 3, 3, 2}}},
		{[2]int{5, 7}, 3, []Diamond{{a("10.0.0.2"), a("198.51.102.10"), "flow", 3, 5, 3}}},
		{[2]int{5, 5}, 16, []Diamond{{a("10.0.0.2"), a("198.51.103.10"), "flow", 3, 3, 16}}},
		{[2]int{5, 5}, 2, []Diamond{{a("10.0.0.2"), a("198.51.104.10"), "packet", 3, 3, 2}}},
	}
	for i, w := range want {
		p := &truth.Paths[i]
		if diff := cmp.Diff(w, summary{p.Length, p.Paths, p.Diamonds}, cmp.Comparer(func(x, y netip.Addr) bool { return x == y })); diff != "" {
			t.Errorf("%v (-want +got):\n%s", p.Destination, diff)
		}
	}
}

// What the truth says is what probes meet, also in prefixes that exist by hash only.
func TestTruthIsWhatProbesMeet(t *testing.T) {
	for _, tt := range []struct {
		name, first string
		count       int
	}{
		{"diamonds", "198.51.101.10", 1},
		{"diamonds", "2001:db8:102::10", 1},
		{"internet", "20.1.2.3", 200},
		{"internet", "2a00:0:1:2::3", 100},
	} {
		topo := load(t, tt.name)
		n := play(topo)
		dst := netip.MustParseAddr(tt.first)
		lengths := map[int]int{}
		for range tt.count {
			truth, err := topo.Truth(dst)
			if err != nil {
				t.Fatal(err)
			}
			p := &truth.Paths[0]
			lengths[p.Length[0]]++
			expected := map[int]map[string]bool{}
			for _, h := range p.Hops {
				if len(h.TTLs) == 0 {
					t.Fatalf("%v: no way leads to hop %v", dst, h.Address)
				}
				for _, ttl := range h.TTLs {
					if expected[ttl] == nil {
						expected[ttl] = map[string]bool{}
					}
					expected[ttl][h.Address.String()] = true
				}
			}
			for flow := range 20 {
				for ttl := 1; ttl <= 20; ttl++ {
					replies := n.Exchange(probe{dst: dst.String(), ttl: uint8(ttl), kind: "udp", sport: uint16(flow), dport: 33435}.build(t, topo), n.now+time.Second)
					if len(replies) == 0 {
						continue
					}
					d := decode(t, replies[0])
					if kind := d.icmpType(); kind != exceeded4 && kind != exceeded6 {
						if left := int(d.ttl()) + p.Return; d.src() == dst.String() && left != 64 && left != 128 {
							t.Fatalf("%v: reply with TTL %d after %d routers", dst, d.ttl(), p.Return)
						}
						break
					}
					if !expected[ttl][d.src()] {
						t.Fatalf("%v flow %d TTL %d: %s, the truth says %v", dst, flow, ttl, d.src(), expected[ttl])
					}
				}
			}
			if dst.Is4() {
				b := dst.As4()
				b[1] += 7
				b[2] += 13
				b[3] += 91
				dst = netip.AddrFrom4(b)
			} else {
				b := dst.As16()
				b[5] += 7
				b[4] += 3
				b[15]++
				dst = netip.AddrFrom16(b)
			}
		}
		if tt.count > 50 && len(lengths) < 4 {
			t.Errorf("%s: only %d different path lengths: %v", tt.name, len(lengths), lengths)
		}
		balanced(t, n)
	}
}

// Routers of a procedural prefix can be probed at their own addresses, and are one router at every TTL they answer.
func TestProceduralRoutersAnswer(t *testing.T) {
	topo := load(t, "internet")
	n := play(topo)
	found := 0
	for i := range 200 {
		dst := netip.AddrFrom4([4]byte{20, byte(i), byte(i * 3), 1}).String()
		for ttl := uint8(4); ttl < 14; ttl++ {
			replies := n.Exchange(probe{dst: dst, ttl: ttl, kind: "udp", sport: 5, dport: 33435}.build(t, topo), n.now+time.Second)
			if len(replies) == 0 {
				continue
			}
			d := decode(t, replies[0])
			if d.icmpType() != exceeded4 {
				break
			}
			found++
			router := d.src()
			for hop := uint8(1); hop <= ttl; hop++ {
				// Load balancers may take another way, but the router is at the same distance or nearer.
				replies := n.Exchange(probe{dst: router, ttl: hop, kind: "echo"}.build(t, topo), n.now+time.Second)
				if hop == ttl {
					if len(replies) != 1 || decode(t, replies[0]).src() != router {
						t.Fatalf("router %s does not answer at TTL %d", router, hop)
					}
				}
			}
		}
	}
	if found < 200 {
		t.Errorf("only %d routers found", found)
	}
	balanced(t, n)
}

func TestSameSeedSameAnswers(t *testing.T) {
	topo := load(t, "internet")
	run := func() (all []Reply) {
		n := play(topo)
		for _, p := range mixedProbes("20.1.2.3", "2a00:1:2::3") {
			all = append(all, n.Exchange(p.build(t, topo), n.now)...)
		}
		return all
	}
	if diff := cmp.Diff(run(), run()); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
}
