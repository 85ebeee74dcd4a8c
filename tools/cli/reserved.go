package cli

import "net/netip"

// reserved are the prefixes whose addresses are not of the public Internet: the special-purpose registries of IANA
// (RFC 6890), multicast, class E, and the old 6to4 relays.
var reserved = parsePrefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
	"2002::/16", "2001::/32", "2001:2::/48", "2001:3::/32", "2001:4:112::/48", "2001:10::/28", "2001:20::/28",
	"2001:db8::/32",
)

// globalUnicast is what is allocated of IPv6 (RFC 4291 section 2.4, IANA's registry).
var globalUnicast = netip.MustParsePrefix("2000::/3")

func parsePrefixes(texts ...string) []netip.Prefix {
	prefixes := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		prefixes[i] = netip.MustParsePrefix(text)
	}
	return prefixes
}

// IsReserved tells whether an address is not one of the public Internet.
func IsReserved(a netip.Addr) bool {
	if a.Is6() && !globalUnicast.Contains(a) {
		return true
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
