package netio

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// controlLen is the room for the ancillary data of one message. Received are
// at most a stamp (32 bytes), packet info (40), hop limit, traffic class and
// drop counter (24 each) or the auxiliary data of packet sockets (40); sent
// are hop limit and traffic class. The rest is slack for options that another
// owner of a descriptor turned on.
const controlLen = 256

// scratch holds the arrays that sendmmsg and recvmmsg want, allocated once.
// All ports of a loop share one: it is in use during a system call only.
type scratch struct {
	send, recv messages
}

// messages is the argument of one sendmmsg or recvmmsg. Element i of hdrs
// points to element i of the others.
type messages struct {
	hdrs    []unix.Mmsghdr
	iovs    []unix.Iovec
	names   []unix.RawSockaddrInet6 // the largest of inet, inet6 and linklayer
	control []control
}

// control is aligned as struct cmsghdr must be.
type control struct {
	_ [0]uint64
	b [controlLen]byte
}

func newScratch(send, recv int) *scratch {
	return &scratch{send: newMessages(send), recv: newMessages(recv)}
}

func newMessages(n int) messages {
	m := messages{
		hdrs:    make([]unix.Mmsghdr, n),
		iovs:    make([]unix.Iovec, n),
		names:   make([]unix.RawSockaddrInet6, n),
		control: make([]control, n),
	}
	for i := range m.hdrs {
		h := &m.hdrs[i].Hdr
		h.Iov = &m.iovs[i]
		h.SetIovlen(1)
	}
	return m
}

// forget drops the references to the caller's buffers.
func (m *messages) forget(n int) {
	for i := range m.iovs[:n] {
		m.iovs[i].Base = nil
	}
}

func (m *messages) name(i int) *byte { return (*byte)(unsafe.Pointer(&m.names[i])) }

// mmsg issues sendmmsg or recvmmsg on the first n messages. It does not tell
// the runtime, which would give our processor away if the call took more than
// some microseconds, and then have us wait for another: with MSG_DONTWAIT it
// does not block.
func (m *messages) mmsg(trap uintptr, fd, n, flags int) (int, unix.Errno) {
	for {
		r, _, errno := unix.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(&m.hdrs[0])),
			uintptr(n), uintptr(flags), 0, 0)
		if errno != unix.EINTR {
			return int(r), errno
		}
	}
}

// split gives the port arrays of its own to send with.
func (p *socketPort) split() {
	own := *p.scratch
	own.send = newMessages(len(p.scratch.send.hdrs))
	p.scratch = &own
}
