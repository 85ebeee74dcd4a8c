package route

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// Which interfaces have one source that all global destinations get.
func TestOnlySources(t *testing.T) {
	const (
		deprecated, tentative = unix.IFA_F_DEPRECATED, unix.IFA_F_TENTATIVE
		optimistic, home      = unix.IFA_F_OPTIMISTIC, unix.IFA_F_HOMEADDRESS
	)
	type own struct {
		addr  string
		flags uint32
	}
	global := own{"2001:db8::1", unix.IFA_F_PERMANENT}
	for _, c := range []struct {
		name string
		two  []own // of interface 2
		want string
	}{
		{"none", nil, ""},
		{"one", []own{global}, "2001:db8::1"},
		{"unique local", []own{{"fd00::1", 0}}, "fd00::1"},
		{"two", []own{global, {"2001:db8::2", 0}}, ""},
		{"three", []own{global, {"2001:db8::2", 0}, {"2001:db8::3", 0}}, ""},
		{"a temporary one", []own{global, {"2001:db8::2", unix.IFA_F_TEMPORARY}}, ""},
		{"smaller scopes", []own{{"fe80::1", 0}, global, {"fec0::1", 0}, {"::1", 0}}, "2001:db8::1"},
		{"only smaller scopes", []own{{"fe80::1", 0}, {"fec0::1", 0}, {"::1", 0}}, ""},
		{"a deprecated one", []own{{"2001:db8::2", deprecated}, global}, "2001:db8::1"},
		{"only a deprecated one", []own{{"2001:db8::2", deprecated}}, ""},
		{"a tentative one", []own{{"2001:db8::2", tentative}, global}, "2001:db8::1"},
		{"only a tentative one", []own{{"2001:db8::2", tentative}}, ""},
		{"an optimistic one", []own{global, {"2001:db8::2", tentative | optimistic}}, ""},
		{"a deprecated optimistic one", []own{global, {"2001:db8::2", deprecated | optimistic}}, ""},
		{"only an optimistic one", []own{{"2001:db8::2", optimistic}}, ""},
		{"a special one", []own{global, {"::192.0.2.1", 0}}, ""},
		{"a deprecated special one", []own{global, {"::192.0.2.1", deprecated}}, ""},
		{"only a special one", []own{{"64:ff9b::1", 0}}, ""},
		{"a home address", []own{{"2001:db8::1", home}}, ""},
		{"a home address that doesn't count", []own{global, {"2001:db8::2", home | deprecated}}, ""},
	} {
		// Another interface has nothing to say, unless there is a home address.
		list := []addressMessage{{ifIndex: 3, addr: netip.MustParseAddr("2001:db8:3::1")}}
		for _, o := range c.two {
			list = append(list, addressMessage{ifIndex: 2, addr: netip.MustParseAddr(o.addr), flags: o.flags})
		}
		one := onlySources(list)
		want := netip.Addr{}
		if c.want != "" {
			want = netip.MustParseAddr(c.want)
		}
		if one[2] != want || one[3].IsValid() == (c.two != nil && c.two[len(c.two)-1].flags&home != 0) {
			t.Errorf("%s: %v", c.name, one)
		}
	}
}

func TestWithSources(t *testing.T) {
	own, named, hopeful := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8:9::1"), netip.MustParseAddr("2001:db8::2")
	routes := withSources([]fibRoute{
		{addr: 1 << 63, bits: 2, kind: kindOne, ifIndex: 2},
		{addr: 1 << 63, bits: 3, kind: kindOne, ifIndex: 2, prefSrc: named},
		{addr: 1 << 63, bits: 4, kind: kindOne, ifIndex: 3},
		{addr: 1 << 63, bits: 5, kind: kindOne, ifIndex: 3, prefSrc: named},
		{addr: 1 << 63, bits: 6, kind: kindVaries, ifIndex: 2},
		{addr: 1 << 63, bits: 7, kind: kindOne, ifIndex: 2, prefSrc: hopeful},
		{addr: 1 << 63, bits: 8, kind: kindOne, ifIndex: 4, prefSrc: named},
		{addr: 0x20010db8 << 32, bits: 32, kind: kindOne, ifIndex: 2},
		{addr: 0x20010db8 << 32, bits: 32, kind: kindOne, ifIndex: 2, gateway: named},
		{addr: 0x20010db8 << 32, bits: 32, kind: kindOne, ifIndex: 3, prefSrc: named},
		{addr: 0x20010db8 << 32, bits: 33, kind: kindOne, ifIndex: 2},
	}, []addressMessage{{ifIndex: 2, addr: own, far: named, bits: 32}, {ifIndex: 3, addr: hopeful, flags: unix.IFA_F_OPTIMISTIC, far: hopeful, bits: 128}})
	want := []fibRoute{
		{addr: 1 << 63, bits: 2, kind: kindOne, ifIndex: 2, prefSrc: own},
		{addr: 1 << 63, bits: 3, kind: kindOne, ifIndex: 2, prefSrc: named},
		{addr: 1 << 63, bits: 4, kind: kindVaries, ifIndex: 3},
		{addr: 1 << 63, bits: 5, kind: kindOne, ifIndex: 3, prefSrc: named},
		{addr: 1 << 63, bits: 6, kind: kindVaries, ifIndex: 2},
		{addr: 1 << 63, bits: 7, kind: kindVaries, ifIndex: 2, prefSrc: hopeful},
		{addr: 1 << 63, bits: 8, kind: kindVaries, ifIndex: 4, prefSrc: named},
		{addr: 0x20010db8 << 32, bits: 32, kind: kindVaries, ifIndex: 2, prefSrc: own},
		{addr: 0x20010db8 << 32, bits: 32, kind: kindOne, ifIndex: 2, prefSrc: own, gateway: named},
		{addr: 0x20010db8 << 32, bits: 32, kind: kindOne, ifIndex: 3, prefSrc: named},
		{addr: 0x20010db8 << 32, bits: 33, kind: kindOne, ifIndex: 2, prefSrc: own},
		{addr: 0x20010db8 << 32, bits: 64, kind: kindVaries, local: true},
		{addr: 0x20010db8 << 32, bits: 64, kind: kindVaries, local: true},
	}
	if diff := cmp.Diff(want, routes, cmp.AllowUnexported(fibRoute{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestGlobal6(t *testing.T) {
	for text, want := range map[string]bool{
		"::1": false, "64:ff9b::1": false, "1fff::": false, "2000::": true, "2001:db8::1": true, "dfff::": true, "e000::": false,
		"fbff::": false, "fc00::": true, "fdff::": true, "fe00::": false, "fe80::1": false, "fec0::1": false, "ff0e::1": false,
	} {
		if got := global6(place(netip.MustParseAddr(text))); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestParseAddress(t *testing.T) {
	own, peer := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	header := slices.Clip(append([]byte{unix.AF_INET6, 64, unix.IFA_F_PERMANENT, 0}, u32bytes(7)...))
	plain := appendAttr(header, unix.IFA_ADDRESS, own.AsSlice())
	flags := appendAttr(header, unix.IFA_FLAGS, u32bytes(unix.IFA_F_NOPREFIXROUTE))
	first := appendAttr(appendAttr(header, unix.IFA_LOCAL, own.AsSlice()), unix.IFA_ADDRESS, peer.AsSlice())
	second := appendAttr(appendAttr(header, unix.IFA_ADDRESS, peer.AsSlice()), unix.IFA_LOCAL, own.AsSlice())
	for _, c := range []struct {
		name string
		b    []byte
		want addressMessage
		err  error
	}{
		{"address", plain, addressMessage{unix.AF_INET6, 7, own, unix.IFA_F_PERMANENT, own, 64}, nil},
		{"flags", flags, addressMessage{unix.AF_INET6, 7, netip.Addr{}, unix.IFA_F_NOPREFIXROUTE, netip.Addr{}, 64}, nil},
		{"peer behind", first, addressMessage{unix.AF_INET6, 7, own, unix.IFA_F_PERMANENT, peer, 64}, nil},
		{"peer before", second, addressMessage{unix.AF_INET6, 7, own, unix.IFA_F_PERMANENT, peer, 64}, nil},
		{"cut", header[:7], addressMessage{}, errCut},
	} {
		if got, err := parseAddress(c.b); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}
