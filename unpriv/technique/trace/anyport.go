package trace

import (
	"errors"
	"net/netip"

	"scamper/unpriv/netio"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
)

// idTries is how many random identifiers are tried when the usual one is in use, and how many ports of the system's.
const idTries = 5

var errNoPort = errors.New("no source port or identifier is free towards the destination")

// choosePort chooses a source port, or an identifier of ICMP, that no other task uses towards the destination, and lays
// claim to it: with -s 0. Of ICMP that is the usual one if it is free. Of UDP and TCP it is one that a socket of this
// process has already, else one of the system's choice.
func (t *Trace) choosePort(s *sched.Session) error {
	claim := func(port uint16) bool {
		if !s.Listen(t.signature(port)) {
			return false
		}
		t.sport, t.match.SrcPort = port, port
		return true
	}
	if t.opt.Method.IsICMP() {
		for try := 0; !claim(t.sport); try++ {
			if try == idTries {
				return errNoPort
			}
			t.sport = uint16(t.env.Sched.Rand.Uint32())
		}
		return nil
	}
	kind, src, open := netio.UDP, t.src, t.env.Sockets.UDP
	if t.opt.Method.IsTCP() {
		kind, src, open = netio.TCP, technique.Unspecified(t.src), t.env.Sockets.TCP
	}
	for port := range technique.OpenPorts(t.env, kind, src) {
		if claim(port) {
			return nil
		}
	}
	for range idTries {
		socket, err := open(netip.AddrPortFrom(src, 0), 0)
		if err != nil {
			return err
		}
		s.Defer(socket.Release)
		if claim(socket.Key().Src.Port()) {
			return nil
		}
	}
	return errNoPort
}
