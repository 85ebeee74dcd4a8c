// Package probe turns the description of a probe into bytes, received bytes into
// a [Reply], and says which probe a reply answers. It touches no socket and keeps
// no state; nothing in it allocates on the way of a packet.
//
// The way of a probe: a technique fills a [TraceProbe], a [PingProbe], or, for
// everything else, a [Probe], and appends it to a buffer in the form that its
// socket takes:
//
//	AppendPacket    from the IP header on: raw IPv4 sockets; behind a link header, datalinks
//	AppendMessage   from the ICMPv6 header on: raw ICMPv6 sockets, the kernel makes the IP header
//	AppendPayload   behind the UDP header: UDP sockets
//
// The way of a reply: whoever received it fills in Reply.Capture and calls
//
//	ParseICMP4      what a raw IPv4 ICMP socket gives: from the IP header on
//	ParseICMP6      what a raw ICMPv6 socket gives: from the ICMPv6 header on
//	ParseFrame      what a datalink socket gives: from the link header on
//
// Anything but [Accepted] says why the packet is of no use, and is counted. An
// accepted one is looked up by [Reply.Targets] and offered to the tasks that probe
// that address. The task asks [TraceMatch] or [PingMatch] (or has rules of its own)
// which of its probes is answered.
//
//	reply.go    what is known of a received packet     reason.go  why it isn't wanted
//	parse.go    sockets                                frame.go   datalinks
//	probe.go    any probe                              toobig.go  ICMP "packet too big"
//	trace.go    probes of trace                        tracematch.go
//	ping.go     probes of ping                         pingmatch.go
package probe
