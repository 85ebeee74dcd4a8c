package trace

import (
	"net/netip"
	"slices"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
)

// maxReplies is how many replies a probe takes; the format counts them in 16 bits.
const maxReplies = 65535

// Signatures implements sched.Technique.
func (t *Trace) Signatures(sigs []sched.Signature) []sched.Signature {
	o := t.opt
	switch o.Method {
	case warts.TraceICMPEcho, warts.TraceICMPEchoParis:
		return append(sigs, sched.ICMPSignature(sched.Echo, t.dst, o.SrcPort))
	case warts.TraceUDP:
		return append(sigs, sched.PortSignature(sched.UDP, t.dst, o.SrcPort, 0, 65535))
	case warts.TraceUDPParis:
		return append(sigs, sched.PortSignature(sched.UDP, t.dst, o.SrcPort, o.DstPort, o.DstPort))
	}
	return append(sigs, sched.PortSignature(sched.TCP, t.dst, o.SrcPort, o.DstPort, o.DstPort))
}

func (t *Trace) method() probe.TraceMethod { return probe.TraceMethod(t.opt.Method) }

// open finds the source address and opens what the method needs.
func (t *Trace) open(s *sched.Session) error {
	o := t.opt
	t.src = o.Src
	if !t.src.IsValid() {
		var err error
		if t.src, err = t.env.Routes.Source(t.dst); err != nil {
			return err
		}
	}
	t.match.Src = t.src
	s.Defer(t.ports.Close)
	m := t.method()
	var err error
	switch {
	case m.IsICMP():
		err = t.ports.ICMP(t.env, t.src)
	case m.IsUDP():
		err = t.ports.UDP(t.env, t.src, o.SrcPort)
	default:
		err = t.ports.TCP(t.env, t.src, o.SrcPort)
	}
	if err != nil {
		return err
	}
	if m.IsTCP() || o.Offset != 0 {
		return t.openLink(s)
	}
	return nil
}

// openLink finds the way out to the datalink: TCP replies are seen nowhere else.
func (t *Trace) openLink(s *sched.Session) error {
	raw := t.method().IsTCP() && !t.opt.V6 && (t.opt.Raw || t.env.RawTCP)
	link, err := t.env.Links.Await(s, t.dst, !raw, s.Now().Add(t.opt.Wait))
	if err != nil {
		return err
	}
	if raw || !link.CanSend() {
		if t.opt.V6 {
			return link.ErrSend()
		}
		if err := t.ports.Raw(t.env); err != nil {
			return err
		}
		return t.ports.Capture(t.env, link.IfIndex)
	}
	return t.ports.Frames(t.env, link)
}

// send sends the next probe and returns when. ok is false if that failed, which ends the trace.
func (t *Trace) send(s *sched.Session, ttl, attempt int, ph phase) (at loop.Mono, ok bool) {
	o := t.opt
	p := &t.probe
	*p = probe.TraceProbe{
		Method: t.method(), Src: t.src, Dst: t.dst, SrcPort: o.SrcPort, DstPort: o.DstPort,
		N: len(t.sent), TTL: uint8(ttl), TOS: o.ToS, Payload: o.Payload, FragOffset: o.Offset,
	}
	dport := o.DstPort
	if o.Method == warts.TraceUDP {
		dport += uint16(len(t.sent))
	}
	// The probe is in the list before it is sent, so that no reply can be faster than we are.
	t.sent = append(t.sent, sentProbe{
		TraceProbe: warts.TraceProbe{TTL: uint8(ttl), ID: uint8(attempt), Size: uint16(p.Size())}, phase: ph,
	})
	stamp, err := s.Send(t.ports.Out, func(b []byte) (netio.Packet, error) {
		return t.ports.Packet(b, p, netip.AddrPortFrom(t.dst, dport), uint8(ttl), o.ToS)
	})
	last := &t.sent[len(t.sent)-1]
	if err != nil {
		t.sent = t.sent[:len(t.sent)-1]
		if s.Halted() {
			t.end(warts.TraceStopHalted, 0)
		} else {
			t.fail(err)
		}
		return 0, false
	}
	last.tx = stamp
	last.TX = warts.TimeOf(stamp.Time())
	t.lastSent = s.Now()
	return t.lastSent, true
}

// file records a packet as the reply to the probe that it answers. It returns nil if it answers none.
func (t *Trace) file(r *probe.Reply) (int, *warts.TraceReply) {
	i, ok := t.answers(r)
	if !ok {
		return 0, nil
	}
	p := &t.sent[i]
	if len(p.Replies) >= maxReplies {
		return 0, nil
	}
	reply := warts.TraceReply{
		Addr: warts.AddrFrom(r.IP.Src), RTT: rtt(r.Capture.Stamp.Sub(p.tx)), TTL: r.IP.TTL, ToS: r.IP.TOS,
		Size: uint16(min(r.IP.Size, 65535)),
	}
	if r.IP.HasTTL {
		reply.Flags |= warts.TraceHopTTL
	}
	switch {
	case r.Datalink:
		reply.Flags |= warts.TraceHopDLRX
	case r.Capture.Kernel:
		reply.Flags |= warts.TraceHopSockRX
	}
	if r.IP.Version == 4 {
		reply.IPID = uint16(r.IP.ID)
	}
	switch r.Kind {
	case probe.KindTCP, probe.KindUDP:
		if len(p.Replies) > 0 { // the host repeats itself, or our own kernel has answered
			return 0, nil
		}
		reply.Flags |= warts.TraceHopUDP
		if r.Kind == probe.KindTCP {
			reply.Flags ^= warts.TraceHopUDP ^ warts.TraceHopTCP
			reply.TCPFlags = r.TCP.Flags
		}
	case probe.KindError:
		reply.ICMPType, reply.ICMPCode = r.ICMP.Type, r.ICMP.Code
		reply.QuoTTL, reply.QuoToS, reply.QuoLen = r.Quote.TTL, r.Quote.TOS, uint16(min(r.Quote.Size, 65535))
		if r.IsTooBig() {
			reply.NextMTU = uint16(min(r.ICMP.MTU, 65535))
		}
		for o := range r.ICMP.Extensions.All() {
			reply.Exts = append(reply.Exts, warts.ICMPExt{Class: o.Class, CType: o.CType, Data: slices.Clone(o.Data)})
		}
	default:
		reply.ICMPType, reply.ICMPCode = r.ICMP.Type, r.ICMP.Code
	}
	p.Replies = append(p.Replies, reply)
	return i, &p.Replies[len(p.Replies)-1]
}

// rtt is a round-trip time as it is recorded: a wall clock that was set back in between gives no negative one.
func rtt(d time.Duration) time.Duration { return max(d, 0).Truncate(time.Microsecond) }

// answers returns the index of the probe that a packet answers.
func (t *Trace) answers(r *probe.Reply) (int, bool) {
	if r.Capture.Outgoing {
		return 0, false
	}
	if r.Datalink && r.Kind != probe.KindTCP && r.Kind != probe.KindUDP {
		return 0, false // the ICMP socket has it too
	}
	switch r.Kind {
	case probe.KindTCP, probe.KindUDP, probe.KindError, probe.KindEchoReply:
	default:
		return 0, false
	}
	t.match.Sent = len(t.sent)
	return t.match.Match(r)
}
