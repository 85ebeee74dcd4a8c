package route

import (
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"scamper/unpriv/loop"
)

func TestNextMessage(t *testing.T) {
	ok := endMessage(appendMessage(nil, 24, 2, 7, 1, 2, 3))
	padded := append(append([]byte(nil), ok...), 0)
	two := append(append([]byte(nil), padded...), ok...)
	long := append([]byte(nil), ok...)
	binary.NativeEndian.PutUint32(long, math.MaxUint32)
	short := append([]byte(nil), ok...)
	binary.NativeEndian.PutUint32(short, 15)
	for _, c := range []struct {
		name string
		b    []byte
		rest int
		err  error
	}{
		{"one", ok, 0, nil},
		{"one with padding", padded, 0, nil},
		{"two", two, len(ok), nil},
		{"nothing", nil, 0, errCut},
		{"header cut", ok[:15], 0, errCut},
		{"body cut", ok[:len(ok)-1], 0, errCut},
		{"length too large", long, 0, errCut},
		{"length too small", short, 0, errCut},
	} {
		m, rest, err := nextMessage(c.b)
		if !errors.Is(err, c.err) || len(rest) != c.rest {
			t.Errorf("%s: %v, %d bytes left", c.name, err, len(rest))
		}
		want := message{kind: 24, flags: 2, seq: 7, body: []byte{1, 2, 3}}
		if diff := cmp.Diff(want, m, cmp.AllowUnexported(message{})); err == nil && diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestErrno(t *testing.T) {
	for code, want := range map[int32]error{
		0: nil, -int32(unix.ENODEV): unix.ENODEV, 5: unix.EPROTO, math.MinInt32: unix.EPROTO,
	} {
		m := message{body: binary.NativeEndian.AppendUint32(nil, uint32(code))}
		if err := m.errno(); !errors.Is(err, want) {
			t.Errorf("%d: %v", code, err)
		}
	}
	if err := (&message{body: []byte{1}}).errno(); !errors.Is(err, errCut) {
		t.Errorf("short: %v", err)
	}
}

// Nothing that a kernel could send may do harm.
func FuzzMessages(f *testing.F) {
	b := appendMessage(nil, unix.RTM_NEWROUTE, 0, 1, unix.AF_INET, 24, 0, 0, unix.RT_TABLE_MAIN, 0, 0, unix.RTN_UNICAST, 0, 0, 0, 0)
	b = appendAttr(b, unix.RTA_DST, []byte{192, 0, 2, 0})
	b = appendAttr(b, unix.RTA_OIF, []byte{2, 0, 0, 0})
	f.Add(endMessage(b))
	b = appendMessage(nil, unix.RTM_NEWROUTE, 0, 1, unix.AF_INET6, 32, 0, 0, unix.RT_TABLE_MAIN, 0, 0, unix.RTN_UNICAST, 0, 0, 0, 0)
	b = appendAttr(b, unix.RTA_DST, []byte{0x20, 1, 0x0d, 0xb8, 15: 0})
	b = appendAttr(b, unix.RTA_CACHEINFO, make([]byte, 32))
	f.Add(endMessage(appendAttr(b, unix.RTA_OIF, []byte{2, 0, 0, 0})))
	b = appendMessage(nil, unix.RTM_NEWADDR, 0, 1, unix.AF_INET6, 64, 0, 0, 2, 0, 0, 0)
	f.Add(endMessage(appendAttr(b, unix.IFA_ADDRESS, []byte{0x20, 1, 0x0d, 0xb8, 15: 1})))
	b = appendMessage(nil, unix.RTM_NEWLINK, 0, 1, make([]byte, unix.SizeofIfInfomsg)...)
	b = appendAttr(b, unix.IFLA_IFNAME, []byte("eth0\x00"))
	f.Add(endMessage(appendAttr(b, unix.IFLA_ADDRESS, []byte{2, 0, 0, 0, 0, 1})))
	b = appendMessage(nil, unix.RTM_NEWRULE, 0, 1, unix.AF_INET, 0, 0, 0, 255, 0, 0, 1, 0, 0, 0, 0)
	f.Add(endMessage(appendAttr(b, unix.FRA_TABLE, []byte{255, 0, 0, 0})))
	f.Fuzz(func(t *testing.T, b []byte) {
		table := &Table{fd: -1, clock: loop.System, onLink: func(int) {}, system: system{links: map[int]Link{}, flags: map[int]uint32{}}}
		var routes []fibRoute
		for len(b) > 0 {
			m, rest, err := nextMessage(b)
			if err != nil {
				break
			}
			if len(rest) >= len(b) {
				t.Fatal("no progress")
			}
			b = rest
			table.notice(m)
			_ = m.errno()
			_, _ = parseRule(m.body)
			_, _, _ = parseNeighbour(m.body)
			_, _ = parseAddress(m.body)
			if r, err := parseRoute(m.body); err == nil {
				if route, ok := r.fibRoute(1); ok {
					routes = append(routes, route)
				}
			}
		}
		copied := newFIB(routes)
		for _, r := range routes {
			copied.lookup(r.addr)
			copied.lookup(r.last())
		}
	})
}

// Which routes have one source that can be remembered.
func TestFIBRoute(t *testing.T) {
	type fields struct {
		dstBits, srcBits, tos, table, kind uint8
		flags                              uint32
	}
	plain := fields{24, 0, 0, unix.RT_TABLE_MAIN, unix.RTN_UNICAST, 0}
	with := func(change func(*fields)) fields {
		f := plain
		change(&f)
		return f
	}
	for _, c := range []struct {
		name  string
		f     fields
		extra uint16 // an attribute more
		noOIF bool
		want  kind
		ours  bool
	}{
		{name: "plain", f: plain, want: kindOne, ours: true},
		{name: "on-link", f: with(func(f *fields) { f.flags = unix.RTNH_F_ONLINK }), want: kindOne, ours: true},
		{name: "offloaded", f: with(func(f *fields) { f.flags = unix.RTM_F_OFFLOAD }), want: kindOne, ours: true},
		{name: "own", f: with(func(f *fields) { f.kind, f.table = unix.RTN_LOCAL, unix.RT_TABLE_LOCAL }), want: kindSelf, ours: true},
		{name: "realm", f: plain, extra: unix.RTA_FLOW, want: kindOne, ours: true},
		{name: "no interface", f: plain, noOIF: true, ours: true},
		{name: "several next hops", f: plain, extra: unix.RTA_MULTIPATH, ours: true},
		{name: "next hop object (RTA_NH_ID)", f: plain, extra: 30, ours: true},
		{name: "encapsulation", f: plain, extra: unix.RTA_ENCAP, ours: true},
		{name: "unknown attribute", f: plain, extra: 200, ours: true},
		{name: "dead", f: with(func(f *fields) { f.flags = unix.RTNH_F_DEAD }), ours: true},
		{name: "no carrier", f: with(func(f *fields) { f.flags = unix.RTNH_F_LINKDOWN }), ours: true},
		{name: "type of service", f: with(func(f *fields) { f.tos = 0x10 }), ours: true},
		{name: "source prefix", f: with(func(f *fields) { f.srcBits = 8 }), ours: true},
		{name: "broadcast", f: with(func(f *fields) { f.kind = unix.RTN_BROADCAST }), ours: true},
		{name: "unreachable", f: with(func(f *fields) { f.kind = unix.RTN_UNREACHABLE }), ours: true},
		{name: "throw", f: with(func(f *fields) { f.kind = unix.RTN_THROW }), ours: true},
		{name: "table default", f: with(func(f *fields) { f.table = unix.RT_TABLE_DEFAULT })},
		{name: "learned exception", f: with(func(f *fields) { f.flags = unix.RTM_F_CLONED })},
		{name: "prefix too long", f: with(func(f *fields) { f.dstBits = 33 })},
	} {
		b := []byte{unix.AF_INET, c.f.dstBits, c.f.srcBits, c.f.tos, c.f.table, 0, 0, c.f.kind}
		b = binary.NativeEndian.AppendUint32(b, c.f.flags)
		b = appendAttr(b, unix.RTA_DST, []byte{192, 0, 2, 99})
		b = appendAttr(b, unix.RTA_PRIORITY, u32bytes(7))
		if !c.noOIF {
			b = appendAttr(b, unix.RTA_OIF, u32bytes(2))
		}
		if c.extra != 0 {
			b = appendAttr(b, c.extra, u32bytes(1))
		}
		m, err := parseRoute(b)
		if err != nil {
			t.Fatal(err)
		}
		got, ours := m.fibRoute(0)
		want := fibRoute{}
		if c.ours {
			want = fibRoute{addr: 0xc0000200 << 32, bits: 24, local: c.f.table == unix.RT_TABLE_LOCAL, kind: c.want, metric: 7}
			if !c.noOIF {
				want.ifIndex = 2
			}
		}
		if got != want || ours != c.ours {
			t.Errorf("%s: %+v, %v", c.name, got, ours)
		}
	}
}

// The same for IPv6, where routes may also yield to others and end without a word.
func TestFIBRoute6(t *testing.T) {
	const dst, gateway = "2001:db8:1:2:3::", "fe80::1"
	type fields struct {
		dstBits, table, proto, kind uint8
		gateway                     bool
		expires                     int32
	}
	plain := fields{40, unix.RT_TABLE_MAIN, unix.RTPROT_STATIC, unix.RTN_UNICAST, false, 0}
	with := func(change func(*fields)) fields {
		f := plain
		change(&f)
		return f
	}
	one := fibRoute{addr: 0x20010db8_00000000, bits: 40, kind: kindOne, ifIndex: 2}
	entry := func(change func(*fibRoute)) fibRoute {
		f := one
		change(&f)
		return f
	}
	const read = loop.Mono(time.Hour)
	for _, c := range []struct {
		name string
		f    fields
		want fibRoute
	}{
		{"plain", plain, one},
		{"gateway", with(func(f *fields) { f.gateway = true }), entry(func(f *fibRoute) {
			f.gateway, f.yields = netip.MustParseAddr(gateway), true
		})},
		{"own", with(func(f *fields) { f.kind, f.table = unix.RTN_LOCAL, unix.RT_TABLE_LOCAL }), entry(func(f *fibRoute) {
			f.kind, f.local = kindVaries, true
		})},
		{"/64", with(func(f *fields) { f.dstBits = 64 }), entry(func(f *fibRoute) { f.addr, f.bits = 0x20010db8_00010002, 64 })},
		{"/65", with(func(f *fields) { f.dstBits = 65 }), entry(func(f *fibRoute) {
			f.addr, f.bits, f.kind = 0x20010db8_00010002, 64, kindVaries
		})},
		{"/128", with(func(f *fields) { f.dstBits = 128 }), entry(func(f *fibRoute) {
			f.addr, f.bits, f.kind = 0x20010db8_00010002, 64, kindVaries
		})},
		{"/129", with(func(f *fields) { f.dstBits = 129 }), fibRoute{}},
		{"ends soon", with(func(f *fields) { f.expires = 50 }), entry(func(f *fibRoute) { f.until = read.Add(480 * time.Millisecond) })},
		{"ends", with(func(f *fields) { f.expires = 50_000 }), entry(func(f *fibRoute) { f.until = read.Add(980 * time.Millisecond) })},
		{"ends now", with(func(f *fields) { f.expires = 2 }), entry(func(f *fibRoute) { f.kind = kindVaries })},
		{"has ended", with(func(f *fields) { f.expires = -1 }), entry(func(f *fibRoute) { f.kind = kindVaries })},
		{"advertised", with(func(f *fields) { f.proto = unix.RTPROT_RA }), entry(func(f *fibRoute) { f.until = read.Add(980 * time.Millisecond) })},
		{"the kernel's", with(func(f *fields) { f.proto = unix.RTPROT_KERNEL }), entry(func(f *fibRoute) {
			f.until = read.Add(980 * time.Millisecond)
		})},
	} {
		b := []byte{unix.AF_INET6, c.f.dstBits, 0, 0, c.f.table, c.f.proto, 0, c.f.kind, 0, 0, 0, 0}
		b = appendAttr(b, unix.RTA_DST, netip.MustParseAddr(dst).AsSlice())
		b = appendAttr(b, unix.RTA_OIF, u32bytes(2))
		info := make([]byte, 32) // struct rta_cacheinfo
		copy(info[8:], u32bytes(uint32(c.f.expires)))
		b = appendAttr(b, unix.RTA_CACHEINFO, info)
		if c.f.gateway {
			b = appendAttr(b, unix.RTA_GATEWAY, netip.MustParseAddr(gateway).AsSlice())
		}
		m, err := parseRoute(b)
		if err != nil {
			t.Fatal(err)
		}
		if got, ours := m.fibRoute(read); got != c.want || ours != (c.want != fibRoute{}) {
			t.Errorf("%s: %+v, %v", c.name, got, ours)
		}
	}
}
