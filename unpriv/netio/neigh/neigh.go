// Package neigh knows the link-layer addresses of neighbours, and finds out those
// that it does not know.
//
// The way of a question:
//
//  1. Cache.Resolve: an address that is known is told at once
//  2. otherwise an ARP request or a neighbour solicitation goes out, one for all who
//     ask for the same neighbour, and once more after half of the time
//  3. the reply comes in through Cache.Frame, which the owner of the datalink sockets
//     hands all frames to; everyone who asked is told
//  4. or nothing comes, and everyone is told that
//
// Everything belongs to the goroutine of the event loop whose timers are used.
package neigh

import (
	"errors"
	"net/netip"
	"time"

	"scamper/shared/packet"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
)

const (
	// Life is for how long the answer to our own question is believed.
	Life = 600 * time.Second
	// KernelLife is for how long an entry of the kernel's cache is believed, of
	// which we don't know how old it was.
	KernelLife = 60 * time.Second
	// Wait is how long an answer is waited for in all.
	Wait = 500 * time.Millisecond
	// MaxEntries is how many neighbours are remembered. Beyond that, one is forgotten
	// for each that comes.
	MaxEntries = 1 << 16
)

// maxLooks is how many entries are looked at to make room for another one.
const maxLooks = 16

// Sender sends the frames of questions.
type Sender interface {
	// SendFrame hands a whole frame, which begins with an Ethernet header, to the
	// datalink of an interface, and does not keep it. If it turns out later that the
	// frame was not sent, failed is called, on the goroutine of the loop and not
	// before SendFrame has returned. An error says that it was not taken at all. Either
	// wraps netio.ErrFull if there was only no room for it.
	SendFrame(ifindex int, frame []byte, failed func(error)) error
}

// Key names a neighbour.
type Key struct {
	IfIndex int
	Addr    netip.Addr // without zone
}

// Query is a question for a neighbour's link-layer address.
type Query struct {
	Key
	// SrcIP is our own address on that link, of the same family.
	SrcIP netip.Addr
	// SrcMAC is the interface's own address.
	SrcMAC packet.MAC
}

// Error says that a neighbour's address is not to be had.
type Error struct {
	Addr netip.Addr
	Err  error // why the question could not be sent; nil if there was no answer
}

// Error returns the line that users of scamper know.
func (e *Error) Error() string {
	text := "dlhdr_ethcb: did not get mac address for " + e.Addr.String()
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause, if there is one.
func (e *Error) Unwrap() error { return e.Err }

// Stats counts questions: Asked + Shared + Known is how many were put to Resolve, and
// Answered + Unanswered + Refused + pending ones is Asked.
type Stats struct {
	Known      uint64 // answered from memory
	Shared     uint64 // another one for the same neighbour was under way
	Asked      uint64 // needed a packet
	Answered   uint64 // got their reply
	Unanswered uint64 // got none
	Refused    uint64 // could not be sent
	Lost       uint64 // frames of questions that were not sent: at most two for each
	Forgotten  uint64 // neighbours that had to make room
	Moved      uint64 // neighbours forgotten because they told another address
}

// Cache is what is known, and what is being asked. Create one with New.
type Cache struct {
	Stats Stats

	clock  loop.Clock
	timers *loop.Timers
	sender Sender
	known  map[Key]entry
	asking map[Key]*question
	frame  []byte // of the question being sent
	max    int
}

type entry struct {
	mac   packet.MAC
	until loop.Mono // Never: it is static
}

func (e entry) static() bool { return e.until == loop.Never }

// New returns an empty cache.
func New(timers *loop.Timers, clock loop.Clock, sender Sender) *Cache {
	return &Cache{
		clock: clock, timers: timers, sender: sender, max: MaxEntries,
		known: make(map[Key]entry), asking: make(map[Key]*question),
	}
}

// Preload remembers what the kernel knows of a neighbour, for KernelLife. What is known
// already stays.
func (c *Cache) Preload(ifindex int, addr netip.Addr, mac packet.MAC) {
	k := Key{ifindex, addr.WithZone("")}
	if _, ok := c.Lookup(k); !ok {
		c.learn(k, mac, c.clock.Mono().Add(KernelLife))
	}
}

// PreloadStatic remembers a neighbour whose address somebody has set. It stays, whatever the neighbour or the interface
// does: who sets an address does so because asking for it does not help, or is not safe.
func (c *Cache) PreloadStatic(ifindex int, addr netip.Addr, mac packet.MAC) {
	c.learn(Key{ifindex, addr.WithZone("")}, mac, loop.Never)
}

// Lookup returns what is known of a neighbour.
func (c *Cache) Lookup(k Key) (packet.MAC, bool) {
	e, ok := c.known[k]
	if ok && e.until <= c.clock.Mono() {
		delete(c.known, k)
		ok = false
	}
	if !ok {
		return packet.MAC{}, false
	}
	return e.mac, true
}

// Forget drops what was learned of all neighbours on an interface, as when its link went
// down, or on all interfaces if ifindex is 0. Questions under way go on.
func (c *Cache) Forget(ifindex int) {
	for k, e := range c.known {
		if !e.static() && (k.IfIndex == ifindex || ifindex == 0) {
			delete(c.known, k)
		}
	}
}

// moved forgets a neighbour if it has another address than is known.
func (c *Cache) moved(k Key, mac packet.MAC) {
	if e, ok := c.known[k]; ok && !e.static() && e.mac != mac && mac != (packet.MAC{}) {
		delete(c.known, k)
		c.Stats.Moved++
	}
}

// learn remembers a neighbour until some time, and makes room for it if need be.
func (c *Cache) learn(k Key, mac packet.MAC, until loop.Mono) {
	now := c.clock.Mono()
	if _, there := c.known[k]; !there && len(c.known) >= c.max {
		// A few are looked at, in random order: to look at all for each that comes would take
		// longer than to ask.
		var last Key
		looked := 0
		for other, e := range c.known {
			if e.until <= now {
				delete(c.known, other)
			} else {
				last = other
			}
			if looked++; looked == maxLooks {
				break
			}
		}
		if len(c.known) >= c.max {
			delete(c.known, last)
			c.Stats.Forgotten++
		}
	}
	c.known[k] = entry{mac, until}
}

// question is one that is under way.
type question struct {
	timer   loop.Timer
	cache   *Cache
	query   Query
	again   bool // the question may be put once more
	sent    int  // frames that went out, as far as is known
	err     error
	waiting []*Pending
}

// Pending is one who waits for an answer.
type Pending struct {
	done func(packet.MAC, error)
}

// Cancel makes sure that the answer does not come any more. It is harmless after it did.
func (p *Pending) Cancel() { p.done = nil }

func (p *Pending) tell(mac packet.MAC, err error) {
	if done := p.done; done != nil {
		p.done = nil
		done(mac, err)
	}
}

var errFamilies = errors.New("our own address is of another family")

// Resolve finds out the link-layer address of a neighbour. done is called once, perhaps
// before Resolve returns: with the address, or within Wait with an *Error.
func (c *Cache) Resolve(q Query, done func(packet.MAC, error)) *Pending {
	q.Addr, q.SrcIP = q.Addr.Unmap().WithZone(""), q.SrcIP.Unmap().WithZone("")
	p := &Pending{done}
	if mac, ok := c.Lookup(q.Key); ok {
		c.Stats.Known++
		p.tell(mac, nil)
		return p
	}
	if asking := c.asking[q.Key]; asking != nil {
		c.Stats.Shared++
		asking.waiting = append(asking.waiting, p)
		return p
	}
	c.Stats.Asked++
	asking := &question{cache: c, query: q, again: true, waiting: []*Pending{p}}
	asking.timer.Expirer = asking
	c.asking[q.Key] = asking
	c.timers.Set(&asking.timer, c.clock.Mono().Add(Wait/2))
	asking.put()
	return p
}

// Asking returns how many questions are under way.
func (c *Cache) Asking() int { return len(c.asking) }

// put sends the question's frame.
func (a *question) put() {
	a.sent++
	if err := a.cache.send(&a.query, a.unsent); err != nil {
		a.unsent(err)
	}
}

// unsent takes in that a frame of the question was not sent. If there was only no room
// for the first one, there may be for the second; if the second is lost, the first one may
// still be answered.
func (a *question) unsent(err error) {
	c := a.cache
	c.Stats.Lost++
	if c.asking[a.query.Key] != a {
		return
	}
	a.sent--
	a.err = err
	if a.again && !errors.Is(err, netio.ErrFull) {
		a.giveUp()
	}
}

func (c *Cache) send(q *Query, failed func(error)) (err error) {
	if !q.Addr.IsValid() || q.Addr.Is4() != q.SrcIP.Is4() {
		return errFamilies
	}
	if c.frame, err = AppendQuery(c.frame[:0], q); err != nil {
		return err
	}
	return c.sender.SendFrame(q.IfIndex, c.frame, failed)
}

// Expire puts the question once more, or gives up. It is for the timers to call.
func (a *question) Expire(now loop.Mono) {
	c := a.cache
	if a.again {
		a.again = false
		c.timers.Set(&a.timer, now.Add(Wait-Wait/2))
		a.put()
		return
	}
	a.giveUp()
}

// giveUp ends the question without an answer. Why frames were not sent is worth a word
// only if none was.
func (a *question) giveUp() {
	err := &Error{Addr: a.query.Addr}
	if a.sent == 0 {
		a.cache.Stats.Refused++
		err.Err = a.err
	} else {
		a.cache.Stats.Unanswered++
	}
	a.end(packet.MAC{}, err)
}

// end tells everyone who waits. They may ask anew while being told.
func (a *question) end(mac packet.MAC, err error) {
	a.cache.timers.Cancel(&a.timer)
	delete(a.cache.asking, a.query.Key)
	for _, p := range a.waiting {
		p.tell(mac, err)
	}
}

// Reply takes in that a neighbour has told its link-layer address. Only what was asked
// for is believed: used is whether it was.
func (c *Cache) Reply(ifindex int, addr netip.Addr, mac packet.MAC) (used bool) {
	k := Key{ifindex, addr.WithZone("")}
	a := c.asking[k]
	if a == nil || mac == (packet.MAC{}) {
		return false
	}
	c.learn(k, mac, c.clock.Mono().Add(Life))
	c.Stats.Answered++
	a.end(mac, nil)
	return true
}
