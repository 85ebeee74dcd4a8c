package helper

import "golang.org/x/sys/unix"

func openDirectory(path string) (int, error) {
	return unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// openBeneath opens a file of the directory; a symbolic link is refused (ELOOP).
// The name has no slash, so that RESOLVE_BENEATH (Linux 5.6) is a second lock on
// the same door; older kernels do without.
func openBeneath(dir int, name string, flags int, mode uint32) (int, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_NOFOLLOW),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	}
	if flags&unix.O_CREAT != 0 {
		how.Mode = uint64(mode) // openat2(2) refuses a mode where none is needed
	}
	for {
		fd, err := unix.Openat2(dir, name, &how)
		if err == unix.ENOSYS {
			fd, err = unix.Openat(dir, name, flags|unix.O_NOFOLLOW, mode)
		}
		if err != unix.EINTR && err != unix.EAGAIN {
			return fd, err
		}
	}
}
