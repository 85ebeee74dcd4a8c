// Package ping sends probes to one destination at a steady pace and records what comes back.
//
// The way of a ping:
//
//	command    options.go, options_table.go   text to checked options
//	algorithm  run.go (this file)             when to send, what to count, when to stop
//	sockets    ports.go                       what is opened, source ports, packets too big
//	probe      probe.go                       what is sent
//	reply      reply.go                       which probe a packet answers, and what is kept of it
//	result     record.go                      the record
//
// A ping is a sched.Machine, not a session: one that sends a single probe still waits a second for its reply, so at
// 100,000 probes a second there are 100,000 of them, and each must be small.
package ping

import (
	"bytes"
	"errors"
	"net/netip"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
)

// Ping is one ping.
type Ping struct {
	all *Pings
	opt *Options
	dst netip.Addr

	via     *exit // shared with other pings from the same source
	start   netio.Stamp
	ports   *ports // what the methods other than ICMP need
	probes  []sentProbe
	one     [1]sentProbe // room for the first
	replied uint16       // probes with a reply
	sent    uint16
	base    uint16 // the source port of the first probe, or the ICMP identifier

	due    loop.Mono // when the next probe is to be sent; 0 before the first
	extra  uint16    // replies beyond the first of their probe
	stop   warts.PingStop
	copied uint16 // probes in the last copy, with -y
	failed *failure
}

// failure is the error that ended a ping.
type failure struct {
	errno uint8
	text  string
}

// sentProbe is a probe and what came back.
type sentProbe struct {
	tx      netio.Stamp // 0 until the kernel has it
	sport   uint16      // its own source port, 0 if it is the ping's
	ipid    uint16
	flags   warts.PingReplyFlags
	replies []reply
	one     [1]reply // room for the first
}

// Pings makes pings of one program run and keeps what they share.
type Pings struct {
	env     *technique.Env
	free    []*Ping
	exits   map[netip.Addr]*exit
	lastVia *exit
	builder builder // used on the encoder's goroutine only

	// Scratch of the loop's goroutine.
	probe probe.PingProbe
	ids   [probe.IDWindow]uint16
	sport [1]uint16
}

// Technique returns the row of ping in the registry.
func Technique() technique.Technique {
	return commands.Technique(func(env *technique.Env) technique.Maker[Options] {
		all := &Pings{env: env}
		return func(opt *Options, dst netip.Addr) sched.Machine { return all.New(opt, dst) }
	})
}

// New returns the ping of a destination. opt is for the family of dst.
func (a *Pings) New(opt *Options, dst netip.Addr) *Ping {
	var p *Ping
	if last := len(a.free) - 1; last >= 0 {
		p, a.free = a.free[last], a.free[:last]
	} else {
		p = &Ping{}
	}
	p.all, p.opt, p.dst = a, opt, dst
	p.base = opt.SrcPort
	if opt.AnySrcPort {
		p.choosePort()
	}
	return p
}

// Recycle implements sched.Machine.
func (p *Ping) Recycle() {
	all := p.all
	*p = Ping{}
	all.free = append(all.free, p)
}

// Begin implements sched.Machine.
func (p *Ping) Begin(t *sched.Task) {
	env := p.all.env
	p.start = netio.StampOf(env.Clock().Wall())
	p.probes = p.one[:0]
	src := p.opt.Src
	if !p.opt.Spoof || !src.IsValid() {
		var err error
		if src, err = env.Source(p.dst, src); err != nil {
			p.fail(t, err)
			return
		}
	}
	p.via = p.all.exit(src)
	wait, err := p.open(t)
	if err != nil {
		p.fail(t, err)
		return
	}
	if !wait {
		t.WantTurn()
	}
}

// Turn implements sched.Machine: it sends the next probe.
func (p *Ping) Turn(t *sched.Task) {
	if p.ports != nil && p.ports.tooBig != nil {
		if err := p.sendTooBig(t); err != nil {
			p.fail(t, err)
		}
		return
	}
	i := p.sent
	p.sent++
	p.probes = append(p.probes, sentProbe{})
	if err := p.send(t, i); err != nil {
		p.unsend(i)
		p.fail(t, err)
	}
}

// unsend forgets probe i, which was not sent.
func (p *Ping) unsend(i uint16) { p.sent, p.probes = i, p.probes[:i] }

// Sent implements sched.Machine.
func (p *Ping) Sent(t *sched.Task, id uint32, at netio.Stamp, err error) {
	if err != nil {
		if id != tooBigID {
			p.unsend(uint16(id))
		}
		p.fail(t, err)
		return
	}
	if id != tooBigID {
		p.probes[id].tx = at
		if p.opt.Stream != 0 && p.sent%uint16(p.opt.Stream) == 0 && p.copyDue(at) {
			p.copied = p.sent
			t.Publish(p.copy(t))
		}
	}
	now := t.ReadClock()
	if p.sent < p.opt.Count {
		p.due = now.Add(p.opt.Wait - p.late(now))
		t.WakeAt(p.due)
	} else {
		t.WakeAt(now.Add(p.opt.Timeout))
	}
}

// maxLate is by how much the time to a probe is shortened when the one before it was late: timers and turns take some tenths
// of a millisecond, which otherwise add up. A ping that had to wait for its turn longer than that keeps its interval.
const maxLate = time.Millisecond

// late is how late the probe was that has just been sent, as far as the next one makes up for it.
func (p *Ping) late(now loop.Mono) time.Duration {
	if p.due == 0 {
		return 0
	}
	return min(max(now.Sub(p.due), 0), maxLate, p.opt.Wait/2)
}

// copyPause is how old the last copy of a ping under way is at least, for each probe of the next.
const copyPause = 100 * time.Microsecond

// copyDue reports whether a copy is to be made now. As each has all probes so far, copies after each of many probes that
// follow fast would take more time and memory than all else.
func (p *Ping) copyDue(now netio.Stamp) bool {
	return p.copied == 0 || now.Sub(p.probes[p.copied-1].tx) >= time.Duration(p.sent)*copyPause
}

// Expire implements sched.Machine: it is time for the next probe, or the wait is over.
func (p *Ping) Expire(t *sched.Task) {
	if p.ports != nil && p.ports.pending != nil {
		p.fail(t, errLinkTimeout)
		return
	}
	if p.sent < p.opt.Count {
		t.WantTurn()
		return
	}
	p.end(t, warts.PingStopCompleted)
}

// Reply implements sched.Machine.
func (p *Ping) Reply(t *sched.Task, r *probe.Reply) {
	i, ok := p.match(r)
	if !ok {
		return
	}
	pr := &p.probes[i]
	if pr.tx == 0 {
		return // not sent yet
	}
	first := len(pr.replies) == 0
	if !p.file(pr, r) {
		return
	}
	if p.opt.PMTU != 0 && p.large(r) {
		p.ports.tooBig = bytes.Clone(r.Packet)
		t.WantTurn()
	}
	if !first {
		return
	}
	if p.opt.TooBig {
		// Only fragments count; a host that does not even answer plainly is of no use.
		others := p.ports.answered
		p.ports.answered = true
		if r.Kind != probe.KindEchoReply && !others {
			p.end(t, warts.PingStopCompleted)
			return
		}
		if !r.IP.HasID {
			return
		}
	}
	p.replied++
	if p.opt.StopCount != 0 && p.replied >= p.opt.StopCount {
		p.end(t, warts.PingStopCompleted)
	}
}

// large reports whether a reply is to be answered by a packet too big: it is whole, too large, and none is under way.
func (p *Ping) large(r *probe.Reply) bool {
	return r.Kind == probe.KindEchoReply && r.IP.Size > int(p.opt.PMTU) && !r.IP.More && p.ports.tooBig == nil
}

// Halt implements sched.Machine.
func (p *Ping) Halt(t *sched.Task) {
	if last := len(p.probes) - 1; last >= 0 && p.probes[last].tx == 0 { // it still waits to leave, and will not
		p.unsend(uint16(last))
	}
	for i := range p.probes {
		if p.pending(&p.probes[i]) {
			p.probes[i].flags |= warts.PingReplyPending
		}
	}
	p.end(t, warts.PingStopHalted)
}

// pending reports whether a probe's reply is still waited for.
func (p *Ping) pending(pr *sentProbe) bool {
	return len(pr.replies) == 0 && netio.StampOf(p.all.env.Clock().Wall()).Sub(pr.tx) < p.opt.Timeout
}

func (p *Ping) end(t *sched.Task, why warts.PingStop) {
	p.stop = why
	if p.ports != nil {
		if p.ports.pending != nil {
			p.ports.pending.Cancel()
			p.ports.pending = nil
		}
		p.ports.Close()
	}
	if p.via != nil {
		p.via.leave()
	}
	t.End()
}

func (p *Ping) fail(t *sched.Task, err error) {
	p.failed = &failure{technique.Errno(err), err.Error()}
	p.all.env.Report("ping to %s failed: %s", p.dst, p.failed.text)
	p.end(t, warts.PingStopError)
}

// Signatures implements sched.Machine.
func (p *Ping) Signatures(sigs []sched.Signature) []sched.Signature {
	return append(sigs, p.signature())
}

func (p *Ping) signature() sched.Signature {
	o := p.opt
	switch {
	case o.Method == warts.PingICMPTime:
		return sched.ICMPSignature(sched.Timestamp, p.dst, p.base)
	case o.Method.IsICMP():
		return sched.ICMPSignature(sched.Echo, p.dst, p.base)
	}
	kind := sched.UDP
	if o.Method.IsTCP() {
		kind = sched.TCP
	}
	sig := sched.PortSignature(kind, p.dst, p.base, o.DstPort, o.DstPort)
	if o.Method.VariesDport() {
		sig.DstHi = o.DstPort + o.Count - 1
	}
	if o.Method.VariesSport() {
		sig.SrcHi = p.sport(o.Count - 1)
	}
	return sig
}

var _ sched.Machine = (*Ping)(nil)

// errLinkTimeout ends a ping that found no way out to the datalink in time.
var errLinkTimeout = errors.New("timeout in mode 2")
