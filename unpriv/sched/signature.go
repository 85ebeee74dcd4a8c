package sched

import "net/netip"

// Kind says which packets a Signature speaks of.
type Kind uint8

// The kinds of signature.
const (
	// Echo: ICMP and ICMPv6 echo requests with an identifier, and what answers or quotes them.
	Echo Kind = iota + 1
	// Timestamp: ICMP timestamp requests with an identifier.
	Timestamp
	// UDP datagrams between two ranges of ports.
	UDP
	// TCP segments between two ranges of ports.
	TCP
	// Neighbour: ARP and neighbour discovery for the address.
	Neighbour
	// Sniff: whatever has the ICMP identifier, in either direction; it never blocks another task.
	Sniff
)

// Signature names the packets that belong to a task, so that no two tasks whose packets could be confused run at once
// and every reply finds its task by a lookup.
type Signature struct {
	// Addr is the probed address (Neighbour: the address being resolved, Sniff: our own).
	Addr netip.Addr
	Kind Kind
	// SrcLo and SrcHi bound the source ports, inclusive. For Echo, Timestamp and Sniff both are the identifier.
	SrcLo, SrcHi uint16
	// DstLo and DstHi bound the destination ports, inclusive. Only for UDP and TCP.
	DstLo, DstHi uint16
}

// ICMPSignature is the signature of an echo or timestamp task.
func ICMPSignature(kind Kind, addr netip.Addr, id uint16) Signature {
	return Signature{Addr: addr, Kind: kind, SrcLo: id, SrcHi: id}
}

// PortSignature is the signature of a UDP or TCP task with one source port and a range of destination ports.
func PortSignature(kind Kind, addr netip.Addr, sport, dportLo, dportHi uint16) Signature {
	return Signature{Addr: addr, Kind: kind, SrcLo: sport, SrcHi: sport, DstLo: dportLo, DstHi: dportHi}
}

// Overlaps reports whether packets of the two signatures could be taken for each other.
func (s Signature) Overlaps(o Signature) bool {
	if s.Kind != o.Kind || s.Addr != o.Addr {
		return false
	}
	switch s.Kind {
	case Sniff:
		return false
	case Neighbour:
		return true
	case Echo, Timestamp:
		return s.SrcLo == o.SrcLo
	}
	return s.SrcLo <= o.SrcHi && o.SrcLo <= s.SrcHi && s.DstLo <= o.DstHi && o.DstLo <= s.DstHi
}

// entry is a signature in the table. A task embeds its first one, since nearly all have exactly one.
type entry struct {
	sig  Signature
	task *Task
	next *entry // of the same address
}

// table holds the signatures of all running tasks by address. It is owned by the loop's goroutine.
type table struct {
	byAddr map[[16]byte]*entry
}

func newTable() table { return table{byAddr: make(map[[16]byte]*entry)} }

// blocker returns the running task whose packets could be confused with those of sig, or nil.
func (tb *table) blocker(sig Signature, self *Task) *Task {
	for e := tb.byAddr[sig.Addr.As16()]; e != nil; e = e.next {
		if e.task != self && e.sig.Overlaps(sig) {
			return e.task
		}
	}
	return nil
}

func (tb *table) install(e *entry) {
	key := e.sig.Addr.As16()
	e.next = tb.byAddr[key]
	tb.byAddr[key] = e
}

func (tb *table) remove(e *entry) {
	key := e.sig.Addr.As16()
	first := tb.byAddr[key]
	if first == e {
		if e.next == nil {
			delete(tb.byAddr, key)
		} else {
			tb.byAddr[key] = e.next
		}
		e.next = nil
		return
	}
	for p := first; p != nil; p = p.next {
		if p.next == e {
			p.next, e.next = e.next, nil
			return
		}
	}
}
