//go:build darwin || freebsd || netbsd || openbsd

package route

import (
	"fmt"
	"net/netip"
	"syscall"

	"golang.org/x/net/route"
	"golang.org/x/sys/unix"
)

// rtfLinkInfo is RTF_LLINFO, RTF_LLDATA on FreeBSD: routes to neighbours (net/route.h).
const rtfLinkInfo = 0x400

// neighbours reads the routes that lead to a link-layer address (sysctl(3), NET_RT_FLAGS).
func (t *Table) neighbours() (list []Neighbour, err error) {
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		b, err := route.FetchRIB(family, route.RIBType(syscall.NET_RT_FLAGS), rtfLinkInfo)
		if err != nil {
			return nil, err
		}
		messages, err := route.ParseRIB(route.RIBType(syscall.NET_RT_FLAGS), b)
		if err != nil {
			return nil, fmt.Errorf("reading it: %w", err)
		}
		for _, m := range messages {
			r, ok := m.(*route.RouteMessage)
			if !ok || len(r.Addrs) <= unix.RTAX_GATEWAY || len(list) == maxNeighbours {
				continue
			}
			link, ok := r.Addrs[unix.RTAX_GATEWAY].(*route.LinkAddr)
			if !ok || len(link.Addr) != 6 {
				continue
			}
			n := Neighbour{IfIndex: r.Index, MAC: [6]byte(link.Addr), Static: r.Flags&unix.RTF_STATIC != 0}
			switch a := r.Addrs[unix.RTAX_DST].(type) {
			case *route.Inet4Addr:
				n.Addr = netip.AddrFrom4(a.IP)
			case *route.Inet6Addr:
				n.Addr = withoutScope(a.IP)
			default:
				continue
			}
			list = append(list, n)
		}
	}
	return list, nil
}
