//go:build unix

package route

import (
	"fmt"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// probePort is the port that the sockets are connected to. Nothing is sent to it; only
// policy routing by port could tell the difference.
const probePort = 80

// asker asks the kernel for source addresses with one UDP socket per family.
type asker struct {
	fd4, fd6 int // -1 until needed
	addr4    unix.SockaddrInet4
	addr6    unix.SockaddrInet6
}

// source connects a socket to dst and returns the socket's own address. zone is the
// interface index of the zone of dst, or 0.
func (a *asker) source(dst netip.Addr, zone uint32) (netip.Addr, error) {
	switch {
	case dst.Is4():
		if err := openOnce(&a.fd4, unix.AF_INET); err != nil {
			return netip.Addr{}, err
		}
		a.addr4 = unix.SockaddrInet4{Port: probePort, Addr: dst.As4()}
		return nameTowards(&a.fd4, &a.addr4)
	case dst.Is6():
		if err := openOnce(&a.fd6, unix.AF_INET6); err != nil {
			return netip.Addr{}, err
		}
		a.addr6 = unix.SockaddrInet6{Port: probePort, ZoneId: zone, Addr: dst.As16()}
		return nameTowards(&a.fd6, &a.addr6)
	default:
		return netip.Addr{}, unix.EAFNOSUPPORT
	}
}

func openOnce(fd *int, family int) error {
	if *fd >= 0 {
		return nil
	}
	opened, err := unix.Socket(family, unix.SOCK_DGRAM, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	unix.CloseOnExec(opened)
	*fd = opened
	return nil
}

// nameTowards leaves the socket unconnected, or closed: a connected one would keep its
// address for the next destination.
func nameTowards(fd *int, dst unix.Sockaddr) (netip.Addr, error) {
	name, err := unix.Sockaddr(nil), unix.Connect(*fd, dst)
	if err == nil {
		name, err = unix.Getsockname(*fd)
	}
	if dissolveErr := dissolve(fd); err == nil {
		err = dissolveErr
	}
	if err != nil {
		return netip.Addr{}, err
	}
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(name.Addr), nil
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(name.Addr).Unmap(), nil
	default:
		return netip.Addr{}, unix.EAFNOSUPPORT
	}
}

// parseIndex reads a zone that is an interface index already.
func parseIndex(zone string) (uint32, bool) {
	n, err := strconv.ParseUint(zone, 10, 31)
	return uint32(n), err == nil
}

func (a *asker) close() {
	for _, fd := range []*int{&a.fd4, &a.fd6} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
}

func closeFD(fd int) error { return unix.Close(fd) }
