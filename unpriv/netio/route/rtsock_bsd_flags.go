//go:build darwin || freebsd || openbsd

package route

import "golang.org/x/sys/unix"

// rtfLocal marks the routes to our own addresses.
const rtfLocal = unix.RTF_LOCAL
