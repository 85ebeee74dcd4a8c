package trace

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"scamper/shared/packet"
	"scamper/shared/warts"
	"scamper/testkit"
	"scamper/unpriv/probe"
	"scamper/unpriv/technique"
	"scamper/unpriv/technique/virtual"
)

// floodedWorld is one in which a hop answers each probe so many times, each time from another address. The addresses say
// which probe was meant.
func floodedWorld(t testing.TB, hop, times int) *world {
	w := newWorld(t, virtual.Parse(t, virtual.Chain("", "", "", "", "", "")))
	w.Fate = func(p virtual.Packet, _ []byte) []time.Duration {
		if p.TTL != hop {
			return virtual.Once
		}
		return make([]time.Duration, times)
	}
	n := uint16(0)
	w.Damage = func(ip []byte) []byte {
		v4 := packet.IPv4(ip)
		if v4.Src().String() == virtual.HopAddr(hop) {
			quoted := binary.BigEndian.Uint16(v4.Payload()[packet.ICMPHeaderLen+4:])
			n++
			ip[12], ip[13] = 11, byte(quoted)
			binary.BigEndian.PutUint16(ip[14:], n)
		}
		return ip
	}
	return w
}

// TestFlood holds that a hop that answers thousands of times fills its own probes, in the order of arrival, and takes
// nothing from the hops behind it.
func TestFlood(t *testing.T) {
	for _, tt := range []struct {
		command string
		times   int
		want    []int // replies to each probe of hop 3
		probes  string
	}{
		{"-P icmp", 300, []int{300}, "1 2 3 4 5 6"},
		{"-P icmp", 60000, []int{maxReplies}, "1 2 3 4 5 6"},
		{"-P icmp -Q -q 3", 1000, []int{1000, 1000, 1000}, "1 1 1 2 2 2 3 3 3 4 4 4 5 5 5 6 6 6"},
		{
			"-P icmp -Q -q 6 -m 4", 20000,
			[]int{maxReplies, maxReplies, maxReplies, maxReplies, 5, 1},
			"1 1 1 1 1 1 2 2 2 2 2 2 3 3 3 3 3 3 4 4 4 4 4 4",
		},
		{"-c 95 -m 4", 1000, []int{1000}, "1 1 1 1 1 1 2 2 2 2 2 2 3 4 4 4 4 4 4"},
		{"-N 3 -q 2", 500, []int{500}, "1 2 3 4 5 6"},
	} {
		t.Run(tt.command, func(t *testing.T) {
			w := floodedWorld(t, 3, tt.times)
			r := w.trace(tt.command + " " + target4)
			if got := w.ttls(); got != tt.probes {
				t.Errorf("sent %s, want %s", got, tt.probes)
			}
			at := map[warts.Time]virtual.Packet{}
			for _, p := range w.Sent {
				at[warts.TimeOf(w.Start.Add(p.At))] = p
			}
			var got []int
			for i := range r.Probes {
				p := &r.Probes[i]
				if p.TTL != 3 {
					if len(p.Replies) != 1 {
						t.Errorf("%d replies to a probe with TTL %d", len(p.Replies), p.TTL)
					}
					continue
				}
				got = append(got, len(p.Replies))
				sent := at[p.TX]
				last := 0
				for j := range p.Replies {
					b := p.Replies[j].Addr.IP().As4()
					n := int(binary.BigEndian.Uint16(b[2:]))
					if b[1] != byte(sent.N+1) || n <= last && tt.times < maxReplies {
						t.Fatalf("probe %d: reply %d is from %s, the one before had %d", sent.N, j, p.Replies[j].Addr, last)
					}
					last = n
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("%v replies, want %v", got, tt.want)
			}
		})
	}
}

// TestFloodTime holds that filing replies and asking about each what a search asks takes a time that grows with their
// number, not with its square.
func TestFloodTime(t *testing.T) {
	opt, dst, err := commands.Parse("-P icmp -c 99 "+target4, technique.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	took := func(times int) time.Duration {
		best := time.Hour
		for range 5 {
			trace := newWorld(t, virtual.Parse(t, virtual.Chain("", ""))).traces.New(opt, dst)
			trace.hopCount = 3
			for range 4 {
				trace.sent = append(trace.sent, sentProbe{TraceProbe: warts.TraceProbe{TTL: 3}})
			}
			r := &probe.Reply{Kind: probe.KindError}
			r.IP.Version, r.ICMP.Type = 4, packet.ICMP4TimeExceeded
			start := testkit.CPUTime(t)
			for i := range 4 * times {
				r.IP.Src = netip.AddrFrom4([4]byte{11, 0, byte(i >> 8), byte(i)})
				if reply := trace.fileFor(i%4, r); reply == nil || trace.stops(i%4, reply) || trace.wanted(3) < 0 {
					t.Fatalf("reply %d is not filed, or ended the trace", i)
				}
			}
			trace.hopStops(3)
			best = min(best, testkit.CPUTime(t)-start)
		}
		return best
	}
	few, many := took(125), took(4000)
	t.Logf("%v, then %v", few, many)
	if ratio := float64(many) / float64(few); ratio > 150 {
		t.Errorf("32 times as many replies took %.0f times as long", ratio)
	}
}
