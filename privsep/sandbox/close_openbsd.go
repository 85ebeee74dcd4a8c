package sandbox

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// closeMain limits the main process to sockets, capture devices and descriptors
// that it is sent (pledge(2)).
func closeMain(Options) ([]string, error) {
	const promises = "stdio inet unix recvfd bpf route"
	if err := unix.PledgePromises(promises); err != nil {
		return nil, fmt.Errorf("pledge: %w", err)
	}
	return []string{"pledge " + promises}, nil
}

// CloseHelper hides all files from the helper but those that were granted and the
// capture devices (unveil(2)). There is no pledge with which raw sockets can be
// opened.
func CloseHelper(paths []Path, _, sandbox bool, debug func(string)) ([]string, error) {
	if !sandbox {
		say(debug, "unveil is left out")
		return nil, nil
	}
	veil := func(path, rights string) error {
		if err := unix.Unveil(path, rights); err != nil && err != unix.ENOENT {
			return fmt.Errorf("unveil %s: %w", path, err)
		}
		return nil
	}
	todo := []Path{{Name: "/dev/bpf"}, {Name: "/dev/bpf0"}}
	for _, p := range append(todo, paths...) {
		rights, name := "rw", p.Name
		switch p.Kind {
		case WriteFile:
			rights = "wc"
		case Socket:
			rights, name = "rwc", filepath.Dir(name)
		case Directory:
			rights = "r"
			if p.Write {
				rights = "rwc"
			}
		}
		if err := veil(name, rights); err != nil {
			return nil, err
		}
	}
	if err := unix.UnveilBlock(); err != nil {
		return nil, fmt.Errorf("unveil: %w", err)
	}
	return []string{"helper unveil"}, nil
}
