package simnet

import (
	"testing"
	"time"

	"scamper/shared/packet"
)

// framesTo are probes as a prober sends them: flows and TTLs vary.
func framesTo(t testing.TB, topo *Topology, probes []probe) [][]byte {
	t.Helper()
	var frames [][]byte
	for _, p := range probes {
		ip := p.build(t, topo)
		etherType := uint16(packet.EtherIPv4)
		if ip[0]>>4 == 6 {
			etherType = packet.EtherIPv6
		}
		eth := packet.EthernetFields{Src: topo.Monitor.MAC, Dst: topo.gatewayStation(etherType), Type: etherType}
		frames = append(frames, append(eth.Append(nil), ip...))
	}
	return frames
}

func mixedProbes(dst4, dst6 string) []probe {
	var probes []probe
	for i := range 240 {
		ttl := uint8(1 + i%7)
		port := uint16(33435 + i)
		switch i % 6 {
		case 0, 1:
			probes = append(probes, probe{dst: dst4, kind: "udp", ttl: ttl, sport: 40000, dport: port, size: 44, id: uint16(i)})
		case 2:
			probes = append(probes, probe{dst: dst4, kind: "echo", ttl: ttl, sport: 7, dport: port, size: 44})
		case 3:
			probes = append(probes, probe{dst: dst4, kind: "syn", ttl: ttl, sport: port, dport: 80})
		case 4:
			probes = append(probes, probe{dst: dst6, kind: "udp", ttl: ttl, sport: 40000, dport: port, size: 60})
		case 5:
			probes = append(probes, probe{dst: dst6, kind: "echo", ttl: ttl, sport: 7, dport: port, size: 60})
		}
	}
	return probes
}

var loadedTopologies = []struct{ name, dst4, dst6 string }{
	{"chain", "198.51.100.10", "2001:db8:100::10"},
	{"diamonds", "198.51.100.10", "2001:db8:100::10"},
	{"internet", "20.1.2.3", "2a00:1:2::3"},
}

func TestNothingIsAllocatedPerPacket(t *testing.T) {
	for _, tt := range loadedTopologies {
		topo := load(t, tt.name)
		n := play(topo)
		frames := framesTo(t, topo, mixedProbes(tt.dst4, tt.dst6))
		received := 0
		send := func(Port, []byte) { received++ }
		now := time.Duration(0)
		round := func() {
			for _, f := range frames {
				now += 10 * time.Microsecond
				n.Handle(0, f, now)
				n.Deliver(now, send)
			}
			now += time.Second // everything that is delayed comes, so that the number of waiting frames is bounded
			n.Deliver(now, send)
		}
		for range 20 {
			round()
		}
		if got := testing.AllocsPerRun(20, round); got > 0 {
			t.Errorf("%s: %v allocations for %d packets", tt.name, got, len(frames))
		}
		if received == 0 {
			t.Errorf("%s: nothing came back", tt.name)
		}
		balanced(t, n)
	}
}

func BenchmarkHandle(b *testing.B) {
	for _, tt := range loadedTopologies {
		b.Run(tt.name, func(b *testing.B) {
			topo := load(b, tt.name)
			n := play(topo)
			frames := framesTo(b, topo, mixedProbes(tt.dst4, tt.dst6))
			send := func(Port, []byte) {}
			b.ReportAllocs()
			now := time.Duration(0)
			i := 0
			for b.Loop() {
				n.Handle(0, frames[i], now)
				n.Deliver(now, send)
				if i++; i == len(frames) {
					i = 0
				}
				now += 3 * time.Microsecond
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packets/s")
		})
	}
}
