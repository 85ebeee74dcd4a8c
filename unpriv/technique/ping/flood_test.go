package ping

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"scamper/shared/packet"
	"scamper/shared/warts"
	"scamper/testkit"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
	"scamper/unpriv/technique/virtual"
)

// TestMaxReplies floods pings with duplicates: what is kept fits into a record, and the first reply of a probe always has
// room, also that of the last probe after all others were flooded.
func TestMaxReplies(t *testing.T) {
	for _, test := range []struct{ count, most int }{
		{3, 3 * maxReplies}, {63, 63 * maxReplies}, {64, 65535}, {200, 65535}, {32768, 65535}, {65534, 65535}, {65535, 65535},
	} {
		t.Run(fmt.Sprint(test.count), func(t *testing.T) {
			w := newWorld(t)
			opt, dst := parsed(t, fmt.Sprintf("-c %d 198.51.100.10", test.count))
			p := w.pings.New(opt, dst)
			p.probes, p.sent = make([]sentProbe, test.count), uint16(test.count)
			answer := answerTo(t, opt, dst)
			for i := range p.probes {
				p.probes[i].tx = netio.StampOf(w.Start)
			}
			for i := range p.probes {
				for range 2 * maxReplies * 100 / min(test.count, 10_000) {
					p.file(&p.probes[i], &answer)
				}
			}
			var b bytes.Buffer
			out := warts.NewWriter(&b)
			if err := out.Write(p.Record(w.Origin())); err != nil {
				t.Fatal(err)
			}
			r, err := warts.NewReader(&b).Next()
			if err != nil {
				t.Fatal(err)
			}
			total := 0
			for i, pr := range r.(*warts.Ping).Probes {
				n := len(pr.Replies)
				if n < 1 || n > maxReplies {
					t.Fatalf("probe %d has %d replies", i, n)
				}
				total += n
			}
			if total != test.most || len(r.(*warts.Ping).Probes) != test.count {
				t.Errorf("%d replies of %d probes, want %d", total, len(r.(*warts.Ping).Probes), test.most)
			}
		})
	}
}

// portMethods are the methods whose replies are not told apart by a sequence number.
var portMethods = []string{
	"udp", "udp-dport", "udp-sport", "tcp-syn", "tcp-syn-sport", "tcp-ack", "tcp-ack-sport", "tcp-synack", "tcp-rst",
}

// flooded returns a ping in the middle, all of whose probes were sent.
func flooded(t testing.TB, count int, command string) *Ping {
	w := newWorld(t)
	opt, dst := parsed(t, fmt.Sprintf("-c %d -F 1000 -d 2000 %s", count, command))
	p := w.pings.New(opt, dst)
	src, err := virtual.Routes{}.Source(dst)
	if err != nil {
		t.Fatal(err)
	}
	p.via, p.ports = &exit{src: src}, &ports{capture: true}
	p.probes, p.sent = make([]sentProbe, count), uint16(count)
	for i := range p.probes {
		p.probes[i].tx, p.probes[i].ipid = 1, p.ipid(uint16(i))
	}
	return p
}

// someReply is a packet about a probe of a ping, or nearly one.
func someReply(p *Ping, random *rand.Rand) *probe.Reply {
	near := func(n int) uint16 { return uint16(n + random.IntN(2*len(p.probes)+4) - len(p.probes)/2 - 2) }
	around := [2]func(int) uint16{near, func(n int) uint16 { return uint16(n) }}
	src, dst := around[random.IntN(2)](1000), around[random.IntN(2)](2000)
	id := p.ipid(uint16(len(p.probes) + 1 - random.IntN(12)))
	r := &probe.Reply{Datalink: true, Capture: probe.Capture{Stamp: 2, Outgoing: random.IntN(3) == 0}}
	r.IP.Src, r.IP.Dst, r.IP.ID = p.dst, p.via.src, uint32(id)
	if r.Capture.Outgoing {
		r.IP.Src, r.IP.Dst = r.IP.Dst, r.IP.Src
	} else {
		src, dst = dst, src
	}
	switch random.IntN(3) {
	case 0:
		r.Kind = probe.KindUDP
		r.UDP.SrcPort, r.UDP.DstPort = src, dst
	case 1:
		r.Kind = probe.KindTCP
		r.TCP.SrcPort, r.TCP.DstPort, r.TCP.Flags = src, dst, []uint8{0x02, 0x04, 0x10, 0x12}[random.IntN(4)]
	default:
		r.Kind = probe.KindError
		r.ICMP.Type, r.ICMP.Code = packet.ICMP4Unreach, 3
		if p.dst.Is6() {
			r.ICMP.Type, r.ICMP.Code = packet.ICMP6Unreach, 4
		}
		r.Quote.Src, r.Quote.Dst, r.Quote.ID = p.via.src, p.dst, id
		r.Quote.SrcPort, r.Quote.DstPort = src, dst
		r.Quote.Protocol = packet.ProtoTCP
		if p.opt.Method.IsUDP() {
			r.Quote.Protocol = packet.ProtoUDP
		}
		if !r.Capture.Outgoing {
			r.Quote.SrcPort, r.Quote.DstPort = dst, src
		}
	}
	return r
}

// TestMatcher compares what is made of packets by the few probes that they can be about with what all probes make of
// them.
func TestMatcher(t *testing.T) {
	for _, method := range portMethods {
		for _, dst := range []string{"198.51.100.20", "2001:db8:100::20"} {
			t.Run(method+" "+dst, func(t *testing.T) {
				random := rand.New(rand.NewPCG(3, 4))
				matched := 0
				for _, count := range []int{1, 2, 4, 5, 6, 40} {
					p := flooded(t, count, "-P "+method+" "+dst)
					all := probe.PingMatch{
						Method: p.opt.Method, Src: p.via.src, Dst: p.dst, SrcPort: p.base, DstPort: p.opt.DstPort,
						Sent: count,
					}
					for i := range p.probes {
						all.SrcPorts = append(all.SrcPorts, p.sport(uint16(i)))
						if p.dst.Is4() {
							all.IDs = append(all.IDs, p.probes[i].ipid)
						}
					}
					for range 3000 {
						r := someReply(p, random)
						want, wantOK := all.Match(r)
						m, first := p.matcher(r)
						got, ok := m.Match(r)
						if r.Capture.Outgoing {
							want, wantOK = all.MatchSent(r)
							got, ok = m.MatchSent(r)
						}
						quoted, id := r.Kind == probe.KindError, r.Quote.ID
						if r.Capture.Outgoing {
							quoted, id = true, uint16(r.IP.ID)
						}
						if i := slices.Index(all.IDs, id); quoted && i >= 0 && !p.opt.Method.VariesSport() && !p.opt.Method.VariesDport() &&
							(wantOK || r.Capture.Outgoing && i < count-probe.IDWindow) {
							want, wantOK = i, ok // however old it is
						}
						if ok != wantOK || ok && first+got != want {
							t.Fatalf("of %d probes: %d, %v, want %d, %v: %+v", count, first+got, ok, want, wantOK, r)
						}
						if ok {
							matched++
						}
					}
				}
				if matched < 500 {
					t.Errorf("only %d packets were about a probe", matched)
				}
			})
		}
	}
}

// TestMatchTime holds that finding the probe of a packet takes no longer after many probes than after few, and that
// nothing is allocated for it. Looking at all 60,000 probes would take hundreds of times as long.
func TestMatchTime(t *testing.T) {
	const few, many, replies = 8, 60_000, 2000
	for _, method := range append([]string{"icmp-echo"}, portMethods...) {
		t.Run(method, func(t *testing.T) {
			small, large := flooded(t, few, "-P "+method+" 198.51.100.20"), flooded(t, many, "-P "+method+" 198.51.100.20")
			took := func(p *Ping) time.Duration {
				random := rand.New(rand.NewPCG(5, 6))
				var list []*probe.Reply
				for range 64 {
					r := someReply(p, random)
					r.Capture.Outgoing = false
					list = append(list, r)
				}
				best := time.Hour
				for range 5 {
					start := testkit.CPUTime(t)
					for i := range replies {
						p.match(list[i%len(list)])
					}
					best = min(best, testkit.CPUTime(t)-start)
				}
				if n := testing.AllocsPerRun(100, func() { p.match(list[0]) }); n != 0 {
					t.Errorf("%v allocations for a packet", n)
				}
				return best
			}
			a, b := took(small), took(large)
			t.Logf("%v for %d packets after %d probes, %v after %d", a, replies, few, b, many)
			if b > 40*a+time.Millisecond {
				t.Errorf("%v for %d packets after %d probes, %v after %d", a, replies, few, b, many)
			}
		})
	}
}

// TestLeft has the datalink tell when a probe left: what is recorded of its reply is measured from there, unless the
// packet was another's, before this ping began.
func TestLeft(t *testing.T) {
	const start, given, rtt = 1_000_000_000, 1_000_500_000, 90_000
	for _, test := range []struct {
		name     string
		at       netio.Stamp
		tx       netio.Stamp
		rtt      int64
		datalink bool
	}{
		{"later", given + 30_000, given + 30_000, rtt - 30_000, true},
		{"at once", given, given, rtt, true},
		{"earlier than the driver says", given - 7_000, given - 7_000, rtt + 7_000, true},
		{"after the reply", given + 100_000, given + 100_000, rtt, true},
		{"with the ping", start, start, rtt + given - start, true},
		{"before the ping", start - 1, given, rtt, false},
	} {
		p := flooded(t, 1, "-P udp 198.51.100.20")
		p.start = start
		pr := &p.probes[0]
		pr.tx, pr.replies = given, []reply{{rtt: rtt}}
		for range 2 { // the second copy says nothing new
			p.left(pr, test.at)
		}
		if pr.tx != test.tx || pr.replies[0].rtt != test.rtt || pr.flags&warts.PingReplyDLTX != 0 != test.datalink {
			t.Errorf("%s: sent at %d, round-trip time %d, flags %#x", test.name, pr.tx-given, pr.replies[0].rtt, pr.flags)
		}
		p.left(pr, test.at+1)
		if test.datalink && pr.tx != test.tx {
			t.Errorf("%s: a second packet moves the time", test.name)
		}
	}
	p := flooded(t, 1, "-P udp 198.51.100.20")
	p.probes[0].tx = 0
	if p.left(&p.probes[0], 5); p.probes[0].tx != 0 {
		t.Error("a probe that was not sent has left")
	}
}
