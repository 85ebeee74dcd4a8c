package packet

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readQuote calls all getters; a field that isn't ok is left out.
func readQuote(q Quote) map[string]string {
	got := map[string]string{}
	set := func(name string, ok bool, values ...any) {
		if ok {
			got[name] = fmt.Sprint(values...)
		}
	}
	v, ok := q.Version()
	set("version", ok, v)
	src, ok := q.Src()
	set("src", ok, src)
	dst, ok := q.Dst()
	set("dst", ok, dst)
	ttl, ok := q.TTL()
	set("ttl", ok, ttl)
	tos, ok := q.TOS()
	set("tos", ok, tos)
	n, ok := q.TotalLen()
	set("len", ok, n)
	id, ok := q.IPID()
	set("id", ok, id)
	label, ok := q.FlowLabel()
	set("label", ok, label)
	o, ok := q.Options()
	set("options", ok, o)
	u, ok := q.Upper()
	set("upper", ok, u.Protocol, u.FragOffset, u.Fragment, u.FragID)
	s, d, ok := q.Ports()
	set("ports", ok, s, d)
	c, ok := q.UDPChecksum()
	set("udp checksum", ok, c)
	seq, ok := q.TCPSeq()
	set("tcp seq", ok, seq)
	t, code, ok := q.ICMPType()
	set("icmp type", ok, t, code)
	c, ok = q.ICMPChecksum()
	set("icmp checksum", ok, c)
	i, e, ok := q.ICMPEcho()
	set("icmp echo", ok, i, e)
	return got
}

// TestQuoteTruncation cuts quoted packets at every length and says which field is
// there from where on.
func TestQuoteTruncation(t *testing.T) {
	udp4 := quoted(t, a4, b4, 4)
	udp6 := quoted(t, a6, b6, 4)
	tcp4f := IPv4Fields{TTL: 2, Protocol: ProtoTCP, Src: a4, Dst: b4, Options: []byte{1, 1, 1, 0}}
	tcp4, err := tcp4f.Append(nil, 20)
	tcp4 = must(t, tcp4, err)
	tf := TCPFields{SrcPort: 5, DstPort: 6, Seq: 7}
	tcp4, err = tf.Append(tcp4, nil, 0)
	tcp4 = must(t, tcp4, err)
	ip6 := IPv6Fields{NextHeader: ProtoFragment, HopLimit: 3, Src: a6, Dst: b6}
	icmp6, err := ip6.Append(nil, 16)
	icmp6 = must(t, icmp6, err)
	icmp6, err = Fragment{NextHeader: ProtoICMPv6, More: true, ID: 77}.Append(icmp6)
	icmp6 = ICMPFields{Type: ICMP6Echo, Rest: EchoRest(8, 9)}.Append(must(t, icmp6, err), nil, 0)

	tests := []struct {
		name   string
		packet []byte
		from   map[string]int // field -> bytes that have to be there
		values map[string]string
	}{
		{
			"UDP over IPv4", udp4,
			map[string]int{
				"version": 1, "tos": 2, "len": 4, "id": 6, "ttl": 9, "src": 16, "dst": 20, "options": 20, "upper": 20,
				"ports": 24, "udp checksum": 28,
			},
			map[string]string{"len": "32", "id": "4660", "ttl": "1", "tos": "3", "ports": "1000 2000", "dst": b4.String()},
		},
		{
			"UDP over IPv6", udp6,
			map[string]int{
				"version": 1, "tos": 2, "label": 4, "len": 6, "ttl": 8, "src": 24, "dst": 40, "upper": 40, "ports": 44,
				"udp checksum": 48,
			},
			map[string]string{"len": "52", "label": "74565", "ttl": "1", "tos": "3", "src": a6.String()},
		},
		{
			"TCP over IPv4 with options", tcp4,
			map[string]int{
				"version": 1, "tos": 2, "len": 4, "id": 6, "ttl": 9, "src": 16, "dst": 20, "options": 24, "upper": 24,
				"ports": 28, "tcp seq": 32,
			},
			map[string]string{"ports": "5 6", "tcp seq": "7", "options": "[1 1 1 0]"},
		},
		{
			"ICMPv6 behind a fragment header", icmp6,
			map[string]int{
				"version": 1, "tos": 2, "label": 4, "len": 6, "ttl": 8, "src": 24, "dst": 40, "upper": 48, "icmp type": 50,
				"icmp checksum": 52, "icmp echo": 56,
			},
			map[string]string{"icmp echo": "8 9", "icmp type": "128 0", "upper": "58 0 true 77"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			whole := readQuote(Quote(tt.packet))
			for n := range len(tt.packet) + 1 {
				want := map[string]string{}
				for field, from := range tt.from {
					if n >= from {
						want[field] = whole[field]
					}
				}
				if diff := cmp.Diff(want, readQuote(Quote(tt.packet[:n]))); diff != "" {
					t.Fatalf("%d bytes (-want +got):\n%s", n, diff)
				}
			}
			for field, want := range tt.values {
				if whole[field] != want {
					t.Errorf("%s is %s, want %s", field, whole[field], want)
				}
			}
		})
	}
}

func TestQuoteLaterFragment(t *testing.T) {
	f := IPv4Fields{TTL: 1, Protocol: ProtoUDP, FragOffset: 10, Src: a4, Dst: b4}
	b, err := f.Append(nil, 8)
	q := Quote(append(must(t, b, err), 1, 2, 3, 4, 5, 6, 7, 8))
	if s, d, ok := q.Ports(); ok {
		t.Errorf("ports %d %d in the data of a fragment", s, d)
	}
	if u, ok := q.Upper(); !ok || u.FragOffset != 10 || len(u.Payload) != 8 {
		t.Errorf("upper %+v %v", u, ok)
	}
}

// TestQuoteEnd: what follows the quoted packet isn't part of the quote, and a quoted
// length that can't be right is not believed.
func TestQuoteEnd(t *testing.T) {
	for _, addrs := range [][2]netip.Addr{{a4, b4}, {a6, b6}} {
		v4 := addrs[0].Is4()
		p := quoted(t, addrs[0], addrs[1], 16)
		exceeded := ICMPFields{Type: ICMP6TimeExceeded}
		if v4 {
			exceeded.Type = ICMP4TimeExceeded
		}
		m := ICMP(exceeded.Append(nil, append(p, make([]byte, 100)...), 0))
		if q := quoteOf(m, v4); len(q) != len(p) {
			t.Errorf("padded quote has %d bytes, want %d", len(q), len(p))
		}
		at := 4
		if v4 {
			at = 2
		}
		put16(p, at, 3) // shorter than any packet
		m = ICMP(exceeded.Append(nil, p, 0))
		if q := quoteOf(m, v4); len(q) != len(p) {
			t.Errorf("quote with bad length has %d bytes, want %d", len(q), len(p))
		}
	}
	if q := (ICMP{}).Quote4(); len(q) != 0 {
		t.Errorf("quote of nothing: % x", []byte(q))
	}
}
