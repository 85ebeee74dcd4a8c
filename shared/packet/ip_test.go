package packet

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var cmpAddr = cmp.Options{cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()}

// readIPv4 goes from a view back to the fields it was built from.
func readIPv4(p IPv4) IPv4Fields {
	return IPv4Fields{
		TOS: p.TOS(), ID: p.ID(), DF: p.DF(), MF: p.MF(), FragOffset: p.FragOffset(), TTL: p.TTL(),
		Protocol: p.Protocol(), Src: p.Src(), Dst: p.Dst(), Options: p.Options(),
	}
}

func TestIPv4(t *testing.T) {
	tests := []struct {
		name    string
		fields  IPv4Fields
		payload int
		bytes   string
	}{
		{
			"plain",
			IPv4Fields{TTL: 1, ID: 1, DF: true, Protocol: ProtoUDP, Src: a4, Dst: b4},
			24,
			`45 00 002c 0001 4000 01 11 8d82 # 44 bytes, DF, TTL 1, UDP
			c0000201 c6336409`,
		},
		{
			"fragment",
			IPv4Fields{TOS: 0xb8, TTL: 255, ID: 0xffff, MF: true, FragOffset: 185, Protocol: ProtoICMP, Src: a4, Dst: b4},
			0,
			`45 b8 0014 ffff 20b9 ff 01 ae39
			c0000201 c6336409`,
		},
		{
			"options",
			IPv4Fields{TTL: 64, Protocol: ProtoTCP, Src: a4, Dst: b4, Options: []byte{7, 7, 4, 0, 0, 0, 0, 0}},
			4,
			`47 00 0020 0000 0000 40 06 8193
			c0000201 c6336409
			070704 00000000 00 # record route, filled up`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := tt.fields.Append([]byte{0xaa}, tt.payload)
			b = must(t, b, err)
			wantBytes(t, b[1:], unhex(t, tt.bytes))
			b = appendZeros(b, tt.payload+3)[1:] // and link padding
			p, err := ParseIPv4(b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.fields, readIPv4(p), cmpAddr); diff != "" {
				t.Errorf("parsed (-built +parsed):\n%s", diff)
			}
			if !p.ChecksumOK() || p.Truncated() || len(p.Payload()) != tt.payload || p.TotalLen() != len(b)-3 {
				t.Errorf("checksum %v, truncated %v, payload %d, total %d", p.ChecksumOK(), p.Truncated(), len(p.Payload()), p.TotalLen())
			}
			if got, want := p.IsFragment(), tt.fields.MF || tt.fields.FragOffset != 0; got != want {
				t.Errorf("IsFragment %v", got)
			}
		})
	}
}

func TestIPv4Setters(t *testing.T) {
	f := IPv4Fields{TTL: 9, ID: 7, Protocol: ProtoUDP, Src: a4, Dst: b4}
	b, err := f.Append(nil, 0)
	p := IPv4(must(t, b, err))
	for ttl := range 256 {
		p.SetTTL(uint8(ttl))
		p.SetTOS(uint8(ttl * 7))
		p.SetID(uint16(ttl * 257))
		if !p.ChecksumOK() || p.TTL() != uint8(ttl) || p.TOS() != uint8(ttl*7) || p.ID() != uint16(ttl*257) {
			t.Fatalf("TTL %d: % x", ttl, []byte(p))
		}
	}
	p[15]++
	if p.ChecksumOK() {
		t.Error("damaged header has a right checksum")
	}
	if p.UpdateChecksum(); !p.ChecksumOK() {
		t.Error("checksum not updated")
	}
}

func TestIPv6(t *testing.T) {
	f := IPv6Fields{TrafficClass: 0xb9, FlowLabel: 0x80adc, NextHeader: ProtoUDP, HopLimit: 2, Src: a6, Dst: b6}
	b, err := f.Append(nil, 20)
	b = must(t, b, err)
	wantBytes(t, b, unhex(t, `6b980adc 0014 11 02
		20010db8 00000000 00000000 00000001
		20010db8 00020000 00000000 00000009`))
	p, err := ParseIPv6(appendZeros(b, 22))
	if err != nil {
		t.Fatal(err)
	}
	got := IPv6Fields{p.TrafficClass(), p.FlowLabel(), p.NextHeader(), p.HopLimit(), p.Src(), p.Dst()}
	if diff := cmp.Diff(f, got, cmpAddr); diff != "" {
		t.Errorf("parsed (-built +parsed):\n%s", diff)
	}
	if p.TotalLen() != 60 || len(p) != 60 || p.Truncated() || len(p.Payload()) != 20 {
		t.Errorf("total %d, view %d", p.TotalLen(), len(p))
	}
	p.SetHopLimit(77)
	p.SetPayloadLen(21)
	if p.HopLimit() != 77 || !p.Truncated() {
		t.Errorf("hop limit %d, truncated %v", p.HopLimit(), p.Truncated())
	}
}

func TestIPErrors(t *testing.T) {
	f4 := IPv4Fields{TTL: 1, Src: a4, Dst: b4}
	f6 := IPv6Fields{Src: a6, Dst: b6}
	long := f4
	long.Options = make([]byte, 41)
	high := f4
	high.FragOffset = 0x2000
	label := f6
	label.FlowLabel = MaxFlowLabel + 1
	mixed := f4
	mixed.Dst = b6
	mapped := f6
	mapped.Src = a4
	for _, tt := range []struct {
		name string
		got  func() ([]byte, error)
		want error
	}{
		{"IPv4 payload", func() ([]byte, error) { return f4.Append([]byte{1}, 65516) }, ErrTooLong},
		{"IPv4 negative payload", func() ([]byte, error) { return f4.Append([]byte{1}, -1) }, ErrTooLong},
		{"IPv4 options", func() ([]byte, error) { return long.Append([]byte{1}, 0) }, ErrTooLong},
		{"IPv4 offset", func() ([]byte, error) { return high.Append([]byte{1}, 0) }, ErrTooLong},
		{"IPv4 family", func() ([]byte, error) { return mixed.Append([]byte{1}, 0) }, ErrFamily},
		{"IPv6 payload", func() ([]byte, error) { return f6.Append([]byte{1}, 65536) }, ErrTooLong},
		{"IPv6 label", func() ([]byte, error) { return label.Append([]byte{1}, 0) }, ErrTooLong},
		{"IPv6 family", func() ([]byte, error) { return mapped.Append([]byte{1}, 0) }, ErrFamily},
		{"fragment", func() ([]byte, error) { return Fragment{Offset: 0x2000}.Append([]byte{1}) }, ErrTooLong},
	} {
		b, err := tt.got()
		if !errors.Is(err, tt.want) || len(b) != 1 {
			t.Errorf("%s: error %v (%d bytes), want %v", tt.name, err, len(b), tt.want)
		}
	}
	for _, tt := range []struct {
		name, bytes string
		want        error
	}{
		{"empty", "", ErrShort},
		{"19 bytes", "45000014000000004001000001010101020202", ErrShort},
		{"version", "6500001400000000400100000101010102020202", ErrVersion},
		{"header length", "4400001400000000400100000101010102020202", ErrLength},
		{"total length", "4500001300000000400100000101010102020202", ErrLength},
		{"options missing", "4600001800000000400100000101010102020202", ErrShort},
	} {
		if _, err := ParseIPv4(unhex(t, tt.bytes)); !errors.Is(err, tt.want) {
			t.Errorf("ParseIPv4 %s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if _, err := ParseIPv6(make([]byte, 39)); !errors.Is(err, ErrShort) {
		t.Errorf("short IPv6: %v", err)
	}
	if _, err := ParseIPv6(make([]byte, 40)); !errors.Is(err, ErrVersion) {
		t.Errorf("IPv6 of version 0: %v", err)
	}
}

// TestExtensionHeaders builds chains of headers and walks them.
func TestExtensionHeaders(t *testing.T) {
	var b []byte
	hop, err := AppendOptionsHeader(b, ProtoDestOpts, IPv6Option{OptionRouterAlert, []byte{0, 0}})
	b = must(t, hop, err)
	wantBytes(t, b, unhex(t, "3c 00 0502 0000 0100"))
	dst, err := AppendOptionsHeader(b, ProtoRouting, IPv6Option{0x1e, make([]byte, 5)}, IPv6Option{0x1e, nil})
	b = must(t, dst, err)
	wantBytes(t, b[8:], unhex(t, "2b 01 1e05 0000000000 1e00 0103 000000"))
	rt, err := AppendRoutingHeader(b, ProtoFragment, 2, 1, a6)
	b = must(t, rt, err)
	wantBytes(t, b[24:], unhex(t, "2c 02 02 01 00000000 20010db8 00000000 00000000 00000001"))
	f := Fragment{NextHeader: ProtoUDP, Offset: 0, More: true, ID: 0xdeadbeef}
	fr, err := f.Append(b)
	b = must(t, fr, err)
	wantBytes(t, b[48:], unhex(t, "11 00 0001 deadbeef"))
	b = append(b, 1, 2, 3)

	u, ok := WalkExtensions(ProtoHopByHop, b)
	want := Upper{Protocol: ProtoUDP, Offset: 56, Payload: []byte{1, 2, 3}, HasFragment: true, Fragment: f}
	if diff := cmp.Diff(want, u); diff != "" || !ok {
		t.Errorf("ok %v (-want +got):\n%s", ok, diff)
	}
	for n := range 56 {
		if _, ok := WalkExtensions(ProtoHopByHop, b[:n]); ok {
			t.Errorf("walked over headers cut at %d", n)
		}
	}

	// A later fragment holds data: the walk ends there, whatever its next header says.
	later := Fragment{NextHeader: ProtoDestOpts, Offset: 7, ID: 1}
	lb, err := later.Append(nil)
	lb = append(must(t, lb, err), 9, 9)
	u, ok = WalkExtensions(ProtoFragment, lb)
	if !ok || u.Protocol != ProtoDestOpts || u.Fragment != later || len(u.Payload) != 2 {
		t.Errorf("later fragment: %+v ok %v", u, ok)
	}

	var endless []byte
	for range maxExtensionHeaders + 1 {
		endless = append(endless, ProtoDestOpts, 0, 1, 4, 0, 0, 0, 0)
	}
	if _, ok := WalkExtensions(ProtoDestOpts, endless); ok {
		t.Error("walked over an endless chain")
	}
	// RFC 4302: the length of an authentication header is in 4 byte units minus 2.
	ah := append([]byte{ProtoTCP, 4}, make([]byte, 22)...)
	if u, ok := WalkExtensions(ProtoAH, append(ah, 5)); !ok || u.Protocol != ProtoTCP || len(u.Payload) != 1 {
		t.Errorf("authentication header: %+v ok %v", u, ok)
	}

	var opts []uint8
	for rest := b[10:24]; ; {
		o, next, ok := NextIPv6Option(rest)
		if !ok {
			break
		}
		opts, rest = append(opts, o.Type), next
	}
	if diff := cmp.Diff([]uint8{0x1e, 0x1e, OptionPadN}, opts); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	if _, err := AppendOptionsHeader(nil, 0, make([]IPv6Option, 1100)...); !errors.Is(err, ErrTooLong) {
		t.Errorf("1100 options: %v", err)
	}
}

func TestIPv4Options(t *testing.T) {
	rr, err := AppendRecordRoute(nil, 9)
	rr = must(t, rr, err)
	wantBytes(t, rr, append([]byte{7, 0x27, 4}, make([]byte, 36)...))
	ts, err := AppendTimestampOption(nil, TimestampOnly, 9)
	wantBytes(t, must(t, ts, err), append([]byte{0x44, 0x28, 5, 0}, make([]byte, 36)...))
	ta, err := AppendTimestampOption(nil, TimestampAndAddr, 4)
	wantBytes(t, must(t, ta, err), append([]byte{0x44, 0x24, 5, 1}, make([]byte, 32)...))
	tp, err := AppendTimestampPrespec(nil, []netip.Addr{a4, b4})
	tp = must(t, tp, err)
	wantBytes(t, tp, unhex(t, "44 14 05 03 c0000201 00000000 c6336409 00000000"))
	wantBytes(t, AppendQuickStart(nil, 2, 0x77, 1<<29), unhex(t, "19 08 02 77 80000000"))

	for name, err := range map[string]error{
		"record route 0":  second(AppendRecordRoute(nil, 0)),
		"record route 10": second(AppendRecordRoute(nil, 10)),
		"stamps 10":       second(AppendTimestampOption(nil, TimestampOnly, 10)),
		"pairs 5":         second(AppendTimestampOption(nil, TimestampAndAddr, 5)),
		"no addresses":    second(AppendTimestampPrespec(nil, nil)),
		"five addresses":  second(AppendTimestampPrespec(nil, make([]netip.Addr, 5))),
	} {
		if !errors.Is(err, ErrTooLong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := second(AppendTimestampOption(nil, 2, 1)); !errors.Is(err, ErrType) {
		t.Errorf("flag 2: %v", err)
	}
	if err := second(AppendTimestampPrespec(nil, []netip.Addr{a6})); !errors.Is(err, ErrFamily) {
		t.Errorf("IPv6 in option: %v", err)
	}

	options := append([]byte{IPOptionNOP}, rr...)
	r, ok := FindRecordRoute(options)
	if !ok || r.Len() != 0 || r.At(0).IsValid() {
		t.Fatalf("empty record route: ok %v, %d addresses", ok, r.Len())
	}
	for i := range 9 {
		if !r.Record(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})) {
			t.Fatalf("no room for address %d", i)
		}
	}
	if r.Record(a4) || r.Len() != 9 || r.At(8).String() != "10.0.0.8" || r.At(9).IsValid() || r.At(-1).IsValid() {
		t.Errorf("full record route: % x", []byte(r))
	}

	s, ok := FindTimestampOption(tp)
	if !ok || s.Flag() != TimestampPrespec || s.Len() != 0 {
		t.Fatalf("prespecified: ok %v flag %d len %d", ok, s.Flag(), s.Len())
	}
	if s.Record(b4, 1) {
		t.Error("an address out of turn was let in")
	}
	if !s.Record(a4, 0x01020304) || !s.Record(b4, 5) || s.Record(b4, 6) || s.Len() != 2 {
		t.Errorf("prespecified, filled: % x", []byte(s))
	}
	if a, ms := s.At(0); a != a4 || ms != 0x01020304 {
		t.Errorf("entry 0: %v %#x", a, ms)
	}
	s, _ = FindTimestampOption(ts)
	for i := range 25 {
		s.Record(a4, uint32(i))
	}
	if _, ms := s.At(8); s.Len() != 9 || ms != 8 || s.Overflow() != 15 || s.Flag() != TimestampOnly {
		t.Errorf("stamps: len %d last %d overflow %d", s.Len(), ms, s.Overflow())
	}

	// Pointers as they come from the network.
	for _, tt := range []struct{ pointer, want int }{{0, 0}, {4, 0}, {5, 0}, {7, 0}, {8, 1}, {40, 9}, {44, 9}, {255, 0}, {252, 9}} {
		r[2] = byte(tt.pointer)
		if got := r.Len(); got != tt.want {
			t.Errorf("record route with pointer %d: %d addresses, want %d", tt.pointer, got, tt.want)
		}
	}
	for _, tt := range []struct{ pointer, want int }{{0, 0}, {1, 9}, {4, 0}, {5, 0}, {8, 0}, {9, 1}, {41, 9}, {255, 9}} {
		s[2] = byte(tt.pointer)
		if got := s.Len(); got != tt.want {
			t.Errorf("timestamp with pointer %d: %d entries, want %d", tt.pointer, got, tt.want)
		}
	}
}

func second(_ []byte, err error) error { return err }
