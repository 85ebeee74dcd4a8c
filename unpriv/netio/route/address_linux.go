package route

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Which IPv6 source the kernel chooses (RFC 6724 section 5) where that does not depend on the destination.
//
// A route may name the source. If it doesn't, the kernel compares its addresses in pairs, by one rule after the other:
//
//  1. Is it the destination itself? Destinations like that are left to the kernel: see withSources.
//  2. Does its scope suffice? Only global destinations are in question, and they get a global address if there is one.
//  3. Is it deprecated (or optimistic, RFC 4429, if the system avoids these)?
//  4. Is it a home address of Mobile IPv6?
//  5. Is it of the outgoing interface?
//  6. From here on, labels and common bits with the destination count, and whether it is temporary.
//
// So if the outgoing interface has one global address that isn't deprecated, and no address of any interface could beat it
// by rule 4, it is the source, whatever else is configured: addresses of other interfaces, `ip addrlabel`, and the sysctls
// use_oif_addrs_only, use_tempaddr and use_optimistic. In all other cases, the kernel is asked each time.

// addressMessage is an RTM_NEWADDR.
type addressMessage struct {
	family  uint8
	ifIndex int
	addr    netip.Addr // our own, where there is one of a peer, too
	flags   uint32     // IFA_F_DEPRECATED, ...
	far     netip.Addr // of the prefix on the link: the peer's, or our own
	bits    uint8      // length of that prefix
}

func parseAddress(b []byte) (addressMessage, error) {
	if len(b) < unix.SizeofIfAddrmsg {
		return addressMessage{}, fmt.Errorf("address of %d bytes: %w", len(b), errCut)
	}
	a := addressMessage{family: b[0], bits: b[1], flags: uint32(b[2]), ifIndex: int(binary.NativeEndian.Uint32(b[4:]))}
	var own bool
	for kind, value := range attrs(b[unix.SizeofIfAddrmsg:]) {
		switch kind {
		case unix.IFA_LOCAL:
			a.addr, own = netip.AddrFromSlice(value)
		case unix.IFA_ADDRESS: // that of the peer if there is IFA_LOCAL
			a.far, _ = netip.AddrFromSlice(value)
			if !own {
				a.addr = a.far
			}
		case unix.IFA_FLAGS:
			a.flags = u32of(value)
		}
	}
	return a, nil
}

// global6 says that an IPv6 address with this upper half is a global unicast address to the kernel without any doubt: it
// is of fc00::/7 or begins with 001 to 110. What begins with 000 may be special, such as ::1.
func global6(upper uint64) bool {
	top := upper >> 61
	return top >= 1 && top <= 6 || upper>>57 == 0xfc>>1
}

// onlySources returns the one source that packets to global destinations have on an interface, unless a route names
// another, by index. Interfaces of which that cannot be told are not there.
func onlySources(list []addressMessage) map[int]netip.Addr {
	candidates := make(map[int]int)
	one := make(map[int]netip.Addr)
	for _, a := range list {
		certain := global6(place(a.addr)) && a.flags&unix.IFA_F_OPTIMISTIC == 0
		switch {
		case a.flags&unix.IFA_F_HOMEADDRESS != 0:
			return nil
		case a.addr.IsLoopback(), a.addr.IsLinkLocalUnicast(), isSiteLocal(a.addr), // rule 2
			a.flags&unix.IFA_F_TENTATIVE != 0 && a.flags&unix.IFA_F_OPTIMISTIC == 0, // no candidate
			a.flags&unix.IFA_F_DEPRECATED != 0 && certain:                           // rule 3
		case certain:
			candidates[a.ifIndex]++
			one[a.ifIndex] = a.addr
		default:
			candidates[a.ifIndex] += 2
		}
	}
	for ifIndex, n := range candidates {
		if n > 1 {
			delete(one, ifIndex)
		}
	}
	return one
}

// isSiteLocal is for fec0::/10 (RFC 3879).
func isSiteLocal(a netip.Addr) bool { return place(a)>>54 == 0xfec0>>6 }

// withSources fills in the sources of IPv6 routes. Routes without a certain one, and destinations near our own addresses,
// are left to the kernel. So are routes with these:
//
//   - A preferred source that is optimistic: the kernel doesn't let it ask for neighbours, and says that they are unreachable.
//   - An interface without an address: IPv6 can be turned off there, with all its routes, without a word (sysctls
//     disable_ipv6 and skip_notify_on_dev_down). Where there are addresses, the kernel tells that they are gone.
//   - The prefix of an address of the interface: when the time of a tentative address is changed, so is that of the route,
//     whoever made it, without a word.
func withSources(routes []fibRoute, list []addressMessage) []fibRoute {
	one := onlySources(list)
	type link struct {
		ifIndex int
		addr    uint64
		bits    uint8
	}
	numbered, optimistic, links := make(map[int]bool), make(map[netip.Addr]bool), make(map[link]bool)
	for _, a := range list {
		numbered[a.ifIndex] = true
		links[link{a.ifIndex, place(a.far) &^ hostMask(a.bits), a.bits}] = true
		if a.flags&unix.IFA_F_OPTIMISTIC != 0 {
			optimistic[a.addr] = true
		}
	}
	for i := range routes {
		r := &routes[i]
		if r.kind != kindOne {
			continue
		}
		if !r.prefSrc.IsValid() {
			r.prefSrc = one[r.ifIndex]
		}
		if !r.prefSrc.IsValid() || optimistic[r.prefSrc] || !numbered[r.ifIndex] || !r.gateway.IsValid() && links[link{r.ifIndex, r.addr, r.bits}] {
			r.kind = kindVaries
		}
	}
	// They are in table local already, as a rule.
	for _, a := range list {
		routes = append(routes, fibRoute{addr: place(a.addr), bits: 64, local: true})
	}
	return routes
}
