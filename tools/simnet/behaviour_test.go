package simnet

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"scamper/shared/packet"
)

const (
	exceeded4 = 11 << 8
	exceeded6 = 3 << 8
)

// each runs a test for both families.
func each(t *testing.T, f func(t *testing.T, dst string, v6 bool)) {
	t.Run("ipv4", func(t *testing.T) { f(t, d4, false) })
	t.Run("ipv6", func(t *testing.T) { f(t, d6, true) })
}

func TestErrorSource(t *testing.T) {
	for _, tt := range []struct{ setting, want4, want6 string }{
		{``, "10.0.0.2", "2001:db8:10::2"},
		{`source = "incoming"`, "10.0.0.2", "2001:db8:10::2"},
		{`source = "outgoing"`, "10.0.0.2", "2001:db8:10::2"},
		{`source = ["10.9.9.9", "2001:db8:99::9"]`, "10.9.9.9", "2001:db8:99::9"},
	} {
		n := play(small(t, map[string]string{"r2": tt.setting}))
		each(t, func(t *testing.T, dst string, v6 bool) {
			want := tt.want4
			if v6 {
				want = tt.want6
			}
			if d := n.one(t, probe{dst: dst, ttl: 2, kind: "udp", sport: 1, dport: 33435}, 0); d.src() != want {
				t.Errorf("%s: error from %s, want %s", tt.setting, d.src(), want)
			}
		})
	}
}

// What mercator finds: the address that a port unreachable comes from.
func TestPortUnreachableSource(t *testing.T) {
	for _, tt := range []struct{ setting, want string }{
		{``, "10.0.0.5"},
		{`port-source = "outgoing"`, "10.0.0.2"},
		{`port-source = "incoming"`, "10.0.0.2"},
		{`port-source = "10.9.9.9"`, "10.9.9.9"},
	} {
		n := play(small(t, map[string]string{"r2": tt.setting}))
		d := n.one(t, probe{dst: "10.0.0.5", kind: "udp", sport: 1, dport: 33435}, 0)
		if d.src() != tt.want || d.icmpType() != 3<<8|3 {
			t.Errorf("%s: %x from %s, want port unreachable from %s", tt.setting, d.icmpType(), d.src(), tt.want)
		}
	}
}

func TestQuotes(t *testing.T) {
	p := probe{dst: d4, ttl: 2, kind: "udp", sport: 1, dport: 33435, size: 200, id: 0x1234, tos: 0x20}
	sent := p.build(t, small(t, nil))
	for _, tt := range []struct {
		setting string
		length  int
		change  func(q []byte)
		sum     bool // the quoted header's checksum is right
	}{
		{``, 28, nil, true},
		{`quote = 28`, 28, nil, true},
		{`quote = 128`, 128, nil, true},
		{`quote = "all"`, 200, nil, true},
		{`quote-ttl = 0`, 28, func(q []byte) { q[8] = 0 }, true},
		{`quote-tos = 0`, 28, func(q []byte) { q[1] = 0 }, true},
		{`quote-ipid-swapped = true`, 28, func(q []byte) { q[4], q[5] = 0x34, 0x12 }, true},
		{`quote-zeroed = true`, 28, func(q []byte) { clear(q[20:]) }, true},
		{`quote-checksum = "zero"`, 28, func(q []byte) { q[10], q[11] = 0, 0 }, false},
		{`quote-checksum = "sender"`, 28, func(q []byte) { copy(q[10:12], sent[10:12]) }, false},
	} {
		n := play(small(t, map[string]string{"r2": tt.setting}))
		q := n.one(t, p, 0).quoteOf(t)
		want := append([]byte(nil), sent[:tt.length]...)
		packet.IPv4(want).SetTTL(1)
		if tt.change != nil {
			tt.change(want)
			if tt.sum {
				packet.IPv4(want).UpdateChecksum()
			}
		}
		if !bytes.Equal(q, want) {
			t.Errorf("%s: quote\n% x, want\n% x", tt.setting, []byte(q), want)
		}
	}
}

func TestQuotes6(t *testing.T) {
	p := probe{dst: d6, ttl: 2, kind: "udp", sport: 1, dport: 33435, size: 1400, tos: 0x20}
	sent := p.build(t, small(t, nil))
	for _, tt := range []struct {
		setting string
		length  int
		change  func(q []byte)
	}{
		{``, 1232, nil},
		{`quote = 100`, 100, nil},
		{`quote-ttl = 0`, 1232, func(q []byte) { q[7] = 0 }},
		{`quote-tos = 0x91`, 1232, func(q []byte) { q[0], q[1] = 0x69, 0x10 }},
	} {
		n := play(small(t, map[string]string{"r2": tt.setting}))
		q := n.one(t, p, 0).quoteOf(t)
		want := append([]byte(nil), sent[:tt.length]...)
		want[7] = 1
		if tt.change != nil {
			tt.change(want)
		}
		if !bytes.Equal(q, want) {
			t.Errorf("%s: quote\n% x, want\n% x", tt.setting, []byte(q)[:60], want[:60])
		}
	}
}

func TestExtensions(t *testing.T) {
	each(t, func(t *testing.T, dst string, v6 bool) {
		for _, tt := range []struct {
			setting string
			labels  []packet.MPLSLabel
			info    packet.Interface
			length  bool
		}{
			{
				`mpls = [{label = 3000, tc = 5, ttl = 7}, {label = 17}]`,
				[]packet.MPLSLabel{{Label: 3000, Exp: 5, TTL: 7}, {Label: 17, TTL: 1, Bottom: true}},
				packet.Interface{},
				true,
			},
			{"mpls = [{label = 16}]\nextension-without-length = true", []packet.MPLSLabel{{Label: 16, TTL: 1, Bottom: true}}, packet.Interface{}, false},
			{
				`interface-info = ["index", "address", "name", "mtu"]`, nil,
				packet.Interface{Index: 1, Addr: netip.MustParseAddr("10.0.0.2"), Name: "ge-0/0/1", MTU: 1500},
				true,
			},
			{
				"mpls = [{label = 16}]\ninterface-info = \"name\"",
				[]packet.MPLSLabel{{Label: 16, TTL: 1, Bottom: true}},
				packet.Interface{Name: "ge-0/0/1"},
				true,
			},
		} {
			n := play(small(t, map[string]string{"r2": tt.setting}))
			for _, size := range []int{60, 129, 500, 1500} {
				p := probe{dst: dst, ttl: 2, kind: "udp", sport: 1, dport: 33435, size: size}
				d := n.one(t, p, 0)
				// With extensions, 128 bytes are quoted, filled up with zeros if the packet is shorter.
				want128 := append(p.build(t, n.t)[:min(size, 128)], make([]byte, 128)...)[:128]
				if v6 {
					want128[7] = 1
				} else {
					packet.IPv4(want128).SetTTL(1)
				}
				if !bytes.Equal(d.quote[:128], want128) {
					t.Errorf("%s, %d bytes: quote\n% x, want\n% x", tt.setting, size, d.quote[:128], want128)
				}
				m := packet.ICMP(d.raw[20:])
				ext, ok := m.Extensions4()
				lengthField := m.Rest()>>16&0xff != 0
				if v6 {
					m = packet.ICMP(d.raw[40:])
					ext, ok = m.Extensions6()
					lengthField = m.Rest()>>24 != 0
				}
				if !ok || lengthField != tt.length {
					t.Fatalf("%s, %d bytes: extensions %v, length field %v", tt.setting, size, ok, lengthField)
				}
				if limit := map[bool]int{false: 576, true: 1280}[v6]; len(d.raw) > limit {
					t.Errorf("%s: error has %d bytes", tt.setting, len(d.raw))
				}
				var labels []packet.MPLSLabel
				var info packet.Interface
				for o := range ext.All() {
					if o.IsMPLS() {
						for i := range o.Labels() {
							labels = append(labels, o.Label(i))
						}
					}
					if got, ok := o.Interface(); ok {
						info = got
					}
				}
				want := tt.info
				if v6 && want.Addr.IsValid() {
					want.Addr = netip.MustParseAddr("2001:db8:10::2")
				}
				if fmt.Sprint(labels) != fmt.Sprint(tt.labels) || info != want {
					t.Errorf("%s: labels %v, want %v; interface %+v, want %+v", tt.setting, labels, tt.labels, info, want)
				}
			}
		}
	})
}

func TestIPIDModels(t *testing.T) {
	udp := func(dst string) probe {
		return probe{dst: dst, kind: "udp", sport: 1, dport: 33435, id: 0xabcd, size: 40}
	}
	for _, tt := range []struct {
		setting string
		want    func(ids []uint16) bool // of replies from .10, .11, .10, .11, one second apart
	}{
		{"ipid-start = 65534", func(i []uint16) bool { return i[0] == 65534 && i[1] == 65535 && i[2] == 0 && i[3] == 1 }},
		{"ipid-start = 10\nipid-velocity = 100", func(i []uint16) bool { return i[0] == 10 && i[1] == 111 && i[2] == 212 && i[3] == 313 }},
		{"ipid-start = 10\nipid-step = 256", func(i []uint16) bool { return i[1]-i[0] == 256 && i[3]-i[2] == 256 }},
		{"ipid = \"swapped\"\nipid-start = 258", func(i []uint16) bool { return i[0] == 0x0201 && i[1] == 0x0301 }},
		{"ipid = \"interface\"", func(i []uint16) bool { return i[2] == i[0]+1 && i[3] == i[1]+1 && i[1] != i[0]+1 }},
		{"ipid = \"zero\"", func(i []uint16) bool { return i[0]|i[1]|i[2]|i[3] == 0 }},
		{"ipid = \"echo\"", func(i []uint16) bool { return i[0] == 0xabcd && i[3] == 0xabcd }},
		{"ipid = \"random\"", func(i []uint16) bool { return i[1] != i[0]+1 && i[2] != i[1]+1 && i[0] != i[1] }},
	} {
		n := play(small(t, map[string]string{"d": tt.setting}))
		var ids []uint16
		for i := range 4 {
			d := n.one(t, udp([]string{d4, "198.51.100.11"}[i%2]), time.Duration(i)*time.Second)
			ids = append(ids, d.ip4.Id)
		}
		if !tt.want(ids) {
			t.Errorf("%q: ids %v", tt.setting, ids)
		}
	}
}

func TestInitialTTLAndTOS(t *testing.T) {
	each(t, func(t *testing.T, dst string, v6 bool) {
		n := play(small(t, map[string]string{"d": "ttl = 100\necho-ttl = 200\nerror-tos = 0xc0\n"}))
		if d := n.one(t, probe{dst: dst, kind: "udp", sport: 1, dport: 33435}, 0); d.ttl() != 97 || tosOf(d) != 0xc0 {
			t.Errorf("error: TTL %d, TOS %x; want 97, c0", d.ttl(), tosOf(d))
		}
		if d := n.one(t, probe{dst: dst, kind: "echo", tos: 0x28}, 0); d.ttl() != 197 || tosOf(d) != 0x28 {
			t.Errorf("echo reply: TTL %d, TOS %x; want 197, 28", d.ttl(), tosOf(d))
		}
	})
}

func tosOf(d *decoded) uint8 {
	if d.ip4 != nil {
		return d.ip4.TOS
	}
	return d.ip6.TrafficClass
}

func TestWhenRepliesCome(t *testing.T) {
	each(t, func(t *testing.T, dst string, v6 bool) {
		n := play(small(t, map[string]string{"d": `delay = "30ms"`, "r1-r2": `delay = "10ms"`, "r2-r3": `delay = "1.5s"`}))
		p := probe{dst: dst, kind: "echo"}
		if d := n.one(t, p, time.Second); d.at != time.Second+30*time.Millisecond+3020*time.Millisecond {
			t.Errorf("reply after %v", d.at-time.Second)
		}
		p.ttl = 2
		if d := n.one(t, p, 10*time.Second); d.at != 10*time.Second+20*time.Millisecond {
			t.Errorf("time exceeded after %v", d.at-10*time.Second)
		}
		n = play(small(t, map[string]string{"d": `jitter = "30ms"`}))
		different := map[time.Duration]bool{}
		for range 50 {
			d := n.one(t, probe{dst: dst, kind: "echo"}, n.now)
			different[d.at] = true
		}
		if len(different) < 40 {
			t.Errorf("50 replies with jitter at %d different times", len(different))
		}
	})
}

func TestLossAndSilenceAndRate(t *testing.T) {
	each(t, func(t *testing.T, dst string, v6 bool) {
		for _, where := range []map[string]string{{"d": "loss = 0.5"}, {"r1-r2": "loss = 0.3"}} {
			n := play(small(t, where))
			got := 0
			for range 1000 {
				got += len(n.Exchange(probe{dst: dst, kind: "echo"}.build(t, n.t), 0))
			}
			if got < 420 || got > 580 {
				t.Errorf("%v: %d of 1000 probes answered", where, got)
			}
			balanced(t, n)
		}
		n := play(small(t, map[string]string{"r2": "silent = true", "d": "silent = true"}))
		n.none(t, probe{dst: dst, ttl: 2, kind: "udp"}, 0, dropSilent)
		n.one(t, probe{dst: dst, ttl: 3, kind: "udp"}, 0)
		n.none(t, probe{dst: dst, kind: "udp"}, 0, dropSilent)
		n.none(t, probe{dst: dst, kind: "echo"}, 0, dropSilent)
		n.none(t, probe{dst: dst, kind: "syn"}, 0, dropSilent)

		n = play(small(t, map[string]string{"r2": "rate = 10\nburst = 2", "d": "echo-rate = 1"}))
		p := probe{dst: dst, ttl: 2, kind: "udp"}
		n.one(t, p, 0)
		n.one(t, p, 0)
		n.none(t, p, 0, dropRate)
		n.none(t, p, 99*time.Millisecond, dropRate)
		n.one(t, p, 101*time.Millisecond)
		n.none(t, p, 101*time.Millisecond, dropRate)
		n.one(t, probe{dst: dst, kind: "echo"}, time.Second)
		n.none(t, probe{dst: dst, kind: "echo"}, time.Second, dropRate)
		balanced(t, n)
	})
}

func TestCopiesAndOtherAddresses(t *testing.T) {
	n := play(small(t, map[string]string{"d": "copies = 3\ncopy-gap = \"5ms\"\nanswer-from = [\"198.51.100.11\", \"2001:db8:100::77\"]"}))
	each(t, func(t *testing.T, dst string, v6 bool) {
		replies := n.Exchange(probe{dst: dst, kind: "echo", size: 84}.build(t, n.t), n.now)
		if len(replies) != 3 {
			t.Fatalf("%d replies, want 3", len(replies))
		}
		for i, r := range replies {
			d := decode(t, r)
			want := map[bool]string{false: "198.51.100.11", true: "2001:db8:100::77"}[v6]
			if d.src() != want || !bytes.Equal(r.Packet, replies[0].Packet) || r.At-replies[0].At != time.Duration(i)*5*time.Millisecond {
				t.Errorf("copy %d: from %s after %v", i, d.src(), r.At-replies[0].At)
			}
		}
	})
	balanced(t, n)
}

func TestZeroTTLForwarding(t *testing.T) {
	n := play(small(t, map[string]string{"r2": "zero-ttl-forwarding = true"}))
	each(t, func(t *testing.T, dst string, v6 bool) {
		for ttl, want := range map[uint8]uint8{2: 0, 3: 1} { // TTL 2 is zero behind r2, and r3 says so
			d := n.one(t, probe{dst: dst, ttl: ttl, kind: "udp"}, 0)
			got, _ := d.quoteOf(t).TTL()
			if d.src() != map[bool]string{false: "10.0.0.6", true: "2001:db8:11::2"}[v6] || got != want {
				t.Errorf("TTL %d: from %s, quoted TTL %d, want %d", ttl, d.src(), got, want)
			}
		}
	})
}

// A packet takes its own time, though the replies to one before it are still on their way.
func TestExchangeOverlaps(t *testing.T) {
	n := play(small(t, map[string]string{"d": `delay = "3s"`}))
	for i := range 4 {
		sent := time.Duration(i) * time.Second
		if d := n.one(t, probe{dst: d4, kind: "echo"}, sent); d.at != sent+3*time.Second {
			t.Errorf("the reply to a packet sent at %v comes at %v", sent, d.at)
		}
	}
}
