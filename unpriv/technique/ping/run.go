// Package ping sends probes to one destination at a steady pace and records what comes back.
//
// options.go turns a command into checked options, probe.go says what is sent and which probe a packet answers, run.go
// (this file) is the algorithm, record.go the result. A ping is a sched.Machine, not a session: one that sends a single
// probe still waits a second for its reply, so at 100,000 probes a second there are 100,000 of them, and each must be
// small.
package ping

import (
	"errors"
	"net/netip"

	"scamper/shared/warts"
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

	stop   warts.PingStop
	errno  uint8
	errMsg string

	next *Ping // free list
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

// ports is what a ping needs whose probes are not ICMP.
type ports struct {
	technique.Ports
	pending *technique.Pending // the way out is being looked for
	tcp     bool
	seq     uint32 // random numbers, the same in all TCP probes
	ack     uint32
}

// exit is where ICMP probes from one source address leave, shared by all pings that send any.
type exit struct {
	src   netip.Addr
	ports technique.Ports
	users int
}

// Pings makes pings of one program run and keeps what they share.
type Pings struct {
	env     *technique.Env
	free    *Ping
	exits   map[netip.Addr]*exit
	lastVia *exit
	builder builder // used on the encoder's goroutine only

	// Scratch of the loop's goroutine.
	probe  probe.PingProbe
	ids    []uint16
	sports []uint16
}

// Technique returns the row of ping in the registry.
func Technique() technique.Technique {
	var all *Pings
	of := func(env *technique.Env) *Pings {
		if all == nil || all.env != env {
			all = &Pings{env: env}
		}
		return all
	}
	return technique.Technique{
		Name:    "ping",
		Grammar: Grammar,
		Check: func(text string) error {
			_, _, err := Parse(text, Defaults{})
			return err
		},
		Parse: func(env *technique.Env, text string) (sched.Machine, error) {
			opt, dst, err := Parse(text, Defaults{Pid: env.PID})
			if err != nil {
				return nil, err
			}
			return of(env).New(opt, dst), nil
		},
		Template: func(env *technique.Env, options string) (technique.Template, error) {
			t, err := ParseTemplate(options, Defaults{Pid: env.PID})
			if err != nil {
				return nil, err
			}
			return template{of(env), t}, nil
		},
	}
}

type template struct {
	all *Pings
	*Template
}

func (t template) Machine(dst netip.Addr) (sched.Machine, error) {
	opt, err := t.For(dst)
	if err != nil {
		return nil, err
	}
	return t.all.New(opt, dst), nil
}

// New returns the ping of a destination. opt is for the family of dst.
func (a *Pings) New(opt *Options, dst netip.Addr) *Ping {
	p := a.free
	if p == nil {
		p = &Ping{}
	} else {
		a.free = p.next
	}
	p.all, p.opt, p.dst, p.next = a, opt, dst, nil
	return p
}

// exit returns the exit of a source address with one more user.
func (a *Pings) exit(src netip.Addr) *exit {
	x := a.lastVia
	if x == nil || x.src != src {
		if x = a.exits[src]; x == nil {
			x = &exit{src: src}
			if a.exits == nil || len(a.exits) >= maxExits {
				a.exits = make(map[netip.Addr]*exit) // those in use live on without the map
			}
			a.exits[src] = x
		}
		a.lastVia = x
	}
	x.users++
	return x
}

// maxExits bounds how many source addresses are remembered.
const maxExits = 4096

// open opens the exit's socket for its first user.
func (x *exit) open(env *technique.Env) error {
	if x.ports.Out != nil {
		return nil
	}
	return x.ports.ICMP(env, x.src)
}

// leave closes the exit's socket with the last user.
func (x *exit) leave() {
	if x.users--; x.users == 0 {
		x.ports.Close()
	}
}

// Recycle implements sched.Machine.
func (p *Ping) Recycle() {
	all := p.all
	*p = Ping{}
	p.next = all.free
	all.free = p
}

// Begin implements sched.Machine.
func (p *Ping) Begin(t *sched.Task) {
	env := p.all.env
	p.start = netio.StampOf(env.Clock().Wall())
	p.probes = p.one[:0]
	src := p.opt.Src
	if !src.IsValid() {
		var err error
		if src, err = env.Routes.Source(p.dst); err != nil {
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
		p.unsend(uint16(id))
		p.fail(t, err)
		return
	}
	p.probes[id].tx = at
	if p.sent < p.opt.Count {
		t.WakeAt(t.Now().Add(p.opt.Wait))
	} else {
		t.WakeAt(t.Now().Add(p.opt.Timeout))
	}
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
	if !p.file(pr, r) || !first {
		return
	}
	p.replied++
	if p.opt.StopCount != 0 && p.replied >= p.opt.StopCount {
		p.end(t, warts.PingStopCompleted)
	}
}

// Halt implements sched.Machine.
func (p *Ping) Halt(t *sched.Task) { p.end(t, warts.PingStopHalted) }

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
	p.errno, p.errMsg = technique.Errno(err), err.Error()
	p.all.env.Report("ping to %s failed: %s", p.dst, p.errMsg)
	p.end(t, warts.PingStopError)
}

// Signatures implements sched.Machine.
func (p *Ping) Signatures(sigs []sched.Signature) []sched.Signature {
	o := p.opt
	switch {
	case o.Method == warts.PingICMPTime:
		return append(sigs, sched.ICMPSignature(sched.Timestamp, p.dst, o.SrcPort))
	case o.Method.IsICMP():
		return append(sigs, sched.ICMPSignature(sched.Echo, p.dst, o.SrcPort))
	}
	kind := sched.UDP
	if o.Method.IsTCP() {
		kind = sched.TCP
	}
	sig := sched.PortSignature(kind, p.dst, o.SrcPort, o.DstPort, o.DstPort)
	if o.Method.VariesDport() {
		sig.DstHi = o.DstPort + o.Count - 1
	}
	if o.Method.VariesSport() {
		sig.SrcHi = o.SrcPort + o.Count - 1
	}
	return append(sigs, sig)
}

var _ sched.Machine = (*Ping)(nil)

// errLinkTimeout ends a ping that found no way out to the datalink in time.
var errLinkTimeout = errors.New("timeout in mode 1")
