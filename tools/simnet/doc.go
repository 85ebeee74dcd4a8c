// Package simnet is a simulated Internet: packets in, packets out.
//
// A [Topology] is read from a TOML file and says which routers, links, hosts, prefixes and neighbours there are and how
// each of them behaves. A [Net] plays it. It has no clock, no sockets and no goroutines of its own: the caller hands in
// every Ethernet frame together with the time, and collects the frames that are due. The same file and the same frames
// at the same times give the same answers, because everything random comes from the file's seed.
//
// The way of a packet, and the files in that order:
//
//	frame      ether.go     Ethernet, ARP and neighbour discovery; which station was the frame for
//	packet     walk.go      from router to router: TTL, MTU, loss, filters; balance.go chooses among next hops
//	           region.go    the same inside a prefix whose routers are derived from a hash of the address
//	error      errors.go    time exceeded, unreachable, too big: quote and extensions; extension.go
//	answer     answer.go    echo, timestamp, UDP; tcp.go; fragment.go reassembles what came in pieces
//	options    option.go    record route and timestamp
//	identity   ident.go     IP-ID and fragment identifiers, rate limits
//	reply      walk.go      the reply walks back through the same routers
//	due frame  wheel.go     a timer wheel holds it until its time
//
// A packet's whole journey is decided when it enters, with the delays of links and routers added up on the way; only the
// resulting frames wait. Counters (of IP-IDs, rate limits) therefore step in the order in which probes entered.
//
// Reading a file: scan.go (where is what), read.go (typed values, mistakes with lines), parse.go and behaviour.go (what
// may be said), graph.go and lookup.go (links, addresses, routes). truth.go and dot.go print what is really there.
//
// The package live plays a Net to real programs through TAP devices in network namespaces.
package simnet
