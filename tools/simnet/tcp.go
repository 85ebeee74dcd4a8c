package simnet

import "scamper/shared/packet"

// receiveTCP answers like a host that has listeners but no connections: RFC 9293 section 3.10.7.1 (CLOSED) and
// 3.10.7.2 (LISTEN). Whoever needs a connection puts a real stack behind an attachment.
func (n *Net) receiveTCP(j *journey, a *actor, l4 []byte) {
	t, err := packet.ParseTCP(l4)
	if err != nil {
		n.drop(dropMalformed)
		return
	}
	if !t.ChecksumOK(j.pseudo(l4)) {
		n.drop(dropChecksum)
		return
	}
	what := portRule(a.b.tcpPorts, t.DstPort(), a.b.tcp)
	flags := t.Flags()
	switch {
	case j.made || flags&packet.RST != 0:
		n.count.Absorbed++
		return
	case what.kind == answerSilent || what.kind == answerUnreachable:
		n.say(j, a, what)
		return
	case what.kind == answerReply && flags&(packet.SYN|packet.ACK) == 0:
		n.count.Absorbed++ // a listener ignores segments with neither
		return
	}
	src := j.answerSource(a.b)
	r, b := n.reply(j, a, src, j.src, 0)
	f := packet.TCPFields{SrcPort: t.DstPort(), DstPort: t.SrcPort()}
	var options [4]byte
	switch {
	case what.kind == answerReply && flags&packet.ACK == 0:
		f.Flags = packet.SYN | packet.ACK
		f.Seq = uint32(mix(a.salt, uint64(t.SrcPort())<<16|uint64(t.DstPort())))
		f.Ack = t.Seq() + 1
		f.Window = a.b.tcpWindow
		if a.b.tcpMSS > 0 {
			f.Options = packet.AppendMSS(options[:0], a.b.tcpMSS)
		}
	case flags&packet.ACK != 0:
		f.Flags = packet.RST
		f.Seq = t.Ack()
	default:
		f.Flags = packet.RST | packet.ACK
		f.Ack = t.Seq() + uint32(len(t.Payload()))
		if flags&packet.SYN != 0 {
			f.Ack++
		}
		if flags&packet.FIN != 0 {
			f.Ack++
		}
	}
	b, err = f.Append(b, nil, packet.PseudoSum(src, j.src, packet.ProtoTCP, f.HeaderLen()))
	if err != nil {
		n.drop(dropMalformed)
		return
	}
	n.count.Answered++
	n.count.TCP++
	n.send(j, r, a, b, reply{proto: packet.ProtoTCP, ttl: a.b.echoTTL, dontFrag: true})
}
