package simnet

import "scamper/shared/packet"

// flowHash hashes the header fields that a load balancer looks at. Routers cannot see transport headers in later
// fragments, and use them in none so that all fragments stay together.
func (j *journey) flowHash(fields hashFields) uint64 {
	if j.hashOf == fields && fields != 0 {
		return j.hash
	}
	h := uint64(fields)
	if fields&hashSource != 0 {
		hi, lo := key(j.src)
		h = mix(mix(h, hi), lo)
	}
	if fields&hashDestination != 0 {
		hi, lo := key(j.dst)
		h = mix(mix(h, hi), lo)
	}
	var rest uint64
	if fields&hashProtocol != 0 {
		rest = uint64(j.proto)
	}
	if fields&hashTOS != 0 {
		rest |= uint64(j.tos()) << 8
	}
	if fields&hashFlowLabel != 0 && j.v6 {
		rest |= uint64(packet.IPv6(j.b).FlowLabel()) << 16
	}
	if fields&hashIPID != 0 && !j.v6 {
		rest |= uint64(be16(j.b[4:])) << 40
	}
	h = mix(h, rest)
	if !j.piece && len(j.b) >= j.header+8 {
		l4 := j.b[j.header:]
		if fields&hashPorts != 0 {
			h = mix(h, uint64(be32(l4)))
		}
		if fields&hashSourcePort != 0 {
			h = mix(h, uint64(be16(l4)))
		}
		if fields&hashDestinationPort != 0 {
			h = mix(h, uint64(be16(l4[2:]))+1<<16)
		}
		if fields&hashICMP != 0 && (j.proto == packet.ProtoICMP || j.proto == packet.ProtoICMPv6) {
			h = mix(h, uint64(be32(l4[4:]))+1<<32)
		}
	}
	j.hashOf, j.hash = fields, h
	return h
}

func (j *journey) tos() uint8 {
	if j.v6 {
		return packet.IPv6(j.b).TrafficClass()
	}
	return j.b[1]
}

// choose picks a next hop of a group for a packet at a node with the given salt.
func (n *Net) choose(j *journey, g *group, id int32, salt uint64) int32 {
	if len(g.faces) == 1 {
		return g.faces[0]
	}
	var h uint64
	switch g.balance {
	case balanceFlow:
		h = mix(j.flowHash(g.hash), salt)
	case balanceDestination:
		h = mix(j.flowHash(hashDestination), salt)
	case balancePacket:
		h = n.turn(id)
	case balanceRandom:
		h = n.rnd.next()
	}
	return g.faces[h%uint64(len(g.faces))]
}

// turn counts the packets that a group has sent.
func (n *Net) turn(id int32) uint64 {
	for int(id) >= len(n.turns) {
		n.turns = append(n.turns, 0)
	}
	n.turns[id]++
	return uint64(n.turns[id] - 1)
}
