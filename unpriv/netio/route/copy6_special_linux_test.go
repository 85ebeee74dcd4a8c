package route_test

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"scamper/testkit"
	"scamper/unpriv/netio/route"
)

// Changes that the kernel doesn't tell of: what they change must not be remembered. Each is of the route to 2001:db8::/32,
// in place of which another is used then, or none.
func TestUntoldChanges(t *testing.T) {
	for _, c := range []struct {
		name   string
		before []string
		change func(host *testkit.Namespace)
		want   netip.Addr // the source then; invalid if there is none
	}{
		{
			// Gateways count also in table local.
			"failed gateway of table local",
			[]string{"route add 2001:db8::/32 via fd00:1::2 table local", "route add 2001:db8::/32 via fd00:2::2 table local metric 3000"},
			func(host *testkit.Namespace) { host.IP("neigh replace fd00:1::2 dev eth0 nud failed") },
			netip.MustParseAddr("fd00:2::1"),
		},
		{
			"neighbour that an optimistic source must not ask for",
			[]string{"addr add 2001:db8:77::1/128 dev eth0 optimistic", "route add 2001:db8::/32 dev eth0 src 2001:db8:77::1"},
			func(host *testkit.Namespace) { host.IP("neigh replace 2001:db8::1 dev eth0 nud failed") },
			netip.Addr{},
		},
		{
			"IPv6 turned off where there is no address",
			[]string{
				"addr flush to ::/0 dev eth0", "addr add fd00:3::1/128 dev eth1 nodad", "route add 2001:db8::/32 dev eth0 src fd00:3::1",
				"route add default via fd00:2::2 src fd00:2::1",
			},
			func(host *testkit.Namespace) {
				host.Sysctl("net.ipv6.route.skip_notify_on_dev_down", "1")
				host.Sysctl("net.ipv6.conf.eth0.disable_ipv6", "1")
			},
			netip.MustParseAddr("fd00:2::1"),
		},
	} {
		host, _ := star(t, 2)
		if strings.Contains(strings.Join(c.before, " "), "optimistic") {
			if _, err := os.Stat("/proc/sys/net/ipv6/conf/all/optimistic_dad"); err != nil {
				continue // this kernel has no such addresses
			}
			host.Sysctl("net.ipv6.conf.eth0.optimistic_dad", "1")
		}
		host.Sysctl("net.ipv6.conf.eth0.accept_dad", "1")
		host.Sysctl("net.ipv6.conf.eth0.dad_transmits", "1000") // it stays optimistic for as many seconds
		host.Sysctl("net.ipv6.conf.all.forwarding", "0")
		host.IP(c.before...)
		host.Do(func() {
			table := newTable(t, route.Config{FD: routingSocket(t)})
			table.CopyNow6()
			dst := netip.MustParseAddr("2001:db8::1")
			before, err := table.Source(dst)
			if err != nil || before == c.want {
				t.Errorf("%s: before: %v, %v", c.name, before, err)
			}
			c.change(host)
			if err := table.Ready(); err != nil {
				t.Fatal(err)
			}
			if src, err := table.Source(dst); src != c.want || (err == nil) != c.want.IsValid() {
				t.Errorf("%s: %v, %v, want %v", c.name, src, err, c.want)
			}
		})
	}
}
