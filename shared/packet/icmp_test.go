package packet

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestICMP(t *testing.T) {
	// Seen on the wire: ICMP probe 1, id 37818, checksum 6445.
	f := ICMPFields{Type: ICMP4Echo, Rest: EchoRest(37818, 0)}
	b := f.Append(nil, make([]byte, 16), 0)
	wantBytes(t, b[:8], unhex(t, "08 00 6445 93ba 0000"))
	m, err := ParseICMP(b)
	if err != nil {
		t.Fatal(err)
	}
	if m.Type() != ICMP4Echo || m.Code() != 0 || m.ID() != 37818 || m.Seq() != 0 || len(m.Body()) != 16 || !m.ChecksumOK(0) {
		t.Errorf("parsed % x", []byte(m))
	}
	if _, err := ParseICMP(b[:7]); !errors.Is(err, ErrShort) {
		t.Errorf("short: %v", err)
	}

	stamps := ICMPFields{Type: ICMP4TimestampReply, Rest: EchoRest(1, 2)}.Append(nil, unhex(t, "01c98cfd 00000001 80000002"), 0)
	if o, r, x, ok := ICMP(stamps).Timestamps(); o != 0x01c98cfd || r != 1 || x != 0x80000002 || !ok {
		t.Errorf("timestamps %#x %#x %#x %v", o, r, x, ok)
	}
	if _, _, _, ok := ICMP(stamps[:19]).Timestamps(); ok {
		t.Error("timestamps of a short message")
	}
	if m := ICMP(ICMPFields{Type: ICMP4Unreach, Code: 4, Rest: TooBigRest(1400)}.Append(nil, nil, 0)); m.MTU4() != 1400 {
		t.Errorf("MTU %d", m.MTU4())
	}
	if m := ICMP(ICMPFields{Type: ICMP6TooBig, Rest: 70000}.Append(nil, nil, 0)); m.MTU6() != 70000 {
		t.Errorf("MTU %d", m.MTU6())
	}
	if m := ICMP(ICMPFields{Type: ICMP4ParamProblem, Rest: Pointer4Rest(9)}.Append(nil, nil, 0)); m.Pointer4() != 9 {
		t.Errorf("pointer %d", m.Pointer4())
	}

	b, err = AppendICMP4(nil, IPv4Fields{TTL: 255, Src: a4, Dst: b4}, f, []byte{1})
	p, err2 := ParseIPv4(must(t, b, err))
	if err2 != nil || p.Protocol() != ProtoICMP || !ICMP(p.Payload()).ChecksumOK(0) {
		t.Errorf("IPv4 packet: %v % x", err2, b)
	}
	b, err = AppendICMP6(nil, IPv6Fields{HopLimit: 255, Src: a6, Dst: b6}, ICMPFields{Type: ICMP6Echo}, []byte{1})
	p6, err2 := ParseIPv6(must(t, b, err))
	if err2 != nil || p6.NextHeader() != ProtoICMPv6 || !ICMP(p6.Payload()).ChecksumOK(pseudo6(a6, b6, 9)) {
		t.Errorf("IPv6 packet: %v % x", err2, b)
	}
	if err := second(AppendICMP4(nil, IPv4Fields{Src: a6, Dst: b4}, f, nil)); !errors.Is(err, ErrFamily) {
		t.Errorf("family: %v", err)
	}
	if err := second(AppendICMP6(nil, IPv6Fields{Src: a6, Dst: b4}, f, nil)); !errors.Is(err, ErrFamily) {
		t.Errorf("family: %v", err)
	}
}

// quoted builds the packet that errors quote: UDP with n bytes of payload 1, 2, 3...
func quoted(t testing.TB, src, dst netip.Addr, n int) []byte {
	t.Helper()
	payload := make([]byte, n)
	for i := range payload {
		payload[i] = byte(i + 1)
	}
	var b []byte
	var err error
	if src.Is4() {
		f := IPv4Fields{TOS: 3, ID: 0x1234, DF: true, TTL: 1, Protocol: ProtoUDP, Src: src, Dst: dst}
		b, err = f.Append(nil, 8+n)
	} else {
		f := IPv6Fields{TrafficClass: 3, FlowLabel: 0x12345, NextHeader: ProtoUDP, HopLimit: 1, Src: src, Dst: dst}
		b, err = f.Append(nil, 8+n)
	}
	b = must(t, b, err)
	b, err = UDPFields{1000, 2000}.Append(b, payload, PseudoSum(src, dst, ProtoUDP, 8+n))
	return must(t, b, err)
}

type objects []Object

func collect(e Extensions) (all objects) {
	for o := range e.All() {
		all = append(all, o)
	}
	return all
}

func extensionsOf(m ICMP, v4 bool) (Extensions, bool) {
	if v4 {
		return m.Extensions4()
	}
	return m.Extensions6()
}

func quoteOf(m ICMP, v4 bool) Quote {
	if v4 {
		return m.Quote4()
	}
	return m.Quote6()
}

// TestExtensions builds errors in both forms about packets of many sizes, and reads
// them again.
func TestExtensions(t *testing.T) {
	stack := []MPLSLabel{{Label: 0xfffff, Exp: 5, TTL: 1}, {Label: 16, Bottom: true, TTL: 255}}
	mpls, err := AppendMPLS(nil, stack...)
	mpls = must(t, mpls, err)
	wantBytes(t, mpls, unhex(t, "000c 01 01 fffffa01 000101ff"))
	both, err := AppendInterface(mpls, Interface{Role: RoleOutgoing, Index: 7, Addr: a4, Name: "eth0", MTU: 1500})
	both = must(t, both, err)
	wantBytes(t, both[12:], unhex(t, "001c 02 8f 00000007 0001 0000 c0000201 08 65746830 000000 000005dc"))

	for _, v4 := range []bool{true, false} {
		src, dst, exceeded := a6, b6, uint8(ICMP6TimeExceeded)
		if v4 {
			src, dst, exceeded = a4, b4, ICMP4TimeExceeded
		}
		for _, form := range []ExtensionForm{NoExtensions, Legacy, RFC4884} {
			for _, n := range []int{0, 12, 16, 80, 99, 100, 101, 102, 200, 500} {
				packet := quoted(t, src, dst, n)
				f := ErrorFields{Type: exceeded, Form: form, Objects: both}
				b, err := f.Append(nil, packet, dst, src)
				m := ICMP(must(t, b, err))
				pseudo := Sum(0)
				if !v4 {
					pseudo = pseudo6(dst, src, len(m))
				}
				if !m.ChecksumOK(pseudo) {
					t.Fatalf("v4 %v form %d, %d bytes: checksum", v4, form, n)
				}
				e, ok := extensionsOf(m, v4)
				if ok != (form != NoExtensions) {
					t.Fatalf("v4 %v form %d, %d bytes: extensions found %v", v4, form, n, ok)
				}
				if ok {
					all := collect(e)
					if len(all) != 2 || !all[0].IsMPLS() || all[0].Labels() != 2 || all[0].Label(0) != stack[0] || all[0].Label(1) != stack[1] {
						t.Fatalf("objects %v", all)
					}
					f, ok := all[1].Interface()
					want := Interface{Role: RoleOutgoing, Index: 7, Addr: a4, Name: "eth0", MTU: 1500}
					if !ok || f != want {
						t.Fatalf("interface %+v %v", f, ok)
					}
				}
				want := packet
				if form == Legacy && len(want) > 128 {
					want = want[:128]
				}
				q := quoteOf(m, v4)
				if !bytes.HasPrefix(q, want) {
					t.Errorf("v4 %v form %d, %d bytes: quote % x", v4, form, n, []byte(q))
				}
				if form != Legacy && len(q) != len(want) {
					t.Errorf("v4 %v form %d, %d bytes: quote of %d bytes, want %d", v4, form, n, len(q), len(want))
				}
			}
		}
	}
}

func TestExtensionErrors(t *testing.T) {
	q := quoted(t, a4, b4, 16)
	for name, tt := range map[string]struct {
		err  error
		want error
	}{
		"no length field": {second((&ErrorFields{Type: ICMP6TooBig, Form: RFC4884}).Append(nil, q, a6, b6)), ErrType},
		"no length in v4": {second((&ErrorFields{Type: ICMP4Redirect, Form: RFC4884}).Append(nil, q, a4, b4)), ErrType},
		"long quote":      {second((&ErrorFields{Type: ICMP4Unreach, Form: RFC4884}).Append(nil, make([]byte, 1021), a4, b4)), ErrTooLong},
		"families":        {second((&ErrorFields{Type: ICMP4Unreach}).Append(nil, q, a4, b6)), ErrFamily},
		"object":          {second(AppendObject(nil, 1, 1, make([]byte, 65532))), ErrTooLong},
		"labels":          {second(AppendMPLS(nil, make([]MPLSLabel, 16383)...)), ErrTooLong},
		"name":            {second(AppendInterface(nil, Interface{Name: string(make([]byte, 64))})), ErrTooLong},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s: %v, want %v", name, tt.err, tt.want)
		}
	}
}

// TestExtensionBytes reads structures as others write them, or damaged.
func TestExtensionBytes(t *testing.T) {
	labels := "0008 01 01 00010140"
	tests := []struct {
		name      string
		v4        bool
		length    uint8 // RFC 4884 length field
		body      int   // bytes of original packet
		structure string
		want      objects // nil: not found
		found     bool
	}{
		{"no checksum", true, 0, 128, "20000000" + labels, objects{{1, 1, unhex(t, "00010140")}}, true},
		{"right checksum", true, 0, 128, "2000ddb5" + labels, objects{{1, 1, unhex(t, "00010140")}}, true},
		{"wrong checksum", true, 0, 128, "2000ddb6" + labels, nil, false},
		{"first byte 2", true, 0, 128, "02000000" + labels, objects{{1, 1, unhex(t, "00010140")}}, true},
		{"first byte 2 in IPv6", false, 0, 128, "02000000" + labels, nil, false},
		{"version 2, reserved bits", false, 0, 128, "2f000000" + labels, objects{{1, 1, unhex(t, "00010140")}}, true},
		{"version 1", true, 0, 128, "10000000" + labels, nil, false},
		{"header alone", true, 0, 128, "20000000", nil, false},
		{"behind 127 bytes", true, 0, 127, "20000000" + labels, nil, false},
		{"length field", true, 33, 132, "20000000" + labels, objects{{1, 1, unhex(t, "00010140")}}, true},
		{"length field in IPv6", false, 17, 136, "20000000" + labels, objects{{1, 1, unhex(t, "00010140")}}, true},
		{"length field wrong, found behind 128", true, 200, 128, "20000000" + labels, objects{{1, 1, unhex(t, "00010140")}}, true},
		{"length field below 128", true, 5, 128, "20000000" + labels, objects{{1, 1, unhex(t, "00010140")}}, true},
		{"two objects", true, 0, 128, "20000000" + labels + "0008 02 03 aabbccdd", objects{{1, 1, unhex(t, "00010140")}, {2, 3, unhex(t, "aabbccdd")}}, true},
		{"empty object skipped", true, 0, 128, "20000000 0004 0909" + labels, objects{{1, 1, unhex(t, "00010140")}}, true},
		{"length 0 ends", true, 0, 128, "20000000" + labels + "0000 0909" + labels, objects{{1, 1, unhex(t, "00010140")}}, true},
		{"length 3 ends", true, 0, 128, "20000000 0003 0909" + labels, nil, true},
		{"beyond the end", true, 0, 128, "20000000" + labels + "0009 0101 00000000", objects{{1, 1, unhex(t, "00010140")}}, true},
		{"odd length", true, 0, 128, "20000000 0009 0505 0102030405 0008 0101 00000001", objects{{5, 5, []byte{1, 2, 3, 4, 5}}, {1, 1, []byte{0, 0, 0, 1}}}, true},
		{"one byte left", true, 0, 128, "20000000" + labels + "00", objects{{1, 1, unhex(t, "00010140")}}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := []byte{ICMP4TimeExceeded, 0, 0, 0, 0, tt.length, 0, 0}
			if !tt.v4 {
				b = []byte{ICMP6TimeExceeded, 0, 0, 0, tt.length, 0, 0, 0}
			}
			b = append(appendZeros(b, tt.body), unhex(t, tt.structure)...)
			e, ok := extensionsOf(ICMP(b), tt.v4)
			if ok != tt.found {
				t.Fatalf("found %v, want %v", ok, tt.found)
			}
			if diff := cmp.Diff(tt.want, collect(e)); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
		})
	}
	// Messages that have no extensions.
	b := append(make([]byte, 136), unhex(t, "20000000"+labels)...)
	for _, typ := range []uint8{ICMP4EchoReply, ICMP4Echo, ICMP4Redirect} {
		b[0] = typ
		if _, ok := ICMP(b).Extensions4(); ok {
			t.Errorf("extensions in ICMP type %d", typ)
		}
	}
	b[0] = ICMP6Echo
	if _, ok := ICMP(b).Extensions6(); ok {
		t.Error("extensions in an ICMPv6 echo")
	}
	b[0] = ICMP6TooBig
	if _, ok := ICMP(b).Extensions6(); !ok {
		t.Error("no extensions in packet too big")
	}
}

func TestInterfaceObject(t *testing.T) {
	for _, tt := range []struct {
		name  string
		ctype uint8
		data  string
		want  Interface
		ok    bool
	}{
		{"nothing", 0x00, "", Interface{}, true},
		{"index", 0xc8, "00000009", Interface{Role: RoleNextHop, Index: 9}, true},
		{"IPv6", 0x44, "0002 0000 20010db8000000000000000000000001", Interface{Role: RoleIncomingSub, Addr: a6}, true},
		{"other family", 0x04, "0003 0000 20010db8000000000000000000000001", Interface{}, false},
		{"IPv4 cut", 0x04, "0001 0000 c00002", Interface{}, false},
		{"IPv6 cut", 0x04, "0002 0000 c0000200", Interface{}, false},
		{"name", 0x02, "04 6c6f00", Interface{Name: "lo"}, true},
		{"name of length 0", 0x02, "00 6c6f00", Interface{}, false},
		{"name beyond", 0x02, "08 6c6f00", Interface{}, false},
		{"name of 65", 0x02, "41" + hexOf(bytes.Repeat([]byte{'a'}, 64)), Interface{}, false},
		{"MTU cut", 0x01, "000005", Interface{}, false},
		{"index cut", 0x08, "0000", Interface{}, false},
	} {
		got, ok := Object{ExtensionInterface, tt.ctype, unhex(t, tt.data)}.Interface()
		if ok != tt.ok || got != tt.want {
			t.Errorf("%s: %+v %v", tt.name, got, ok)
		}
	}
	if _, ok := (Object{ExtensionMPLS, 1, nil}).Interface(); ok {
		t.Error("a label stack is an interface")
	}
	if l := (Object{1, 1, []byte{0, 0, 1}}).Label(0); l != (MPLSLabel{}) {
		t.Errorf("label of a short object: %v", l)
	}
	b, err := AppendInterface(nil, Interface{Addr: a6})
	if o, _, _ := Extensions(must(t, b, err)).Next(); o.CType != 0x04 {
		t.Errorf("IPv6 object % x", b)
	}
}
