package ping

import (
	"encoding/binary"
	"testing"
	"time"

	"scamper/shared/packet"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
)

// FuzzReply drives a ping with answers that were changed. It must not crash, and must credit none to a probe whose own
// number (sequence number or port) is not where such a packet has it.
func FuzzReply(f *testing.F) {
	for method := range uint8(len(fuzzed)) {
		for _, six := range []bool{false, true} {
			f.Add(method, six, uint8(0), uint16(0), []byte{}, uint16(9999))
			f.Add(method, six, uint8(1), uint16(27), []byte{1}, uint16(9999))
			f.Add(method, six, uint8(2), uint16(50), []byte{0xff, 0, 3}, uint16(60))
			f.Add(method, six, uint8(3), uint16(6), []byte{17, 0, 4}, uint16(9999))
		}
	}
	f.Fuzz(func(t *testing.T, method uint8, six bool, wait uint8, at uint16, xor []byte, cut uint16) {
		if int(method) >= len(fuzzed) {
			return
		}
		command := fuzzed[method].v4
		if six {
			command = fuzzed[method].v6
		}
		w := newWorld(t)
		p := w.add("-c 4 -i 0.02 -W 0.1 " + command)
		credits := 0
		w.arriving = func(ip []byte) []time.Duration {
			for i, x := range xor { // nobody behind the kernel looks at checksums
				if n := int(at) + i; n < len(ip) {
					ip[n] ^= x
				}
			}
			ip = ip[:min(len(ip), int(cut))]
			w.after(time.Duration(wait%64)*ms, func() {
				for _, datalink := range []bool{false, true} {
					before := counts(p)
					w.parse(ip, datalink)
					for i, n := range counts(p) {
						if i >= len(before) || n == before[i] {
							continue
						}
						credits++
						if got, want := numberIn(ip, datalink), numberOf(w.sent[i].ip); got != want {
							t.Errorf("credited to probe %d, which has %d: %x has %d", i, want, ip, got)
						}
					}
				}
			})
			return nil
		}
		w.run()
		if len(xor) == 0 && int(cut) > 1500 && wait < 20 && credits == 0 {
			t.Error("nothing was credited, although nothing was changed")
		}
	})
}

// fuzzed are pings whose probes have numbers of their own, answered or refused.
var fuzzed = []struct{ v4, v6 string }{
	{"198.51.100.20", "2001:db8:100::20"},
	{"198.51.100.21", "2001:db8:100::21"},
	{"-O dl 198.51.100.20", "-O dl 2001:db8:100::20"},
	{"-P udp-dport 198.51.100.21", "-P udp-dport 2001:db8:100::21"},
	{"-P udp-dport -O dl 198.51.100.20", "-P udp-sport -O dl 2001:db8:100::20"},
	{"-P tcp-ack-sport 198.51.100.20", "-P tcp-syn-sport 2001:db8:100::20"},
	{"-P tcp-ack-sport 198.51.100.21", "-P tcp-syn-sport 2001:db8:100::21"},
	{"-P icmp-time -R 198.51.100.20", "-O dltx -s 1400 2001:db8:100::20"},
}

// counts returns how many replies each probe has.
func counts(p *Ping) (list []int) {
	for i := range p.probes {
		list = append(list, len(p.probes[i].replies))
	}
	return list
}

// parse gives a packet to the ping at once, as from a socket or from the datalink.
func (w *world) parse(ip []byte, datalink bool) {
	r := &w.reply
	r.Capture = probe.Capture{Stamp: netio.StampOf(w.clock.Wall())}
	reason := probe.Short
	switch {
	case len(ip) == 0:
	case datalink:
		reason = probe.ParseFrame(packet.LinkEthernet, w.frame(ip), r)
	case ip[0]>>4 == 4:
		reason = probe.ParseICMP4(ip, r)
	case len(ip) > packet.IPv6HeaderLen:
		v6 := packet.IPv6(ip)
		reason = probe.ParseICMP6(ip[packet.IPv6HeaderLen:], probe.Ancillary{
			Src: v6.Src(), Dst: v6.Dst(), HopLimit: int16(v6.HopLimit()), TrafficClass: int16(v6.TrafficClass()),
		}, r)
	}
	if reason == probe.Accepted {
		w.sched.Deliver(r)
	}
}

// transport skips IP headers; nil if there is not enough behind them.
func transport(b []byte) (proto byte, body []byte) {
	if len(b) < 20 {
		return 0, nil
	}
	if b[0]>>4 == 4 {
		if h := int(b[0]&15) * 4; h <= len(b) {
			return b[9], b[h:]
		}
		return 0, nil
	}
	if len(b) < 40 {
		return 0, nil
	}
	proto, body = b[6], b[40:]
	for len(body) >= 8 {
		n := 8
		switch proto {
		case 0, 43, 60:
			n = (int(body[1]) + 1) * 8
		case 44:
		default:
			return proto, body
		}
		if n > len(body) {
			return 0, nil
		}
		proto, body = body[0], body[n:]
	}
	return proto, body
}

// at returns the two bytes at an offset; -1 if they are not there.
func at(b []byte, offset int) int {
	if offset+2 > len(b) {
		return -1
	}
	return int(binary.BigEndian.Uint16(b[offset:]))
}

// numberOf returns what tells a probe from the others of its ping.
func numberOf(ip []byte) int {
	switch proto, body := transport(ip); proto {
	case packet.ProtoICMP, packet.ProtoICMPv6:
		return at(body, 6)
	case packet.ProtoUDP: // one of the two ports varies
		return at(body, 0) + at(body, 2)
	default:
		return at(body, 0)
	}
}

// numberIn returns the number of the probe that a packet answers or quotes.
func numberIn(ip []byte, datalink bool) int {
	proto, body := transport(ip)
	if ip[0]>>4 == 6 && !datalink { // a socket gives what is behind the IP headers
		proto, body = packet.ProtoICMPv6, ip[packet.IPv6HeaderLen:]
	}
	switch {
	case len(body) == 0:
		return -1
	case proto == packet.ProtoUDP:
		return at(body, 0) + at(body, 2)
	case proto == packet.ProtoTCP:
		return at(body, 2)
	case body[0] == packet.ICMP4EchoReply, body[0] == packet.ICMP4TimestampReply, body[0] == packet.ICMP6EchoReply:
		return at(body, 6)
	case len(body) < 8:
		return -1
	}
	return numberOf(body[8:])
}
