package trace

import (
	"errors"
	"fmt"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
)

// mtuStep is the step of path MTU discovery that sent a probe; which replies count depends on it.
type mtuStep uint8

const (
	stepDefault mtuStep = iota + 1 // a size that should get through
	stepSilent                     // searching the size, no message came
	stepBad                        // searching the size, a message named no usable one
	stepTTL                        // searching the place where large packets vanish
)

// pmtud is the state of path MTU discovery, which goes on from a trace that reached the end of the path. Large packets
// are sent there; a Packet Too Big message names the next size. Where none comes, or a useless one, the size is searched,
// then the hop at which large packets vanish.
type pmtud struct {
	trace *Trace
	ports technique.Ports // to the datalink: the kernel would fragment, or refuse what it believes too large
	least int             // bytes of the smallest probe
	ifMTU int
	path  int // the result, 0 if there is none
	out   int // size that the link to the first router takes, when that is the bottleneck; else 0
	notes []mtuNote
}

// mtuNote is a note and the reply that it is about.
type mtuNote struct {
	what  warts.TracePMTUDNoteType
	size  int
	reply mtuReply
}

// mtuReply names a reply: probe and reply by index. The zero value is none.
type mtuReply struct {
	probe, reply int
	valid        bool
}

func (m *pmtud) at(r mtuReply) (*sentProbe, *warts.TraceReply) {
	p := &m.trace.sent[r.probe]
	return p, &p.Replies[r.reply]
}

// maxNotes bounds how often discovery begins anew with a smaller size.
const maxNotes = 255

var errMTUSmall = errors.New("ifmtu too small")

// discoverMTU finds the path MTU and notes how.
func (t *Trace) discoverMTU(s *sched.Session) {
	o := t.opt
	p := probe.TraceProbe{Method: o.Method, Dst: t.dst, FragOffset: o.Offset, ConstPayload: o.ConstPayload}
	m := &pmtud{trace: t, least: p.LeastSize(), ifMTU: t.link.MTU}
	if err := m.open(); err != nil {
		t.fail(err)
		return
	}
	t.mtu = m
	s.Defer(m.ports.Close)
	size, more := m.ifMTU, true
	for more && len(m.notes) < maxNotes {
		size, more = m.try(s, size)
	}
}

// open opens the datalink, through which all sizes up to that of the interface can be sent.
func (m *pmtud) open() error {
	link := m.trace.link
	switch {
	case m.ifMTU > 65535:
		return fmt.Errorf("invalid MTU %d", m.ifMTU)
	case m.ifMTU <= m.least:
		return errMTUSmall
	case !link.CanSend():
		return link.ErrSend()
	}
	return m.ports.Frames(m.trace.env, link)
}

// try sends packets of a size to the end of the path. It returns the next size to try, or false when discovery is over.
func (m *pmtud) try(s *sched.Session, size int) (next int, more bool) {
	r, res := m.probe(s, stepDefault, size, maxTTL, func(p *sentProbe, _ *probe.Reply) verdict {
		return takeIf(p.step == stepDefault && int(p.Size) == size)
	})
	switch res {
	case halted:
		return 0, false
	case silent:
		return m.searchSilent(s, size)
	}
	_, reply := m.at(r)
	switch mtu := int(reply.NextMTU); {
	case !reply.IsPTB():
		m.path = size
		return 0, false
	case mtu == 0 || mtu >= size:
		return m.searchBad(s, size, r)
	case mtu < m.least:
		m.notes = append(m.notes, mtuNote{what: warts.TraceNotePTBBad, reply: r})
		return 0, false
	default:
		m.notes = append(m.notes, mtuNote{what: warts.TraceNotePTB, size: mtu, reply: r})
		return mtu, true
	}
}

// searchSilent looks for the size that gets through when nothing was said about the one that does not.
func (m *pmtud) searchSilent(s *sched.Session, failed int) (next int, more bool) {
	search := newSizeSearch(failed)
	var hop mtuReply // of the largest packet that got through
	for found := false; !found; {
		r, res := m.probe(s, stepSilent, search.size, maxTTL, func(p *sentProbe, _ *probe.Reply) verdict {
			size := int(p.Size)
			if size == search.lower { // once more
				return keep
			}
			return takeIf(size > search.lower && size < search.upper)
		})
		switch res {
		case halted:
			return 0, false
		case answered:
			hop = r
			p, _ := m.at(r)
			found = search.narrow(int(p.Size), search.upper)
		case silent:
			if search.at == 0 && search.size == plateaus[0] {
				return 0, false // not even the smallest: nothing can be said
			}
			found = search.narrow(search.lower, search.size)
		}
	}
	out := search.lower
	place, nearest, ptb, res := m.searchPlace(s, search.in, out, hop)
	switch {
	case res == halted:
		return 0, false
	case ptb:
		return out, true
	}
	note := mtuNote{what: warts.TraceNoteSilence, size: out, reply: place}
	if !place.valid && nearest {
		m.out = out
	}
	return m.conclude(note, out, hop)
}

// searchBad looks for the size that gets through when the message about the one that does not names no usable size.
func (m *pmtud) searchBad(s *sched.Session, failed int, bad mtuReply) (next int, more bool) {
	search := newSizeSearch(failed)
	_, message := m.at(bad)
	router := message.Addr
	var hop mtuReply
	for found := false; !found; {
		if search.size < m.least { // not even the smallest: nothing can be said
			return m.conclude(mtuNote{what: warts.TraceNotePTBBad, reply: bad}, 0, mtuReply{})
		}
		r, res := m.probe(s, stepBad, search.size, maxTTL, func(p *sentProbe, _ *probe.Reply) verdict {
			if size := int(p.Size); size <= search.lower || size >= search.upper { // once more
				return keep
			}
			return take
		})
		switch res {
		case halted:
			return 0, false
		case silent: // a black hole further on, presumably
			hop = mtuReply{}
			found = search.narrow(search.size, search.upper)
		case answered:
			p, reply := m.at(r)
			if reply.Addr == router {
				found = search.narrow(search.lower, int(p.Size))
			} else {
				hop = r
				found = search.narrow(int(p.Size), search.upper)
			}
		}
	}
	return m.conclude(mtuNote{what: warts.TraceNotePTBBad, reply: bad}, search.lower, hop)
}

// conclude ends a search that found a size.
func (m *pmtud) conclude(note mtuNote, size int, hop mtuReply) (next int, more bool) {
	note.size = size
	m.notes = append(m.notes, note)
	if size < m.least {
		return 0, false
	}
	if hop.valid {
		p, reply := m.at(hop)
		if !reply.IsPTB() {
			m.path = int(p.Size)
			return 0, false
		}
	}
	return size, true
}

// searchPlace looks for the last hop that still sees packets of a size, between the first and the one that answered
// smaller ones. It returns that hop's reply, if any; nearest says that not even the first hop saw them; ptb that a
// message came after all that names the size that was found.
func (m *pmtud) searchPlace(s *sched.Session, size, found int, hop mtuReply) (place mtuReply, nearest, ptb bool, _ result) {
	lower, upper := 0, m.ttlOf(hop)
	searched := false
	for {
		ttl := m.chooseTTL(lower, upper)
		if ttl == 0 {
			return place, searched && !place.valid && lower == 0, false, answered
		}
		searched = true
		r, res := m.probe(s, stepTTL, size, ttl, func(p *sentProbe, r *probe.Reply) verdict {
			switch {
			case r.IsTooBig(): // also if it is late
				return takeIf(int(r.ICMP.MTU) == found)
			case p.step != stepTTL || int(p.Size) != size:
				return ignore
			case !r.IsTimeExceeded():
				return ignore
			case int(p.TTL) <= lower: // once more
				return keep
			}
			return take
		})
		switch res {
		case halted:
			return place, false, false, halted
		case silent:
			upper = ttl
		case answered:
			p, reply := m.at(r)
			if reply.IsPTB() {
				return r, false, true, answered
			}
			place, lower = r, int(p.TTL)
		}
	}
}

// chooseTTL returns a TTL between two others that the trace has probed, 0 if there is none.
func (m *pmtud) chooseTTL(lower, upper int) int {
	for lower+1 < upper {
		middle := (lower + upper) / 2
		c := middle
		for c < upper && !m.trace.hasReply(c) { // hops that never answer tell nothing
			c++
		}
		if c < upper {
			return c
		}
		upper = middle
	}
	return 0
}

// ttlOf returns how far away the router is that sent a reply: where the trace has seen it, else as the quoted TTL tells.
func (m *pmtud) ttlOf(r mtuReply) int {
	t := m.trace
	if !r.valid {
		return t.hopCount
	}
	p, reply := m.at(r)
	lowest := 0
	for i := range t.sent {
		q := &t.sent[i]
		if q.phase != phaseTrace || lowest != 0 && int(q.TTL) >= lowest {
			continue
		}
		for j := range q.Replies {
			if q.Replies[j].Addr == reply.Addr {
				lowest = int(q.TTL)
			}
		}
	}
	if lowest == 0 {
		return min(int(p.TTL)-int(reply.QuoTTL)+1, t.hopCount)
	}
	return lowest
}

// verdict is what becomes of a reply during a step of discovery.
type verdict uint8

const (
	ignore verdict = iota
	keep           // it is recorded, but tells nothing new
	take           // it is recorded and ends the step
)

func takeIf(ok bool) verdict {
	if ok {
		return take
	}
	return ignore
}

// probe sends packets of a size, as many as attempts says, until a reply comes that judge takes. It is asked about replies
// to probes of discovery only.
func (m *pmtud) probe(
	s *sched.Session, step mtuStep, size, ttl int, judge func(p *sentProbe, r *probe.Reply) verdict,
) (taken mtuReply, _ result) {
	t := m.trace
	send := func(attempt int) (loop.Mono, bool) {
		return t.sendThrough(s, &m.ports, sentProbe{
			TraceProbe: warts.TraceProbe{TTL: uint8(ttl), ID: uint8(attempt)}, phase: phasePMTUD, step: step,
		}, size)
	}
	res := t.attempt(s, t.attempts, send, func(r *probe.Reply) effect {
		i, ok := t.answers(r)
		if !ok || t.sent[i].phase != phasePMTUD || r.Kind == probe.KindUDP {
			return none
		}
		what := judge(&t.sent[i], r)
		if what == ignore || t.fileFor(i, r) == nil || what == keep {
			return none
		}
		taken = mtuReply{probe: i, reply: len(t.sent[i].Replies) - 1, valid: true}
		return lastTry
	})
	return taken, res
}

// record makes the section of the record.
func (m *pmtud) record() *warts.TracePMTUD {
	r := &warts.TracePMTUD{Version: 2, IfMTU: uint16(m.ifMTU), PathMTU: uint16(m.path), OutMTU: uint16(m.out)}
	before := make(map[int]int) // index of the first reply of a probe among all replies of the section
	n := 0
	for i := range m.trace.sent {
		p := &m.trace.sent[i]
		if p.phase != phasePMTUD {
			continue
		}
		before[i] = n
		n += len(p.Replies)
		r.Probes = append(r.Probes, p.TraceProbe)
	}
	for _, note := range m.notes {
		w := warts.TracePMTUDNote{Type: note.what, NextMTU: uint16(note.size), Reply: -1}
		if note.reply.valid {
			w.Reply = before[note.reply.probe] + note.reply.reply
		}
		r.Notes = append(r.Notes, w)
	}
	return r
}
