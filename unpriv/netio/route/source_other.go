//go:build unix && !linux

package route

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// dissolve closes the socket: the systems differ in how a UDP socket is disconnected.
func dissolve(fd *int) error {
	err := unix.Close(*fd)
	*fd = -1
	if err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}
