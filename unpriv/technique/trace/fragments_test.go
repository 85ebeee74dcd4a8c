package trace

import (
	"net/netip"
	"testing"

	"scamper/tools/simnet"
)

// What -o finds is what the topology says is there: every router answers fragments, which all go the same way, and the
// destination waits for their beginning.
func TestFragmentsInSimulation(t *testing.T) {
	for _, tt := range []struct{ topology, dst string }{
		{"chain", "2001:db8:100::10"},
		{"chain", "2001:db8:113::1"},
		{"diamonds", "2001:db8:100::10"},
		{"diamonds", "2001:db8:101::10"},
		{"trace", "2001:db8:101::10"},
	} {
		topology, err := simnet.Load("../../../tools/simnet/topologies/" + tt.topology + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		truth, err := topology.Truth(netip.MustParseAddr(tt.dst))
		if err != nil {
			t.Fatal(err)
		}
		there := map[int]map[netip.Addr]bool{}
		for _, h := range truth.Paths[0].Hops {
			for _, ttl := range h.TTLs {
				if there[ttl] == nil {
					there[ttl] = map[netip.Addr]bool{}
				}
				there[ttl][h.Address] = true
			}
		}
		for _, method := range []string{"udp", "udp-paris", "icmp", "icmp-paris", "tcp", "tcp-ack"} {
			command := "-o 5 -q 1 -w 1 -g 1 -P " + method + " " + tt.dst
			r := newWorld(t, topology).trace(command)
			last := len(r.Probes) - 1
			if reason(r) != "GAPLIMIT/0" || last+1 < truth.Paths[0].Length[0] || last+1 > truth.Paths[0].Length[1] {
				t.Errorf("%s, %s: %s after %s, the path has length %v", tt.topology, command, reason(r), hops(r), truth.Paths[0].Length)
				continue
			}
			for i := range r.Probes {
				replies := r.Probes[i].Replies
				switch {
				case i == last && len(replies) != 0:
					t.Errorf("%s, %s: %v answers fragments without the first", tt.topology, command, replies[0].Addr)
				case i == last:
				case len(replies) != 1:
					t.Errorf("%s, %s: %d replies from hop %d", tt.topology, command, len(replies), i+1)
				case !there[i+1][replies[0].Addr.IP()]:
					t.Errorf("%s, %s: hop %d is %v, not one of %v", tt.topology, command, i+1, replies[0].Addr, there[i+1])
				}
			}
		}
	}
}
