package trace

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/technique/virtual"
)

// In all weathers - replies lost, doubled, late by more than the time that is waited for them, and out of order - each
// reply is on the probe that caused it, with the time that it took; no probe and no reply is recorded twice, and no reply
// that came in time is missing.
func TestWeather(t *testing.T) {
	topology := virtual.Parse(t, virtual.Chain("", "", "", quiet, "", "", "", ""))
	for _, options := range []string{
		"", "-Q -q 3", "-c 95", "-N 4", "-N 3 -Q", "-O back -m 12 -N 2", "-f 5 -Z weather", "-g 2 -G 2", "-M",
	} {
		for _, method := range []string{"udp", "udp-paris", "icmp", "icmp-paris"} {
			for _, dst := range []string{target4, target6} {
				for seed := range uint64(6) {
					command := fmt.Sprintf("-w 1 -l 0 -P %s %s %s", method, options, dst)
					t.Run(fmt.Sprint(command, seed), func(t *testing.T) {
						inWeather(t, newWorld(t, topology), command, rand.New(rand.NewPCG(seed, 1)))
					})
				}
			}
		}
	}
}

type came struct {
	from netip.Addr
	rtt  time.Duration
}

func inWeather(t *testing.T, w *world, command string, random *rand.Rand) {
	arrived := map[int][]came{} // by packet
	w.Arrived = func(p virtual.Packet, reply []byte) {
		arrived[p.N] = append(arrived[p.N], came{virtual.Source(reply), w.Now() - p.At})
	}
	w.Takes = 3 * time.Microsecond // so that no two have the same time
	w.Fate = func(virtual.Packet, []byte) []time.Duration {
		var later []time.Duration
		for range []int{0, 1, 1, 1, 1, 1, 2, 3}[random.IntN(8)] {
			d := time.Duration(random.IntN(50)) * time.Millisecond
			if random.IntN(6) == 0 {
				d = time.Duration(random.IntN(4000)) * time.Millisecond
			}
			later = append(later, d)
		}
		return append([]time.Duration{}, later...)
	}
	r := w.trace(command)
	end := w.Now() - 100*time.Microsecond // of the time in which replies are recorded
	if r.PMTUD != nil && len(r.PMTUD.Probes) > 0 {
		end = r.PMTUD.Probes[0].TX.Time().Sub(w.Start)
	}
	list := slices.Clone(r.Probes)
	if r.LastDitch != nil {
		list = append(list, r.LastDitch.Probes...)
	}
	if r.PMTUD != nil {
		list = append(list, r.PMTUD.Probes...)
	}
	if len(list) != len(w.Sent) {
		t.Errorf("%d probes recorded, %d sent", len(list), len(w.Sent))
	}
	at := map[warts.Time]virtual.Packet{}
	for _, p := range w.Sent {
		at[warts.TimeOf(w.Start.Add(p.At))] = p
	}
	for i := range list {
		p := &list[i]
		sent, ok := at[p.TX]
		if !ok || sent.TTL != int(p.TTL) || len(sent.IP) != int(p.Size) {
			t.Errorf("no packet with TTL %d and %d bytes was sent at %v", p.TTL, p.Size, p.TX)
			continue
		}
		delete(at, p.TX)
		rest := slices.Clone(arrived[sent.N])
		for j := range p.Replies {
			reply := &p.Replies[j]
			k := slices.IndexFunc(rest, func(c came) bool {
				return c.from == reply.Addr.IP() && (c.rtt-reply.RTT).Abs() <= 10*time.Microsecond
			})
			if k < 0 {
				t.Errorf("packet %d, TTL %d: reply from %s after %v did not come: %v", sent.N, p.TTL, reply.Addr, reply.RTT, rest)
				continue
			}
			rest = slices.Delete(rest, k, k+1)
		}
		if r.Doubletree != nil && len(p.Replies) == 0 { // sent too far
			continue
		}
		for _, c := range rest {
			if sent.At+c.rtt < end {
				t.Errorf("packet %d, TTL %d: the reply from %s after %v is not recorded", sent.N, p.TTL, c.from, c.rtt)
			}
		}
	}
}
