//go:build freebsd || openbsd || netbsd || darwin

package netio

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"scamper/privsep/message"
	"scamper/shared/packet"
)

// bpfPort is a datalink port on a BPF device (bpf(4)).
type bpfPort struct {
	fd      int
	ifindex int32
	link    packet.LinkType
	mac     net.HardwareAddr // of the interface
	buf     []byte           // of the size that the device insists on
	rest    []byte           // records in buf that were not handed out yet
}

// datalink sets up a BPF device. It comes with a filter that lets nothing
// pass, so what is queued has passed ours.
func (o *opener) datalink(key Key) (Opened, error) {
	if o.ring != nil {
		return Opened{}, fmt.Errorf("datalink ring: %w", ErrUnavailable)
	}
	got, err := o.handles.Datalink(message.Datalink{
		Interface: uint32(key.IfIndex), Accept: message.AcceptNone, Buffers: o.buffers(0),
	})
	if err != nil {
		return Opened{}, fmt.Errorf("could not open datalink on interface %d: %w", key.IfIndex, err)
	}
	return o.finish(got.FD, func() (Opened, error) {
		p := &bpfPort{fd: got.FD, ifindex: key.IfIndex}
		if err := p.setup(); err != nil {
			return Opened{}, fmt.Errorf("datalink on interface %d: %w", key.IfIndex, err)
		}
		if err := p.setFilter(o.filter(p.link)); err != nil {
			return Opened{}, err
		}
		return Opened{Port: p, Link: p.link}, nil
	})
}

func (p *bpfPort) setup() error {
	if err := unix.SetNonblock(p.fd, true); err != nil {
		return fmt.Errorf("make device non-blocking: %w", err)
	}
	size, err := unix.IoctlGetInt(p.fd, unix.BIOCGBLEN)
	if err != nil {
		return fmt.Errorf("get buffer length: %w", err)
	}
	const most = 64 << 20
	if size < unix.SizeofBpfHdr || size > most {
		return fmt.Errorf("buffer length of %d: %w", size, unix.EINVAL)
	}
	p.buf = make([]byte, size)
	dlt, err := unix.IoctlGetInt(p.fd, unix.BIOCGDLT)
	if err != nil {
		return fmt.Errorf("get link type: %w", err)
	}
	switch dlt {
	case unix.DLT_EN10MB:
		p.link = packet.LinkEthernet
	case unix.DLT_NULL, unix.DLT_LOOP:
		p.link = packet.LinkNull
	case unix.DLT_RAW:
		p.link = packet.LinkRaw
	default:
		return fmt.Errorf("unhandled datalink type %d: %w", dlt, unix.EAFNOSUPPORT)
	}
	if err := unix.IoctlSetPointerInt(p.fd, unix.BIOCIMMEDIATE, 1); err != nil {
		return fmt.Errorf("turn buffering off: %w", err)
	}
	if ifi, err := net.InterfaceByIndex(int(p.ifindex)); err == nil {
		p.mac = ifi.HardwareAddr
	}
	return nil
}

// setFilter installs a filter in place of the one before.
func (p *bpfPort) setFilter(f *Filter) error {
	ins := make([]unix.BpfInsn, len(f.raw))
	for i, r := range f.raw {
		ins[i] = unix.BpfInsn{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	prog := unix.BpfProgram{Len: uint32(len(ins)), Insns: &ins[0]}
	if err := bpfControl(p.fd, unix.BIOCSETF, unsafe.Pointer(&prog)); err != nil {
		return fmt.Errorf("attach datalink filter: %w", err)
	}
	return nil
}

// Send writes frames one by one.
func (p *bpfPort) Send(batch []Packet) (sent int, err error) {
	for i := range batch {
		now := time.Now()
		_, err := unix.Write(p.fd, batch[i].Data)
		var errno unix.Errno
		if errors.As(err, &errno) {
			return i, sendError(errno, &Packet{Data: batch[i].Data}, 0)
		}
		if batch[i].Sent != nil {
			*batch[i].Sent = StampOf(now)
		}
	}
	return len(batch), nil
}

// Recv hands out packets where they lie in the port's buffer, and reads the
// device when that is used up.
func (p *bpfPort) Recv(into []Datagram) (n int, err error) {
	if len(p.rest) == 0 {
		size, err := unix.Read(p.fd, p.buf)
		switch {
		case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
			return 0, nil
		case err != nil:
			return 0, fmt.Errorf("read BPF device: %w", err)
		}
		p.rest = p.buf[:size]
	}
	for n < len(into) {
		r, frame, rest, ok := nextRecord(p.rest, unix.SizeofBpfHdr, unix.BPF_ALIGNMENT, readRecord)
		p.rest = rest
		if !ok {
			return n, nil
		}
		into[n] = Datagram{
			Data: frame, Size: int(r.size), buf: into[n].buf,
			Stamp: r.stamp, Kernel: true, IfIndex: p.ifindex, HopLimit: Unknown, TClass: Unknown,
			// The device does not tell the direction; who sent it does.
			Outgoing: p.link == packet.LinkEthernet && len(p.mac) == 6 && len(frame) >= 14 &&
				bytes.Equal(frame[6:12], p.mac),
		}
		n++
	}
	return n, nil
}

func readRecord(b []byte) bpfRecord {
	h := (*unix.BpfHdr)(unsafe.Pointer(&b[0]))
	return bpfRecord{
		stamp:    Stamp(int64(h.Tstamp.Sec)*1e9 + int64(h.Tstamp.Usec)*1e3),
		captured: h.Caplen, size: h.Datalen, headerLen: h.Hdrlen,
	}
}

// FD returns the device.
func (p *bpfPort) FD() int { return p.fd }

// Drops returns the packets that found the device's buffers full.
func (p *bpfPort) Drops() uint64 {
	var stat unix.BpfStat
	if err := bpfControl(p.fd, unix.BIOCGSTATS, unsafe.Pointer(&stat)); err != nil {
		return 0
	}
	return uint64(stat.Drop)
}

// Close closes the device.
func (p *bpfPort) Close() error { return unix.Close(p.fd) }

// bpfControl is ioctl(2) with a pointer.
func bpfControl(fd int, request uint, arg unsafe.Pointer) error {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(arg))
	if errno != 0 {
		return errno
	}
	return nil
}
