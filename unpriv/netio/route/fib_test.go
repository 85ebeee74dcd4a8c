package route

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/unpriv/loop"
)

// plain is the answer of somebody who reads all routes each time.
func plain(routes []fibRoute, addr uint64) (best *fibRoute, until loop.Mono) {
	bits := map[bool]int{true: -1, false: -1}
	found := map[bool][]*fibRoute{}
	var chain []*fibRoute
	for i := range routes {
		r := &routes[i]
		if addr < r.addr || addr > r.last() {
			continue
		}
		if !r.local {
			chain = append(chain, r)
		}
		switch {
		case int(r.bits) > bits[r.local]:
			bits[r.local], found[r.local] = int(r.bits), []*fibRoute{r}
		case int(r.bits) == bits[r.local]:
			found[r.local] = append(found[r.local], r)
		}
	}
	if bits[true] >= 0 && bits[false] > bits[true] {
		return nil, 0
	}
	lowest := 0
	for _, r := range found[bits[true] >= 0] {
		switch {
		case r.kind == kindVaries:
			return nil, 0
		case best == nil || r.metric < best.metric:
			best, lowest = r, 1
		case r.metric == best.metric:
			lowest++
		}
	}
	if lowest > 1 {
		return nil, 0
	}
	if best == nil || best.local {
		return best, 0
	}
	for _, r := range chain {
		if best.yields && (r.kind == kindVaries || r.ifIndex != best.ifIndex || r.gateway != best.gateway) {
			return nil, 0
		}
		if r.until != 0 && (until == 0 || r.until < until) {
			until = r.until
		}
	}
	return best, until
}

func random(r *rand.Rand, n int) []fibRoute {
	routes := make([]fibRoute, n)
	for i := range routes {
		bits := uint8(r.IntN(65))
		addr := r.Uint64()
		if r.IntN(3) > 0 { // crowd them
			addr = 10<<56 | addr&0x0003030300030303
		}
		addr &^= hostMask(bits)
		src := netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)})
		routes[i] = fibRoute{addr: addr, bits: bits, local: r.IntN(3) == 0, kind: kindOne, prefSrc: src}
		if r.IntN(10) == 0 {
			routes[i].kind = kindVaries
		}
		if r.IntN(10) == 0 {
			routes[i].metric = 1
		}
		if r.IntN(3) == 0 {
			routes[i].yields, routes[i].ifIndex = true, 1
		}
		if r.IntN(10) == 0 {
			routes[i].gateway = src
		}
		if r.IntN(10) == 0 {
			routes[i].ifIndex = 2
		}
		if r.IntN(4) == 0 {
			routes[i].until = loop.Mono(1 + r.IntN(9))
		}
	}
	return routes
}

func TestFIBAgainstPlain(t *testing.T) {
	unknown, yielding := 0, 0
	defer func() {
		if unknown < 1000 || yielding < 1000 {
			t.Errorf("%d addresses without an entry, %d with one that yields: too few to tell", unknown, yielding)
		}
	}()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		routes := random(r, r.IntN(60))
		asked := append([]fibRoute(nil), routes...)
		f := newFIB(routes)
		var addrs []uint64
		for i := range asked {
			addrs = append(addrs, asked[i].addr-1, asked[i].addr, asked[i].last(), asked[i].last()+1)
		}
		for range 100 {
			addrs = append(addrs, r.Uint64())
		}
		for _, addr := range addrs {
			best, until := plain(asked, addr)
			got := f.lookup(addr)
			switch {
			case best == nil && got == varies:
				unknown++
			case best == nil || got == varies || f.entries[got].want != best.prefSrc || f.entries[got].until != until:
				t.Fatalf("seed %d, %#x: entry %d, want %+v until %d", seed, addr, got, best, until)
			case best.yields:
				yielding++
			}
		}
	}
}

func TestFIBEmpty(t *testing.T) {
	for name, f := range map[string]*fib{"zero": {}, "no routes": newFIB(nil)} {
		for _, addr := range []uint64{0, 1, 1 << 63, 1<<64 - 1} {
			if got := f.lookup(addr); got != varies {
				t.Errorf("%s: %#x: entry %d", name, addr, got)
			}
		}
	}
}

func TestLearn(t *testing.T) {
	a, b, c := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")
	type answer struct {
		Src    netip.Addr
		OK     bool
		Varies bool
	}
	for _, test := range []struct {
		name string
		e    fibEntry
		src  netip.Addr // the kernel's answer for a
		want answer     // afterwards, for c
	}{
		{"next hop", fibEntry{}, b, answer{b, true, false}},
		{"next hop with source", fibEntry{want: b}, b, answer{b, true, false}},
		{"next hop with another source", fibEntry{want: b}, c, answer{netip.Addr{}, false, true}},
		{"own address", fibEntry{self: true, want: b}, b, answer{b, true, false}},
		{"own address, surprising", fibEntry{self: true, want: b}, a, answer{netip.Addr{}, false, true}},
		{"own prefix", fibEntry{self: true}, a, answer{c, true, false}},
		{"own prefix, surprising", fibEntry{self: true}, b, answer{netip.Addr{}, false, true}},
	} {
		e := test.e
		e.learn(a, test.src)
		src, ok := e.source(c)
		if diff := cmp.Diff(test.want, answer{src, ok, e.varies}, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

// What the kernel says of one destination holds for all of a route only if it is what the route says.
func TestLearnWay(t *testing.T) {
	gateway, better := netip.MustParseAddr("10.0.1.2"), netip.MustParseAddr("10.0.1.3")
	plain := fibEntry{way: Route{IfIndex: 2, Gateway: gateway}}
	source := netip.MustParseAddr("10.0.1.1")
	with := fibEntry{want: source, way: plain.way}
	for _, tt := range []struct {
		name  string
		entry fibEntry
		said  Route
		known bool
	}{
		{"as the route says", plain, Route{IfIndex: 2, Gateway: gateway, Src: source}, true},
		{"as expected", with, Route{IfIndex: 2, Gateway: gateway, Src: source}, true},
		{"another source than expected", with, Route{IfIndex: 2, Gateway: gateway, Src: better}, false},
		{"redirected", plain, Route{IfIndex: 2, Gateway: better}, false},
		{"on the link", plain, Route{IfIndex: 2}, false},
		{"another interface", plain, Route{IfIndex: 3, Gateway: gateway}, false},
		{"this host", plain, Route{IfIndex: 2, Gateway: gateway, Local: true}, false},
		{"our own addresses", fibEntry{self: true, way: Route{IfIndex: 1}}, Route{IfIndex: 1}, false},
	} {
		e := tt.entry
		e.learnWay(tt.said)
		if e.wayKnown != tt.known || tt.known && e.way.Src != tt.said.Src {
			t.Errorf("%s: %+v", tt.name, e)
		}
	}
}
