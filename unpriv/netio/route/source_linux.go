package route

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dissolve undoes what connect did to a UDP socket, by connecting it to an address of
// no family (connect(2)).
func dissolve(fd *int) error {
	var nowhere unix.RawSockaddrAny // AF_UNSPEC is 0
	_, _, errno := unix.RawSyscall(unix.SYS_CONNECT, uintptr(*fd),
		uintptr(unsafe.Pointer(&nowhere)), unix.SizeofSockaddrInet4)
	if errno == 0 {
		return nil
	}
	unix.Close(*fd)
	*fd = -1
	return fmt.Errorf("disconnecting: %w", errno)
}
