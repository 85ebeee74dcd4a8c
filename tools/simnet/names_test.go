package simnet

import (
	"net/netip"
	"testing"
)

func TestNames(t *testing.T) {
	internet, chain := load(t, "internet"), load(t, "chain")
	n := play(internet)
	d := n.one(t, probe{dst: "20.1.2.3", ttl: 5, kind: "udp"}, 0)
	router := d.src()
	for _, tt := range []struct {
		topo       *Topology
		addr, name string
	}{
		{chain, "10.0.0.6", "ge-0-0-1.r3.sim."},
		{chain, "2001:db8:10:1::2", "ge-0-0-1.r3.sim."},
		{chain, "198.51.100.10", "d.sim."},
		{chain, "9.9.9.9", ""},
		{internet, "20.1.2.3", "host-20-1-2-3.internet.sim."},
		{internet, "2a00:1:2::3", ""}, // nobody has it
		{internet, router, "router-" + dnsLabel(router) + ".internet.sim."},
	} {
		a := netip.MustParseAddr(tt.addr)
		name, ok := tt.topo.NameOf(a)
		if name != tt.name || ok != (tt.name != "") {
			t.Errorf("%s: name %q, want %q", tt.addr, name, tt.name)
		}
		if !ok {
			continue
		}
		found := false
		for _, back := range tt.topo.Addresses(name) {
			found = found || back == a
		}
		if !found {
			t.Errorf("%s is %v, not %s", name, tt.topo.Addresses(name), tt.addr)
		}
	}
	if got := chain.Addresses("host-9-9-9-9.internet.sim."); got != nil {
		t.Errorf("a name that nobody has is %v", got)
	}
}
