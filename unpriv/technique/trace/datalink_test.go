package trace

import (
	"testing"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/netio"
)

// TestLateStamp holds that a stamp of the datalink for a later copy of a reply is not taken for that of the first copy,
// which the datalink may have lost.
func TestLateStamp(t *testing.T) {
	for _, tt := range []struct{ at, want time.Duration }{
		{9 * time.Millisecond, 9 * time.Millisecond},
		{10*time.Millisecond + 2*time.Microsecond, 10*time.Millisecond + 2*time.Microsecond},
		{900 * time.Millisecond, 10 * time.Millisecond},
	} {
		p := &sentProbe{tx: netio.Stamp(1e18)}
		p.Replies = []warts.TraceReply{{RTT: 10 * time.Millisecond, Flags: warts.TraceHopSockRX}}
		(&Trace{}).stampReceived(p, p.tx+netio.Stamp(tt.at))
		got := p.Replies[0]
		if got.RTT != tt.want || (got.Flags == warts.TraceHopDLRX) != (tt.at == tt.want) {
			t.Errorf("seen on the datalink after %v: round-trip time %v, flags %v; want %v", tt.at, got.RTT, got.Flags, tt.want)
		}
	}
}
