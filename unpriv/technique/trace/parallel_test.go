package trace

import (
	"testing"
	"time"

	"scamper/unpriv/technique/virtual"
)

func TestParallel(t *testing.T) {
	after2 := virtual.Chain(quiet, "", "", quiet, quiet, quiet, quiet, quiet, quiet, quiet)
	for _, tt := range []struct {
		name, command string
		topology      string
		fate          func(virtual.Packet, []byte) []time.Duration
		sent          string
		hops          string // "" is not compared
		reason        string
		hopCount      int
	}{
		{
			name: "one per slot, without waiting", command: "-N 4 -m 4 " + target4,
			topology: virtual.Chain("", "delay = \"30ms\"", "delay = \"30ms\"", "delay = \"30ms\"", "delay = \"30ms\"", ""),
			sent:     "1@0 2@0 3@0 4@0", reason: "HOPLIMIT/0", hopCount: 4,
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6 4:10.0.0.10",
		},
		{
			name: "window and gap", command: "-N 3 -g 4 -q 1 -w 1 " + target4, topology: after2,
			sent: "1@0 2@0 3@0 4@0 5@0 6@1", reason: "GAPLIMIT/0", hopCount: 6,
		},
		{
			name: "attempts go before new hops", command: "-N 2 -g 3 -q 2 -w 1 " + target4, topology: after2,
			sent: "1@0 2@0 3@0 4@0 3@1 4@1 5@2 5@3", reason: "GAPLIMIT/0", hopCount: 5,
		},
		{
			name: "all attempts on a short path", command: "-N 2 -Q " + target4, topology: virtual.Chain("", "", "", ""),
			sent: "1@0 1@0 2@0 2@0 3@0 3@0 4@0 4@0", reason: "COMPLETED/0", hopCount: 4,
		},
		{
			name: "no new hops after the end, retries are made", command: "-N 4 -q 2 -w 1 " + target4,
			topology: virtual.Chain("", "", quiet, "", ""), sent: "1@0 2@0 3@0 4@0 5@0 2@1", reason: "COMPLETED/0", hopCount: 5,
			hops: "1:192.0.2.1 2: 2: 3:10.0.0.6 4:10.0.0.10 5:" + target4,
		},
		{
			name: "beyond the destination", command: "-N 3 " + target4,
			topology: virtual.Chain("", "", "delay = \"30ms\"", ""),
			fate: func(p virtual.Packet, _ []byte) []time.Duration {
				if p.TTL >= 4 {
					return []time.Duration{50 * time.Millisecond}
				}
				return virtual.Once
			},
			sent: "1@0 2@0 3@0 4@0 5@0 6@0", reason: "COMPLETED/0 hop 4", hopCount: 6,
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6 4:" + target4 + " 5:" + target4 + " 6:" + target4,
		},
		{
			name: "a late reply makes the second attempt needless", command: "-N 2 -w 1 -W 50 " + target4,
			topology: virtual.Chain("", "", ""),
			fate: func(p virtual.Packet, _ []byte) []time.Duration {
				if p.TTL == 1 {
					return []time.Duration{1100 * time.Millisecond}
				}
				return virtual.Once
			},
			sent: "1@0 2@0.5 3@1", reason: "COMPLETED/0", hopCount: 3,
		},
		{
			name: "waiting between the probes of a hop", command: "-N 2 -Q -H 0.5 -m 2 " + target4, topology: virtual.Chain("", "", ""),
			sent: "1@0 2@0 1@0.5 2@0.5", reason: "HOPLIMIT/0", hopCount: 2,
		},
		{
			name: "loop", command: "-N 3 " + target4, topology: loopOf(3),
			sent: "1@0 2@0 3@0 4@0 5@0", reason: "LOOP/0", hopCount: 5,
		},
		{
			name: "first hop", command: "-f 3 -N 2 " + target4, topology: virtual.Chain("", "", "", "", ""),
			sent: "3@0 4@0 5@0", reason: "COMPLETED/0", hopCount: 5, hops: "3:10.0.0.6 4:10.0.0.10 5:" + target4,
		},
		{
			name: "confidence", command: "-N 2 -c 95 -m 2 " + target4, topology: virtual.Chain("", "", ""),
			sent: "1@0 1@0 1@0 1@0 1@0 1@0 2@0 2@0 2@0 2@0 2@0 2@0", reason: "HOPLIMIT/0", hopCount: 2,
		},
		{
			name: "all silent", command: "-N 5 -q 1 -w 1 " + target4, topology: virtual.Chain(quiet, quiet, quiet),
			sent: "1@0 2@0 3@0 4@0 5@0", reason: "GAPLIMIT/0", hopCount: 5, hops: "1: 2: 3: 4: 5:",
		},
		{
			name: "backwards", command: "-O back -m 7 " + target4, topology: virtual.Chain("", "", "", "", ""),
			sent: "7@0 6@0 5@0 4@0 3@0 2@0 1@0", reason: "COMPLETED/0 hop 5", hopCount: 7,
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6 4:10.0.0.10 5:" + target4 + " 6:" + target4 + " 7:" + target4,
		},
		{
			name: "backwards, not far enough", command: "-O back -m 3 -f 2 " + target4, topology: virtual.Chain("", "", "", "", ""),
			sent: "3@0 2@0", reason: "HOPLIMIT/0", hopCount: 3, hops: "2:10.0.0.2 3:10.0.0.6",
		},
		{
			name: "backwards, silence at the end", command: "-O back -m 4 -q 1 -w 1 -g 2 " + target4,
			topology: virtual.Chain(quiet, "", "", quiet), sent: "4@0 3@1 2@2 1@2", reason: "GAPLIMIT/0", hopCount: 4,
			hops: "1:192.0.2.1 2:10.0.0.2 3: 4:",
		},
		{
			name: "backwards, first hop silent", command: "-O back -m 3 -q 2 -w 1 " + target4,
			topology: virtual.Chain("", quiet, "", "", ""), sent: "3@0 2@0 1@0 1@1", reason: "HOPLIMIT/0", hopCount: 3,
			hops: "1: 1: 2:10.0.0.2 3:10.0.0.6",
		},
		{
			name: "backwards, several at once", command: "-O back -N 2 -m 4 -q 1 -w 1 " + target4,
			topology: virtual.Chain(quiet, "", quiet, quiet), sent: "4@0 3@0 2@1 1@1", reason: "HOPLIMIT/0", hopCount: 4,
		},
		{
			name: "backwards through a loop", command: "-O back -m 6 " + target4, topology: loopOf(3),
			sent: "6@0 5@0 4@0 3@0 2@0 1@0", reason: "LOOP/0 hop 5", hopCount: 6,
		},
		{
			name: "backwards with all attempts", command: "-O back -Q -m 2 " + target4, topology: virtual.Chain("", "", ""),
			sent: "2@0 2@0 1@0 1@0", reason: "HOPLIMIT/0", hopCount: 2,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, virtual.Parse(t, tt.topology))
			w.Fate = tt.fate
			r := w.trace(tt.command)
			if got := w.schedule(); got != tt.sent {
				t.Errorf("sent %s, want %s", got, tt.sent)
			}
			if got := hops(r); tt.hops != "" && got != tt.hops {
				t.Errorf("hops %s, want %s", got, tt.hops)
			}
			if got := reason(r); got != tt.reason || int(r.HopCount) != tt.hopCount {
				t.Errorf("reason %s, hop count %d, want %s and %d", got, r.HopCount, tt.reason, tt.hopCount)
			}
		})
	}
}
