package warts

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestAddr(t *testing.T) {
	tests := []struct {
		in   Addr
		text string
		typ  AddrType
	}{
		{Addr{}, "", AddrNone},
		{ip("0.0.0.0"), "0.0.0.0", AddrIPv4},
		{ip("255.1.20.3"), "255.1.20.3", AddrIPv4},
		{ip("::"), "::", AddrIPv6},
		{ip("::1"), "::1", AddrIPv6},
		{ip("::1:0"), "::0.1.0.0", AddrIPv6},
		{ip("::ffff"), "::ffff", AddrIPv6},
		{ip("::c000:201"), "::192.0.2.1", AddrIPv6},
		{ip("::ffff:192.0.2.1"), "::ffff:192.0.2.1", AddrIPv6},
		{ip("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1", AddrIPv6},
		{ip("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1", AddrIPv6},
		{ip("fe80::1%eth0"), "fe80::1", AddrIPv6},
		{AddrFromMAC(net.HardwareAddr{2, 0, 0xab, 3, 4, 5}), "02:00:ab:03:04:05", AddrEthernet},
		{AddrFromMAC(net.HardwareAddr{2, 0, 0xab, 3, 4, 5, 6, 0xff}), "02:00:ab:03:04:05:06:ff", AddrFireWire},
		{AddrFromMAC(net.HardwareAddr{1}), "", AddrNone},
		{AddrFrom(netip.Addr{}), "", AddrNone},
	}
	for _, tt := range tests {
		if tt.in.String() != tt.text || tt.in.Type() != tt.typ || tt.in.IsValid() != (tt.typ != AddrNone) {
			t.Errorf("%v: text %q type %d, want %q %d", tt.in.AppendBytes(nil), tt.in, tt.in.Type(), tt.text, tt.typ)
		}
		if back, ok := AddrFromSlice(tt.typ, tt.in.AppendBytes(nil)); back != tt.in || ok != tt.in.IsValid() {
			t.Errorf("%v: from its bytes %v, %v", tt.in, back, ok)
		}
		if AddrFrom(tt.in.IP()) != tt.in && (tt.in.Is4() || tt.in.Is6()) {
			t.Errorf("%v: from its IP %v", tt.in, tt.in.IP())
		}
		if AddrFromMAC(tt.in.MAC()) != tt.in && tt.typ >= AddrEthernet {
			t.Errorf("%v: from its MAC %v", tt.in, tt.in.MAC())
		}
	}
	list := []Addr{ip("2001:db8::1"), ip("10.0.0.2"), AddrFromMAC(make(net.HardwareAddr, 6)), {}, ip("9.0.0.3"), ip("::2")}
	slices.SortFunc(list, Addr.Compare)
	want := []Addr{{}, ip("9.0.0.3"), ip("10.0.0.2"), ip("::2"), ip("2001:db8::1"), AddrFromMAC(make(net.HardwareAddr, 6))}
	if !slices.Equal(list, want) {
		t.Errorf("sorted: %v", list)
	}
	buf := make([]byte, 0, 64)
	for _, a := range []Addr{ip("192.0.2.1"), ip("2001:db8::1")} {
		if n := testing.AllocsPerRun(100, func() { a.AppendTo(buf) }); n != 0 {
			t.Errorf("AppendTo(%v): %v allocations", a, n)
		}
	}
}

func TestTime(t *testing.T) {
	tests := []struct {
		at  Time
		add time.Duration
		sum Time
	}{
		{Time{10, 5}, 0, Time{10, 5}},
		{Time{10, 999999}, time.Microsecond, Time{11, 0}},
		{Time{10, 0}, -time.Microsecond, Time{9, 999999}},
		{Time{0, 0}, -time.Microsecond, Time{0xffffffff, 999999}},
		{Time{10, 5}, 1500*time.Millisecond + 999, Time{11, 500005}},
		{Time{0xffffffff, 0}, time.Second, Time{0, 0}},
		{Time{10, 2500000}, time.Second, Time{13, 500000}},
	}
	for _, tt := range tests {
		sum := tt.at.Add(tt.add)
		if sum != tt.sum {
			t.Errorf("%v + %v = %v, want %v", tt.at, tt.add, sum, tt.sum)
		}
	}
	a, b := Time{10, 5}, Time{9, 999999}
	if a.Sub(b) != 6*time.Microsecond || b.Sub(a) != -6*time.Microsecond || a.Compare(b) != 1 || b.Compare(a) != -1 ||
		a.Compare(a) != 0 {
		t.Errorf("%v and %v: difference %v", a, b, a.Sub(b))
	}
	now := time.Unix(1700000000, 123456789)
	if got := TimeOf(now); got != (Time{1700000000, 123456}) || !got.Time().Equal(now.Truncate(time.Microsecond)) {
		t.Errorf("TimeOf(%v) = %v", now, got)
	}
	if !TimeOf(time.Time{}).IsZero() {
		t.Error("the zero time.Time is not the zero Time")
	}
}

func TestMPLS(t *testing.T) {
	stack := []MPLS{{Label: 0xfffff, Exp: 7, S: 0, TTL: 255}, {Label: 16, Exp: 1, S: 1, TTL: 1}}
	e := MPLSExt(stack...)
	e.Data = append(e.Data, 1, 2, 3) // no whole entry
	var got []MPLS
	for i, m := range e.Labels() {
		if i != len(got) {
			t.Errorf("index %d, want %d", i, len(got))
		}
		got = append(got, m)
	}
	if !slices.Equal(got, stack) {
		t.Errorf("labels %v, want %v", got, stack)
	}
	for range (ICMPExt{Class: 2, CType: 3, Data: e.Data}).Labels() {
		t.Error("labels of an object of another class")
	}
}
