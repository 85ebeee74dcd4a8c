package trace

import (
	"net/netip"
	"testing"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/technique/virtual"
)

func lost(ttls ...int) func(virtual.Packet, []byte) []time.Duration {
	return func(p virtual.Packet, _ []byte) []time.Duration {
		for _, ttl := range ttls {
			if p.TTL == ttl {
				return nil
			}
		}
		return virtual.Once
	}
}

func TestDoubletree(t *testing.T) {
	for _, tt := range []struct {
		name, command string
		known         []string // in the local stop set before
		topology      string
		fate          func(virtual.Packet, []byte) []time.Duration
		sent, hops    string
		reason        string
		first         uint8 // of the hops listed
		lss, gss      string
		added         []string
	}{
		{
			name: "far too far", command: "-f 20 -Z a " + target4, topology: virtual.Chain("", "", "", "", ""),
			sent: "20 10 5 2 3 4 5 1", reason: "COMPLETED/0", first: 1,
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6 4:10.0.0.10 5: 5:" + target4 + " 10: 20:",
		},
		{
			name: "too far into silence", command: "-f 20 -w 1 -q 1 -Z a " + target4, topology: virtual.Chain(quiet, "", "", "", quiet),
			sent: "20 10 5 2 3 4 5 6 7 8 1", reason: "GAPLIMIT/0", first: 1,
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6 4: 5: 5: 6: 7: 8: 10: 20:",
		},
		{
			name: "all of it, local stop set empty", command: "-f 3 -Z a " + target4, topology: virtual.Chain("", "", "", "", ""),
			sent: "3 4 5 2 1", reason: "COMPLETED/0", first: 1, added: []string{virtual.HopAddr(2)},
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6 4:10.0.0.10 5:" + target4,
		},
		{
			name: "stopped by the local stop set", command: "-f 4 -Z A " + target4, topology: virtual.Chain("", "", "", "", ""),
			known: []string{virtual.HopAddr(2)}, sent: "4 5 3 2", reason: "COMPLETED/0", first: 2, lss: virtual.HopAddr(2),
			hops: "2:10.0.0.2 3:10.0.0.6 4:10.0.0.10 5:" + target4, added: []string{virtual.HopAddr(2), virtual.HopAddr(3)},
		},
		{
			name: "global stop set in the forward phase", command: "-f 2 -z 10.0.0.10 -Z a " + target4,
			topology: virtual.Chain("", "", "", "", "", ""), sent: "2 3 4 1", reason: "GSS/0", first: 1, gss: virtual.HopAddr(4),
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6 4:10.0.0.10",
		},
		{
			name: "global stop set at once", command: "-f 3 -z 10.0.0.6 -Z a " + target4, topology: virtual.Chain("", "", "", "", ""),
			sent: "3 2 1", reason: "GSS/0", first: 1, gss: virtual.HopAddr(3), added: []string{virtual.HopAddr(2)},
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6",
		},
		{
			name: "global stop set alone: one step back", command: "-f 4 -z 10.0.0.99 " + target4,
			topology: virtual.Chain("", "", "", "", ""), sent: "4 5 3", reason: "COMPLETED/0", first: 3, lss: virtual.HopAddr(3),
			hops: "3:10.0.0.6 4:10.0.0.10 5:" + target4,
		},
		{
			name: "no backward phase", command: "-f 3 -Z a -O dtree-noback " + target4, topology: virtual.Chain("", "", "", "", ""),
			sent: "3 4 5", reason: "COMPLETED/0", first: 3, hops: "3:10.0.0.6 4:10.0.0.10 5:" + target4,
		},
		{
			name: "silence on the way back", command: "-f 4 -w 1 -q 2 -Z a " + target4,
			topology: virtual.Chain("", "", quiet, "", ""), sent: "4 5 3 2 2 1", reason: "COMPLETED/0", first: 1,
			hops: "1:192.0.2.1 2: 2: 3:10.0.0.6 4:10.0.0.10 5:" + target4, added: []string{virtual.HopAddr(3)},
		},
		{
			name: "silence at the begin", command: "-f 3 -w 1 -q 1 -Z a " + target4,
			topology: virtual.Chain("", "", "", "", ""), fate: lost(3), sent: "3 1 2 3 4 5", reason: "COMPLETED/0", first: 1,
			hops: "1:192.0.2.1 2:10.0.0.2 3: 3: 4:10.0.0.10 5:" + target4,
		},
		{
			name: "destination next door", command: "-f 8 -Z a " + target4, topology: virtual.Chain("", ""),
			sent: "8 4 2 1 2", reason: "COMPLETED/0", first: 1, hops: "1:192.0.2.1 2: 2:" + target4 + " 4: 8:",
		},
		{
			// Duplicates of the last forward reply must not be taken for the answer of the hop before.
			name: "late reply in the backward phase", command: "-f 3 -Z a " + target4, topology: virtual.Chain("", "", "", "", ""),
			fate: func(p virtual.Packet, _ []byte) []time.Duration {
				if p.TTL == 5 {
					return []time.Duration{0, 5 * time.Millisecond}
				}
				if p.TTL == 2 {
					return []time.Duration{20 * time.Millisecond}
				}
				return virtual.Once
			},
			sent: "3 4 5 2 1", reason: "COMPLETED/0", first: 1, added: []string{virtual.HopAddr(2)},
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6 4:10.0.0.10 5:" + target4 + "," + target4,
		},
		{
			// What was discarded stays so, also when a copy comes later.
			name: "duplicate of a reply from too far", command: "-f 6 -Z a " + target4, topology: virtual.Chain("", "", "", "", ""),
			fate: func(p virtual.Packet, _ []byte) []time.Duration {
				if p.TTL == 6 {
					return []time.Duration{0, 1500 * time.Microsecond}
				}
				return virtual.Once
			},
			sent: "6 3 4 5 2 1", reason: "COMPLETED/0", first: 1, added: []string{virtual.HopAddr(2)},
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6 4:10.0.0.10 5:" + target4 + " 6:",
		},
		{
			name: "all attempts, forward and backward", command: "-f 4 -Q -q 2 -Z a " + target4, topology: virtual.Chain("", "", "", "", ""),
			sent: "4 5 5 3 3 2 2 1 1", reason: "COMPLETED/0", first: 1, added: []string{virtual.HopAddr(3), virtual.HopAddr(2)},
			hops: "1:192.0.2.1 1:192.0.2.1 2:10.0.0.2 2:10.0.0.2 3:10.0.0.6 3:10.0.0.6 4:10.0.0.10 5:" + target4 + " 5:" + target4,
		},
		{
			name: "all attempts, one lost, stopped by the local stop set", command: "-f 4 -Q -q 2 -w 1 -Z a " + target4,
			topology: virtual.Chain("", "", "", "", ""), known: []string{virtual.HopAddr(2)}, fate: func(p virtual.Packet, _ []byte) []time.Duration {
				if p.TTL == 2 && p.N == 6 {
					return nil
				}
				return virtual.Once
			},
			sent: "4 5 5 3 3 2 2", reason: "COMPLETED/0", first: 2, lss: virtual.HopAddr(2), added: []string{virtual.HopAddr(3), virtual.HopAddr(2)},
			hops: "2:10.0.0.2 2: 3:10.0.0.6 3:10.0.0.6 4:10.0.0.10 5:" + target4 + " 5:" + target4,
		},
		{
			name: "confidence where nobody answers", command: "-f 4 -c 95 -q 1 -w 1 -g 1 -Z a " + target4,
			topology: virtual.Chain(quiet, "", "", "", quiet), sent: "4 4 4 4 4 4 2 3 3 3 3 3 3 4 4 4 4 4 4 1 1 1 1 1 1",
			reason: "GAPLIMIT/0", first: 1, hops: "1:192.0.2.1 1:192.0.2.1 1:192.0.2.1 1:192.0.2.1 1:192.0.2.1 1:192.0.2.1 " +
				"2:10.0.0.2 3:10.0.0.6 3:10.0.0.6 3:10.0.0.6 3:10.0.0.6 3:10.0.0.6 3:10.0.0.6 " +
				"4: 4: 4: 4: 4: 4: 4: 4: 4: 4: 4: 4:",
		},
		{
			name: "stop sets do not matter in parallel", command: "-N 3 -z 10.0.0.2 -Z a " + target4,
			topology: virtual.Chain("", "", "", ""), sent: "1 2 3 4", reason: "COMPLETED/0", first: 1,
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6 4:" + target4,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, virtual.Parse(t, tt.topology))
			w.Fate = tt.fate
			for _, a := range tt.known {
				w.traces.stopSet("a")[netip.MustParseAddr(a)] = true
			}
			r := w.trace(tt.command)
			if got := w.ttls(); got != tt.sent {
				t.Errorf("sent %s, want %s", got, tt.sent)
			}
			if got := hops(r); got != tt.hops {
				t.Errorf("hops %s, want %s", got, tt.hops)
			}
			if got := reason(r); got != tt.reason || r.FirstHop != tt.first {
				t.Errorf("reason %s from hop %d, want %s from %d", got, r.FirstHop, tt.reason, tt.first)
			}
			d := r.Doubletree
			if d == nil || addr(d.LSSStop) != tt.lss || addr(d.GSSStop) != tt.gss {
				t.Errorf("doubletree %+v, want stops %q and %q", d, tt.lss, tt.gss)
			}
			set := w.traces.stopSet("a")
			for _, a := range tt.added {
				if !set[netip.MustParseAddr(a)] {
					t.Errorf("%s is not in the local stop set", a)
				}
			}
			if n := max(len(tt.added), len(tt.known)); len(set) != n {
				t.Errorf("the local stop set has %d addresses, want %d", len(set), n)
			}
		})
	}
}

func addr(a warts.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// A local stop set is shared by the traces of a run, whatever the case of its name: the second one stops where the
// first one has been.
func TestStopSetIsShared(t *testing.T) {
	topology := virtual.Parse(t, virtual.Chain("", "", "", "", "", ""))
	w := newWorld(t, topology)
	first := w.trace("-f 4 -Z Mine " + target4)
	other := newWorld(t, topology)
	other.traces.stopSets = w.traces.stopSets
	second := other.trace("-f 4 -Z MINE " + target4)
	if first.FirstHop != 1 || second.FirstHop != 3 || addr(second.Doubletree.LSSStop) != virtual.HopAddr(3) {
		t.Errorf("first from hop %d, second from hop %d, stopped by %s",
			first.FirstHop, second.FirstHop, addr(second.Doubletree.LSSStop))
	}
	if d := second.Doubletree; d.LSSName != "MINE" || d.FirstHop != 4 {
		t.Errorf("doubletree %+v", d)
	}
	if other.ttls() != "4 5 6 3" {
		t.Errorf("sent %s", other.ttls())
	}
}
