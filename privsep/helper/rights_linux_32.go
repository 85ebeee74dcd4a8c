//go:build linux && (386 || arm)

package helper

import "golang.org/x/sys/unix"

// The calls without 32 have ids of 16 bits there.
const (
	sysSetresuid = unix.SYS_SETRESUID32
	sysSetresgid = unix.SYS_SETRESGID32
	sysSetgroups = unix.SYS_SETGROUPS32
)
