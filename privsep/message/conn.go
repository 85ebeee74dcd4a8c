//go:build unix

package message

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Conn is one end of a socket pair that carries whole packets. It is used by one
// goroutine, except that Send is safe beside Receive.
type Conn struct{ fd int }

// NewConn wraps an end of a pair, which it owns from then on.
func NewConn(fd int) Conn { return Conn{fd} }

// FD returns the descriptor, for poll.
func (c Conn) FD() int { return c.fd }

// Close closes this end; the other one then reads io.EOF.
func (c Conn) Close() error { return unix.Close(c.fd) }

// Pair returns the two ends of a new pair, both blocking and close-on-exec.
func Pair() (a, b int, err error) {
	p, err := unix.Socketpair(unix.AF_UNIX, packetType|cloexec, 0)
	if err != nil {
		return -1, -1, fmt.Errorf("socket pair: %w", err)
	}
	if cloexec == 0 {
		unix.CloseOnExec(p[0])
		unix.CloseOnExec(p[1])
	}
	return p[0], p[1], nil
}

// Send sends one packet, and the descriptor fd with it unless that is negative.
// The descriptor remains the caller's. EPIPE (or ECONNRESET) means that the
// other end is closed.
func (c Conn) Send(packet []byte, fd int) error {
	var rights []byte
	if fd >= 0 {
		rights = unix.UnixRights(fd)
	}
	for {
		err := unix.Sendmsg(c.fd, packet, rights, nil, noSignal)
		if err != unix.EINTR {
			return err
		}
	}
}

// Receive waits for one packet and puts it into buf. fd is the descriptor that
// came with it, close-on-exec, or -1. Without rights true none is accepted: the
// kernel drops it. io.EOF means that the other end is closed. A packet longer than
// buf is an *Error (EPROTO), and gone; so is one with more than one descriptor.
// EMFILE means that the limit of open files keeps this process from taking the
// descriptor, which is lost, as is the packet.
func (c Conn) Receive(buf []byte, rights bool) (n, fd int, err error) {
	return c.receive(buf, rights, 0)
}

// TryReceive is Receive without rights that returns EAGAIN rather than wait.
func (c Conn) TryReceive(buf []byte) (n int, err error) {
	n, _, err = c.receive(buf, false, unix.MSG_DONTWAIT)
	return n, err
}

func (c Conn) receive(buf []byte, rights bool, flags int) (n, fd int, err error) {
	// Room for two descriptors, so that a second one is noticed and closed
	// rather than cut off, which some systems leave open.
	var space [64]byte
	var oob []byte
	if rights {
		oob = space[:unix.CmsgSpace(2*4)]
	}
	var oobn, got int
	for {
		n, oobn, got, _, err = unix.Recvmsg(c.fd, buf, oob, flags|cmsgCloexec)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		if errors.Is(err, unix.ECONNRESET) {
			err = io.EOF
		}
		return 0, -1, err
	}
	fds, err := descriptors(oob[:oobn])
	if err == nil {
		switch {
		case got&unix.MSG_TRUNC != 0:
			err = protocol("packet longer than %d bytes", len(buf))
		case rights && got&unix.MSG_CTRUNC != 0 && len(fds) == 0:
			err = unix.EMFILE // there was room for it, but not in the table of open files
		case len(fds) > 1 || rights && got&unix.MSG_CTRUNC != 0:
			err = protocol("more than one descriptor")
		case n == 0:
			err = io.EOF
		}
	}
	if err != nil {
		for _, f := range fds {
			unix.Close(f)
		}
		return 0, -1, err
	}
	fd = -1
	if len(fds) == 1 {
		fd = fds[0]
		if cmsgCloexec == 0 {
			unix.CloseOnExec(fd)
		}
	}
	return n, fd, nil
}

func descriptors(oob []byte) ([]int, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, protocol("control message: %v", err)
	}
	var fds []int
	for _, m := range msgs {
		if m.Header.Level != unix.SOL_SOCKET || m.Header.Type != unix.SCM_RIGHTS {
			continue
		}
		more, err := unix.ParseUnixRights(&m)
		if err != nil {
			return fds, protocol("control message: %v", err)
		}
		fds = append(fds, more...)
	}
	return fds, nil
}

// PacketPair reports whether fd is a unix socket of the type that Pair makes and
// is connected: what a process started by ours may expect to find.
func PacketPair(fd int) error {
	t, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return err
	}
	sa, err := unix.Getpeername(fd)
	if err != nil {
		return err
	}
	if _, local := sa.(*unix.SockaddrUnix); !local || t != packetType {
		return fmt.Errorf("descriptor %d is not one end of a packet socket pair: %w", fd, unix.ENOTSOCK)
	}
	return nil
}
