package netio

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"scamper/shared/packet"
	"scamper/unpriv/loop"
)

// How sockets live: opened by the first user, shared, kept for Linger after
// the last one, closed. All on the loop's goroutine.

// ErrClosed is what a closed registry answers.
var ErrClosed = errors.New("sockets are closed")

// scope returns the scope id that src needs: only link-local addresses have one.
func scope(src netip.Addr, ifindex int32) int32 {
	if src.IsLinkLocalUnicast() && src.Is6() {
		return ifindex
	}
	return 0
}

// get returns the socket for key, opened if need be.
func (s *Sockets) get(key Key) (*Socket, error) {
	if s.closed {
		return nil, ErrClosed
	}
	addr := key.Src.Addr()
	if addr.Is4In6() || addr.Zone() != "" {
		return nil, fmt.Errorf("socket bound to %v: mapped address or zone", addr)
	}
	wantsAddr := key.Kind != RawIP && key.Kind != Datalink
	if wantsAddr != addr.IsValid() || key.Kind == RawUDP && !addr.Is4() {
		return nil, fmt.Errorf("%v socket cannot be bound to %v", key.Kind, addr)
	}
	if socket, there := s.open[key]; there {
		s.config.Loop.Timers.Cancel(&socket.linger)
		socket.users++
		return socket, nil
	}
	got, err := s.config.Open(key)
	if err != nil {
		return nil, err
	}
	if got.Local.Port() != 0 {
		key.Src = netip.AddrPortFrom(addr, got.Local.Port())
	}
	socket := &Socket{Port: got.Port, owner: s, key: key, link: got.Link, users: 1}
	socket.linger.Expirer = (*lingering)(socket)
	if key.receives() {
		if err := s.config.Loop.Watch(socket.FD(), loop.Readable, (*serving)(socket)); err != nil {
			_ = got.Port.Close()
			return nil, err
		}
	}
	s.open[key] = socket
	if s.config.DynFilter && key.reserves() {
		s.renewFilters() // before the first probe can be answered
	}
	return socket, nil
}

// receives reports whether the socket is to be read.
func (k Key) receives() bool { return k.Kind == ICMP || k.Kind == UDP || k.Kind == Datalink }

// release takes one user away.
func (s *Sockets) release(socket *Socket) {
	if socket.users == 0 {
		return // released too often, or closed with the registry
	}
	if socket.users--; socket.users == 0 {
		l := s.config.Loop
		l.Timers.Set(&socket.linger, l.Now().Add(Linger))
	}
}

// lingering is a socket whose time without users is measured.
type lingering Socket

func (l *lingering) Expire(loop.Mono) {
	socket := (*Socket)(l)
	s := socket.owner
	if err := s.close(socket); err != nil {
		s.config.OnError(err)
	}
}

// close closes one socket and forgets it.
func (s *Sockets) close(socket *Socket) error {
	s.config.Loop.Timers.Cancel(&socket.linger)
	delete(s.open, socket.key)
	if s.config.DynFilter && socket.key.reserves() && !s.closed {
		s.config.Loop.Timers.Set(&s.narrow, s.config.Loop.Now())
	}
	socket.users = 0
	if s.config.OnClose != nil {
		s.config.OnClose(socket)
	}
	s.reportDrops(socket)
	s.dropped += socket.drops
	var err error
	if socket.key.receives() {
		err = s.config.Loop.Unwatch(socket.FD())
	}
	if err = errors.Join(err, socket.Port.Close()); err != nil {
		return fmt.Errorf("close %v socket: %w", socket.key.Kind, err)
	}
	return nil
}

// Close closes all sockets, whoever uses them.
func (s *Sockets) Close() error {
	s.closed = true
	s.config.Loop.Timers.Cancel(&s.narrow)
	var errs []error
	for _, socket := range s.open {
		errs = append(errs, s.close(socket))
	}
	return errors.Join(errs...)
}

// serving is a socket that the loop found readable.
type serving Socket

// maxReads is how many batches of one socket are received before the others
// and the scheduler have their turn.
const maxReads = 4

func (v *serving) Serve(loop.Events) {
	socket := (*Socket)(v)
	s := socket.owner
	for range maxReads {
		n, err := socket.Recv(s.batch)
		if n > 0 {
			s.config.Receiver.Receive(socket, s.batch[:n])
		}
		if err != nil {
			socket.fail(err)
			return
		}
		socket.failed = 0
		// The receiver may have closed it all.
		if n < len(s.batch) || s.closed {
			return
		}
	}
	s.config.Loop.Behind()
}

// maxFailures is after how many receive errors in a row a socket is not read
// any more, lest the loop does nothing else.
const maxFailures = 100

// fail reports that receiving failed. Single errors are normal: an interface
// goes down and comes back.
func (s *Socket) fail(err error) {
	err = fmt.Errorf("%v socket: %w", s.key.Kind, err)
	if s.failed++; s.failed == maxFailures {
		err = errors.Join(fmt.Errorf("%w (no longer read)", err), s.owner.config.Loop.Rewatch(s.FD(), 0))
	}
	s.owner.config.OnError(err)
}

// Drops returns how many received packets were lost in our own buffers, over
// all sockets since the registry was created. Each loss is also reported to
// OnError, when Drops is called and when a socket is closed.
func (s *Sockets) Drops() uint64 {
	total := s.dropped
	for _, socket := range s.open {
		if socket.key.receives() {
			s.reportDrops(socket)
			total += socket.drops
		}
	}
	return total
}

func (s *Sockets) reportDrops(socket *Socket) {
	if !socket.key.receives() {
		return
	}
	if now := socket.Port.Drops(); now > socket.drops {
		s.config.OnError(fmt.Errorf("%v socket: %d packets lost because the receive buffer was full",
			socket.key.Kind, now-socket.drops))
		socket.drops = now
	}
}

// filter returns the datalink filter for what is open.
func (s *Sockets) filter(link packet.LinkType) *Filter {
	if !s.config.DynFilter {
		return Everything()
	}
	var ports []uint16
	for key := range s.open {
		if key.reserves() {
			ports = append(ports, key.Src.Port())
		}
	}
	slices.Sort(ports)
	return Narrow(link, ports)
}

// reserves reports whether filters are to know the socket's port.
func (k Key) reserves() bool { return k.Kind == UDP || k.Kind == TCP }

// renewal is a registry whose filters are wider than need be. It waits for the
// next turn: sockets that are closed together cost one renewal.
type renewal Sockets

func (r *renewal) Expire(loop.Mono) { (*Sockets)(r).renewFilters() }

func (s *Sockets) renewFilters() {
	for key, socket := range s.open {
		if key.Kind != Datalink {
			continue
		}
		if err := socket.filterBy(s.filter(socket.link)); err != nil {
			// Too long for this system, or no memory: then everything.
			s.config.OnError(errors.Join(err, socket.filterBy(Everything())))
		}
	}
}

// filterer is a port that can be given another filter.
type filterer interface{ setFilter(f *Filter) error }

func (s *Socket) filterBy(f *Filter) error {
	if p, ok := s.Port.(filterer); ok {
		return p.setFilter(f)
	}
	return nil
}
