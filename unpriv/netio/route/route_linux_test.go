package route_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"scamper/testkit"
	"scamper/unpriv/netio/route"
)

// routingSocket opens what the privileged process would, in the current namespace.
func routingSocket(t testing.TB) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func newTable(t testing.TB, c route.Config) *route.Table {
	t.Helper()
	table, err := route.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	})
	return table
}

var addrs = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

// star is a host with a few links to others, which need not do anything.
func star(t testing.TB, links int) (*testkit.Namespace, []*testkit.Link) {
	n := testkit.NewNet(t)
	host, other := n.Namespace("host"), n.Namespace("other")
	var list []*testkit.Link
	for range links {
		list = append(list, n.Link(host, other, testkit.LinkConfig{}))
	}
	return host, list
}

func TestLookup(t *testing.T) {
	host, _ := star(t, 2)
	host.IP(
		"route add 192.0.2.0/24 via 10.0.1.2",
		"route add 198.51.100.0/24 via 10.0.2.2 mtu 1280 src 10.0.1.1",
		"route add 203.0.113.0/24 via inet6 fd00:2::2",
		"route add unreachable 192.0.2.128/25",
		"route add blackhole 192.0.2.64/26",
		"route add 2001:db8::/32 via fd00:1::2",
		"route add local 100.64.0.0/24 dev lo",
	)
	a := netip.MustParseAddr
	host.Do(func() {
		table := newTable(t, route.Config{FD: routingSocket(t)})
		for _, c := range []struct {
			dst  string
			want route.Route
			err  error
		}{
			{"192.0.2.1", route.Route{IfIndex: 2, Gateway: a("10.0.1.2"), Src: a("10.0.1.1")}, nil},
			{"::ffff:192.0.2.1", route.Route{IfIndex: 2, Gateway: a("10.0.1.2"), Src: a("10.0.1.1")}, nil},
			{"198.51.100.9", route.Route{IfIndex: 4, Gateway: a("10.0.2.2"), Src: a("10.0.1.1")}, nil},
			{"203.0.113.1", route.Route{IfIndex: 4, Gateway: a("fd00:2::2"), Src: a("10.0.2.1")}, nil},
			{"10.0.2.77", route.Route{IfIndex: 4, Src: a("10.0.2.1")}, nil},
			{"10.0.2.1", route.Route{IfIndex: 1, Src: a("10.0.2.1"), Local: true}, nil},
			{"100.64.0.5", route.Route{IfIndex: 1, Src: a("100.64.0.5"), Local: true}, nil},
			{"127.0.0.9", route.Route{IfIndex: 1, Src: a("127.0.0.1"), Local: true}, nil},
			{"192.0.2.129", route.Route{}, syscall.EHOSTUNREACH},
			{"192.0.2.65", route.Route{}, syscall.EINVAL},
			{"8.8.8.8", route.Route{}, syscall.ENETUNREACH},
			{"2001:db8::1", route.Route{IfIndex: 2, Gateway: a("fd00:1::2"), Src: a("fd00:1::1")}, nil},
			{"fd00:2::9", route.Route{IfIndex: 4, Src: a("fd00:2::1")}, nil},
			{"fd00:1::1", route.Route{IfIndex: 1, Src: a("fd00:1::1"), Local: true}, nil},
			{"2001:db9::1", route.Route{}, syscall.ENETUNREACH},
			{"fe80::9%nosuch", route.Route{}, syscall.ENODEV},
		} {
			got, err := table.Lookup(a(c.dst))
			if diff := cmp.Diff(c.want, got, addrs); diff != "" {
				t.Errorf("%s: %s", c.dst, diff)
			}
			if !errors.Is(err, c.err) {
				t.Errorf("%s: error %v, want %v", c.dst, err, c.err)
			}
		}
		for _, zone := range []string{"eth1", "4"} {
			got, err := table.Lookup(a("fe80::9%" + zone))
			if err != nil || got.IfIndex != 4 || got.Gateway.IsValid() || !got.Src.IsLinkLocalUnicast() {
				t.Errorf("fe80::9%%%s: %+v, %v", zone, got, err)
			}
			hop := got.NextHop(a("fe80::9%" + zone))
			if hop != a("fe80::9") {
				t.Errorf("next hop %s", hop)
			}
		}
	})
}

func TestLink(t *testing.T) {
	host, links := star(t, 1)
	host.Do(func() {
		for _, fd := range []int{routingSocket(t), -1} {
			table := newTable(t, route.Config{FD: fd})
			end := links[0].A
			want := route.Link{Index: end.Index, Name: "eth0", MTU: 1500, MAC: end.MAC, Up: true}
			for range 2 { // asked and remembered
				got, err := table.Link(end.Index)
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Errorf("by index: %v %s", err, diff)
				}
			}
			got, err := table.LinkByName("eth0")
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("by name: %v %s", err, diff)
			}
			if lo, err := table.LinkByName("lo"); err != nil || !lo.Loopback || lo.MTU != 65536 {
				t.Errorf("lo: %+v, %v", lo, err)
			}
			_, err = table.LinkByName("nosuch")
			if err == nil || !errors.Is(err, syscall.ENODEV) ||
				err.Error() != "could not get ifindex for nosuch: No such device" {
				t.Errorf("nosuch: %v", err)
			}
			for _, name := range []string{"", strings.Repeat("x", 16), strings.Repeat("x", 5000)} {
				if _, err := table.LinkByName(name); !errors.Is(err, syscall.ENODEV) {
					t.Errorf("%.20q: %v", name, err)
				}
			}
			for _, index := range []int{0, -1, 99, 1 << 40} {
				if _, err := table.Link(index); !errors.Is(err, syscall.ENODEV) {
					t.Errorf("%d: %v", index, err)
				}
			}

			// A changed MTU is noticed with the next notification.
			links[0].SetMTU(1400)
			if err := table.Ready(); err != nil {
				t.Error(err)
			}
			if got, err := table.Link(end.Index); err != nil || got.MTU != 1400 {
				t.Errorf("after the change: %+v, %v", got, err)
			}
			links[0].SetMTU(1500)
		}
	})
}

func TestSource(t *testing.T) {
	host, _ := star(t, 2)
	host.IP("route add 192.0.2.0/24 via 10.0.2.2", "route add unreachable 198.51.100.0/24",
		"route add 2001:db8::/32 via fd00:2::2")
	host.Do(func() {
		table := newTable(t, route.Config{FD: -1})
		for _, c := range []struct{ dst, want, err string }{
			{"192.0.2.9", "10.0.2.1", ""},
			{"::ffff:192.0.2.9", "10.0.2.1", ""},
			{"10.0.1.9", "10.0.1.1", ""},
			{"127.1.2.3", "127.0.0.1", ""},
			{"2001:db8::9", "fd00:2::1", ""},
			{"::1", "::1", ""},
			{"198.51.100.1", "", "getsrc connect to dst failed for 198.51.100.1: No route to host"},
			{"8.8.8.8", "", "getsrc connect to dst failed for 8.8.8.8: Network is unreachable"},
			{"2001:db9::1", "", "getsrc connect to dst failed for 2001:db9::1: Network is unreachable"},
			{"fe80::1%nosuch", "", "getsrc connect to dst failed for fe80::1%nosuch: No such device"},
			{"10.0.1.255", "", "getsrc connect to dst failed for 10.0.1.255: Permission denied"},
		} {
			got, err := table.Source(netip.MustParseAddr(c.dst))
			text := ""
			if err != nil {
				text = err.Error()
				var errno syscall.Errno
				if !errors.As(err, &errno) {
					t.Errorf("%s: no error number in %v", c.dst, err)
				}
			}
			if text != c.err {
				t.Errorf("%s: error %q, want %q", c.dst, text, c.err)
			}
			if c.want != "" && got != netip.MustParseAddr(c.want) {
				t.Errorf("%s: %s, want %s", c.dst, got, c.want)
			}
		}
		got, err := table.Source(netip.MustParseAddr("fe80::1%eth1"))
		if err != nil || !got.IsLinkLocalUnicast() || got.Zone() != "" {
			t.Errorf("link-local: %v, %v", got, err)
		}
		if _, err := table.Source(netip.Addr{}); err == nil {
			t.Error("no address, no error")
		}
		if _, err := table.Lookup(netip.MustParseAddr("192.0.2.9")); !errors.Is(err, route.ErrNoSocket) {
			t.Errorf("without routing socket: %v", err)
		}
	})
}

func TestNeighbours(t *testing.T) {
	host, links := star(t, 1)
	host.IP("neigh add 10.0.1.50 lladdr 02:00:00:00:00:50 dev eth0 nud reachable",
		"neigh add 10.0.1.51 lladdr 02:00:00:00:00:51 dev eth0 nud stale",
		"neigh add 10.0.1.52 dev eth0 nud failed",
		"neigh add 10.0.1.53 lladdr 02:00:00:00:00:53 dev eth0 nud permanent",
		"neigh add fd00:1::50 lladdr 02:00:00:00:00:60 dev eth0 nud reachable")
	host.Do(func() {
		table := newTable(t, route.Config{FD: routingSocket(t)})
		list, err := table.Neighbours()
		if err != nil {
			t.Fatal(err)
		}
		// The kernel's order is that of a hash with a random key.
		slices.SortFunc(list, func(a, b route.Neighbour) int { return a.Addr.Compare(b.Addr) })
		want := []route.Neighbour{
			{IfIndex: links[0].A.Index, Addr: netip.MustParseAddr("10.0.1.50"), MAC: [6]byte{2, 0, 0, 0, 0, 0x50}},
			{IfIndex: links[0].A.Index, Addr: netip.MustParseAddr("10.0.1.53"), MAC: [6]byte{2, 0, 0, 0, 0, 0x53}, Static: true},
			{IfIndex: links[0].A.Index, Addr: netip.MustParseAddr("fd00:1::50"), MAC: [6]byte{2, 0, 0, 0, 0, 0x60}},
		}
		if diff := cmp.Diff(want, list, addrs); diff != "" {
			t.Error(diff)
		}
	})
	if _, err := newTable(t, route.Config{FD: -1}).Neighbours(); !errors.Is(err, route.ErrNoSocket) {
		t.Errorf("without routing socket: %v", err)
	}
}
