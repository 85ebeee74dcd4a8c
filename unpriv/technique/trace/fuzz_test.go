package trace

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"scamper/shared/packet"
	"scamper/shared/warts"
	"scamper/tools/simnet"
	"scamper/unpriv/technique"
	"scamper/unpriv/technique/virtual"
)

// FuzzReplies damages the replies of a trace, and loses, delays and doubles them. Whatever comes, the trace ends, each
// reply is with a probe of which its bytes speak, none is recorded twice, the record can be written, and what is read again
// has the same probes and replies.
func FuzzReplies(f *testing.F) {
	options := []string{
		"", "-P udp", "-P icmp", "-P icmp-paris", "-P tcp", "-P tcp-ack -M", "-M", "-M -P icmp", "-O dl", "-O dl -P udp",
		"-N 4", "-O back -m 9", "-c 95", "-Q -q 2", "-f 6 -Z fuzz", "-f 3 -z 10.0.0.10", "-g 1 -G 2",
		"-O const-payload", "-O const-payload -O dl -Q", "-P udp -Q -N 3", "-P icmp -Q -q 3", "-P icmp-paris -c 95 -g 1 -G 2",
		"-P tcp -Q", "-P tcp-ack -O dl -Q -q 3", "-P tcp -O raw", "-o 5", "-o 5 -P icmp -Q", "-o 7 -P tcp-ack", "-p 0102 -Q",
	}
	for i := range options {
		f.Add(uint8(i), false, []byte{})
		f.Add(uint8(i), true, []byte{0, 20, 3, 1, 28, 255, 2, 0, 0, 3, 9, 1, 0, 0, 0, 8, 33, 4})
		random := rand.New(rand.NewPCG(uint64(i), 1))
		for n := range 8 {
			damage := make([]byte, 300)
			for j := range damage {
				damage[j] = byte(random.Uint32())
				if n%3 > 0 { // rather places near the front, and few bits
					damage[j] &= byte(random.Uint32())
				}
			}
			f.Add(uint8(i+n/2%2*len(options)), n%2 == 0, damage)
		}
	}
	topologies := []*simnet.Topology{
		virtual.Parse(f, virtual.Chain("", "", "", "|mtu = 1400", quiet, "", "")),
		virtual.Parse(f, virtual.Chain(`udp = "open"`, "", `quote-ipid-swapped = true`, "", `quote-ipid-swapped = true`, "")),
	}
	f.Fuzz(func(t *testing.T, which uint8, v6 bool, damage []byte) {
		w := newWorld(t, topologies[int(which)/len(options)%2])
		w.Takes = 3 * time.Microsecond // so that no two have the same time
		var came []arrival
		next := func() byte {
			if len(damage) == 0 {
				return 0
			}
			b := damage[0]
			damage = damage[1:]
			return b
		}
		w.Damage = func(ip []byte) []byte { // place and value, as often as the first byte says
			for range next() & 3 {
				at, value := int(next()), next()
				if tells := tellsProbe[v6]; at >= 128 {
					at = tells[at%len(tells)]
				}
				switch {
				case at+1 >= len(ip):
				case value == 255:
					ip[at], ip[at+1] = ip[at+1], ip[at]
				case value > 250:
					ip[at+1] += value - 252
				default:
					ip[at] ^= value
				}
			}
			if cut := int(next()); cut > 200 && cut-180 < len(ip) {
				ip = ip[:cut-180]
			}
			came = append(came, arrival{w.Now(), len(w.Sent), slices.Clone(ip)})
			return ip
		}
		w.Fate = func(virtual.Packet, []byte) []time.Duration {
			switch n := next(); {
			case n < 200:
				return virtual.Once
			case n < 210:
				return nil
			case n < 230:
				return []time.Duration{0, time.Duration(n) * time.Millisecond}
			default:
				return []time.Duration{time.Duration(n-230) * 100 * time.Millisecond}
			}
		}
		w.Answer = fragmentExceeded
		dst := target4
		if v6 {
			dst = target6
		}
		command := options[int(which)%len(options)] + " " + dst
		if _, _, err := commands.Parse("-w 1 "+command, technique.Defaults{}); err != nil {
			t.Skip(err)
		}
		r := w.trace("-w 1 " + command)
		w.everyReplyCame(t, r, came)
		var b bytes.Buffer
		out := warts.NewWriter(&b)
		if err := out.Write(r); err != nil {
			t.Fatalf("write: %v", err)
		}
		in := warts.NewReader(&b)
		for {
			rec, err := in.Next()
			if err != nil {
				t.Fatalf("read: %v", err)
			}
			if again, ok := rec.(*warts.Trace); ok {
				if got, want := answeredOf(again), answeredOf(r); got != want || reason(again) != reason(r) {
					t.Errorf("read %s %s, wrote %s %s", got, reason(again), want, reason(r))
				}
				return
			}
		}
	})
}

// fragmentExceeded is the answer of a hop to a fragment over IPv6, which simulated routers do not give.
func fragmentExceeded(p virtual.Packet) (ip []byte, ok bool) {
	if p.IP[0]>>4 != 6 || p.IP[6] != packet.ProtoFragment || p.TTL > 6 {
		return nil, false
	}
	from := netip.MustParseAddr(target6).As16()
	from[15] = byte(p.TTL)
	ip = append(ip, 0x60, 0, 0, 0, 0, byte(8+len(p.IP)), packet.ProtoICMPv6, 60)
	ip = append(append(ip, from[:]...), p.IP[8:24]...)
	ip = append(ip, packet.ICMP6TimeExceeded, 0, 0, 0, 0, 0, 0, 0)
	return append(ip, p.IP...), true
}

// tellsProbe is where a reply over IPv4 or IPv6 says what it is about: type, code, identifier and sequence of a message, or
// ports; quoted identification or flow label, destination, ports, identifier, sequence and checksum.
var tellsProbe = map[bool][]int{
	false: {20, 21, 22, 24, 26, 32, 32, 34, 37, 46, 48, 48, 50, 50, 52, 54, 54, 54},
	true:  {40, 41, 42, 44, 46, 49, 50, 54, 86, 88, 88, 90, 90, 92, 94, 94, 94, 96, 98},
}

// answeredOf lists the probes of a record that have replies.
func answeredOf(r *warts.Trace) string {
	var list []warts.TraceProbe
	for i := range r.Probes {
		if len(r.Probes[i].Replies) > 0 {
			list = append(list, r.Probes[i])
		}
	}
	return probes(list)
}
