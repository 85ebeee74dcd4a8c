package netio

import (
	"encoding/binary"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// transmit asks the kernel when each packet left for the device, which at low rates is some 20 us after the system call
// that sends it began: a processor that has slept has everything to fetch again. The answer comes through the error
// queue of the socket (kernel documentation, networking/timestamping), and nearly always before the call returns.
type transmit struct {
	next    uint32 // the kernel numbers the packets it was asked about; at least this is the number of the next
	owed    uint32 // asked about and not heard of
	control control
}

// stampSends turns it on. A kernel that refuses leaves the socket as it was, with stamps by the clock.
func (p *socketPort) stampSends() {
	const report = unix.SOF_TIMESTAMPING_SOFTWARE | unix.SOF_TIMESTAMPING_OPT_ID | unix.SOF_TIMESTAMPING_OPT_TSONLY
	if unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, report) == nil {
		p.transmit = new(transmit)
	}
}

// ask adds the control message that asks for the stamp of one packet, and returns its length.
func (t *transmit) ask(b []byte) int {
	return putControl(b, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, unix.SOF_TIMESTAMPING_TX_SOFTWARE)
}

// sent returns when the packet that was sent last left: by the kernel's stamp if there is one between before, when the
// call that sent it began, and now. Else it is before.
func (t *transmit) sent(fd int, before time.Time) Stamp {
	begin, after := StampOf(before), StampOf(time.Now())
	best := begin
	t.owed++
	for t.owed > 0 {
		number, stamp, ok := t.receive(fd)
		if !ok {
			break
		}
		t.owed--
		// An earlier packet's stamp can come late, from a queue of the device.
		if int32(number-t.next) >= 0 && stamp >= begin && stamp <= after {
			best, t.next = stamp, number
		}
	}
	t.next++
	return best
}

// failed is about a packet that was refused behind the point at which it is stamped, perhaps.
func (t *transmit) failed() { t.owed++ }

// drain throws away stamps that came too late, which else would keep the socket readable.
func (t *transmit) drain(fd int) {
	for t.owed > 0 {
		if _, _, ok := t.receive(fd); !ok {
			return
		}
		t.owed--
	}
}

// receive takes a stamp off the error queue.
func (t *transmit) receive(fd int) (number uint32, stamp Stamp, ok bool) {
	h := unix.Msghdr{Control: &t.control.b[0]}
	h.SetControllen(controlLen)
	for {
		_, _, errno := unix.RawSyscall6(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&h)),
			unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT, 0, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return 0, 0, false
		}
		break
	}
	eachControl(t.control.b[:min(int(h.Controllen), controlLen)], func(level, kind int32, data []byte) {
		switch {
		case level == unix.SOL_SOCKET && kind == unix.SCM_TIMESTAMPING && len(data) >= int(unsafe.Sizeof(unix.Timespec{})):
			stamp = Stamp((*unix.Timespec)(unsafe.Pointer(&data[0])).Nano())
		case level == unix.SOL_SOCKET || len(data) < int(unsafe.Sizeof(unix.SockExtendedErr{})):
		default: // IP_RECVERR, IPV6_RECVERR or PACKET_TX_TIMESTAMP
			number = binary.NativeEndian.Uint32(data[unsafe.Offsetof(unix.SockExtendedErr{}.Data):])
		}
	})
	return number, stamp, true
}
