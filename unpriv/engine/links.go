package engine

import (
	"fmt"
	"net/netip"

	"scamper/shared/packet"
	"scamper/unpriv/netio"
	"scamper/unpriv/netio/neigh"
	"scamper/unpriv/netio/route"
	"scamper/unpriv/technique"
)

// links finds the way out to destinations: route, interface, and what frames begin with. It is a technique.Finder.
type links struct {
	engine *Engine
	cache  *neigh.Cache
}

func newLinks(e *Engine) *links {
	l := &links{engine: e}
	l.cache = neigh.New(e.loop.Timers, e.loop.Clock(), l)
	return l
}

// preload takes over what the kernel knows of neighbours, so that no question is asked which it has the answer to.
func (l *links) preload() error {
	list, err := l.engine.routes.Neighbours()
	if err != nil {
		return fmt.Errorf("reading the kernel's neighbours: %w", err)
	}
	for _, n := range list {
		if n.Static {
			l.cache.PreloadStatic(n.IfIndex, n.Addr, packet.MAC(n.MAC))
		} else {
			l.cache.Preload(n.IfIndex, n.Addr, packet.MAC(n.MAC))
		}
	}
	return nil
}

// Find implements technique.Finder.
func (l *links) Find(dst netip.Addr, header bool, done func(*technique.Link, error)) (cancel func()) {
	r, err := l.engine.routes.Lookup(dst)
	if err != nil {
		done(nil, err)
		return nil
	}
	iface, err := l.engine.routes.Link(r.IfIndex)
	if err != nil {
		done(nil, err)
		return nil
	}
	socket, err := l.engine.sockets.Datalink(r.IfIndex)
	if err != nil {
		done(nil, err)
		return nil
	}
	found := &technique.Link{IfIndex: r.IfIndex, MTU: iface.MTU, Type: socket.LinkType()}
	if !header || !found.CanSend() {
		done(found, nil)
		socket.Release()
		return nil
	}
	// The socket stays open while the neighbour is asked: its answer comes in there.
	finish := func(mac packet.MAC, err error) {
		if err == nil {
			found.Header, err = neigh.AppendHeader(nil, found.Type, macOf(iface.MAC), mac, dst.Is6())
		}
		if err != nil {
			done(nil, err)
		} else {
			done(found, nil)
		}
		socket.Release()
	}
	switch {
	case found.Type != netio.LinkEthernet:
		finish(packet.MAC{}, nil)
		return nil
	case len(r.MAC) == len(packet.MAC{}):
		finish(macOf(r.MAC), nil)
		return nil
	}
	src, err := l.sourceOn(&r, dst)
	if err != nil {
		finish(packet.MAC{}, err)
		return nil
	}
	question := l.cache.Resolve(neigh.Query{
		Key: neigh.Key{IfIndex: r.IfIndex, Addr: r.NextHop(dst)}, SrcIP: src, SrcMAC: macOf(iface.MAC),
	}, finish)
	return func() {
		question.Cancel()
		socket.Release()
	}
}

// sourceOn returns our address from which to ask for the next hop.
func (l *links) sourceOn(r *route.Route, dst netip.Addr) (netip.Addr, error) {
	hop := r.NextHop(dst)
	if r.Src.IsValid() && r.Src.Is4() == hop.Is4() {
		return r.Src, nil
	}
	return l.engine.routes.Source(hop)
}

func macOf(b []byte) (m packet.MAC) {
	copy(m[:], b)
	return m
}

// SendFrame implements neigh.Sender. Frames take the way of the probes on that link: at high rates another goroutine sends
// on the socket.
func (l *links) SendFrame(ifindex int, frame []byte, failed func(error)) error {
	socket, err := l.engine.sockets.Datalink(ifindex)
	if err != nil {
		return err
	}
	defer socket.Release()
	return l.engine.env.Outbox(socket).Post(frame, func(err error) {
		// Whoever is told of it may send: not before the scheduler is through.
		l.engine.loop.Post(func() { failed(err) })
	})
}
