//go:build unix

package neigh

import "golang.org/x/sys/unix"

// Numbers that this system gives to the families, which BSD loopback frames begin with.
const (
	familyIPv4 = unix.AF_INET
	familyIPv6 = unix.AF_INET6
)
