package route

import (
	"errors"
	"net/netip"
	"syscall"
	"unicode/utf8"
)

// SourceError says that the kernel has no source address for a destination.
type SourceError struct {
	Dst netip.Addr
	Err error // wraps a syscall.Errno
}

// Error returns the line that users of scamper know.
func (e *SourceError) Error() string {
	return "getsrc connect to dst failed for " + e.Dst.String() + ": " + InC(e.Err).Error()
}

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// InC returns an error whose text is that of the C library's strerror if err is or wraps
// a system's error number: `No route to host` where Go has `no route to host`. It
// unwraps to err. Other errors are returned as they are.
func InC(err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err
	}
	return inC{errno, err}
}

type inC struct {
	errno syscall.Errno
	err   error
}

// Error undoes what Go does to the texts that it takes from the C library: make the
// first letter a small one.
func (e inC) Error() string {
	text := e.errno.Error()
	if first, size := utf8.DecodeRuneInString(text); size == 1 && 'a' <= first && first <= 'z' {
		text = string(first-'a'+'A') + text[1:]
	}
	return text
}

func (e inC) Unwrap() error { return e.err }
