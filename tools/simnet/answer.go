package simnet

import (
	"net/netip"

	"scamper/shared/packet"
)

// reply is what an answer's IP header says.
type reply struct {
	proto    uint8
	ttl      uint8
	tos      uint8
	dontFrag bool
	options  []byte // IPv4
}

// reply prepares the packet that answers j. The transport message is to be appended to b, behind room for the header
// with optionLen bytes of options; send then fills the header in.
func (n *Net) reply(j *journey, a *actor, src, dst netip.Addr, optionLen int) (r *journey, b []byte) {
	r = &n.trips[j.depth+1]
	*r = journey{
		v6: j.v6, src: src, dst: dst, depth: j.depth + 1, at: j.at, made: true, before: -1,
		salt: a.salt, heeds: a.b.heedPMTU, copies: a.b.copies, copyGap: a.b.copyGap,
	}
	r.header = packet.IPv4HeaderLen + optionLen
	if j.v6 {
		r.header = packet.IPv6HeaderLen
	}
	return r, n.bufs[r.depth][:r.header]
}

// send finishes a reply and sends it on its way.
func (n *Net) send(j, r *journey, a *actor, b []byte, h reply) {
	n.count.RepliesMade++
	if len(b) > 65535 {
		n.drop(dropMalformed)
		return
	}
	r.b, r.proto, r.ttl, r.options = b, h.proto, int(h.ttl), len(h.options) > 0
	r.dontFrag = h.dontFrag || r.v6
	r.class, r.srcClass = j.srcClass, j.class
	if r.dst != j.src {
		r.class = n.t.classOf(r.dst)
	}
	payload := len(b) - r.header
	var err error
	if r.v6 {
		f := packet.IPv6Fields{TrafficClass: h.tos, NextHeader: h.proto, HopLimit: h.ttl, Src: r.src, Dst: r.dst}
		_, err = f.Append(b[:0], payload)
	} else {
		f := packet.IPv4Fields{
			TOS: h.tos, ID: n.ipid(a, r.src, j, j.at), DF: h.dontFrag, TTL: h.ttl, Protocol: h.proto,
			Src: r.src, Dst: r.dst, Options: h.options,
		}
		_, err = f.Append(b[:0], payload)
	}
	if err != nil {
		n.drop(dropMalformed)
		return
	}
	if a.b.loss > 0 && n.rnd.share() < a.b.loss {
		n.drop(dropReplyLoss)
		return
	}
	r.at += a.b.delay
	if a.b.jitter > 0 {
		r.at += jitter(&n.rnd, a.b.jitter)
	}
	n.fitPath(r, a)
	n.launch(r, a)
}

// receive is the end of a packet at a router or host that it is for.
func (n *Net) receive(j *journey, a *actor) {
	if j.options && a.b.optionMode == optionsDrop {
		n.drop(dropOptions)
		return
	}
	if j.piece && !n.reassemble(j, a) {
		return
	}
	l4 := j.b[min(j.header, len(j.b)):]
	switch {
	case j.proto == packet.ProtoICMP && !j.v6, j.proto == packet.ProtoICMPv6 && j.v6:
		n.receiveICMP(j, a, l4)
	case j.proto == packet.ProtoUDP:
		n.receiveUDP(j, a, l4)
	case j.proto == packet.ProtoTCP:
		n.receiveTCP(j, a, l4)
	default:
		n.say(j, a, a.b.other)
	}
}

// say gives an answer that is not a positive reply: an unreachable, or nothing.
func (n *Net) say(j *journey, a *actor, what answer) {
	switch {
	case j.made:
		n.count.Absorbed++
	case what.kind == answerClosed || what.kind == answerUnreachable:
		n.sendUnreachable(j, a, what, false)
	default:
		n.drop(dropSilent)
	}
}

// answerSource is the address that a positive reply comes from.
func (j *journey) answerSource(b *behaviour) netip.Addr {
	if a := b.answerFrom[j.family()]; a.IsValid() {
		return a
	}
	return j.dst
}

func (j *journey) pseudo(l4 []byte) packet.Sum {
	if j.proto == packet.ProtoICMP {
		return 0
	}
	return packet.PseudoSum(j.src, j.dst, j.proto, len(l4))
}

func (n *Net) receiveICMP(j *journey, a *actor, l4 []byte) {
	m, err := packet.ParseICMP(l4)
	if err != nil {
		n.drop(dropMalformed)
		return
	}
	if !m.ChecksumOK(j.pseudo(l4)) {
		n.drop(dropChecksum)
		return
	}
	switch typ := m.Type(); {
	case j.made:
		n.count.Absorbed++
	case !j.v6 && typ == packet.ICMP4Echo, j.v6 && typ == packet.ICMP6Echo:
		n.echo(j, a, m)
	case !j.v6 && typ == packet.ICMP4Timestamp:
		n.timestamp(j, a, m)
	case !j.v6 && typ == packet.ICMP4Unreach && m.Code() == packet.ICMP4UnreachNeedFrag:
		n.told(j, a, m.Quote4(), int(m.MTU4()))
	case j.v6 && typ == packet.ICMP6TooBig:
		n.told(j, a, m.Quote6(), int(m.MTU6()))
	default:
		n.count.Absorbed++
	}
}

// told is what a host does with a packet too big.
func (n *Net) told(j *journey, a *actor, q packet.Quote, mtu int) {
	n.count.Absorbed++
	dst, ok := q.Dst()
	if !ok || !a.b.heedPMTU || mtu < 68 || mtu > 65535 {
		return
	}
	n.notePMTU(a.salt, dst, mtu, j.at)
}

func (n *Net) echo(j *journey, a *actor, m packet.ICMP) {
	if a.b.echo.kind != answerReply {
		n.say(j, a, a.b.echo)
		return
	}
	if !n.mayEcho(j, a) {
		return
	}
	options := n.returnedOptions(j, a)
	src := j.answerSource(a.b)
	r, b := n.reply(j, a, src, j.src, len(options))
	f := packet.ICMPFields{Type: packet.ICMP4EchoReply, Code: m.Code(), Rest: m.Rest()}
	proto, pseudo := uint8(packet.ProtoICMP), packet.Sum(0)
	if j.v6 {
		f.Type, proto = packet.ICMP6EchoReply, packet.ProtoICMPv6
		pseudo = packet.PseudoSum(src, j.src, proto, len(m))
	}
	b = f.Append(b, m.Body(), pseudo)
	n.count.Answered++
	n.count.Echo++
	n.send(j, r, a, b, reply{proto: proto, ttl: a.b.echoTTL, tos: j.tos(), dontFrag: a.b.dontFrag, options: options})
}

func (n *Net) mayEcho(j *journey, a *actor) bool {
	if a.b.echoRate > 0 && !a.state.echoes.spend(a.b.echoRate, a.b.burst, j.at) {
		n.drop(dropRate)
		return false
	}
	return true
}

// returnedOptions are the options of an echo that its reply carries too, with the host's own entry (RFC 1122 section
// 3.2.2.6).
func (n *Net) returnedOptions(j *journey, a *actor) []byte {
	if !j.options || a.b.optionMode != optionsHonour {
		return nil
	}
	n.stamp(j, j.dst)
	return j.b[packet.IPv4HeaderLen:j.header]
}

func (n *Net) timestamp(j *journey, a *actor, m packet.ICMP) {
	if a.b.timestamp.kind != answerReply {
		n.say(j, a, a.b.timestamp)
		return
	}
	if len(m) < packet.ICMPTimestampLen {
		n.drop(dropMalformed)
		return
	}
	if !n.mayEcho(j, a) {
		return
	}
	options := n.returnedOptions(j, a)
	r, b := n.reply(j, a, j.answerSource(a.b), j.src, len(options))
	body := append(n.scratch[:0], m.Body()...)
	clock := n.clock(j.at)
	putBE32(body[4:], clock)
	putBE32(body[8:], clock)
	f := packet.ICMPFields{Type: packet.ICMP4TimestampReply, Rest: m.Rest()}
	b = f.Append(b, body, 0)
	n.count.Answered++
	n.count.Timestamp++
	n.send(j, r, a, b, reply{proto: packet.ProtoICMP, ttl: a.b.echoTTL, tos: j.tos(), dontFrag: a.b.dontFrag, options: options})
}

func (n *Net) receiveUDP(j *journey, a *actor, l4 []byte) {
	u, err := packet.ParseUDP(l4)
	if err != nil {
		n.drop(dropMalformed)
		return
	}
	if (u.Checksum() != 0 || j.v6) && !u.ChecksumOK(j.pseudo(l4)) {
		n.drop(dropChecksum)
		return
	}
	what := portRule(a.b.udpPorts, u.DstPort(), a.b.udp)
	if what.kind != answerReply || j.made {
		n.say(j, a, what)
		return
	}
	src := j.answerSource(a.b)
	r, b := n.reply(j, a, src, j.src, 0)
	f := packet.UDPFields{SrcPort: u.DstPort(), DstPort: u.SrcPort()}
	b, err = f.Append(b, u.Payload(), packet.PseudoSum(src, j.src, packet.ProtoUDP, packet.UDPHeaderLen+len(u.Payload())))
	if err != nil {
		n.drop(dropMalformed)
		return
	}
	n.count.Answered++
	n.count.UDP++
	n.send(j, r, a, b, reply{proto: packet.ProtoUDP, ttl: a.b.echoTTL, dontFrag: a.b.dontFrag})
}
