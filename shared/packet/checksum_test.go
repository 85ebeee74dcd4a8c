package packet

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// slowSum is the plain reading of RFC 1071: add 16-bit words in network order, bring
// carries around at each step.
func slowSum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		w := uint32(b[i]) << 8
		if i+1 < len(b) {
			w |= uint32(b[i+1])
		}
		sum += w
		if sum > 0xffff {
			sum -= 0xffff
		}
	}
	return uint16(sum)
}

// maxTested is the largest length compared: a jumbo frame and one.
const maxTested = 9001

func TestSumAllLengths(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, maxTested+8)
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	ones := make([]byte, maxTested+8)
	for i := range ones {
		ones[i] = 0xff
	}
	zero := make([]byte, maxTested+8)
	for name, buf := range map[string][]byte{"random": random, "ones": ones, "zero": zero} {
		for n := 0; n <= maxTested; n++ {
			off := n % 8 // every alignment
			b := buf[off : off+n]
			if got, want := sum16(b), slowSum(b); got != want {
				t.Fatalf("%s, %d bytes at %d: sum %#04x, want %#04x", name, n, off, got, want)
			}
		}
	}
}

func TestSumParts(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, 1500)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	whole := Checksum(b)
	for cut := 0; cut <= len(b); cut += 2 {
		if got := Sum(0).Bytes(b[:cut]).Bytes(b[cut:]).Checksum(); got != whole {
			t.Fatalf("cut at %d: %#04x, want %#04x", cut, got, whole)
		}
		if got := Sum(0).Bytes(b[:cut]).Plus(Sum(0).Bytes(b[cut:])).Checksum(); got != whole {
			t.Fatalf("put together at %d: %#04x, want %#04x", cut, got, whole)
		}
	}
	var s Sum
	for i := 0; i < len(b); i += 4 {
		s = s.Long(binary.BigEndian.Uint32(b[i:]))
	}
	if got := s.Checksum(); got != whole {
		t.Errorf("by words: %#04x, want %#04x", got, whole)
	}
}

func TestPseudoSum(t *testing.T) {
	tests := []struct {
		name     string
		src, dst string
		header   []byte // the pseudo header, written out
	}{
		{"v4", "192.0.2.1", "198.51.100.9", []byte{192, 0, 2, 1, 198, 51, 100, 9, 0, 17, 0x12, 0x34}},
		{
			"v6", "2001:db8::1", "2001:db8:ffff::2",
			[]byte{
				0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
				0x20, 1, 0xd, 0xb8, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
				0, 0, 0x12, 0x34, 0, 0, 0, 17,
			},
		},
	}
	for _, tt := range tests {
		got := PseudoSum(netip.MustParseAddr(tt.src), netip.MustParseAddr(tt.dst), ProtoUDP, 0x1234).Value()
		if want := slowSum(tt.header); got != want {
			t.Errorf("%s: %#04x, want %#04x", tt.name, got, want)
		}
	}
	if got := PseudoSum(netip.Addr{}, netip.Addr{}, ProtoUDP, 8).Value(); got != 8+17 {
		t.Errorf("no addresses: %d", got)
	}
}

// TestAdjust changes each word of a packet to many values and compares the checksum by
// difference with a new one.
func TestAdjust(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20000 {
		b := make([]byte, 20)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		ck := Checksum(b)
		at := 2 * rng.IntN(10)
		old := binary.BigEndian.Uint16(b[at:])
		v := uint16(rng.Uint32())
		if rng.IntN(4) == 0 {
			v = ^uint16(0) * uint16(rng.IntN(2)) // 0 or 0xffff, where ones-complement has two zeros
		}
		binary.BigEndian.PutUint16(b[at:], v)
		if got, want := Adjust(ck, old, v), Checksum(b); got != want {
			t.Fatalf("% x, word at %d from %#04x: %#04x, want %#04x", b, at, old, got, want)
		}
	}
	// The case that RFC 1624 section 4 tells of.
	if got := Adjust(0xdd2f, 0x5555, 0x3285); got != 0x0000 {
		t.Errorf("RFC 1624 example: %#04x, want 0x0000", got)
	}
}

// TestCraft asks for all 65,536 checksums, in packets of several contents.
func TestCraft(t *testing.T) {
	src, dst := netip.MustParseAddr("10.77.0.1"), netip.MustParseAddr("10.77.4.2")
	packets := [][]byte{
		make([]byte, 16),
		{0x93, 0x88, 0x82, 0x9b, 0, 24, 0, 0, 0, 0, 1, 2, 3, 4, 5},
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff},
	}
	for i, p := range packets {
		pseudo := PseudoSum(src, dst, ProtoUDP, len(p))
		for _, s := range []Sum{Sum(0).Bytes(p), pseudo.Bytes(p)} {
			for want := 0; want <= 0xffff; want++ {
				v := Craft(s, uint16(want))
				if v == 0 {
					t.Fatalf("packet %d: crafted word for %#04x is 0", i, want)
				}
				got := s.Word(v).Checksum()
				expect := uint16(want)
				if want == 0xffff {
					expect = 0 // 0xffff is the sum of zeros only
				}
				if got != expect {
					t.Fatalf("packet %d: checksum %#04x, want %#04x", i, got, expect)
				}
				if udp := s.Word(v).UDPChecksum(); want == 0 && udp != 0xffff || want != 0 && udp != uint16(want) {
					t.Fatalf("packet %d: UDP checksum %#04x, want %#04x", i, udp, want)
				}
			}
		}
	}
}

// TestObservedChecksums are values seen on the wire.
func TestObservedChecksums(t *testing.T) {
	// UDP-paris, 37768 > 33435, 24 bytes, wanted 1 and 2.
	src, dst := netip.MustParseAddr("10.77.0.1"), netip.MustParseAddr("10.77.4.2")
	s := PseudoSum(src, dst, ProtoUDP, 24).Word(37768).Word(33435).Word(24)
	if a, b := Craft(s, 1), Craft(s, 2); a != 0xd0fc || b != 0xd0fb {
		t.Errorf("UDP-paris words %04x %04x, want d0fc d0fb", a, b)
	}
	// ICMP-paris, id 37868, wanted 37868, sequence 0 and 1.
	s = Sum(0).Word(0x0800).Word(37868)
	if a, b := Craft(s.Word(0), 37868), Craft(s.Word(1), 37868); a != 0xd026 || b != 0xd025 {
		t.Errorf("ICMP-paris words %04x %04x, want d026 d025", a, b)
	}
}

func FuzzSum(f *testing.F) {
	f.Add([]byte{1, 2, 3}, uint16(2))
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		if got, want := sum16(b), slowSum(b); got != want {
			t.Fatalf("sum %#04x, want %#04x", got, want)
		}
		if c := int(cut) &^ 1; c <= len(b) {
			if got, want := Sum(0).Bytes(b[:c]).Bytes(b[c:]).Checksum(), ^slowSum(b); got != want {
				t.Fatalf("cut at %d: %#04x, want %#04x", c, got, want)
			}
		}
	})
}

func BenchmarkSum(b *testing.B) {
	buf := make([]byte, 1500)
	for _, n := range []int{20, 44, 1500} {
		b.Run(string(rune('0'+n/1000))+"k", func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				sum16(buf[:n])
			}
		})
	}
}
