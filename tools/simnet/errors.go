package simnet

import (
	"net/netip"

	"scamper/shared/packet"
)

// icmpError is an error to be sent.
type icmpError struct {
	typ, code uint8
	rest      uint32
	passing   bool // the packet was not for one of the sender's own addresses
	labels    bool // the MPLS labels go along, if there are any
}

// The most that errors may quote: an ICMP error is at most 576 bytes (RFC 1812 section 4.3.2.3), an ICMPv6 error 1280
// (RFC 4443 section 2.4).
const (
	maxQuote4 = 576 - packet.IPv4HeaderLen - packet.ICMPHeaderLen
	maxQuote6 = 1280 - packet.IPv6HeaderLen - packet.ICMPHeaderLen
)

// sendError makes an actor send an error about a packet. It reports whether one was made; either way the packet's end
// has been counted. Nothing is said about later fragments of IPv4 packets (RFC 1122 section 3.2.2); of IPv6's there is,
// as RFC 4443 section 2.4 doesn't except them.
func (n *Net) sendError(j *journey, a *actor, e icmpError) bool {
	if j.isError() || (j.later && !j.v6) || j.src.IsMulticast() || j.src.IsUnspecified() || j.depth+1 >= maxDepth {
		n.drop(dropNoError)
		return false
	}
	if a.b.rate > 0 && !a.state.errors.spend(a.b.rate, a.b.burst, j.at) {
		n.drop(dropRate)
		return false
	}
	src := n.errorSource(j, a, e.passing)
	if !src.IsValid() {
		n.drop(dropNoAddress)
		return false
	}
	f := packet.ErrorFields{Type: e.typ, Code: e.code, Rest: e.rest, Objects: n.extensions(j, a, e.labels)}
	if len(f.Objects) > 0 && !(j.v6 && e.typ == packet.ICMP6TooBig) {
		f.Form = packet.RFC4884
		if a.b.legacy {
			f.Form = packet.Legacy
		}
	}
	r, b := n.reply(j, a, src, j.src, 0)
	b, err := f.Append(b, n.quote(j, a.b, &f), src, j.src)
	if err != nil {
		n.drop(dropNoError)
		return false
	}
	n.count.Answered++
	proto := uint8(packet.ProtoICMP)
	if j.v6 {
		proto = packet.ProtoICMPv6
	}
	n.send(j, r, a, b, reply{proto: proto, ttl: a.b.ttl, tos: a.b.errorTOS, dontFrag: a.b.dontFrag})
	return true
}

// errorSource is the address that an error comes from.
func (n *Net) errorSource(j *journey, a *actor, passing bool) netip.Addr {
	how := &a.b.portSource
	if passing {
		how = &a.b.source
	}
	f := j.family()
	if how.kind == originFixed && how.fixed[f].IsValid() {
		return how.fixed[f]
	}
	if a.virtual {
		return a.own
	}
	switch how.kind {
	case originProbed:
		if j.class >= 0 && n.t.classes[j.class].owner == a.node {
			return j.dst
		}
	case originOutgoing:
		if id := n.fib.next(j.srcClass, a.node); id != noGroup && len(n.fib.groups[id].faces) > 0 {
			return n.address(a.node, n.fib.groups[id].faces[0], f)
		}
	}
	return n.address(a.node, a.in, f)
}

// quote copies what an error says about a packet, with whatever the router does to it.
func (n *Net) quote(j *journey, b *behaviour, f *packet.ErrorFields) []byte {
	length := j.size()
	most, unit := maxQuote4, 4
	if j.v6 {
		most, unit = maxQuote6, 8
	}
	extended := f.Form != packet.NoExtensions
	if extended {
		most = (most - len(f.Objects) - 4) &^ (unit - 1)
	}
	switch {
	case b.quote == 0:
	case j.v6 && b.quote > 28: // 28 is the least that RFC 792 wants of IPv4; ICMPv6 has no such notion
		most = min(most, max(b.quote, packet.IPv6HeaderLen+8))
	case !j.v6:
		most = min(most, j.headerOnly()+b.quote-packet.IPv4HeaderLen)
	}
	if extended {
		most = max(most, 128) // RFC 4884 section 5
	}
	q := append(n.scratch[:0], j.b[:min(length, most)]...)
	if b.quoteZero {
		clear(q[min(len(q), j.headerOnly()):])
	}
	ttl := j.ttl
	if b.quoteTTL >= 0 {
		ttl = b.quoteTTL
	}
	if j.v6 {
		q[7] = uint8(ttl)
		if b.quoteTOS >= 0 {
			q[0] = 0x60 | uint8(b.quoteTOS)>>4
			q[1] = q[1]&0x0f | uint8(b.quoteTOS)<<4
		}
		return q
	}
	q[8] = uint8(ttl)
	if b.quoteTOS >= 0 {
		q[1] = uint8(b.quoteTOS)
	}
	if b.quoteSwapID {
		q[4], q[5] = q[5], q[4]
	}
	if length < len(j.b) { // it arrived as the first of several fragments
		data := (length - j.headerOnly()) &^ 7
		putBE16(q[2:], uint16(j.headerOnly()+data))
		q[6] |= 0x20
	}
	switch b.quoteChecksum {
	case sumValid:
		putBE16(q[10:], 0)
		putBE16(q[10:], packet.Checksum(q[:min(len(q), j.headerOnly())]))
	case sumZero:
		putBE16(q[10:], 0)
	}
	return q
}

// headerOnly is the length of the IP header without IPv6 extension headers.
func (j *journey) headerOnly() int {
	if j.v6 {
		return packet.IPv6HeaderLen
	}
	return j.header
}

// infoKey identifies an interface information object.
type infoKey struct {
	face   int32
	family int
	parts  uint8
}

// extensions are the objects that an error carries: the MPLS labels that the packet had (RFC 4950) and the interface
// that it came in by (RFC 5837).
func (n *Net) extensions(j *journey, a *actor, labels bool) []byte {
	b := a.b
	if (len(b.mpls) == 0 || !labels) && b.interfaceInfo == 0 {
		return nil
	}
	n.objects = n.objects[:0]
	if labels {
		n.objects = append(n.objects, b.mpls...)
	}
	if b.interfaceInfo != 0 && a.in >= 0 && !a.virtual {
		k := infoKey{a.in, j.family(), b.interfaceInfo}
		object, known := n.info[k]
		if !known {
			object = n.interfaceObject(k)
			n.info[k] = object
		}
		n.objects = append(n.objects, object...)
	}
	return n.objects
}

func (n *Net) interfaceObject(k infoKey) []byte {
	face := &n.t.faces[k.face]
	info := packet.Interface{Role: packet.RoleIncoming}
	if k.parts&infoIndex != 0 {
		info.Index = face.index
	}
	if k.parts&infoAddress != 0 {
		info.Addr = face.addr[k.family]
	}
	if k.parts&infoName != 0 {
		info.Name = face.name
	}
	if k.parts&infoMTU != 0 {
		info.MTU = uint32(face.mtu)
	}
	object, _ := packet.AppendInterface(nil, info)
	return object
}
