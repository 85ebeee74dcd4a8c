package trace

import (
	"strings"
	"testing"

	"scamper/testkit"
)

// The other end of the first link takes smaller packets than ours may send: the device drops larger ones and says that it
// has no room. To path MTU discovery that is a hop that swallows them, and nobody waits for it.
func TestSmallerPeer(t *testing.T) {
	testkit.NeedRoot(t)
	scamper := testkit.BuildCommand(t, command)
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 1})
	chain.Routers[0].IP("link set " + chain.Links[0].B.Interface + " mtu 1400")
	dst4, dst6 := chain.Links[1].B.Addr4.String(), chain.Links[1].B.Addr6.String()
	records, stderr := record(t, chain.Prober, scamper, "-I",
		"trace -U 1 -M -q 1 -w 1 "+dst4, "trace -U 2 -M -q 1 -w 1 "+dst6, "trace -U 3 -P tcp "+dst4)
	const vlan = 4 // what veth allows for beyond the MTU
	for id, r := range records {
		if reason(r) != "COMPLETED/0" {
			t.Errorf("trace %d: %s", id, reason(r))
		}
		if p := r.PMTUD; id < 3 && (p == nil || p.IfMTU != 1500 || p.PathMTU != 1400+vlan || len(p.Notes) != 1) {
			t.Errorf("trace %d: %+v", id, p)
		}
	}
	if len(records) != 3 || !strings.Contains(stderr, "packets were dropped by the device that was to send them") {
		t.Errorf("%d records; said %s", len(records), stderr)
	}
}
