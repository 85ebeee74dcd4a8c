package netio

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// bytesOf returns the memory of v, which must hold no pointers.
func bytesOf[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// getsockopt reads an option that fills exactly value.
func getsockopt(fd, level, option int, value []byte) error {
	n := uint32(len(value))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option),
		uintptr(unsafe.Pointer(&value[0])), uintptr(unsafe.Pointer(&n)), 0)
	if errno != 0 {
		return errno
	}
	if int(n) < len(value) {
		return unix.EINVAL
	}
	return nil
}
