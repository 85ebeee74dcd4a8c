package route

import (
	"net/netip"

	"scamper/unpriv/netio"
)

// SourceError says that the kernel has no source address for a destination.
type SourceError struct {
	Dst netip.Addr
	Err error // wraps a syscall.Errno
}

// Error returns the line that users of scamper know.
func (e *SourceError) Error() string {
	return "getsrc connect to dst failed for " + e.Dst.String() + ": " + netio.InC(e.Err).Error()
}

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }
