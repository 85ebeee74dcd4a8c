package route

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"scamper/unpriv/loop"
)

const (
	// maxRoutes is for how many routes of a family a copy is kept. A full Internet table
	// of IPv4 has over a million, which take the kernel a second to hand out.
	maxRoutes = 200_000
	// asksBeforeCopy is how many questions are put to the kernel before the routes
	// are copied: a program with few destinations does without.
	asksBeforeCopy = 64
	// copyShare and copyPause limit the time spent on copies where routes keep
	// changing: to this part of all time, and to one each 100 ms.
	copyShare = 20
	copyPause = 100 * time.Millisecond
	// settling is how long a copy of IPv6 routes waits to be used. Of a route whose time
	// was up when it was read, give or take the least unit of time that the kernel tells,
	// it looks as if it stays forever. By then the kernel doesn't use it any more, and
	// answers something else than what is expected of the route.
	//
	// For as long, no copy is made after a change: the kernel tells that a link is down or an address is gone shortly before
	// it takes their routes away, of which it then says nothing.
	settling = 30 * time.Millisecond
)

// copied is the copy of the routes of a family, and what it takes to make it.
type copied struct {
	family   uint8
	fib      *fib      // nil if there is no valid copy
	from     loop.Mono // when it may be used; 0: now
	asks     int       // since the copy became void
	nextCopy loop.Mono
	tooMany  bool // routes; there will be no copy
}

// notice takes in a message that nobody asked for.
func (t *Table) notice(m message) {
	switch m.kind {
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		r, err := parseRoute(m.body)
		if err != nil {
			t.voidAll()
			return
		}
		if _, ours := r.fibRoute(0); ours {
			t.voidFamily(r.family)
		}
	case unix.RTM_NEWADDR, unix.RTM_DELADDR, unix.RTM_NEWRULE, unix.RTM_DELRULE:
		if len(m.body) == 0 {
			t.voidAll()
			return
		}
		t.voidFamily(m.body[0])
	case unix.RTM_NEWLINK:
		l, err := parseLink(m.body)
		if err != nil {
			t.voidAll()
			return
		}
		delete(t.links, l.link.Index)
		// Drivers tell of much that has nothing to do with routes.
		if before, known := t.flags[l.link.Index]; !known || before != l.flags {
			t.flags[l.link.Index] = l.flags
			t.voidAll()
			t.onLink(l.link.Index)
		}
	case unix.RTM_DELLINK:
		if l, err := parseLink(m.body); err == nil {
			delete(t.links, l.link.Index)
			delete(t.flags, l.link.Index)
			t.onLink(l.link.Index)
		}
		t.voidAll()
	}
}

// voidFamily throws the copy of a family away.
func (t *Table) voidFamily(family uint8) {
	switch family {
	case unix.AF_INET:
		t.void(&t.v4)
	case unix.AF_INET6:
		t.void(&t.v6)
	default:
		t.voidAll()
	}
}

func (t *Table) voidAll() {
	t.void(&t.v4)
	t.void(&t.v6)
}

func (t *Table) void(c *copied) {
	if c.fib != nil {
		t.Stats.Changes++
	}
	c.fib, c.asks = nil, 0
	c.nextCopy = max(c.nextCopy, t.clock.Mono().Add(settling))
}

// cached returns the entry of the copy for a destination; nil if there is none, and the kernel is to be asked.
func (t *Table) cached(dst netip.Addr) *fibEntry {
	c, at := &t.v6, place(dst)
	if dst.Is4() {
		c = &t.v4
		// "This network", multicast, reserved and broadcast have rules of their own.
		if at < 1<<56 || at >= 224<<56 {
			return nil
		}
	} else if !global6(at) || dst.Zone() != "" {
		return nil
	}
	if c.fib == nil && !t.makeCopy(c) {
		return nil
	}
	if c.from != 0 {
		if t.clock.Mono() < c.from {
			return nil
		}
		c.from = 0
	}
	n := c.fib.lookup(at)
	if n < 0 {
		return nil
	}
	e := &c.fib.entries[n]
	if e.until != 0 && t.clock.Mono() >= e.until {
		c.fib, c.asks = nil, 0
		return nil
	}
	return e
}

// cachedSource answers from the copy, asking the kernel for a route's source once.
func (t *Table) cachedSource(dst netip.Addr) (netip.Addr, bool) {
	e := t.cached(dst)
	if e == nil {
		return netip.Addr{}, false
	}
	if src, ok := e.source(dst); ok {
		return src, true
	}
	if e.varies {
		return netip.Addr{}, false
	}
	src, err := t.asker.source(dst, 0)
	if err != nil {
		return netip.Addr{}, false // ask says why
	}
	e.learn(dst, src)
	return src, true
}

// makeCopy copies the routes of a family if it is time for that.
func (t *Table) makeCopy(c *copied) bool {
	c.asks++
	if t.fd < 0 || c.tooMany || c.asks < asksBeforeCopy {
		return false
	}
	start := t.clock.Mono()
	if start < c.nextCopy {
		return false
	}
	f, err := t.readFIB(c, start)
	end := t.clock.Mono()
	c.nextCopy = end.Add(max(copyPause, copyShare*end.Sub(start)))
	if err != nil {
		return false
	}
	// A change that came while the routes were read has made asks begin anew.
	if c.asks < asksBeforeCopy {
		return false
	}
	c.fib, c.from = f, 0
	if c.family == unix.AF_INET6 {
		c.from = end.Add(settling)
	}
	t.Stats.Copies++
	return true
}

// readFIB reads rules and routes, and for IPv6 addresses. Where rules other than the usual are in force, the
// copy says varies for everything, and is kept until they change.
func (t *Table) readFIB(c *copied, now loop.Mono) (*fib, error) {
	usual, err := t.readRules(c.family)
	if err != nil {
		return nil, err
	}
	if !usual {
		return &fib{}, nil
	}
	routes, err := t.readRoutes(c.family, now)
	if errors.Is(err, errEnough) {
		c.tooMany = true
	}
	if err != nil {
		return nil, err
	}
	if c.family == unix.AF_INET6 {
		list, err := t.readAddresses(c.family)
		if err != nil {
			return nil, err
		}
		routes = withSources(routes, list)
	}
	return newFIB(routes), nil
}

// dump asks for all things of a kind and a family. length is that of the question's header.
func (t *Table) dump(kind uint16, family uint8, length int, answer func(message) error) error {
	header := make([]byte, length)
	header[0] = family
	return t.request(t.begin(kind, unix.NLM_F_DUMP, header...), answer)
}

// readRules tells whether the rules are those that the kernel starts with.
func (t *Table) readRules(family uint8) (usual bool, err error) {
	want := defaultRules[:]
	if family == unix.AF_INET6 {
		want = want[:2]
	}
	var rules []rule
	err = again(func() error {
		rules = rules[:0]
		return t.dump(unix.RTM_GETRULE, family, ruleLen, func(m message) error {
			r, err := parseRule(m.body)
			if len(rules) <= len(want) {
				rules = append(rules, r)
			}
			return err
		})
	})
	return slices.Equal(rules, want), err
}

func (t *Table) readRoutes(family uint8, now loop.Mono) (routes []fibRoute, err error) {
	err = again(func() error {
		routes = routes[:0]
		return t.dump(unix.RTM_GETROUTE, family, unix.SizeofRtMsg, func(m message) error {
			r, err := parseRoute(m.body)
			if err != nil {
				return err
			}
			if f, ours := r.fibRoute(now); ours && r.family == family {
				if len(routes) == maxRoutes {
					return errEnough
				}
				routes = append(routes, f)
			}
			return nil
		})
	})
	return routes, err
}

func (t *Table) readAddresses(family uint8) (list []addressMessage, err error) {
	err = again(func() error {
		list = list[:0]
		return t.dump(unix.RTM_GETADDR, family, unix.SizeofIfAddrmsg, func(m message) error {
			a, err := parseAddress(m.body)
			if err == nil && a.family == family {
				list = append(list, a)
			}
			return err
		})
	})
	return list, err
}
