package trace

import "scamper/shared/warts"

// seen is which addresses have replied at which TTLs of the search. It is kept because looking through all replies at
// each one would take a time that grows with the square of their number, and others decide how many we get.
type seen struct {
	first    map[sight]place
	distinct [maxTTL + 1]uint8 // addresses by TTL, up to 255
}

// sight is an address that replied at a TTL.
type sight struct {
	addr warts.Addr
	ttl  uint8
}

// place is where a reply is: probe and reply by index.
type place struct{ probe, reply int32 }

// sighted notes the latest reply of probe i. The first reply of an address at a TTL is the first in the order of the
// probes, not of arrival.
func (t *Trace) sighted(i int) {
	p := &t.sent[i]
	if p.phase != phaseTrace {
		return
	}
	j := len(p.Replies) - 1
	s := &t.seen
	at := sight{p.Replies[j].Addr, p.TTL}
	before, ok := s.first[at]
	if ok && int(before.probe) <= i {
		return
	}
	if s.first == nil {
		s.first = make(map[sight]place)
	}
	s.first[at] = place{int32(i), int32(j)}
	if !ok && s.distinct[p.TTL] < 255 {
		s.distinct[p.TTL]++
	}
}

// forgetReplies takes the replies of a probe back; those of all others with its TTL have to go as well.
func (t *Trace) forgetReplies(p *sentProbe) {
	for j := range p.Replies {
		delete(t.seen.first, sight{p.Replies[j].Addr, p.TTL})
	}
	t.seen.distinct[p.TTL] = 0
	p.Replies = nil
}

// addresses counts the distinct addresses that have replied at a TTL, up to 255.
func (t *Trace) addresses(ttl int) int { return int(t.seen.distinct[ttl]) }

// answeredBefore reports whether a reply to probe i is not the first of its TTL from its address.
func (t *Trace) answeredBefore(i int, r *warts.TraceReply) bool {
	first, ok := t.seen.first[sight{r.Addr, t.sent[i].TTL}]
	return ok && &t.sent[first.probe].Replies[first.reply] != r
}

// firstTTLOf returns the lowest TTL other than not at which the address answered, or 0.
func (t *Trace) firstTTLOf(a warts.Addr, not uint8) uint8 {
	for ttl := t.first; ttl <= t.hopCount; ttl++ {
		if _, ok := t.seen.first[sight{a, uint8(ttl)}]; ok && ttl != int(not) {
			return uint8(ttl)
		}
	}
	return 0
}
