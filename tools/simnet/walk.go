package simnet

import (
	"net/netip"

	"scamper/shared/packet"
)

// maxSteps bounds a packet's way: a TTL of 255, and as many again for routers that forward at zero.
const maxSteps = 600

// actor is who replies, and from where.
type actor struct {
	b     *behaviour
	state *state
	salt  uint64
	node  int32 // where the reply enters the graph
	in    int32 // the face that the packet came in by; -1: none

	// Inside a procedural prefix.
	virtual bool
	own     netip.Addr // the router's or host's only address
	path    []place    // routers between the edge of the prefix and the actor
}

func (n *Net) actorAt(u, in int32) actor {
	return actor{b: n.t.nodes[u].b, state: &n.states[u], salt: n.t.nodes[u].salt, node: u, in: in}
}

// cross sends a packet over the link that begins at face f, and on from there.
func (n *Net) cross(j *journey, f int32) {
	face := &n.t.faces[f]
	if len(face.sources) > 0 && !allowed(face.sources, j.src) {
		n.drop(dropFiltered)
		return
	}
	if j.size() > face.mtu { // Ethernet says nothing about frames that it does not carry
		n.drop(dropBlackHole)
		return
	}
	if face.loss > 0 && n.rnd.share() < face.loss {
		n.drop(dropLoss)
		return
	}
	j.at += face.delay
	if face.jitter > 0 {
		j.at += jitter(&n.rnd, face.jitter)
	}
	n.walk(j, n.t.faces[face.peer].node, face.peer)
}

func allowed(sources []netip.Prefix, a netip.Addr) bool {
	for _, pfx := range sources {
		if pfx.Contains(a) {
			return true
		}
	}
	return false
}

// walk takes a packet from router to router, beginning with its arrival at node u by face in. A packet that starts at u
// has in = -1: its TTL is not touched there.
func (n *Net) walk(j *journey, u, in int32) {
	t := n.t
	for range maxSteps {
		node := &t.nodes[u]
		here := j.class >= 0 && t.classes[j.class].owner == u
		if in >= 0 && (here || node.kind != kindRouter) {
			n.arrive(j, u, in, here)
			return
		}
		if in >= 0 && !n.passes(j, node, u, in) {
			return
		}
		id := n.fib.next(j.class, u)
		if id == noGroup {
			n.refuse(j, u, in, answer{answerUnreachable, unreachNet}, dropNoRoute)
			return
		}
		g := &n.fib.groups[id]
		if len(g.faces) == 0 {
			n.refuse(j, u, in, g.reject, dropSilent)
			return
		}
		f := n.choose(j, g, id, node.salt)
		face := &t.faces[f]
		if j.options && in >= 0 && node.b.optionMode == optionsHonour {
			n.stamp(j, n.address(u, f, 0))
		}
		if j.size() > face.mtu && !n.squeeze(j, u, in, face) {
			return
		}
		if len(face.sources) > 0 && !allowed(face.sources, j.src) {
			n.drop(dropFiltered)
			return
		}
		if face.loss > 0 && n.rnd.share() < face.loss {
			n.drop(dropLoss)
			return
		}
		j.at += face.delay
		if face.jitter > 0 {
			j.at += jitter(&n.rnd, face.jitter)
		}
		j.before = in
		in = face.peer
		u = t.faces[in].node
	}
	n.drop(dropExpired)
}

// passes does what a router does before it looks for the next hop: options, TTL. It reports whether the packet goes on.
func (n *Net) passes(j *journey, node *node, u, in int32) bool {
	if j.options && node.b.optionMode == optionsDrop {
		n.drop(dropOptions)
		return false
	}
	if j.ttl <= 1 && (!node.b.zeroTTL || j.ttl == 0) {
		a := n.actorAt(u, in)
		n.expire(j, &a)
		return false
	}
	j.ttl--
	return true
}

// expire sends time exceeded.
func (n *Net) expire(j *journey, a *actor) {
	if j.made {
		n.drop(dropExpired)
		return
	}
	if !a.b.timeExceeded {
		n.drop(dropSilent)
		return
	}
	typ := uint8(packet.ICMP4TimeExceeded)
	if j.v6 {
		typ = packet.ICMP6TimeExceeded
	}
	if n.sendError(j, a, icmpError{typ: typ, passing: true, labels: true}) {
		n.count.TimeExceeded++
	}
}

// refuse is what a router says that cannot or will not forward.
func (n *Net) refuse(j *journey, u, in int32, what answer, why Reason) {
	if j.made || what.kind != answerUnreachable || in < 0 {
		n.drop(why)
		return
	}
	a := n.actorAt(u, in)
	if !a.b.unreachable {
		n.drop(dropSilent)
		return
	}
	j.ttl++ // quotes show the TTL that arrived
	n.sendUnreachable(j, &a, what, true)
}

func (n *Net) sendUnreachable(j *journey, a *actor, what answer, passing bool) {
	e := icmpError{typ: packet.ICMP4Unreach, code: unreachables[what.code].v4, passing: passing, labels: a.b.mplsAll}
	if j.v6 {
		e.typ, e.code = packet.ICMP6Unreach, unreachables[what.code].v6
		if what.code == unreachProto { // RFC 4443 section 3.4: unrecognized next header
			e.typ, e.code, e.rest = packet.ICMP6ParamProblem, 1, uint32(j.nextHeaderAt())
		}
	}
	if n.sendError(j, a, e) {
		n.count.Unreachable++
	}
}

// squeeze is what happens to a packet that is larger than the next link takes. It reports whether the packet goes on,
// in fragments.
func (n *Net) squeeze(j *journey, u, in int32, face *face) bool {
	if !j.dontFrag {
		j.fragTo = face.mtu
		return true
	}
	if j.made {
		if j.heeds && !face.tooBig.silent {
			n.notePMTU(j.salt, j.dst, face.mtu, j.at)
		}
		n.drop(dropBlackHole)
		return false
	}
	a := n.actorAt(u, in)
	if face.tooBig.silent || !a.b.unreachable {
		n.drop(dropBlackHole)
		return false
	}
	mtu := face.mtu
	if face.tooBig.mtu >= 0 {
		mtu = face.tooBig.mtu
	}
	e := icmpError{typ: packet.ICMP4Unreach, code: packet.ICMP4UnreachNeedFrag, rest: uint32(mtu), passing: true, labels: a.b.mplsAll}
	if j.v6 {
		e.typ, e.code = packet.ICMP6TooBig, 0
	}
	j.ttl++ // quotes show the TTL that arrived
	if n.sendError(j, &a, e) {
		n.count.TooBig++
	}
	return false
}

// arrive is the end of the graph: the machine at a port, a host, or a router that the packet is for.
func (n *Net) arrive(j *journey, u, in int32, here bool) {
	node := &n.t.nodes[u]
	switch node.kind {
	case kindMonitor, kindAttached:
		n.toPort(j, node.port, in)
	case kindRegion:
		n.enter(j, u, in)
	default:
		if !here {
			n.drop(dropNobody)
			return
		}
		a := n.actorAt(u, in)
		n.receive(j, &a)
	}
}

// address is the address of face f of node u, or another one of the node's.
func (n *Net) address(u, f int32, family int) netip.Addr {
	if f >= 0 {
		if a := n.t.faces[f].addr[family]; a.IsValid() {
			return a
		}
	}
	return n.any[u][family]
}

// launch sends the packet that an actor made.
func (n *Net) launch(j *journey, a *actor) {
	if !a.virtual {
		n.walk(j, a.node, -1)
		return
	}
	n.leave(j, a)
}
