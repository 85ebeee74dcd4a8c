package ping

import (
	"math"
	"testing"

	"scamper/unpriv/netio"
)

// All probes of a ping have identifications of their own, none of them 0, that say which they are.
func TestIPIDs(t *testing.T) {
	for _, start := range []netio.Stamp{0, 1, 1_700_000_000_000_000_000, 1_700_000_000_123_456_789, math.MaxInt64} {
		p := &Ping{start: start, sent: math.MaxUint16}
		seen := make([]bool, 1<<16)
		for i := range p.sent {
			id := p.ipid(i)
			if got, ok := p.probeOf(id); id == 0 || seen[id] || !ok || got != int(i) {
				t.Fatalf("begun at %d: probe %d has %d (seen %v), which is probe %d (%v)", start, i, id, seen[id], got, ok)
			}
			seen[id] = true
		}
		p.sent = 7
		if i, ok := p.probeOf(p.ipid(7)); ok {
			t.Errorf("of 7 probes, number %d was found", i)
		}
	}
}
