package ping

import (
	"errors"
	"net/netip"
	"syscall"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
)

// ports is what a ping needs that does more than send ICMP through a socket.
type ports struct {
	technique.Ports
	pending  *technique.Pending // the way out is being looked for
	capture  bool               // the datalink is open, and unless told otherwise ICMP is taken from there
	seq      uint32             // numbers of TCP probes, the same in all
	ack      uint32
	embed    netip.Addr // real source address, in the payload of spoofed probes
	answered bool       // with -O tbt: a probe has a reply
	tooBig   []byte     // a reply that is to be answered by a packet too big, from the IP header on
}

// exit is where ICMP probes from one source address leave, shared by all pings that send any.
type exit struct {
	src   netip.Addr
	ports technique.Ports
	users int
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

// framed reports whether probes leave through the datalink.
func (o *Options) framed(raw bool) bool {
	return o.Router.IsValid() || o.PMTU != 0 || o.DatalinkTX || o.Spoof || o.Method.IsTCP() && !raw
}

// rawWill reports whether a raw socket can send the probes in place of the datalink.
func (o *Options) rawWill() bool {
	return o.Method.IsTCP() && !o.V6 && !o.Router.IsValid() && !o.Spoof && !o.DatalinkTX && o.PMTU == 0
}

// open opens what the options need. wait is true if it has to wait for the way out to be found.
func (p *Ping) open(t *sched.Task) (wait bool, err error) {
	env, o := p.all.env, p.opt
	raw := (o.Raw || env.RawTCP) && o.rawWill()
	framed := o.framed(raw)
	if o.Method.IsICMP() && !framed && !o.Datalink {
		return false, p.via.open(env)
	}
	p.ports = &ports{}
	if err := p.sockets(t); err != nil {
		return false, err
	}
	if !framed && !o.Datalink && !o.Method.IsTCP() {
		return false, nil
	}
	return p.resolve(t, framed, raw)
}

// portTries is how many source ports are tried when the program may choose.
const portTries = 5

// choosePort chooses the source port, or the identifier, at random: two pings of one target then run side by side.
func (p *Ping) choosePort() {
	const first = 32768 // below it are the ports of servers
	r, room := p.all.env.Sched.Rand, uint32(65536-first)
	switch {
	case p.opt.Method.IsICMP():
		p.base = uint16(r.Uint32N(65535)) + 1
	case p.opt.Method.VariesSport():
		p.base = uint16(first + r.Uint32N(max(room, uint32(p.opt.Count))-uint32(p.opt.Count)+1))
	default:
		p.base = uint16(first + r.Uint32N(room))
	}
}

// sockets opens what the method needs besides the datalink.
func (p *Ping) sockets(t *sched.Task) error {
	env, o := p.all.env, p.opt
	if o.Method.IsTCP() {
		p.ports.seq, p.ports.ack = env.Sched.Rand.Uint32(), env.Sched.Rand.Uint32()
		if o.HasTCPNumber {
			if o.acknowledges() {
				p.ports.ack = o.TCPNumber
			} else {
				p.ports.seq = o.TCPNumber
			}
		}
	}
	if o.Spoof {
		// The address is not ours: there is nothing to bind, and nothing is received but what the datalink sees.
		if o.NoSrc {
			return nil
		}
		var err error
		p.ports.embed, err = env.Routes.Source(p.dst)
		return err
	}
	for try := 1; ; try++ {
		err := p.reserve()
		if err == nil || !o.AnySrcPort || try == portTries {
			return err
		}
		p.ports.Close()
		if !p.otherPort(t, err) {
			return err
		}
	}
}

// otherPort chooses another source port when the first choice cannot be had. If that is because no more files can be
// opened, it is one that is open already, for pings of other targets.
func (p *Ping) otherPort(t *sched.Task, why error) bool {
	switch {
	case errors.Is(why, syscall.EADDRINUSE):
		for range portTries {
			if p.choosePort(); t.Listen(p.signature()) {
				break
			}
		}
		return true
	case errors.Is(why, syscall.EMFILE) && !p.opt.Method.VariesSport():
		kind, src := netio.UDP, p.via.src
		if p.opt.Method.IsTCP() {
			kind, src = netio.TCP, technique.Unspecified(src)
		}
		for p.base = range technique.OpenPorts(p.all.env, kind, src) {
			if t.Listen(p.signature()) {
				return true
			}
		}
	}
	return false
}

// acknowledges reports whether probes have an acknowledgement number.
func (o *Options) acknowledges() bool {
	return o.Method == warts.PingTCPAck || o.Method == warts.PingTCPAckSport || o.Method == warts.PingTCPSynAck
}

// reserve opens the sockets of the method, and keeps all source ports from other programs.
func (p *Ping) reserve() (err error) {
	env, o, src := p.all.env, p.opt, p.via.src
	switch {
	case o.Method.IsICMP():
		return p.ports.ICMP(env, src)
	case o.Method.IsUDP():
		err = p.ports.UDP(env, src, p.sport(0))
	default:
		err = p.notOurs(p.ports.TCP(env, src, p.sport(0)))
	}
	if !o.Method.VariesSport() {
		return err
	}
	for i := uint16(1); err == nil && i < o.Count; i++ {
		if o.Method.IsTCP() {
			err = p.notOurs(p.ports.ReserveTCP(env, src, p.sport(i)))
		} else {
			_, err = p.ports.ReserveUDP(env, src, p.sport(i))
		}
	}
	return err
}

// notOurs is about the error of reserving a TCP port: probes can leave from one that is given and that only root may
// reserve, too. The kernel answers replies by a reset in either case.
func (p *Ping) notOurs(err error) error {
	if !p.opt.AnySrcPort && errors.Is(err, syscall.EACCES) {
		return nil
	}
	return err
}

// resolve asks for the way out to the datalink.
func (p *Ping) resolve(t *sched.Task, framed, raw bool) (wait bool, err error) {
	env := p.all.env
	to := p.dst
	if p.opt.Router.IsValid() {
		to = p.opt.Router
	}
	found := false
	pending := env.Links.Resolve(to, framed, func(l *technique.Link, lerr error) {
		p.ports.pending = nil
		found, err = true, lerr
		if lerr == nil {
			err = p.linked(l, framed, raw)
		}
		if !wait { // still inside open, which reports
			return
		}
		if err != nil {
			p.fail(t, err)
			return
		}
		t.WakeAt(loop.Never)
		t.WantTurn()
	})
	if found {
		return false, err
	}
	wait, p.ports.pending = true, pending
	t.WakeAt(t.ReadClock().Add(p.opt.Timeout))
	return true, nil
}

// linked opens the datalink that was found.
func (p *Ping) linked(l *technique.Link, framed, raw bool) error {
	env := p.all.env
	p.ports.capture = true
	if err := p.ports.Capture(env, l.IfIndex); err != nil {
		return err
	}
	switch {
	case framed && l.Drops(p.opt.V6) && p.opt.PMTU == 0: // with -M, what is too big for a socket would fail
		return p.ports.Raw(env)
	case framed && l.CanSend():
		return p.ports.Frames(env, l)
	case framed && !p.opt.rawWill():
		return l.ErrSend()
	case raw, framed:
		return p.ports.Raw(env)
	}
	return nil
}

// sport is the source port of probe i, or the ICMP identifier.
func (p *Ping) sport(i uint16) uint16 {
	if p.opt.Method.VariesSport() {
		return p.base + i
	}
	return p.base
}

// sendTooBig answers a large reply with a packet too big.
func (p *Ping) sendTooBig(t *sched.Task) error {
	m := probe.TooBig{Src: p.via.src, Dst: p.dst, MTU: uint32(p.opt.PMTU), Packet: p.ports.tooBig}
	p.ports.tooBig = nil
	out := p.ports.Out
	b, err := m.AppendPacket(append(out.Buffer(), p.ports.Link.Header...))
	if err != nil {
		return err
	}
	out.Add(t, tooBigID, netio.Packet{Data: b})
	return nil
}

// tooBigID is the id of a packet that is no probe.
const tooBigID = 1 << 16
