package technique

import (
	"errors"
	"fmt"
	"net/netip"

	"scamper/shared/packet"
	"scamper/unpriv/loop"
	"scamper/unpriv/sched"
)

// Link is the way out to a destination on the datalink.
type Link struct {
	IfIndex int
	// Header is what frames to the destination begin with; empty on links without header.
	Header []byte
	// MTU is the interface's, in bytes.
	MTU  int
	Type packet.LinkType
	// Renew is called before each frame and brings Header up to date; nil if it never changes. It may send nothing itself.
	Renew func()
}

// CanSend reports whether frames can be sent on the link.
func (l *Link) CanSend() bool { return l.Type.CanSend() }

// Drops reports whether the kernel drops frames of ours that are sent on the link: Linux does so on loopback, over IPv4.
func (l *Link) Drops(v6 bool) bool { return !v6 && l.Type == packet.LinkLoopback }

// ErrSend is why frames cannot be sent.
func (l *Link) ErrSend() error {
	return fmt.Errorf("dlhdr_get: unsupported on ifindex %d (%s)", l.IfIndex, l.Type)
}

// Finder looks for the way out to a destination; done is called once, perhaps before it returns.
type Finder interface {
	Find(dst netip.Addr, header bool, done func(*Link, error)) (cancel func())
}

// Links finds ways out. It is the door to routes, interfaces and neighbours.
type Links struct{ finder Finder }

// NewLinks returns Links on a finder.
func NewLinks(f Finder) *Links { return &Links{f} }

// Pending is a question under way.
type Pending struct {
	cancel   func()
	answered bool
}

// Cancel makes sure that the answer does not come any more.
func (p *Pending) Cancel() {
	if !p.answered {
		p.answered = true
		if p.cancel != nil {
			p.cancel()
		}
	}
}

// Resolve looks for the way out to dst; with header also for what frames begin with, which may take a neighbour's
// answer. done is called once, perhaps before Resolve returns, unless the question is cancelled.
func (l *Links) Resolve(dst netip.Addr, header bool, done func(*Link, error)) *Pending {
	p := &Pending{}
	p.cancel = l.finder.Find(dst, header, func(link *Link, err error) {
		if !p.answered {
			p.answered = true
			done(link, err)
		}
	})
	return p
}

var errLink = errors.New("timeout in mode 0")

// Await is Resolve for a session: it waits for the answer until a time.
func (l *Links) Await(s *sched.Session, dst netip.Addr, header bool, until loop.Mono) (*Link, error) {
	var link *Link
	var err error
	answered := false
	p := l.Resolve(dst, header, func(got *Link, e error) {
		link, err, answered = got, e, true
		s.Wake()
	})
	for !answered {
		switch ev := s.Wait(until); ev.Kind {
		case sched.Timeout:
			p.Cancel()
			return nil, errLink
		case sched.Halt:
			p.Cancel()
			return nil, ErrHalted
		}
	}
	return link, err
}

// ErrHalted is what a wait meets when the measurement is halted.
var ErrHalted = errors.New("halted")
