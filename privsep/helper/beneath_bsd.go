//go:build unix && !linux

package helper

import "golang.org/x/sys/unix"

func openDirectory(path string) (int, error) {
	return unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// openBeneath opens a file of the directory; a symbolic link is refused (ELOOP,
// on FreeBSD EMLINK). The name has no slash.
func openBeneath(dir int, name string, flags int, mode uint32) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flags|unix.O_NOFOLLOW, mode)
		if err != unix.EINTR {
			return fd, err
		}
	}
}
