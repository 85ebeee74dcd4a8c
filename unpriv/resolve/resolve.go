// Package resolve asks name servers for the names of addresses: PTR records (RFC 1035, RFC 3596).
//
// Questions are asked by goroutines of their own, a bounded number at a time, each with a socket of its own, so that
// neither port nor identifier of a question can be guessed. Answers, also that there is none, are remembered.
package resolve

import (
	"context"
	"net/netip"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"scamper/unpriv/loop"
)

// Bounds of what a resolver keeps.
const (
	// maxAsking is how many questions are under way at a time.
	maxAsking = 64
	// maxQueued is how many more may wait for that. One more has no answer.
	maxQueued = 65536
	// maxKept is how many answers are remembered.
	maxKept = 65536
)

// How long answers are remembered.
const (
	leastKept = 10 * time.Second // whatever the server says
	mostKept  = time.Hour        // whatever the server says
	noneKept  = 5 * time.Minute  // that an address has no name
	failKept  = 30 * time.Second // that no server answered
)

// Config is what a resolver needs.
type Config struct {
	// Servers are asked in turn until one answers. Without any, nothing has a name.
	Servers []netip.AddrPort
	// Loop is where answers arrive, and whose clock says how old they are.
	Loop *loop.Loop
	// Log is told, once, that names are wanted and there are no servers; nil is nobody.
	Log func(line string)
}

// Stats counts questions: those answered from memory, or that came while the same one was under way, are not among them.
type Stats struct {
	Asked      uint64 // put to servers, or about to be
	Unanswered uint64 // of those, no server knew whether there is a name, or none has answered before Close
	Lost       uint64 // not asked, because too many were waiting
}

// Resolver finds names. Its methods belong to the loop's goroutine.
type Resolver struct {
	Stats Stats

	config  Config
	ask     func(ctx context.Context, addr netip.Addr) answer // replaced in tests
	ctx     context.Context
	stop    context.CancelFunc
	known   *simplelru.LRU[netip.Addr, kept]
	waiting map[netip.Addr][]func(string)
	queue   []netip.Addr
	asking  int
	told    bool // the user, that there are no servers
}

// kept is a remembered answer; the name is empty if there is none.
type kept struct {
	name  string
	until loop.Mono
}

// New returns a resolver.
func New(c Config) *Resolver {
	r := &Resolver{config: c, waiting: make(map[netip.Addr][]func(string))}
	r.ask = func(ctx context.Context, addr netip.Addr) answer { return ask(ctx, c.Servers, addr) }
	r.ctx, r.stop = context.WithCancel(context.Background())
	var err error
	if r.known, err = simplelru.NewLRU[netip.Addr, kept](maxKept, nil); err != nil {
		panic(err) // its size is not positive
	}
	return r
}

// Name finds the name of an address and calls done once, on the loop's goroutine, perhaps before it returns. The name is
// what the first PTR record says, in presentation format without the dot of the root, and empty if there is none or no
// server answers, which takes some seconds to know.
func (r *Resolver) Name(addr netip.Addr, done func(name string)) {
	if k, ok := r.known.Get(addr); ok && r.config.Loop.Now() < k.until {
		done(k.name)
		return
	}
	if len(r.config.Servers) == 0 {
		if !r.told && r.config.Log != nil {
			r.config.Log("no nameserver to ask for names: none is in /etc/resolv.conf")
		}
		r.told = true
		done("")
		return
	}
	if others, ok := r.waiting[addr]; ok {
		r.waiting[addr] = append(others, done)
		return
	}
	if r.asking >= maxAsking && len(r.queue) >= maxQueued {
		r.Stats.Lost++
		done("")
		return
	}
	r.Stats.Asked++
	r.waiting[addr] = []func(string){done}
	r.queue = append(r.queue, addr)
	r.next()
}

// Close ends all questions; what waits for them is not told. The loop must have ended.
func (r *Resolver) Close() {
	r.stop()
	r.Stats.Unanswered += uint64(len(r.waiting))
	clear(r.waiting)
}

// next asks the questions whose turn it is.
func (r *Resolver) next() {
	for r.asking < maxAsking && len(r.queue) > 0 {
		addr := r.queue[0]
		r.queue = r.queue[1:]
		r.asking++
		go func() {
			a := r.ask(r.ctx, addr)
			r.config.Loop.Post(func() { r.settle(addr, a) }) // or the loop has stopped, and nobody waits
		}()
	}
}

// settle tells all who wait for a name.
func (r *Resolver) settle(addr netip.Addr, a answer) {
	r.asking--
	if a.failed {
		r.Stats.Unanswered++
	}
	r.known.Add(addr, kept{a.name, r.config.Loop.Now().Add(a.keep)})
	waiting := r.waiting[addr]
	delete(r.waiting, addr)
	r.next()
	for _, done := range waiting {
		done(a.name)
	}
}
