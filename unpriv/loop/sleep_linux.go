package loop

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sleep stops the thread for about so long. A signal ends it early. It is for short times: see shortWait.
func sleep(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	if d <= shortWait {
		_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
		return
	}
	_ = unix.Nanosleep(&ts, nil)
}
