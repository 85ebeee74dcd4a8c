package route

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"scamper/unpriv/loop"
)

const (
	// maxRoutes is for how many IPv4 routes a copy is kept. A full Internet table
	// has over a million, which take the kernel a second to hand out.
	maxRoutes = 200_000
	// asksBeforeCopy is how many questions are put to the kernel before the routes
	// are copied: a program with few destinations does without.
	asksBeforeCopy = 64
	// copyShare and copyPause limit the time spent on copies where routes keep
	// changing: to this part of all time, and to one each 100 ms.
	copyShare = 20
	copyPause = 100 * time.Millisecond
	// answerWait is for an answer that didn't come at once, which it should.
	answerWait = time.Second
	// tries is how often something is asked whose answer was lost or interrupted.
	tries = 3
	// receiveSize is the largest datagram that the kernel makes for a dump.
	receiveSize = 64 << 10
)

// system is the conversation over the routing socket, and what was learned by it.
type system struct {
	seq  uint32
	port uint32 // our address
	in   []byte
	out  []byte

	fib      *fib // nil if there is no valid copy
	asks     int  // since the copy became void
	nextCopy loop.Mono
	tooMany  bool // routes; there will be no copy

	links map[int]Link
	flags map[int]uint32 // of links, as last told of
}

// errEnough ends the reading of a dump of which the rest is not wanted.
var errEnough = errors.New("enough")

func (t *Table) open() error {
	t.in = make([]byte, receiveSize)
	t.links, t.flags = make(map[int]Link), make(map[int]uint32)
	if err := unix.SetNonblock(t.fd, true); err != nil {
		return fmt.Errorf("not blocking: %w", err)
	}
	for _, group := range []int{
		unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV4_RULE,
	} {
		if err := unix.SetsockoptInt(t.fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			return fmt.Errorf("joining group %d: %w", group, err)
		}
	}
	name, err := unix.Getsockname(t.fd)
	if err != nil {
		return fmt.Errorf("getsockname: %w", err)
	}
	local, ok := name.(*unix.SockaddrNetlink)
	if !ok {
		return errors.New("not a netlink socket")
	}
	if local.Pid != 0 {
		t.port = local.Pid
		return nil
	}
	if err := unix.Bind(t.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: local.Groups}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	if name, err = unix.Getsockname(t.fd); err != nil {
		return fmt.Errorf("getsockname: %w", err)
	}
	if local, ok = name.(*unix.SockaddrNetlink); ok {
		t.port = local.Pid
	}
	return nil
}

// ready takes in all that is queued.
func (t *Table) ready() error {
	for {
		_, err := t.receive(nil)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.ENOBUFS): // told once, then what was queued comes
		case err != nil:
			return err
		}
	}
}

// receive reads one datagram. Messages with the current sequence number are given to
// answer; the others are notifications. done is that the answer was complete. Lost
// notifications are no error here; a lost answer is the caller's affair.
func (t *Table) receive(answer func(message) error) (done bool, err error) {
	n, from, err := unix.Recvfrom(t.fd, t.in, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
	switch {
	case errors.Is(err, unix.ENOBUFS):
		t.void()
		clear(t.links)
		t.onLink(0)
		return false, unix.ENOBUFS
	case errors.Is(err, unix.EINTR):
		return false, nil
	case err != nil:
		return false, err
	case n > len(t.in):
		t.void()
		return false, fmt.Errorf("netlink datagram of %d bytes: %w", n, errCut)
	}
	if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
		return false, nil // not from the kernel
	}
	for rest := t.in[:n]; len(rest) > 0; {
		var m message
		if m, rest, err = nextMessage(rest); err != nil {
			t.void()
			return false, err
		}
		if m.port != t.port || m.seq != t.seq || answer == nil {
			t.notice(m)
			continue
		}
		switch m.kind {
		case unix.NLMSG_DONE:
			if m.flags&unix.NLM_F_DUMP_INTR != 0 {
				return true, unix.EINTR
			}
			return true, m.errno()
		case unix.NLMSG_ERROR:
			return true, m.errno()
		}
		if err := answer(m); err != nil {
			return true, err
		}
		if m.flags&unix.NLM_F_MULTI == 0 {
			done = true
		}
	}
	return done, nil
}

// request sends a message begun with begin, and gives what the kernel answers to
// answer. An error of answer ends a single answer; a dump is read to its end, and the
// first error returned.
func (t *Table) request(out []byte, answer func(message) error) error {
	t.out = endMessage(out)
	if err := t.ready(); err != nil { // and so make room for an answer
		return err
	}
	if err := unix.Sendto(t.fd, t.out, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("asking the kernel: %w", err)
	}
	var first error
	each := func(m message) error {
		if m.flags&unix.NLM_F_DUMP_INTR != 0 && first == nil {
			first = unix.EINTR
		}
		if first == nil {
			first = answer(m)
		}
		return nil
	}
	deadline := time.Now().Add(answerWait)
	for {
		done, err := t.receive(each)
		switch {
		case errors.Is(err, unix.EAGAIN):
			left := time.Until(deadline)
			if left <= 0 {
				return errTimeout
			}
			poll := []unix.PollFd{{Fd: int32(t.fd), Events: unix.POLLIN}}
			if _, err := unix.Poll(poll, int(left.Milliseconds())+1); err != nil && !errors.Is(err, unix.EINTR) {
				return fmt.Errorf("waiting for the kernel: %w", err)
			}
		case done && first != nil:
			return first
		case err != nil:
			return err
		case done:
			return nil
		}
	}
}

// again repeats a question whose answer was lost, or which the kernel says changed while
// it was answering.
func again(question func() error) (err error) {
	for range tries {
		err = question()
		if !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
	return err
}

func (t *Table) begin(kind, flags uint16, body ...byte) []byte {
	t.seq++
	if t.seq == 0 { // notifications of the kernel's own have it
		t.seq = 1
	}
	return appendMessage(t.out[:0], kind, unix.NLM_F_REQUEST|flags, t.seq, body...)
}

func (t *Table) lookup(dst netip.Addr) (Route, error) {
	var e *fibEntry
	if dst.Is4() && !t.noCache {
		if e = t.cached(dst); e != nil && e.wayKnown {
			t.Stats.Known++
			return e.way, nil
		}
	}
	r, err := t.askRoute(dst)
	if err == nil && e != nil {
		e.learnWay(r)
	}
	return r, err
}

// askRoute asks the kernel.
func (t *Table) askRoute(dst netip.Addr) (Route, error) {
	family, zone := byte(unix.AF_INET), uint32(0)
	if dst.Is6() {
		family = unix.AF_INET6
	}
	if dst.Zone() != "" {
		var err error
		if zone, err = t.zoneIndex(dst.Zone()); err != nil {
			return Route{}, err
		}
	}
	var found routeMessage
	err := again(func() error {
		out := t.begin(unix.RTM_GETROUTE, 0, family, byte(dst.BitLen()), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		out = appendAttr(out, unix.RTA_DST, dst.AsSlice())
		if zone != 0 {
			out = appendAttr(out, unix.RTA_OIF, u32bytes(zone))
		}
		found = routeMessage{}
		return t.request(out, func(m message) (err error) {
			if m.kind == unix.RTM_NEWROUTE {
				found, err = parseRoute(m.body)
			}
			return err
		})
	})
	if err != nil {
		return Route{}, err
	}
	if found.family != family || found.oif == 0 {
		return Route{}, unix.EHOSTUNREACH
	}
	r := Route{
		IfIndex: int(found.oif), Gateway: found.gateway, Src: found.prefSrc,
		Local: found.kind == unix.RTN_LOCAL,
	}
	if r.Gateway.IsUnspecified() {
		r.Gateway = netip.Addr{}
	}
	return r, nil
}

func (t *Table) link(ifindex int) (Link, error) {
	if l, ok := t.links[ifindex]; ok {
		return l, nil
	}
	if t.fd < 0 {
		return portableLink(net.InterfaceByIndex(ifindex))
	}
	if ifindex <= 0 || int64(ifindex) > 1<<31-1 {
		return Link{}, unix.ENODEV
	}
	return t.askLink(func() []byte {
		body := make([]byte, unix.SizeofIfInfomsg)
		copy(body[4:], u32bytes(uint32(ifindex)))
		return t.begin(unix.RTM_GETLINK, 0, body...)
	})
}

func (t *Table) linkByName(name string) (Link, error) {
	if t.fd < 0 {
		return portableLink(net.InterfaceByName(name))
	}
	if name == "" || len(name) >= unix.IFNAMSIZ {
		return Link{}, unix.ENODEV
	}
	return t.askLink(func() []byte {
		out := t.begin(unix.RTM_GETLINK, 0, make([]byte, unix.SizeofIfInfomsg)...)
		return appendAttr(out, unix.IFLA_IFNAME, append([]byte(name), 0))
	})
}

func (t *Table) askLink(begin func() []byte) (Link, error) {
	var found linkMessage
	err := again(func() error {
		found = linkMessage{}
		return t.request(begin(), func(m message) (err error) {
			if m.kind == unix.RTM_NEWLINK {
				found, err = parseLink(m.body)
			}
			return err
		})
	})
	if err != nil {
		return Link{}, err
	}
	if found.link.Index <= 0 {
		return Link{}, unix.ENODEV
	}
	t.links[found.link.Index] = found.link
	t.flags[found.link.Index] = found.flags
	return found.link, nil
}

// notice takes in a message that nobody asked for.
func (t *Table) notice(m message) {
	switch m.kind {
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		r, err := parseRoute(m.body)
		if err == nil {
			if _, ours := r.fibRoute(); !ours {
				return
			}
		}
		t.void()
	case unix.RTM_NEWADDR, unix.RTM_DELADDR, unix.RTM_NEWRULE, unix.RTM_DELRULE:
		t.void()
	case unix.RTM_NEWLINK:
		l, err := parseLink(m.body)
		if err != nil {
			t.void()
			return
		}
		delete(t.links, l.link.Index)
		// Drivers tell of much that has nothing to do with routes.
		if before, known := t.flags[l.link.Index]; !known || before != l.flags {
			t.flags[l.link.Index] = l.flags
			t.void()
			t.onLink(l.link.Index)
		}
	case unix.RTM_DELLINK:
		if l, err := parseLink(m.body); err == nil {
			delete(t.links, l.link.Index)
			delete(t.flags, l.link.Index)
			t.onLink(l.link.Index)
		}
		t.void()
	}
}

// void throws the copy away.
func (t *Table) void() {
	if t.fib != nil {
		t.Stats.Changes++
	}
	t.fib, t.asks = nil, 0
}

// cached returns the entry of the copy for an IPv4 destination; nil if there is none, and the kernel is to be asked.
func (t *Table) cached(dst netip.Addr) *fibEntry {
	if t.fib == nil && !t.makeCopy() {
		return nil
	}
	// "This network", multicast, reserved and broadcast have rules of their own.
	addr := toUint32(dst)
	if addr < 1<<24 || addr >= 224<<24 {
		return nil
	}
	n := t.fib.lookup(addr)
	if n < 0 {
		return nil
	}
	return &t.fib.entries[n]
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

// makeCopy copies the routes if it is time for that.
func (t *Table) makeCopy() bool {
	t.asks++
	if t.fd < 0 || t.tooMany || t.asks < asksBeforeCopy {
		return false
	}
	start := t.clock.Mono()
	if start < t.nextCopy {
		return false
	}
	f, err := t.readFIB()
	end := t.clock.Mono()
	t.nextCopy = end.Add(max(copyPause, copyShare*end.Sub(start)))
	if err != nil {
		return false
	}
	// A change that came while the routes were read has made asks begin anew.
	if t.asks < asksBeforeCopy {
		return false
	}
	t.fib = f
	t.Stats.Copies++
	return true
}

// readFIB reads rules and routes. Where rules other than the usual are in force, the
// copy says varies for everything, and is kept until they change.
func (t *Table) readFIB() (*fib, error) {
	var rules []rule
	err := again(func() error {
		rules = rules[:0]
		out := t.begin(unix.RTM_GETRULE, unix.NLM_F_DUMP, append([]byte{unix.AF_INET}, make([]byte, ruleLen-1)...)...)
		return t.request(out, func(m message) error {
			r, err := parseRule(m.body)
			if len(rules) <= len(defaultRules) {
				rules = append(rules, r)
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	if !slices.Equal(rules, defaultRules[:]) {
		return &fib{}, nil
	}
	var routes []fibRoute
	err = again(func() error {
		routes = routes[:0]
		out := t.begin(unix.RTM_GETROUTE, unix.NLM_F_DUMP, append([]byte{unix.AF_INET}, make([]byte, unix.SizeofRtMsg-1)...)...)
		return t.request(out, func(m message) error {
			r, err := parseRoute(m.body)
			if err != nil {
				return err
			}
			if f, ours := r.fibRoute(); ours {
				if len(routes) == maxRoutes {
					return errEnough
				}
				routes = append(routes, f)
			}
			return nil
		})
	})
	if errors.Is(err, errEnough) {
		t.tooMany = true
	}
	if err != nil {
		return nil, err
	}
	return newFIB(routes), nil
}
