package route

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

const (
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

	v4, v6 copied

	links map[int]Link
	flags map[int]uint32 // of links, as last told of
}

// errEnough ends the reading of a dump of which the rest is not wanted.
var errEnough = errors.New("enough")

func (t *Table) open() error {
	t.in = make([]byte, receiveSize)
	t.v4, t.v6 = copied{family: unix.AF_INET}, copied{family: unix.AF_INET6}
	t.links, t.flags = make(map[int]Link), make(map[int]uint32)
	if err := unix.SetNonblock(t.fd, true); err != nil {
		return fmt.Errorf("not blocking: %w", err)
	}
	for _, group := range []int{
		unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV4_RULE,
		unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV6_RULE,
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
		t.voidAll()
		clear(t.links)
		clear(t.flags) // or the next change back to them would look like none
		t.onLink(0)
		return false, unix.ENOBUFS
	case errors.Is(err, unix.EINTR):
		return false, nil
	case err != nil:
		return false, err
	case n > len(t.in):
		t.voidAll()
		return false, fmt.Errorf("netlink datagram of %d bytes: %w", n, errCut)
	}
	if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
		return false, nil // not from the kernel
	}
	for rest := t.in[:n]; len(rest) > 0; {
		var m message
		if m, rest, err = nextMessage(rest); err != nil {
			t.voidAll()
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
	if !t.noCache {
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
