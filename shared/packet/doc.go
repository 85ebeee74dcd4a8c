// Package packet builds and parses the packets that active measurement sends
// and receives: IPv4 and IPv6 with their options and extension headers, ICMP,
// ICMPv6 and their extensions, UDP, TCP, ARP, neighbour discovery, and the link
// headers in front of them.
//
// # Parsing
//
// A packet is parsed in place. Types such as [IPv4], [TCP] or [ICMP] are byte
// slices with getters; nothing is copied and nothing is allocated, so a view is
// valid for as long as the buffer is. The Parse functions are the gates: what
// they return is complete as far as the fixed header and the lengths in it go.
// Getters never panic, whatever the bytes are: a field that isn't there reads as
// zero (as the invalid [netip.Addr], as an empty slice). A getter whose field may
// be missing from a well-formed packet has an ok result.
//
// What an ICMP error quotes is cut short by design and speaks of a packet that
// someone else altered on its way. It has a type of its own, [Quote], whose
// getters all say whether the bytes were there.
//
// # Building
//
// A packet is built by appending to the caller's buffer: fill a field struct
// (IPv4Fields, UDPFields, ...) and call its Append. Lengths and checksums are
// filled in. Nothing is allocated if the buffer has the room.
//
//	ip := packet.IPv4Fields{TTL: 5, DF: true, ID: 1, Protocol: packet.ProtoUDP, Src: src, Dst: dst}
//	b, err := ip.Append(b[:0], packet.UDPHeaderLen+len(payload))
//	...
//	udp := packet.UDPFields{SrcPort: sport, DstPort: 33435}
//	b, err = udp.Append(b, payload, packet.PseudoSum(src, dst, packet.ProtoUDP, packet.UDPHeaderLen+len(payload)))
//
// # Files
//
//	checksum.go   partial sums, difference, crafted checksums
//	link.go       Ethernet, loopback, BSD null and raw link headers
//	ipv4.go       IPv4 header         ipv4option.go  record route, timestamp
//	ipv6.go       IPv6 header         ipv6ext.go     extension headers
//	icmp.go       ICMP and ICMPv6     icmpext.go     RFC 4884, 4950, 5837
//	udp.go tcp.go tcpoption.go        transport
//	arp.go nd.go                      finding neighbours
//	quote.go      what an ICMP error quotes
//	bytes.go      reading that cannot run past the end
package packet
