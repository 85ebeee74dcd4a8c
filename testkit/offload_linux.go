package testkit

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Commands of linux/ethtool.h that set one feature.
const (
	ethtoolSetTXChecksum = 0x00000017
	ethtoolSetTSO        = 0x0000001f
	ethtoolSetGSO        = 0x00000024
	ethtoolSetGRO        = 0x0000002c
)

type ethtoolValue struct{ command, data uint32 } // struct ethtool_value

type ifreqData struct { // struct ifreq with its ifr_data member
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [24 - unsafe.Sizeof(uintptr(0))]byte
}

// disableOffload makes the kernel compute checksums and cut segments itself, so that a
// capture of a veth shows them as a wire would carry them.
func (s *Namespace) disableOffload(ifname string) error {
	var fd int
	var err error
	s.Do(func() { fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0) })
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(fd)
	for _, command := range []uint32{ethtoolSetTSO, ethtoolSetGSO, ethtoolSetGRO, ethtoolSetTXChecksum} {
		value := ethtoolValue{command: command}
		request := ifreqData{data: unsafe.Pointer(&value)}
		copy(request.name[:unix.IFNAMSIZ-1], ifname)
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
		if errno != 0 && !errors.Is(errno, unix.EOPNOTSUPP) {
			return fmt.Errorf("ethtool command %#x: %w", command, errno)
		}
	}
	return nil
}
