package trace

import (
	"net/netip"

	"scamper/shared/warts"
	"scamper/unpriv/sched"
)

// maxNames is how many addresses a trace asks the names of. A path has fewer; who forges replies should not make us flood
// a name server.
const maxNames = 1024

// names is what -O ptr finds out: the names of the addresses that replied, empty while not known.
type names struct {
	of      map[netip.Addr]string
	missing int    // answers
	told    func() // that the last one is there; nil if nobody waits
	over    bool   // the record may be read on another goroutine by now
}

// askName asks for the name of an address, once.
func (t *Trace) askName(addr netip.Addr) {
	n := &t.names
	if _, ok := n.of[addr]; ok || len(n.of) >= maxNames {
		return
	}
	if n.of == nil {
		n.of = make(map[netip.Addr]string)
	}
	n.of[addr] = ""
	n.missing++
	t.env.Names.Name(addr, func(name string) {
		if n.over {
			return
		}
		n.of[addr] = name
		n.missing--
		if n.missing == 0 && n.told != nil {
			n.told()
		}
	})
}

// awaitNames gives names that are still missing at the end as long to come as replies had.
func (t *Trace) awaitNames(s *sched.Session) {
	defer func() { t.names.over = true }()
	t.names.told = s.Wake
	until := s.Now().Add(t.opt.Wait)
	for t.names.missing > 0 {
		switch s.Wait(until).Kind {
		case sched.Timeout, sched.Halt:
			return
		}
	}
}

// nameReplies puts the names that are known into replies.
func (t *Trace) nameReplies(replies []warts.TraceReply) {
	if len(t.names.of) == 0 {
		return
	}
	for i := range replies {
		replies[i].Name = t.names.of[replies[i].Addr.IP()]
	}
}
