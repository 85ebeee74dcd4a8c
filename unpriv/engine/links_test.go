package engine

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"scamper/shared/packet"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio/neigh"
	"scamper/unpriv/netio/route"
	"scamper/unpriv/technique"
)

// A way out is found again as long as nothing about it has changed, and with the neighbour's address of now.
func TestWaysAreShared(t *testing.T) {
	clock := loop.NewFakeClock(time.Unix(1, 0))
	l := &links{ways: make(map[wayKey]*way)}
	l.cache = neigh.New(loop.NewLoop(loop.NewFakePoller(clock), clock).Timers, clock, l)
	own, first, second := packet.MAC{2, 1}, packet.MAC{2, 2}, packet.MAC{2, 3}
	key := wayKey{hop: neigh.Key{IfIndex: 7, Addr: netip.MustParseAddr("192.0.2.1")}}
	w := &way{Link: &technique.Link{IfIndex: 7, MTU: 1500, Type: packet.LinkEthernet}, own: own, hop: neigh.Query{Key: key.hop}}
	l.keep(key, w)
	iface := route.Link{MAC: own[:], MTU: 1500}
	if l.known(key, &iface) != nil {
		t.Error("a way whose neighbour has no known address")
	}
	for _, mac := range []packet.MAC{first, second} {
		l.cache.PreloadStatic(7, key.hop.Addr, mac)
		got := l.known(key, &iface)
		if got == nil || [6]byte(got.Header[:6]) != mac || [6]byte(got.Header[6:12]) != own {
			t.Errorf("way to %v: %+v", mac, got)
		}
		l.cache = neigh.New(loop.NewLoop(loop.NewFakePoller(clock), clock).Timers, clock, l)
	}
	l.cache.PreloadStatic(7, key.hop.Addr, first)
	for name, changed := range map[string]route.Link{
		"another MTU": {MAC: own[:], MTU: 1400}, "another address": {MAC: second[:], MTU: 1500},
	} {
		if l.known(key, &changed) != nil {
			t.Errorf("%s: the way of before", name)
		}
	}
	if l.known(wayKey{hop: key.hop, v6: true}, &iface) != nil {
		t.Error("the way of the other family")
	}
	for i := range uint32(3 * maxWays) {
		a := binary.BigEndian.AppendUint32(nil, 0x0a000000+i)
		l.keep(wayKey{hop: neigh.Key{IfIndex: 7, Addr: netip.AddrFrom4([4]byte(a))}}, w)
		if len(l.ways) > maxWays {
			t.Fatalf("%d ways are kept", len(l.ways))
		}
	}
}
