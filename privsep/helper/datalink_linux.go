package helper

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"scamper/privsep/message"
)

// openDatalink opens a packet socket (packet(7)). It is made with protocol 0, which
// receives nothing; only the bind, when the filter and the time stamps are in place,
// starts it. So the queue never has a packet that the filter would not have let
// in.
func openDatalink(q message.Datalink) (int, error) {
	kind := unix.SOCK_RAW
	if q.Interface == 0 {
		kind = unix.SOCK_DGRAM // interfaces of all kinds: without link header
	}
	fd, err := newSocket(unix.AF_PACKET, kind, 0)
	if err != nil {
		return -1, err
	}
	if err := startDatalink(fd, q); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("interface %d: %w", q.Interface, err)
	}
	return fd, nil
}

// wholePacket is a number of bytes that no packet exceeds.
const wholePacket = 1 << 18

func startDatalink(fd int, q message.Datalink) error {
	accept := uint32(0)
	if q.Accept == message.AcceptAll {
		accept = wholePacket
	}
	if err := attachFilter(fd, accept); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return fmt.Errorf("time stamps: %w", err)
	}
	protocol := q.Protocol
	if protocol == 0 {
		protocol = unix.ETH_P_ALL
	}
	return unix.Bind(fd, &unix.SockaddrLinklayer{
		Protocol: networkOrder(protocol),
		Ifindex:  int(q.Interface),
	})
}

// networkOrder is htons(3).
func networkOrder(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}
