package helper

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"scamper/privsep/message"
)

// fileMode is that of new files; the umask takes from it.
const fileMode = 0o644

// flags of open(2) for each use of a single path.
var useFlags = map[Use]int{
	Read:   unix.O_RDONLY,
	Write:  unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC,
	Append: unix.O_WRONLY | unix.O_CREAT | unix.O_APPEND,
}

// flags for each way to open a file in a directory.
var openFlags = map[message.Open]int{
	message.OpenRead:      unix.O_RDONLY,
	message.OpenWrite:     unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC,
	message.OpenAppend:    unix.O_WRONLY | unix.O_CREAT | unix.O_APPEND,
	message.OpenExclusive: unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL,
}

// find returns the grant of a slot if it is for one of the uses: else EPERM.
func (h *Helper) find(s message.Slot, uses ...Use) (*grant, error) {
	if g := h.grants[s]; g != nil {
		for _, u := range uses {
			if g.Use == u {
				return g, nil
			}
		}
	}
	return nil, fmt.Errorf("slot %d is not granted for that: %w", s, unix.EPERM)
}

// file opens the file of a slot. A grant that is not to be used Again is used up by
// a success.
func (h *Helper) file(s message.Slot) (int, error) {
	g, err := h.find(s, Read, Write, Append)
	if err != nil {
		return -1, err
	}
	if g.opened && !g.Again {
		return -1, fmt.Errorf("%s was opened already: %w", g.Path, unix.EPERM)
	}
	var fd int
	err = h.invoker.as(func() (err error) {
		fd, err = h.open(g.Path, useFlags[g.Use])
		return err
	})
	if err != nil {
		return -1, fmt.Errorf("%s: %w", g.Path, err)
	}
	g.opened = true
	return fd, nil
}

// fifoPause is how often a FIFO without somebody at its other end is looked at again.
const fifoPause = 50 * time.Millisecond

// open opens a file. A FIFO waits for somebody at its other end, as open(2) does, but not beyond Stop.
func (h *Helper) open(path string, flags int) (int, error) {
	for {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, fileMode)
		switch {
		case err == nil:
			if err := h.opened(fd, flags); err != nil {
				unix.Close(fd)
				return -1, err
			}
			return fd, nil
		case err == unix.EINTR:
		case err == unix.ENXIO && isKind(path, unix.S_IFIFO): // nobody reads it yet
			time.Sleep(fifoPause)
		case err == unix.EACCES && isKind(path, unix.S_IFDIR): // so says the sandbox, where files are granted
			return -1, unix.EISDIR
		default:
			return -1, err
		}
		if h.stopping.Load() {
			return -1, unix.EINTR
		}
	}
}

// opened waits until somebody writes to a FIFO that is to be read, and makes the descriptor blocking.
func (h *Helper) opened(fd, flags int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return unix.EISDIR
	}
	if st.Mode&unix.S_IFMT == unix.S_IFIFO && flags&unix.O_ACCMODE == unix.O_RDONLY {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		for {
			n, err := unix.Poll(fds, int(fifoPause.Milliseconds()))
			if n > 0 {
				break
			}
			if err != nil && err != unix.EINTR {
				return err
			}
			if h.stopping.Load() {
				return unix.EINTR
			}
		}
	}
	return unix.SetNonblock(fd, false)
}

// isKind reports whether a path leads to a file of a kind (S_IFMT).
func isKind(path string, kind uint32) bool {
	var st unix.Stat_t
	return unix.Stat(path, &st) == nil && uint32(st.Mode)&unix.S_IFMT == kind
}

func (h *Helper) fileIn(q message.FileIn) (int, error) {
	g, err := h.find(q.Directory, Directory)
	if err != nil {
		return -1, err
	}
	if g.In&(1<<q.Open) == 0 {
		return -1, fmt.Errorf("%s is not granted for that: %w", g.Path, unix.EPERM)
	}
	var fd int
	err = h.invoker.as(func() (err error) {
		fd, err = openBeneath(g.dir, q.Name, openFlags[q.Open]|unix.O_CLOEXEC|unix.O_NOCTTY, fileMode)
		return err
	})
	if err != nil {
		return -1, fmt.Errorf("%s in %s: %w", q.Name, g.Path, err)
	}
	return fd, nil
}

// identity tells one file from any other.
type identity struct{ dev, ino uint64 }

func identify(path string) (identity, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return identity{}, err
	}
	return identity{uint64(st.Dev), uint64(st.Ino)}, nil // their types differ by system
}

// listen binds a unix stream socket to the path of a slot. A path that exists is
// refused (EADDRINUSE), whatever it is.
func (h *Helper) listen(s message.Slot) (int, error) {
	g, err := h.find(s, Socket)
	if err != nil {
		return -1, err
	}
	fd, err := newSocket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, err
	}
	var made identity
	err = h.invoker.as(func() error {
		if err := unix.Bind(fd, &unix.SockaddrUnix{Name: g.Path}); err != nil {
			return err
		}
		var err error
		made, err = identify(g.Path)
		return err
	})
	if err == nil {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("unix socket %s: %w", g.Path, err)
	}
	g.bound = &made
	return fd, nil
}

// unlink removes the path that listen made, unless something else is there by now.
func (h *Helper) unlink(s message.Slot) error {
	g, err := h.find(s, Socket)
	if err != nil {
		return err
	}
	if g.bound == nil {
		return fmt.Errorf("unix socket %s was not made here: %w", g.Path, unix.ENOENT)
	}
	err = h.invoker.as(func() error {
		if found, err := identify(g.Path); err != nil {
			return err
		} else if found != *g.bound {
			return unix.ESTALE
		}
		return unix.Unlink(g.Path)
	})
	if err != nil {
		return fmt.Errorf("removing unix socket %s: %w", g.Path, err)
	}
	g.bound = nil
	return nil
}
