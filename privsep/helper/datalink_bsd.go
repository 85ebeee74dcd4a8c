//go:build unix && !linux

package helper

import (
	"fmt"
	"net"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"scamper/privsep/message"
)

const (
	bpfBuffer   = 65536 // bytes, at least
	maxDevices  = 256   // /dev/bpf0 up to this are tried
	wholePacket = 1 << 18
)

// openDatalink opens a BPF device (bpf(4)): buffer and filter first, the interface
// last, so that the buffer never has a packet that the filter would not have let
// in.
func openDatalink(q message.Datalink) (int, error) {
	if q.Interface == 0 {
		return -1, fmt.Errorf("all interfaces at once: %w", unix.ENOTSUP)
	}
	ifi, err := net.InterfaceByIndex(int(q.Interface))
	if err != nil {
		return -1, fmt.Errorf("interface %d: %w: %w", q.Interface, err, unix.ENXIO)
	}
	fd, err := openBPF()
	if err != nil {
		return -1, err
	}
	if err := startDatalink(fd, q, ifi.Name); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("interface %s: %w", ifi.Name, err)
	}
	return fd, nil
}

// openBPF opens the device that clones itself or else the first that is free.
func openBPF() (int, error) {
	const flags = unix.O_RDWR | unix.O_CLOEXEC | unix.O_NONBLOCK
	fd, err := unix.Open("/dev/bpf", flags, 0)
	for i := 0; err != nil && i < maxDevices; i++ {
		fd, err = unix.Open("/dev/bpf"+strconv.Itoa(i), flags, 0)
		if err != nil && err != unix.EBUSY {
			break
		}
	}
	if err != nil {
		return -1, fmt.Errorf("bpf device: %w", err)
	}
	return fd, nil
}

func startDatalink(fd int, q message.Datalink, name string) error {
	want := max(bpfBuffer, int(min(q.Buffers.Receive, message.MaxBuffer)))
	for {
		// The system may limit the length; old ones refuse it.
		//lint:ignore SA1019 x/sys/unix has no such call
		_, err := syscall.SetBpfBuflen(fd, want)
		if err == nil {
			break
		}
		if want /= 2; want < 4096 {
			return fmt.Errorf("buffer: %w", err)
		}
	}
	accept := uint32(0)
	if q.Accept == message.AcceptAll {
		accept = wholePacket
	}
	insn := [1]syscall.BpfInsn{{Code: syscall.BPF_RET | syscall.BPF_K, K: accept}}
	prog := syscall.BpfProgram{Len: 1, Insns: &insn[0]}
	if err := ioctl(fd, syscall.BIOCSETF, unsafe.Pointer(&prog)); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	//lint:ignore SA1019 x/sys/unix has no such call
	if err := syscall.SetBpfInterface(fd, name); err != nil {
		return err
	}
	//lint:ignore SA1019 x/sys/unix has no such call
	return syscall.SetBpfImmediate(fd, 1)
}

func ioctl(fd int, request uint, p unsafe.Pointer) error {
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(p)); e != 0 {
		return e
	}
	return nil
}
