package ping

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"scamper/shared/packet"
	"scamper/shared/warts"
	"scamper/unpriv/technique/virtual"
)

// TestNoise loses, duplicates, delays and reorders replies, and compares what is recorded with what was done to them:
// each reply is on its own probe, as often as it came in time, with the time that it took.
func TestNoise(t *testing.T) {
	const answering, refusing = 0x20, 0x21 // hosts: one sends answers, the other errors
	for _, test := range []struct {
		options string
		host    int
	}{
		{"", answering},
		{"", refusing},
		{"-O dl", answering},
		{"-O dltx", refusing},
		{"-P udp-dport", refusing},
		{"-P udp-dport -O dl", answering},
		{"-P udp-sport", refusing},
		{"-P udp-sport -O dl", answering},
		{"-P tcp-syn-sport", answering},
		{"-P tcp-ack-sport", refusing},
	} {
		for _, prefix := range []string{"198.51.100.", "2001:db8:100::"} {
			command := fmt.Sprintf("-c 200 -i 0.02 -W 0.4 %s %s%x", test.options, prefix, test.host)
			t.Run(command, func(t *testing.T) {
				w := newWorld(t)
				random := rand.New(rand.NewPCG(7, 8))
				want := make(map[int][]time.Duration) // by probe, delays of the copies of its reply
				lost := 0
				w.Fate = func(_ virtual.Packet, ip []byte) (copies []time.Duration) {
					i := probeOf(t, w, ip)
					if random.IntN(4) == 0 {
						lost++
						return nil
					}
					for range 1 + random.IntN(8)/7*2 {
						d := time.Duration(random.IntN(800)) * ms
						copies = append(copies, d)
						want[i] = append(want[i], d+10*ms)
					}
					return copies
				}
				p := w.ping(command)
				if lost == 0 {
					t.Error("nothing was lost")
				}
				checkNoise(t, w, p, want)
			})
		}
	}
}

// TestNoiseWithoutNumbers does the same to probes that at most an IPv4 identification tells apart: a reply that quotes one,
// or has that of one of the last five, is on that, any other on the newest.
func TestNoiseWithoutNumbers(t *testing.T) {
	for _, command := range []string{
		"-P tcp-syn 198.51.100.20", "-P tcp-ack -O dl 198.51.100.20", "-P udp 198.51.100.21", "-P tcp-synack 198.51.100.21",
		"-P tcp-syn 2001:db8:100::20", "-P udp 2001:db8:100::21",
	} {
		t.Run(command, func(t *testing.T) {
			w := newWorld(t)
			random := rand.New(rand.NewPCG(9, 10))
			want := make(map[int][]time.Duration) // by probe that gets it, times since that was sent
			own, late := 0, 0
			w.Fate = func(_ virtual.Packet, ip []byte) (copies []time.Duration) {
				i := -1 // the probe that it names
				for j := range w.Sent {
					id := string(w.Sent[j].IP[4:6])
					if ip[0]>>4 == 4 && (ip[9] == packet.ProtoTCP && id == string(ip[4:6]) || ip[9] == packet.ProtoICMP && id == string(ip[32:34])) {
						i = j
					}
				}
				for range random.IntN(4) {
					d := time.Duration(random.IntN(150))*ms + ms/2
					copies = append(copies, d)
					w.After(d, func() {
						to := len(w.Sent) - 1
						if i >= 0 && (i > to-5 || ip[9] == packet.ProtoICMP) {
							to = i
							own++
						} else {
							late++
						}
						want[to] = append(want[to], w.Now()-w.Sent[to].At)
					})
				}
				return copies
			}
			p := w.ping("-c 200 -i 0.02 -W 0.4 " + command)
			checkNoise(t, w, p, want)
			if late == 0 && p.Dst.Is6() || own == 0 && p.Dst.Is4() {
				t.Errorf("%d replies named one of the last probes, %d did not", own, late)
			}
		})
	}
}

// probeOf finds, in what was sent, the packet that another answers.
func probeOf(t *testing.T, w *world, ip []byte) int {
	for i := len(w.Sent) - 1; i >= 0; i-- {
		if answers(ip, w.Sent[i].IP) {
			return i
		}
	}
	t.Fatalf("%x answers nothing", ip)
	return 0
}

// answers compares bytes: an error quotes the probe, an echo reply has its identifier and sequence number, and anything
// else its ports turned round.
func answers(ip, sent []byte) bool {
	h := 20
	if ip[0]>>4 == 6 {
		h = 40
	}
	body, probe := ip[h:], sent[h:]
	switch proto := sent[map[int]int{20: 9, 40: 6}[h]]; {
	case body[0] == packet.ICMP4EchoReply && h == 20 && ip[9] == 1, body[0] == packet.ICMP6EchoReply && h == 40 && ip[6] == 58:
		return string(body[4:8]) == string(probe[4:8])
	case h == 20 && ip[9] == 1:
		quote := body[8:]
		return string(quote[28-8:28]) == string(probe[:8]) && string(quote[4:6]) == string(sent[4:6])
	case h == 40 && ip[6] == 58:
		return string(body[48:52]) == string(probe[:4])
	case proto == 6 || proto == 17:
		return string(body[:2]) == string(probe[2:4]) && string(body[2:4]) == string(probe[:2])
	}
	return false
}

func checkNoise(t *testing.T, w *world, p *warts.Ping, want map[int][]time.Duration) {
	t.Helper()
	if int(p.Sent) != len(w.Sent) || len(p.Probes) != len(w.Sent) {
		t.Fatalf("%d probes recorded, %d sent", p.Sent, len(w.Sent))
	}
	total := 0
	for i := range p.Probes {
		var expected []time.Duration
		for _, d := range want[i] {
			if w.Sent[i].At+d < w.Ended {
				expected = append(expected, d)
			}
		}
		total += len(expected)
		if len(p.Probes[i].Replies) != len(expected) {
			t.Errorf("probe %d has %d replies, %d came in time", i, len(p.Probes[i].Replies), len(expected))
			continue
		}
		for _, r := range p.Probes[i].Replies {
			found := false
			for j, d := range expected {
				if (r.RTT - d).Abs() <= ms { // what the simulation's timer is late
					expected[j], found = -time.Hour, true
					break
				}
			}
			if !found {
				t.Errorf("probe %d: round-trip time %v, want one of %v", i, r.RTT, want[i])
			}
		}
	}
	if total == 0 {
		t.Error("nothing came in time")
	}
}
