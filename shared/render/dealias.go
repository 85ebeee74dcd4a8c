package render

import (
	"encoding/binary"

	"scamper/shared/warts"
)

// ProbeDef returns the definition that a probe of a dealias was made from, nil if the record has no such definition.
func ProbeDef(d *warts.Dealias, p *warts.DealiasProbe) *warts.DealiasProbeDef {
	if int64(p.Def) >= int64(len(d.ProbeDefs)) {
		return nil
	}
	return &d.ProbeDefs[p.Def]
}

// HostsPrefix returns the length of the longest IPv4 prefix in which two addresses can both be hosts: neither is the
// network or the broadcast address of it. Prefixes of 31 and 32 bits have neither of them. It returns -1 if the
// addresses are not both IPv4.
func HostsPrefix(a, b warts.Addr) int {
	if !a.Is4() || !b.Is4() {
		return -1
	}
	n := commonPrefix(a, b)
	if n >= 31 {
		return n
	}
	for n > 0 && (isEdge(a, n) || isEdge(b, n)) {
		n--
	}
	return n
}

// isEdge tells whether the bits of an IPv4 address behind a prefix are all zeros or all ones.
func isEdge(a warts.Addr, prefix int) bool {
	var buf [4]byte
	v := binary.BigEndian.Uint32(a.AppendBytes(buf[:0]))
	mask := uint32(1<<(32-prefix) - 1)
	host := v & mask
	return host == 0 || host == mask
}
