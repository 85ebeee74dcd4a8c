package render

import "scamper/shared/warts"

// MTULabel is what the text of a trace says about the path MTU behind one of its hops.
type MTULabel struct {
	Hop  int
	Kind MTULabelKind
	MTU  uint16     // of Signalled, Inferred and Wanted
	Addr warts.Addr // of From
}

// MTULabelKind is the kind of an MTULabel.
type MTULabelKind uint8

// The kinds of labels.
const (
	Signalled MTULabelKind = iota // packets of this size come this far: [mtu: 1500]
	Inferred                      // as Signalled, but nobody said so: [*mtu: 1300]
	From                          // a packet too big came from this address, which the trace didn't meet here
	Wanted                        // the MTU in the packet too big was not the one that got through
)

// pmtudPath is a trace as path MTU discovery sees it.
type pmtudPath struct {
	first [256]*warts.TraceReply // by TTL: the first reply of the first answered probe
	last  int                    // hop at which the trace ends
	trace *warts.Trace
}

func newPMTUDPath(t *warts.Trace) *pmtudPath {
	p := &pmtudPath{last: min(TraceLastHop(t), 255), trace: t}
	for i := range t.Probes {
		probe := &t.Probes[i]
		if p.first[probe.TTL] == nil && len(probe.Replies) > 0 {
			p.first[probe.TTL] = &probe.Replies[0]
		}
	}
	return p
}

// at returns the first reply of a hop, nil for a silent one.
func (p *pmtudPath) at(hop int) *warts.TraceReply {
	if hop < 0 || hop > 255 {
		return nil
	}
	return p.first[hop]
}

// anyReplyFrom returns the smallest TTL from start to the last hop at which any reply comes from addr, 0 if none does.
func (p *pmtudPath) anyReplyFrom(addr warts.Addr, start int) int {
	for i := range p.trace.Probes {
		probe := &p.trace.Probes[i]
		ttl := int(probe.TTL)
		if ttl < start || ttl > p.last {
			continue
		}
		for j := range probe.Replies {
			if probe.Replies[j].Addr == addr {
				return ttl
			}
		}
	}
	return 0
}

// byQuote estimates the hop that sent a reply from how much of the probe's TTL was left in its quote. ok is false when
// the quote can't tell. The reply may come from the far side of the link to the next hop; then that link counts.
func (p *pmtudPath) byQuote(probe *warts.TraceProbe, r *warts.TraceReply) (hop int, ok bool) {
	if probe.TTL <= r.QuoTTL {
		return 0, false
	}
	i := int(probe.TTL) - int(r.QuoTTL)
	if i < p.last {
		if next := p.at(i + 1); next != nil && sharesLink(next.Addr, r.Addr) {
			return i, true
		}
	}
	return i + 1, true
}

// textDistance is the hop at which the text places a note; 0 if it can't be placed. start is the largest result before.
func (p *pmtudPath) textDistance(note warts.TracePMTUDNote, start int) int {
	probe, r := p.trace.PMTUD.ReplyAt(note.Reply)
	if note.Type == warts.TraceNoteSilence {
		if probe != nil && int(probe.TTL) < p.last {
			return int(probe.TTL)
		}
		return 0
	}
	if r == nil {
		return 0
	}
	if ttl := p.anyReplyFrom(r.Addr, start+1); ttl != 0 {
		return ttl
	}
	hop, ok := p.byQuote(probe, r)
	if !ok {
		return 0
	}
	if hop >= p.last {
		hop = p.last - 1
	}
	return max(hop, 0)
}

// PMTUDNoteDistances returns for each note of a trace's path MTU discovery the hop that JSON names as its distance; -1
// where it names none. The rules are not quite those of the text.
func PMTUDNoteDistances(t *warts.Trace) []int {
	p := newPMTUDPath(t)
	dists := make([]int, len(t.PMTUD.Notes))
	start := 0
	for i, note := range t.PMTUD.Notes {
		dists[i] = p.jsonDistance(note, start)
		start = max(start, dists[i])
	}
	return dists
}

func (p *pmtudPath) jsonDistance(note warts.TracePMTUDNote, start int) int {
	probe, r := p.trace.PMTUD.ReplyAt(note.Reply)
	if note.Type == warts.TraceNoteSilence {
		if probe == nil {
			return 0
		}
		return int(probe.TTL)
	}
	if r == nil {
		return -1
	}
	for hop := max(start, 1); hop <= p.last; hop++ {
		if first := p.at(hop); first != nil && first.Addr == r.Addr {
			return hop
		}
	}
	hop, ok := p.byQuote(probe, r)
	if !ok || int(probe.TTL)-int(r.QuoTTL) >= p.last {
		return -1
	}
	return hop
}

// MTULabels returns the labels of a trace's hops, those of one hop in the order in which they are shown.
func MTULabels(t *warts.Trace) []MTULabel {
	if t.PMTUD == nil {
		return nil
	}
	switch t.PMTUD.Version {
	case 2:
		return labelsByNotes(newPMTUDPath(t))
	case 0, 1:
		return labelsByReplies(newPMTUDPath(t))
	}
	return nil
}

func mtuLabel(hop int, mtu, size uint16) MTULabel {
	if mtu == size {
		return MTULabel{Hop: hop, Kind: Signalled, MTU: mtu}
	}
	return MTULabel{Hop: hop, Kind: Inferred, MTU: size}
}

// labelsByNotes labels by the notes that version 2 stores: each says what happened to the probe size and where.
func labelsByNotes(p *pmtudPath) []MTULabel {
	d := p.trace.PMTUD
	var labels []MTULabel
	mtu, size := d.IfMTU, d.IfMTU
	notes := d.Notes
	if d.OutMTU != 0 {
		size = d.OutMTU
		if len(notes) > 0 {
			notes = notes[1:]
		}
	}
	hop := 1
	labelUpTo := func(last int) {
		for ; hop <= last; hop++ {
			if p.at(hop) != nil {
				labels = append(labels, mtuLabel(hop, mtu, size))
			}
		}
	}
	start := 0
	for _, note := range notes {
		_, r := d.ReplyAt(note.Reply)
		if r == nil {
			size = note.NextMTU
			continue
		}
		dist := p.textDistance(note, start)
		if dist == 0 {
			continue
		}
		start = dist
		labelUpTo(dist)
		if r.IsPTB() {
			first := p.at(dist)
			if first == nil {
				labels = append(labels, mtuLabel(dist, mtu, size))
			}
			if first == nil || first.Addr != r.Addr {
				labels = append(labels, MTULabel{Hop: dist, Kind: From, Addr: r.Addr})
			}
			if note.NextMTU != r.NextMTU {
				labels = append(labels, MTULabel{Hop: dist, Kind: Wanted, MTU: r.NextMTU})
			}
			mtu = r.NextMTU
		}
		size = note.NextMTU
	}
	labelUpTo(p.last)
	return labels
}

// labelsByReplies labels by the replies alone, which is all that version 1 has.
func labelsByReplies(p *pmtudPath) []MTULabel {
	d := p.trace.PMTUD
	next := 0
	probe, r := d.ReplyAt(next)
	if r == nil {
		return nil
	}
	var labels []MTULabel
	mtu, size := d.IfMTU, d.IfMTU
	if d.OutMTU != 0 {
		size = d.OutMTU
	}
	advance := func() {
		next++
		if probe, r = d.ReplyAt(next); r != nil {
			size = probe.Size
		} else {
			size = d.PathMTU
		}
	}
	for hop := 1; hop <= int(p.trace.HopCount); hop++ {
		first := p.at(hop)
		if first == nil || r == nil {
			continue
		}
		switch {
		case first.Addr == r.Addr:
			labels = append(labels, mtuLabel(hop, mtu, size))
			if r.IsPTB() {
				mtu = r.NextMTU
			}
			advance()
		case hop-1 >= int(probe.TTL)-int(r.QuoTTL):
			if r.IsPTB() {
				mtu, size = r.NextMTU, r.NextMTU
			}
			labels = append(labels, mtuLabel(hop, mtu, size))
			advance()
		default:
			labels = append(labels, mtuLabel(hop, mtu, size))
		}
	}
	return labels
}
