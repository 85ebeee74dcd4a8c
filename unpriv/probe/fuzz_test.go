package probe

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/packet"
	"scamper/shared/warts"
)

// within reports that part is a slice of whole, by its bytes' place in memory.
func within(part, whole []byte) bool {
	if len(part) == 0 {
		return true
	}
	if len(whole) == 0 {
		return false
	}
	for i := range whole {
		if &whole[i] == &part[0] {
			return len(part) <= len(whole)-i
		}
	}
	return false
}

// checkReply says what holds for every parsed packet.
func checkReply(t *testing.T, r *Reply, reason Reason, b []byte) {
	t.Helper()
	if (r.Kind != KindNone) != (reason == Accepted) {
		t.Fatalf("%v, but kind %v", reason, r.Kind)
	}
	for name, part := range map[string][]byte{
		"packet": r.Packet, "options": r.IP.Options, "extensions": r.ICMP.Extensions, "quoted options": r.Quote.Options,
		"quoted payload": r.Quote.Payload, "TCP options": r.TCP.Options, "TCP payload": r.TCP.Payload, "UDP payload": r.UDP.Payload,
	} {
		if !within(part, b) {
			t.Fatalf("%s is not in the buffer", name)
		}
	}
	if reason != Accepted {
		return
	}
	first, second := r.Targets()
	if !first.IsValid() || first.Zone() != "" || second.Zone() != "" {
		t.Fatalf("%v: targets %v %v", r.Kind, first, second)
	}
	if r.Kind == KindError && (!r.Quote.Dst.IsValid() || r.Quote.Offset == 0 && len(r.Quote.Payload) < minQuoted) {
		t.Fatalf("quote of %d bytes to %v accepted", len(r.Quote.Payload), r.Quote.Dst)
	}
	if rr, ok := r.RecordRoute(); ok && rr.Len() > packet.MaxRecordRoute {
		t.Fatalf("record route of %d", rr.Len())
	}
	if ts, ok := r.TimestampOption(); ok && ts.Len() > 9 {
		t.Fatalf("%d timestamps", ts.Len())
	}
	n := 0
	for range r.ICMP.Extensions.All() {
		n++
	}
	if n > len(b)/8 {
		t.Fatalf("%d objects in %d bytes", n, len(b))
	}
	_ = text(r, reason)
	if diff := cmp.Diff(*r, *r.Clone(), cmpReply...); diff != "" {
		t.Fatalf("clone differs:\n%s", diff)
	}
}

func addFrames(f *testing.F) {
	for _, name := range captures {
		for _, b := range frames(f, name) {
			if len(b) < 300 {
				f.Add(b)
			}
		}
	}
	f.Add(append(make([]byte, 14), error4(f, packet.ErrorFields{Type: 11, Form: packet.Legacy, Objects: mpls(f, 16, 17)}, probe4(f))...))
}

// FuzzParse gives any bytes to every parser.
func FuzzParse(f *testing.F) {
	addFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		var r Reply
		for l := packet.LinkUnknown; l <= packet.LinkVoid; l++ {
			checkReply(t, &r, ParseFrame(l, b, &r), b)
		}
		for _, at := range []int{0, 14, 34, 54} {
			if at <= len(b) {
				checkReply(t, &r, ParseICMP4(b[at:], &r), b[at:])
				checkReply(t, &r, ParseICMP6(b[at:], ancillary, &r), b[at:])
			}
		}
		if !bytes.Equal(b, before) {
			t.Fatal("parsing changed the bytes")
		}
	})
}

// FuzzProbe describes probes at random: what is built has the announced size, is
// parsed, and matches the probe.
func FuzzProbe(f *testing.F) {
	f.Add(uint8(5), uint16(40000), uint16(33435), uint16(3), uint8(1), []byte{}, uint16(0), uint16(0))
	f.Add(uint8(2), uint16(40000), uint16(33435), uint16(3), uint8(1), []byte{1, 2}, uint16(1500), uint16(0))
	f.Add(uint8(5), uint16(40000), uint16(33435), uint16(3), uint8(1), []byte{1, 2}, uint16(0), uint16(8190))
	f.Fuzz(func(t *testing.T, method uint8, sport, dport, n uint16, ttl uint8, payload []byte, size, offset uint16) {
		for _, addrs := range [][2]netip.Addr{{host4, target4}, {host6, target6}} {
			p := TraceProbe{
				Method: warts.TraceMethod(method % 8), Src: addrs[0], Dst: addrs[1], SrcPort: sport, DstPort: dport,
				N: int(n % 32768), TTL: ttl, Payload: payload, PacketSize: int(size), FragOffset: offset % 8191,
			}
			b, err := p.AppendPacket(nil)
			if err != nil {
				if len(b) != 0 {
					t.Fatalf("%d bytes and %v", len(b), err)
				}
				continue
			}
			if len(b) != p.Size() {
				t.Fatalf("Size %d, %d bytes", p.Size(), len(b))
			}
			m := TraceMatch{Method: p.Method, Src: p.Src, Dst: p.Dst, SrcPort: sport, DstPort: dport, Sent: p.N + 1, FragOffset: p.FragOffset}
			var r Reply
			if reason := ParseFrame(packet.LinkRaw, b, &r); reason != Accepted {
				t.Fatalf("%v: % x", reason, b)
			}
			if p.FragOffset == 0 && int(p.DstPort)+p.N <= 0xffff {
				if got, ok := m.MatchSent(&r); !ok || got != p.N {
					t.Fatalf("sent probe %d is %d %v", p.N, got, ok)
				}
			}
			e := packet.ErrorFields{Type: packet.ICMP6TimeExceeded}
			if p.Dst.Is4() {
				e.Type = packet.ICMP4TimeExceeded
			}
			msg, err := e.Append(nil, b[:min(len(b), 500)], addrs[1], addrs[0])
			if err != nil {
				t.Fatal(err)
			}
			reason := ParseICMP6(msg, Ancillary{Src: addrs[1], Dst: addrs[0]}, &r)
			if p.Dst.Is4() {
				ip := packet.IPv4Fields{Protocol: packet.ProtoICMP, Src: addrs[1], Dst: addrs[0]}
				h, err := ip.Append(nil, len(msg))
				if err != nil {
					t.Fatal(err)
				}
				reason = ParseICMP4(append(h, msg...), &r)
			}
			if reason != Accepted {
				t.Fatalf("%v: % x", reason, msg)
			}
			// A checksum that is the sum of the pseudo header may be an unfinished one: only a whole quote tells.
			doubtful := p.Dst.Is6() && p.Method == warts.TraceUDPParis && p.FragOffset == 0 && len(b) > 500 &&
				int(packet.PseudoSum(p.Src, p.Dst, packet.ProtoUDP, len(b)-packet.IPv6HeaderLen).Value()) == p.N+1
			if got, ok := m.Match(&r); int(p.DstPort)+p.N <= 0xffff && (ok && got != p.N || ok == doubtful) {
				t.Fatalf("quoted probe %d is %d %v", p.N, got, ok)
			}
		}
	})
}
