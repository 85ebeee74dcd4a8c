package trace

import (
	"errors"
	"net/netip"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
)

// Signatures implements sched.Technique. With -s 0 there is none until a port has been chosen.
func (t *Trace) Signatures(sigs []sched.Signature) []sched.Signature {
	if t.opt.AnySrcPort {
		return sigs
	}
	return append(sigs, t.signature(t.sport))
}

// signature is what packets of the trace have in common if its source port, or identifier, is the given one.
func (t *Trace) signature(sport uint16) sched.Signature {
	o := t.opt
	switch o.Method {
	case warts.TraceICMPEcho, warts.TraceICMPEchoParis:
		return sched.ICMPSignature(sched.Echo, t.dst, sport)
	case warts.TraceUDP:
		return sched.PortSignature(sched.UDP, t.dst, sport, 0, 65535)
	case warts.TraceUDPParis:
		return sched.PortSignature(sched.UDP, t.dst, sport, o.DstPort, o.DstPort)
	}
	return sched.PortSignature(sched.TCP, t.dst, sport, o.DstPort, o.DstPort)
}

// open finds the source address and opens what the options need.
func (t *Trace) open(s *sched.Session) error {
	o := t.opt
	var err error
	if t.src, err = t.env.Source(t.dst, o.Src); err != nil {
		return err
	}
	t.match.Src = t.src
	s.Defer(t.ports.Close)
	if o.AnySrcPort {
		if err := t.choosePort(s); err != nil {
			return err
		}
	}
	switch {
	case o.Method.IsICMP():
		err = t.ports.ICMP(t.env, t.src)
	case o.Method.IsUDP():
		err = t.ports.UDP(t.env, t.src, t.sport)
	default:
		err = t.ports.TCP(t.env, t.src, t.sport)
	}
	if err != nil || !t.needsLink() {
		return err
	}
	return t.openLink(s)
}

// needsLink reports whether something is sent or seen on the datalink only.
func (t *Trace) needsLink() bool {
	o := t.opt
	return t.sendsFrames() || o.PMTUD || o.Datalink
}

// sendsFrames reports whether ordinary probes leave through the datalink. The flow label, which tells UDP-paris probes
// with a constant payload apart, is the kernel's in what it sends.
func (t *Trace) sendsFrames() bool {
	o := t.opt
	return o.Method.IsTCP() || o.Offset != 0 || o.Router.IsValid() ||
		o.V6 && o.ConstPayload && o.Method == warts.TraceUDPParis
}

// openLink finds the way out to the datalink.
func (t *Trace) openLink(s *sched.Session) error {
	o := t.opt
	raw := o.Method.IsTCP() && !o.V6 && (o.Raw || t.env.RawTCP) && !o.Router.IsValid()
	to := t.dst
	if o.Router.IsValid() {
		to = o.Router
	}
	frames := t.sendsFrames() && !raw
	link, err := t.env.Links.Await(s, to, frames || o.PMTUD, s.ReadClock().Add(o.Wait))
	if err != nil {
		return err
	}
	t.link = link
	if err := t.ports.Capture(t.env, link.IfIndex); err != nil {
		return err
	}
	tcp4 := o.Method.IsTCP() && !o.V6 && !o.Router.IsValid()
	switch {
	case frames && link.CanSend() && !(tcp4 && link.Drops(o.V6)):
		return t.ports.Frames(t.env, link)
	case tcp4:
		return t.ports.Raw(t.env)
	case frames:
		return link.ErrSend()
	}
	return nil
}

// send sends the next probe and returns when the wait for its reply is over. ok is false if that failed, which ends the
// trace.
func (t *Trace) send(s *sched.Session, ttl, attempt int, ph phase) (due loop.Mono, ok bool) {
	return t.sendThrough(s, &t.ports, sentProbe{
		TraceProbe: warts.TraceProbe{TTL: uint8(ttl), ID: uint8(attempt)}, phase: ph,
	}, 0)
}

// maxProbes is how many probes a trace sends: they are told apart by 16 bits, and the format counts them in 16. The
// search needs 192 for each of 255 TTLs at most; a network that leads path MTU discovery from one search to the next
// could ask for more.
const maxProbes = 65535

var errProbes = errors.New("a trace has at most 65535 probes")

// sendThrough sends a probe through given ports; size is that of the packet, 0 for the usual one.
func (t *Trace) sendThrough(s *sched.Session, ports *technique.Ports, sp sentProbe, size int) (due loop.Mono, ok bool) {
	if len(t.sent) >= maxProbes {
		t.fail(errProbes)
		return 0, false
	}
	o := t.opt
	p := &t.probe
	*p = probe.TraceProbe{
		PacketSize: size,
		Method:     o.Method, Src: t.src, Dst: t.dst, SrcPort: t.sport, DstPort: o.DstPort,
		N: len(t.sent), TTL: sp.TTL, TOS: o.ToS, Payload: o.Payload, FragOffset: o.Offset,
		ConstPayload: o.ConstPayload,
	}
	dport := o.DstPort
	if o.Method == warts.TraceUDP {
		dport += uint16(len(t.sent))
	}
	sp.Size = uint16(p.Size())
	// The probe is in the list before it is sent, so that no reply can be faster than we are.
	t.sent = append(t.sent, sp)
	stamp, err := s.Send(ports.Out, func(b []byte) (netio.Packet, error) {
		return ports.Packet(b, p, netip.AddrPortFrom(t.dst, dport), sp.TTL, o.ToS)
	})
	if err != nil {
		t.sent = t.sent[:len(t.sent)-1]
		if s.Halted() {
			t.halt()
		} else {
			t.fail(err)
		}
		return 0, false
	}
	last := &t.sent[len(t.sent)-1]
	last.setTX(stamp)
	t.lastSent, t.begun = s.ReadClock(), true
	last.due = t.lastSent.Add(o.Wait)
	if sp.phase == phaseTrace {
		t.hopCount = max(t.hopCount, int(sp.TTL))
	}
	if o.Stream != 0 && len(t.sent)%int(o.Stream) == 0 {
		t.publish(s)
	}
	return last.due, true
}

func (p *sentProbe) setTX(at netio.Stamp) {
	p.tx = at
	p.TX = warts.TimeOf(at.Time())
}
