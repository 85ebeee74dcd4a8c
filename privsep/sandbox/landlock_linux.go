package sandbox

import (
	"path/filepath"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// landlockVersion returns the version of Landlock's interface that the kernel has, 0
// for none (Documentation/userspace-api/landlock.rst).
func landlockVersion(debug func(string)) int {
	v, err := ll.LandlockGetABIVersion()
	if err != nil || v < 1 {
		say(debug, "landlock: the kernel has none (%v)", err)
		return 0
	}
	return v
}

// landlockNothing forbids to open any path and, where there is such a scope, to
// signal processes outside and to reach their abstract unix sockets. Descriptors that
// were opened elsewhere keep their rights.
func landlockNothing(debug func(string)) []string {
	if landlockVersion(debug) == 0 {
		return nil
	}
	c := landlock.V6.BestEffort()
	if err := c.RestrictPaths(); err != nil {
		say(debug, "landlock: %v", err)
		return nil
	}
	if err := c.RestrictScoped(); err != nil {
		say(debug, "landlock scopes: %v", err)
	}
	return []string{"landlock, no path"}
}

// Access rights of a file that is written. Truncating came with version 3; best
// effort leaves out what the kernel does not know.
const (
	writeRights  = ll.AccessFSWriteFile | ll.AccessFSTruncate
	createRights = writeRights | ll.AccessFSMakeReg
	socketRights = ll.AccessFSMakeSock | ll.AccessFSRemoveFile
)

// landlockPaths limits a helper to the paths that were granted: a file to read, or
// the directory in which a file is made.
func landlockPaths(paths []Path, debug func(string)) []string {
	if landlockVersion(debug) == 0 {
		return nil
	}
	var rules []landlock.Rule
	allow := func(rights landlock.AccessFSSet, path string) {
		rules = append(rules, landlock.PathAccess(rights, path).IgnoreIfMissing())
	}
	for _, p := range paths {
		// What is opened may be a symbolic link, as /dev/stdout is.
		for _, name := range targets(p.Name) {
			switch p.Kind {
			case ReadFile:
				allow(ll.AccessFSReadFile, name)
			case WriteFile:
				allow(createRights, filepath.Dir(name))
				allow(writeRights, name)
			case Socket:
				allow(socketRights, filepath.Dir(name))
			case Directory:
				allow(ll.AccessFSReadFile, name)
				if p.Write {
					allow(createRights, name)
				}
			}
		}
	}
	if err := landlock.V5.BestEffort().RestrictPaths(rules...); err != nil {
		say(debug, "landlock: %v", err)
		return nil
	}
	return []string{"helper landlock"}
}

func targets(name string) []string {
	if to, err := filepath.EvalSymlinks(name); err == nil && to != name {
		return []string{name, to}
	}
	return []string{name}
}
