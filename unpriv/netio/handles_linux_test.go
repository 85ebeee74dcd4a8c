package netio

import (
	"net/netip"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"scamper/privsep/client"
	"scamper/privsep/message"
)

// direct opens by itself what the helper opens for the main process. enter, if
// set, runs what it is given in a network namespace.
type direct struct {
	enter func(func())
}

func (d direct) open(domain, kind, protocol int, b message.Buffers, then func(fd int) error) (client.Socket, error) {
	fd, err := -1, error(nil)
	open := func() { fd, err = unix.Socket(domain, kind|unix.SOCK_CLOEXEC, protocol) }
	if d.enter != nil {
		d.enter(open)
	} else {
		open()
	}
	if err != nil {
		return client.Socket{FD: -1}, err
	}
	if b.Receive != 0 {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, int(b.Receive))
	}
	if b.Send != 0 {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, int(b.Send))
	}
	if err := then(fd); err != nil {
		_ = unix.Close(fd)
		return client.Socket{FD: -1}, err
	}
	return client.Socket{FD: fd}, nil
}

func hdrincl(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_HDRINCL, 1) }

func (d direct) ICMP(f message.Family, b message.Buffers) (client.Socket, error) {
	if f == message.IPv6 {
		return d.open(unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6, b, func(int) error { return nil })
	}
	return d.open(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP, b, hdrincl)
}

func (d direct) RawUDP(src netip.Addr, b message.Buffers) (client.Socket, error) {
	return d.open(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_UDP, b, func(fd int) error {
		if err := hdrincl(fd); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrInet4{Addr: src.As4()})
	})
}

func (d direct) RawIP(b message.Buffers) (client.Socket, error) {
	return d.open(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW, b, hdrincl)
}

func (d direct) Datalink(q message.Datalink) (client.Socket, error) {
	kind := unix.SOCK_RAW
	if q.Interface == 0 {
		kind = unix.SOCK_DGRAM
	}
	return d.open(unix.AF_PACKET, kind, 0, q.Buffers, func(fd int) error {
		if q.Accept == message.AcceptNone {
			none, err := NewFilter([]bpf.Instruction{bpf.RetConstant{Val: 0}})
			if err != nil {
				return err
			}
			if err := attach(fd, none); err != nil {
				return err
			}
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: 0x0300, Ifindex: int(q.Interface)})
	})
}
