package trace

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"scamper/shared/packet"
	"scamper/shared/warts"
	"scamper/unpriv/technique/virtual"
)

// discovery is what path MTU discovery sent and found, as text: sizes (with the TTL where it is not 255), notes as
// "type next-hop-MTU address MTU-in-message", results.
func discovery(r *warts.Trace) (sizes, notes, result string) {
	m := r.PMTUD
	if m == nil {
		return "", "", "none"
	}
	var list []string
	for i := range m.Probes {
		p := &m.Probes[i]
		s := fmt.Sprint(p.Size)
		if p.TTL != 255 {
			s = fmt.Sprintf("%d@%d", p.Size, p.TTL)
		}
		list = append(list, s)
	}
	sizes = strings.Join(list, " ")
	list = nil
	for _, n := range m.Notes {
		s := fmt.Sprintf("%s %d", n.Type, n.NextMTU)
		if _, reply := m.ReplyAt(n.Reply); reply != nil {
			s += fmt.Sprintf(" %s %d", reply.Addr, reply.NextMTU)
		}
		list = append(list, s)
	}
	return sizes, strings.Join(list, ", "), fmt.Sprintf("if %d path %d out %d", m.IfMTU, m.PathMTU, m.OutMTU)
}

func TestPMTUD(t *testing.T) {
	const black = "|mtu = 1400\ntoo-big = \"silent\""
	search1400 := "1500 1454 1280 1281 1367 1410 1388 1399 1404 1401 1400"
	search1450 := "1500 1454 1280 1281 1367 1410 1432 1443 1448 1451 1449 1450"
	for _, tt := range []struct {
		name, command        string
		topology             string
		fate                 func(virtual.Packet, []byte) []time.Duration
		change               func(*world)
		sizes, notes, result string
		reason, errMsg       string
	}{
		{
			name: "nothing in the way", command: target4, topology: virtual.Chain("", "", ""),
			sizes: "1500", result: "if 1500 path 1500 out 0",
		},
		{
			name: "a message", command: target4, topology: virtual.Chain("", "", "|mtu = 1400", ""),
			sizes: "1500 1400", notes: "ptb 1400 10.0.0.2 1400", result: "if 1500 path 1400 out 0",
		},
		{
			name: "three messages", command: target4,
			topology: virtual.Chain("", "", "|mtu = 1492", "|mtu = 1480", "|mtu = 1400", ""), sizes: "1500 1492 1480 1400",
			notes:  "ptb 1492 10.0.0.2 1492, ptb 1480 10.0.0.6 1480, ptb 1400 10.0.0.10 1400",
			result: "if 1500 path 1400 out 0",
		},
		{
			name: "IPv6", command: target6, topology: virtual.Chain("", "", "|mtu = 1400", ""),
			sizes: "1500 1400", notes: "ptb 1400 2001:db8:10::2 1400", result: "if 1500 path 1400 out 0",
		},
		{
			name: "message without MTU", command: target4, topology: virtual.Chain("", "", "|mtu = 1450\ntoo-big = \"no-mtu\"", ""),
			sizes: search1450, notes: "ptb-bad 1450 10.0.0.2 0", result: "if 1500 path 1450 out 0",
		},
		{
			name: "message with too large an MTU", command: target4,
			topology: virtual.Chain("", "", "|mtu = 1450\ntoo-big = 1500", ""),
			sizes:    search1450, notes: "ptb-bad 1450 10.0.0.2 1500", result: "if 1500 path 1450 out 0",
		},
		{
			name: "message with an MTU below the header", command: target4,
			topology: virtual.Chain("", "", "|mtu = 1400\ntoo-big = 20", ""),
			sizes:    "1500", notes: "ptb-bad 0 10.0.0.2 20", result: "if 1500 path 0 out 0",
		},
		{
			name: "message with an MTU that leaves UDP-paris no payload", command: target4,
			topology: virtual.Chain("", "", "|mtu = 1400\ntoo-big = 29", ""),
			sizes:    "1500", notes: "ptb-bad 0 10.0.0.2 29", result: "if 1500 path 0 out 0",
		},
		{
			name: "message with an MTU that leaves ICMP-paris no payload, IPv6", command: "-P icmp-paris " + target6,
			topology: virtual.Chain("", "", "|mtu = 1400\ntoo-big = 49", ""),
			sizes:    "1500", notes: "ptb-bad 0 2001:db8:10::2 49", result: "if 1500 path 0 out 0",
		},
		{
			name: "message with an MTU of just the header, UDP", command: "-P udp " + target4,
			topology: virtual.Chain("", "", "|mtu = 1400\ntoo-big = 28", ""),
			sizes:    "1500 28", notes: "ptb 28 10.0.0.2 28", result: "if 1500 path 28 out 0",
		},
		{
			// Its router is slow, and the search for the place is on the way when it is heard at last.
			name: "late message", command: target4, topology: virtual.Chain("", "", "|mtu = 1400", "", ""),
			fate: func(p virtual.Packet, _ []byte) []time.Duration {
				if p.TTL > 2 && len(p.IP) > 1400 {
					return []time.Duration{1300 * time.Millisecond}
				}
				return virtual.Once
			},
			sizes: search1400 + " 1500@2 1500@3 1400", result: "if 1500 path 1400 out 0",
		},
		{
			name: "silence behind hop 2", command: target4, topology: virtual.Chain("", "", black, "", ""),
			sizes: search1400 + " 1500@2 1500@3", notes: "silence 1400 10.0.0.2 0", result: "if 1500 path 1400 out 0",
		},
		{
			name: "silence behind hop 3 of 5", command: target4, topology: virtual.Chain("", "", "", black, "", ""),
			sizes: search1400 + " 1500@3 1500@4", notes: "silence 1400 10.0.0.6 0", result: "if 1500 path 1400 out 0",
		},
		{
			name: "silence behind hop 1", command: target4, topology: virtual.Chain("", black, "", ""),
			sizes: search1400 + " 1500@2 1500@1", notes: "silence 1400 192.0.2.1 0", result: "if 1500 path 1400 out 0",
		},
		{
			name: "large packets are lost before hop 1", command: target4, topology: virtual.Chain("", "", "", ""),
			fate: func(p virtual.Packet, _ []byte) []time.Duration {
				if len(p.IP) > 1400 {
					return nil
				}
				return virtual.Once
			},
			sizes: search1400 + " 1500@2 1500@1", notes: "silence 1400", result: "if 1500 path 1400 out 1400",
		},
		{
			name: "silence, then a message", command: target4, topology: virtual.Chain("", "", black, "", "|mtu = 1300", "", ""),
			sizes:  "1500 1454 1280 1281 1367 1410 1388 1399 1404 1401 1400 1500@2 1500@3 1400 1300",
			notes:  "silence 1400 10.0.0.2 0, ptb 1300 10.0.0.10 1300",
			result: "if 1500 path 1300 out 0",
		},
		{
			name: "hops that are silent anyway are not asked where", command: target4,
			topology: virtual.Chain("", "", "", quiet, quiet+black, "", ""),
			sizes:    search1400 + " 1500@5 1500@2", notes: "silence 1400 10.0.0.2 0", result: "if 1500 path 1400 out 0",
		},
		{
			name: "on the last link", command: target4, topology: virtual.Chain("", black),
			sizes: search1400 + " 1500@1", notes: "silence 1400 192.0.2.1 0", result: "if 1500 path 1400 out 0",
		},
		{
			name: "no hop to ask where", command: target4, topology: virtual.Chain("", quiet+black),
			sizes: search1400, notes: "silence 1400", result: "if 1500 path 1400 out 0",
		},
		{
			name: "not even the smallest packet", command: target4, topology: virtual.Chain("", "", ""),
			fate: func(p virtual.Packet, _ []byte) []time.Duration {
				if p.TTL == 255 {
					return nil
				}
				return virtual.Once
			},
			sizes:  "1500 1454 1280 1006 576 552 544 512 508 296 68",
			result: "if 1500 path 0 out 0",
		},
		{
			name: "the router says too big about everything", command: target4, topology: virtual.Chain("", "", ""),
			change: func(w *world) {
				w.Answer = func(p virtual.Packet) ([]byte, bool) {
					if p.TTL != 255 {
						return nil, false
					}
					return tooBig(t, virtual.HopAddr(1), p.IP, 0), true
				}
			},
			sizes: "1500 1454 1280 1006 576 552 544 512 508 296 68 33", notes: "ptb-bad 0 192.0.2.1 0",
			result: "if 1500 path 0 out 0",
		},
		{
			name: "useless message, then silence", command: target4,
			topology: virtual.Chain("", "", "|mtu = 1450\ntoo-big = \"no-mtu\"", black, ""),
			// Sizes up to 1450 vanish: as if they had passed. Then 1450 is tried, and the black hole found.
			sizes: "1500 1454 1280 1281 1367 1410 1432 1443 1448 1451 1449 1450 " +
				"1450 1280 1281 1365 1407 1386 1396 1401 1398 1399 1400 1450@2 1450@3 1450@4",
			notes: "ptb-bad 1450 10.0.0.2 0, silence 1400 10.0.0.6 0", result: "if 1500 path 1400 out 0",
		},
		{
			name: "interface without room for a probe", command: target4, topology: virtual.Chain("", "", ""),
			change: func(w *world) { w.Link.MTU = 28 }, result: "none", errMsg: "ifmtu too small",
		},
		{
			name: "interface MTU of loopback", command: target4, topology: virtual.Chain("", "", ""),
			change: func(w *world) { w.Link.MTU = 65536 }, result: "none", errMsg: "invalid MTU 65536",
		},
		{
			name: "interface that cannot send frames", command: target4, topology: virtual.Chain("", "", ""),
			change: func(w *world) { w.Link.Type = packet.LinkVoid }, result: "none",
			errMsg: "dlhdr_get: unsupported on ifindex 7 (" + packet.LinkVoid.String() + ")",
		},
		{
			name: "after an unreachable", command: target4, topology: virtual.Chain("udp = \"host\"", "", "|mtu = 1400", ""),
			sizes: "1500 1400", notes: "ptb 1400 10.0.0.2 1400", result: "if 1500 path 1400 out 0", reason: "UNREACH/1",
		},
		{
			name: "not after a gap", command: "-g 1 " + target4, topology: virtual.Chain("", "", quiet, ""),
			result: "none", reason: "GAPLIMIT/0",
		},
		{
			name: "not after the hop limit", command: "-m 1 " + target4, topology: virtual.Chain("", "", ""),
			result: "none", reason: "HOPLIMIT/0",
		},
		{
			name: "TCP-ack", command: "-P tcp-ack " + target4, topology: virtual.Chain("", "", "|mtu = 1400", ""),
			sizes: "1500 1400", notes: "ptb 1400 10.0.0.2 1400", result: "if 1500 path 1400 out 0",
		},
		{
			name: "ICMP", command: "-P icmp " + target4, topology: virtual.Chain("", "", "|mtu = 1400", ""),
			sizes: "1500 1400", notes: "ptb 1400 10.0.0.2 1400", result: "if 1500 path 1400 out 0",
		},
		{
			name: "ICMP-paris over IPv6", command: "-P icmp-paris " + target6, topology: virtual.Chain("", "", "|mtu = 1400", ""),
			sizes: "1500 1400", notes: "ptb 1400 2001:db8:10::2 1400", result: "if 1500 path 1400 out 0",
		},
		{
			name: "UDP", command: "-P udp " + target4, topology: virtual.Chain("", "", "|mtu = 1400", ""),
			sizes: "1500 1400", notes: "ptb 1400 10.0.0.2 1400", result: "if 1500 path 1400 out 0",
		},
		{
			name: "two copies of every reply", command: target4, topology: virtual.Chain("", "", black, "", ""),
			fate:  func(virtual.Packet, []byte) []time.Duration { return []time.Duration{0, 1200 * time.Microsecond} },
			sizes: search1400 + " 1500@2 1500@3", notes: "silence 1400 10.0.0.2 0", result: "if 1500 path 1400 out 0",
		},
		{
			name: "jumbo frames that the next router does not take", command: target4, topology: virtual.Chain("", "", "", ""),
			change: func(w *world) { w.Link.MTU = 9000 }, sizes: "9000 1500 1501 9000@2 9000@1",
			notes: "silence 1500", result: "if 9000 path 1500 out 1500",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, virtual.Parse(t, tt.topology))
			w.Fate = tt.fate
			if tt.change != nil {
				tt.change(w)
			}
			r := w.trace("-M -q 1 -w 1 " + tt.command)
			sizes, notes, result := discovery(r)
			if sizes != tt.sizes {
				t.Errorf("sizes %s\nwant  %s", sizes, tt.sizes)
			}
			if notes != tt.notes || result != tt.result {
				t.Errorf("%s; %s\nwant %s; %s", notes, result, tt.notes, tt.result)
			}
			want := tt.reason
			if want == "" {
				want = "COMPLETED/0"
			}
			if reason(r) != want || r.ErrMsg != tt.errMsg {
				t.Errorf("reason %s, %q", reason(r), r.ErrMsg)
			}
			if int(r.ProbeSize) != len(w.Sent[0].IP) {
				t.Errorf("probe size %d, want %d", r.ProbeSize, len(w.Sent[0].IP))
			}
			for _, p := range w.Sent {
				if p.TTL == 255 && p.IP[0]>>4 == 4 && packet.IPv4(p.IP).ID() != uint16(p.N+1) {
					t.Errorf("packet %d has identification %d", p.N, packet.IPv4(p.IP).ID())
				}
			}
		})
	}
}

// tooBig is a message about a packet.
func tooBig(t testing.TB, from string, ip []byte, mtu uint16) []byte {
	t.Helper()
	return icmpError(t, from, ip, packet.ICMP4Unreach, packet.ICMP4UnreachNeedFrag, uint32(mtu))
}

func TestSizeSearch(t *testing.T) {
	for _, tt := range []struct{ failed, first int }{
		{9000, 1500}, {1501, 1500}, {1500, 1454}, {1455, 1454}, {1454, 1280}, {1280, 1006}, {1279, 1006}, {577, 576}, {69, 68},
	} {
		if got := newSizeSearch(tt.failed).size; got != tt.first {
			t.Errorf("below %d: %d first, want %d", tt.failed, got, tt.first)
		}
	}
	// Every limit is found, whatever the size that failed, in few steps.
	for _, failed := range []int{65535, 17914, 9000, 1501, 1500, 1499, 1454, 1280, 577, 69} {
		for limit := 68; limit < failed; limit += 1 + limit/97 {
			s := newSizeSearch(failed)
			steps := 0
			for found := false; !found; steps++ {
				switch {
				case s.size <= s.lower || s.size >= s.upper:
					t.Fatalf("failed %d, limit %d: tries %d between %d and %d", failed, limit, s.size, s.lower, s.upper)
				case s.size <= limit:
					found = s.narrow(s.size, s.upper)
				default:
					found = s.narrow(s.lower, s.size)
				}
			}
			if s.lower != limit || steps > 40 {
				t.Errorf("failed %d: found %d, want %d, in %d steps", failed, s.lower, limit, steps)
			}
		}
	}
}
