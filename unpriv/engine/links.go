package engine

import (
	"fmt"
	"net/netip"
	"time"

	"scamper/shared/packet"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio/neigh"
	"scamper/unpriv/netio/route"
	"scamper/unpriv/technique"
)

// links finds the way out to destinations: route, interface, and what frames begin with. It is a technique.Finder.
type links struct {
	engine *Engine
	cache  *neigh.Cache
	ways   map[wayKey]*way // found lately: measurements share them
}

// wayKey is a neighbour to whom packets of a family go.
type wayKey struct {
	hop neigh.Key
	v6  bool
}

// maxWays bounds what is kept; targets that are neighbours themselves have a way each.
const maxWays = 1024

func newLinks(e *Engine) *links {
	l := &links{engine: e, ways: make(map[wayKey]*way)}
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
	key := wayKey{neigh.Key{IfIndex: r.IfIndex, Addr: r.NextHop(dst)}, dst.Is6()}
	if header {
		if known := l.known(key, &iface); known != nil {
			done(known, nil)
			return nil
		}
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
	w := &way{Link: found, links: l, own: macOf(iface.MAC), v6: dst.Is6()}
	// The socket stays open while the neighbour is asked: its answer comes in there.
	cancel = l.lead(w, &r, dst, key.hop, func(err error) {
		if err != nil {
			done(nil, err)
		} else {
			if w.Renew != nil {
				l.keep(key, w)
			}
			done(found, nil)
		}
		socket.Release()
	})
	if cancel == nil {
		return nil
	}
	return func() {
		cancel()
		socket.Release()
	}
}

// lead makes the header of a way, for which the next hop may have to be asked for its address. done is called once, perhaps
// before lead returns; cancel is nil if nobody was asked.
func (l *links) lead(w *way, r *route.Route, dst netip.Addr, hop neigh.Key, done func(error)) (cancel func()) {
	answered := func(mac packet.MAC, err error) {
		if err == nil {
			err = w.leadTo(mac)
		}
		done(err)
	}
	switch {
	case w.Type != packet.LinkEthernet:
		answered(packet.MAC{}, nil)
		return nil
	case len(r.MAC) == len(packet.MAC{}):
		answered(macOf(r.MAC), nil)
		return nil
	}
	src, err := l.sourceOn(r, dst)
	if err != nil {
		done(err)
		return nil
	}
	w.hop = neigh.Query{Key: hop, SrcIP: src, SrcMAC: w.own}
	w.look, w.Renew = l.engine.loop.Now().Add(renewEvery), w.renew
	return l.cache.Resolve(w.hop, answered).Cancel
}

// known returns the way to a neighbour if it was found before, the neighbour's address is known, and the interface is as
// it was.
func (l *links) known(key wayKey, iface *route.Link) *technique.Link {
	w := l.ways[key]
	if w == nil || w.own != macOf(iface.MAC) || w.MTU != iface.MTU {
		return nil
	}
	mac, ok := l.cache.Lookup(key.hop)
	if !ok || w.leadTo(mac) != nil {
		return nil
	}
	return w.Link
}

func (l *links) keep(key wayKey, w *way) {
	if len(l.ways) >= maxWays {
		clear(l.ways)
	}
	l.ways[key] = w
}

// way is a Link whose header leads to a neighbour. Measurements can last for hours, and that may get another address
// meanwhile: when another machine takes over, for instance.
type way struct {
	*technique.Link
	links *links
	own   packet.MAC // the interface's
	v6    bool
	hop   neigh.Query
	look  loop.Mono // when to look again what is known of the neighbour
}

// renewEvery is how often it is looked whether a neighbour still has its address.
const renewEvery = time.Second

// leadTo makes the header.
func (w *way) leadTo(mac packet.MAC) (err error) {
	w.Header, err = neigh.AppendHeader(w.Header[:0], w.Type, w.own, mac, w.v6)
	return err
}

// renew implements Link.Renew. A neighbour of which nothing is known any more is asked, in the next turn of the loop since
// this is in the midst of sending. Until it answers, the address that it had is the best one there is.
func (w *way) renew() {
	now := w.links.engine.loop.Now()
	if now < w.look {
		return
	}
	w.look = now.Add(renewEvery)
	answered := func(mac packet.MAC, err error) {
		if err == nil {
			_ = w.leadTo(mac) // it could be made for this type of link before
		}
	}
	if mac, ok := w.links.cache.Lookup(w.hop.Key); ok {
		answered(mac, nil)
		return
	}
	w.links.engine.loop.Post(func() { w.links.cache.Resolve(w.hop, answered) })
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
