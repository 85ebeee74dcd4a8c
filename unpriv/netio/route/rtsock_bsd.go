//go:build darwin || freebsd || netbsd || openbsd

package route

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/route"
	"golang.org/x/sys/unix"
)

// The conversation over a PF_ROUTE socket, as in route(4). There is no copy of the
// routes: Source asks the kernel each time.

// answerWait is for an answer, which comes at once.
const answerWait = time.Second

type system struct {
	seq int
	in  []byte
}

func (t *Table) open() error {
	t.in = make([]byte, 64<<10)
	if err := unix.SetNonblock(t.fd, true); err != nil {
		return fmt.Errorf("not blocking: %w", err)
	}
	return nil
}

// ready reads what the kernel tells of changes, so that the socket does not stay
// readable. Nothing is remembered that they could make wrong.
func (t *Table) ready() error {
	for {
		n, err := unix.Read(t.fd, t.in)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ENOBUFS):
			t.onLink(0)
		case err != nil:
			return err
		default:
			if messages, err := route.ParseRIB(route.RIBTypeRoute, t.in[:n]); err == nil {
				t.notice(messages)
			}
		}
	}
}

// notice takes in messages that nobody asked for.
func (t *Table) notice(messages []route.Message) {
	for _, m := range messages {
		if m, ok := m.(*route.InterfaceMessage); ok {
			t.onLink(m.Index)
		}
	}
}

func (t *Table) cachedSource(netip.Addr) (netip.Addr, bool) { return netip.Addr{}, false }

func (t *Table) link(ifindex int) (Link, error) {
	return portableLink(net.InterfaceByIndex(ifindex))
}

func (t *Table) linkByName(name string) (Link, error) {
	return portableLink(net.InterfaceByName(name))
}

func (t *Table) lookup(dst netip.Addr) (Route, error) {
	zone, err := t.zoneIndex(dst.Zone())
	if err != nil {
		return Route{}, err
	}
	t.seq++
	question := route.RouteMessage{
		Version: unix.RTM_VERSION, Type: unix.RTM_GET, Flags: unix.RTF_UP | unix.RTF_HOST,
		ID: uintptr(os.Getpid()), Seq: t.seq,
		Addrs: make([]route.Addr, unix.RTAX_IFP+1),
	}
	if dst.Is4() {
		question.Addrs[unix.RTAX_DST] = &route.Inet4Addr{IP: dst.As4()}
	} else {
		question.Addrs[unix.RTAX_DST] = &route.Inet6Addr{IP: dst.As16(), ZoneID: int(zone)}
	}
	question.Addrs[unix.RTAX_IFP] = &route.LinkAddr{} // asks for the interface
	out, err := question.Marshal()
	if err != nil {
		return Route{}, fmt.Errorf("asking the kernel: %w", err)
	}
	if err := t.ready(); err != nil {
		return Route{}, err
	}
	if _, err := unix.Write(t.fd, out); err != nil {
		if errors.Is(err, unix.ESRCH) { // what a kernel without such a route answers
			err = unix.EHOSTUNREACH
		}
		return Route{}, err
	}
	answer, err := t.answer()
	if err != nil {
		return Route{}, err
	}
	return fromAnswer(answer, dst)
}

// answer reads until the answer to the last question.
func (t *Table) answer() (*route.RouteMessage, error) {
	deadline := time.Now().Add(answerWait)
	for {
		n, err := unix.Read(t.fd, t.in)
		switch {
		case errors.Is(err, unix.EAGAIN):
			left := time.Until(deadline)
			if left <= 0 {
				return nil, errTimeout
			}
			poll := []unix.PollFd{{Fd: int32(t.fd), Events: unix.POLLIN}}
			if _, err := unix.Poll(poll, int(left.Milliseconds())+1); err != nil && !errors.Is(err, unix.EINTR) {
				return nil, fmt.Errorf("waiting for the kernel: %w", err)
			}
			continue
		case errors.Is(err, unix.ENOBUFS):
			t.onLink(0)
			continue
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, err
		}
		messages, err := route.ParseRIB(route.RIBTypeRoute, t.in[:n])
		if err != nil {
			continue // a notification of a kind that the library does not know
		}
		t.notice(messages)
		for _, m := range messages {
			r, ok := m.(*route.RouteMessage)
			if !ok || r.Type != unix.RTM_GET || r.Seq != t.seq || r.ID != uintptr(os.Getpid()) {
				continue
			}
			if r.Err != nil {
				return nil, r.Err
			}
			return r, nil
		}
	}
}

func fromAnswer(m *route.RouteMessage, dst netip.Addr) (Route, error) {
	r := Route{IfIndex: m.Index, Local: m.Flags&rtfLocal != 0}
	for i, addr := range m.Addrs {
		switch i {
		case unix.RTAX_GATEWAY:
			switch a := addr.(type) {
			case *route.Inet4Addr:
				r.Gateway = netip.AddrFrom4(a.IP)
			case *route.Inet6Addr:
				r.Gateway = withoutScope(a.IP)
			case *route.LinkAddr:
				if len(a.Addr) == 6 {
					r.MAC = net.HardwareAddr(a.Addr)
				}
			}
		case unix.RTAX_IFP:
			if a, ok := addr.(*route.LinkAddr); ok && a.Index != 0 {
				r.IfIndex = a.Index
			}
		case unix.RTAX_IFA:
			switch a := addr.(type) {
			case *route.Inet4Addr:
				r.Src = netip.AddrFrom4(a.IP)
			case *route.Inet6Addr:
				r.Src = withoutScope(a.IP)
			}
		}
	}
	if m.Flags&unix.RTF_GATEWAY == 0 || r.Gateway == dst.WithZone("") {
		r.Gateway = netip.Addr{} // on the link itself
	}
	if m.Flags&(unix.RTF_REJECT|unix.RTF_BLACKHOLE) != 0 || r.IfIndex == 0 {
		return Route{}, unix.EHOSTUNREACH
	}
	return r, nil
}

// withoutScope clears the interface index that these kernels keep inside link-local
// addresses, in the second pair of bytes.
func withoutScope(ip [16]byte) netip.Addr {
	if a := netip.AddrFrom16(ip); a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() {
		ip[2], ip[3] = 0, 0
	}
	return netip.AddrFrom16(ip)
}
