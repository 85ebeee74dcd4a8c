package netio

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"scamper/unpriv/loop"
)

// paced is a scheduler in small: it sends what a rate makes due, in batches.
type paced struct {
	b       *testing.B
	l       *loop.Loop
	socket  *Socket
	src     netip.Addr
	gap     time.Duration
	next    loop.Mono
	sent    int
	replies int
	turns   int
	packets [DefaultBatch]Packet
	stamps  [DefaultBatch]Stamp
	room    [DefaultBatch][84]byte
	end     loop.Mono
}

func (p *paced) Turn(now loop.Mono) loop.Mono {
	p.turns++
	n := 0
	for n < len(p.packets) && p.sent < p.b.N && p.next <= now {
		dst := echo(p.room[n][:], p.src, uint32(p.sent))
		p.packets[n] = Packet{Data: p.room[n][:], Dst: netip.AddrPortFrom(dst, 0), Sent: &p.stamps[n]}
		p.next = p.next.Add(p.gap)
		p.sent++
		n++
	}
	if n > 0 {
		if sent, err := p.socket.Send(p.packets[:n]); sent != n {
			p.b.Fatalf("Send = %d, %v", sent, err)
		}
	}
	if p.sent == p.b.N {
		if p.end == 0 {
			p.end = now.Add(200 * time.Millisecond)
		}
		if p.replies >= p.b.N || now >= p.end {
			p.l.Stop()
		}
		return p.end
	}
	return p.next
}

func (p *paced) Receive(_ *Socket, batch []Datagram) { p.replies += len(batch) }

// BenchmarkPaced sends pings at a rate through the loop and the registry:
// what a scheduler and matching add to its CPU time per ping is theirs.
func BenchmarkPaced(b *testing.B) {
	for _, pps := range []int{10_000, 50_000, 100_000} {
		for _, perCall := range []int{1, 16} {
			b.Run(fmt.Sprintf("pps=%d/percall=%d", pps, perCall), func(b *testing.B) {
				f := newFar(b)
				poller, err := loop.New(loop.Default)
				if err != nil {
					b.Fatal(err)
				}
				l := loop.NewLoop(poller, nil)
				defer l.Close()
				p := &paced{b: b, l: l, src: f.src, gap: time.Second / time.Duration(pps), next: l.Now()}
				s, err := NewSockets(Config{Loop: l, Handles: direct{f.link.A.Namespace.Do}, Receiver: p, PerCall: perCall})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				if p.socket, err = s.ICMP(f.src, 0); err != nil {
					b.Fatal(err)
				}
				l.AddTurner(p)
				u0, s0 := cpu(b)
				start := time.Now()
				b.ResetTimer()
				p.next = l.Clock().Mono()
				if err := l.Run(); err != nil {
					b.Fatal(err)
				}
				took := time.Since(start)
				u1, s1 := cpu(b)
				b.StopTimer()
				perPing := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(b.N) }
				b.ReportMetric(perPing(u1-u0), "user-us/ping")
				b.ReportMetric(perPing(s1-s0), "sys-us/ping")
				b.ReportMetric(float64(b.N)/took.Seconds(), "ping/s")
				b.ReportMetric(float64(p.replies)/float64(b.N)*100, "%replies")
				b.ReportMetric(float64(p.turns)/float64(b.N), "turns/ping")
				b.ReportMetric(float64(s.Drops()), "drops")
			})
		}
	}
}
