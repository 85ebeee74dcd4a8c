package ping

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"scamper/shared/packet"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
	"scamper/unpriv/technique/virtual"
)

// FuzzReply drives pings with answers that were changed. They must not crash, must credit no packet to a probe that its
// bytes do not speak of, and none twice; and packets that were not changed are all credited.
func FuzzReply(f *testing.F) {
	for kind := range uint8(len(fuzzed)) {
		for _, six := range []bool{false, true} {
			f.Add(kind, six, uint8(0), uint16(0), []byte{}, uint16(9999))
			f.Add(kind, six, uint8(37), uint16(0), []byte{}, uint16(9999))
			f.Add(kind, six, uint8(1), uint16(27), []byte{1}, uint16(9999))
			f.Add(kind, six, uint8(2), uint16(50), []byte{0xff, 0, 3}, uint16(60))
			f.Add(kind, six, uint8(3), uint16(6), []byte{17, 0, 4}, uint16(9999))
			f.Add(kind, six, uint8(70), uint16(4), []byte{0, 1}, uint16(9999))
		}
	}
	f.Fuzz(changedReplies)
}

// TestChangedReplies changes single bytes: low ones of addresses, ports, identifiers and sequence numbers, and the same
// of what is quoted.
func TestChangedReplies(t *testing.T) {
	for kind := range uint8(len(fuzzed)) {
		for _, at := range []uint16{15, 19, 21, 23, 25, 27, 47, 49, 51, 53, 55} {
			changedReplies(t, kind, false, 1, at, []byte{1}, 9999)
		}
		for _, at := range []uint16{23, 39, 41, 43, 45, 47, 87, 89, 91, 93, 95} {
			changedReplies(t, kind, true, 1, at, []byte{1}, 9999)
		}
	}
}

// changedReplies runs a ping whose answers come late by so many milliseconds, changed from an offset on, and cut.
func changedReplies(t *testing.T, kind uint8, six bool, wait uint8, at uint16, xor []byte, cut uint16) {
	if int(kind) >= len(fuzzed) {
		return
	}
	command := fuzzed[kind]
	prefix := "198.51.100."
	if six {
		prefix = "2001:db8:100::"
		if command.v4 {
			return
		}
	}
	w := newWorld(t)
	p := w.add(fmt.Sprintf("-c 7 -i 0.01 -W 0.1 %s %s%d", command.options, prefix, command.host))
	arrivals := 0
	var credits []int // by probe
	w.Fate = func(_ virtual.Packet, ip []byte) []time.Duration {
		arrivals++
		for i, x := range xor { // nobody behind the kernel looks at checksums
			if n := int(at) + i; n < len(ip) {
				ip[n] ^= x
			}
		}
		ip = ip[:min(len(ip), int(cut))]
		w.After(time.Duration(wait%128)*ms, func() {
			credited := 0
			for _, datalink := range []bool{false, true} {
				before := counts(p)
				w.parse(ip, datalink)
				for i, n := range counts(p) {
					if n -= before[i]; n == 0 {
						continue
					}
					credited += n
					for len(credits) <= i {
						credits = append(credits, 0)
					}
					credits[i] += n
					if about := speaksOf(ip, datalink, w.Sent); !slices.Contains(about, i) {
						t.Errorf("credited to probe %d of %d, speaks of %d: %x", i, len(w.Sent), about, ip)
					}
				}
			}
			if credited > 1 {
				t.Errorf("credited %d times: %x", credited, ip)
			}
		})
		return nil
	}
	rec := w.run()[0]
	total := 0
	for i := range rec.Probes {
		n := len(rec.Probes[i].Replies)
		total += n
		if n > 0 && (i >= len(credits) || credits[i] != n) {
			t.Errorf("probe %d has %d replies, credited were %d", i, n, credits)
		}
	}
	if total > arrivals {
		t.Errorf("%d replies of %d packets", total, arrivals)
	}
	if len(xor) == 0 && int(cut) > 1500 && int(wait%128) < 90 && (total != arrivals || total != 7) && !command.silent {
		t.Errorf("%s: %d packets, none changed, %d credited", command.options, arrivals, total)
	}
}

type fuzzedPing struct {
	options    string
	host       int // 20 answers, 21 refuses
	v4, silent bool
}

// fuzzed are pings of every method, answered and refused, with and without the datalink.
var fuzzed = func() (list []fuzzedPing) {
	list = []fuzzedPing{
		{"", 20, false, false},
		{"", 21, false, false},
		{"-d 65533 -O dl", 20, false, false},
		{"-O dl -O sockrx", 21, false, false},
		{"-O dltx -s 1400", 20, false, false},
		{"-P icmp-time", 20, true, false},
		{"-P icmp-time -R", 20, true, false},
		{"-P icmp-time -O dl", 20, true, false},
		{"-P icmp-time -O dl", 15, true, true},
		{"-P tcp-syn -O raw", 20, true, false},
	}
	for _, method := range portMethods {
		tcp := method[0] == 't'
		if method == "tcp-rst" { // it is answered by routers only
			method += " -m 1"
		}
		list = append(list,
			fuzzedPing{"-P " + method, 20, false, !tcp},
			fuzzedPing{"-P " + method + " -O dl", 20, false, false},
			fuzzedPing{"-P " + method, 21, false, false},
			fuzzedPing{"-P " + method + " -O dl -O sockrx", 21, false, false})
	}
	return list
}()

// counts returns how many replies each probe has.
func counts(p *Ping) (list []int) {
	for i := range p.probes {
		list = append(list, len(p.probes[i].replies))
	}
	return list
}

// parse gives a packet to the ping at once, as from a socket or from the datalink.
func (w *world) parse(ip []byte, datalink bool) {
	r := &probe.Reply{Capture: probe.Capture{Stamp: netio.StampOf(w.Clock.Wall())}}
	reason := probe.Short
	switch {
	case len(ip) == 0:
	case datalink:
		reason = probe.ParseFrame(packet.LinkEthernet, virtual.Frame(ip), r)
	case ip[0]>>4 == 4:
		reason = probe.ParseICMP4(ip, r)
	case ip[0]>>4 == 6 && len(ip) > packet.IPv6HeaderLen:
		v6 := packet.IPv6(ip)
		reason = probe.ParseICMP6(ip[packet.IPv6HeaderLen:], probe.Ancillary{
			Src: v6.Src(), Dst: v6.Dst(), HopLimit: int16(v6.HopLimit()), TrafficClass: int16(v6.TrafficClass()),
		}, r)
	}
	if reason == probe.Accepted {
		w.Sched.Deliver(r)
	}
}
