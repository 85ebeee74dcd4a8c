package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// A test process owns namespaces and a temporary directory, all of which carry
// its identity in their names: the prefix, its process number, and when it
// started, since process numbers are used again.
//
// The reaper is a shell that reads from a pipe which only this process has open
// for writing. It wakes up when this process is gone, however that happened.

const (
	namespacePrefix = "tk-"
	directoryPrefix = "testkit-"
)

// identity is this process's part of the names of what it owns.
var identity = sync.OnceValue(func() string {
	return fmt.Sprintf("%d-%s", os.Getpid(), startOf(os.Getpid()))
})

// startOf returns when a process started, in the kernel's clock ticks since
// boot, as in field 22 of /proc/PID/stat (proc(5)); "0" where there is no such
// file, "" if the process is gone.
func startOf(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		if syscall.Kill(pid, 0) == syscall.ESRCH {
			return ""
		}
		return "0"
	}
	// The second field is a name in parentheses, and may contain both of them.
	_, rest, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return "0"
	}
	return fields[19]
}

// isStale tells whether a name made of prefix and an identity belongs to a
// process that is no longer there.
func isStale(name, prefix string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return false
	}
	parts := strings.SplitN(rest, "-", 3)
	if len(parts) < 2 {
		return false
	}
	pid, err := strconv.Atoi(parts[0])
	if err != nil || pid <= 0 {
		return false
	}
	return startOf(pid) != parts[1]
}

// reap, given to sh with an identity and a directory, waits for the end of its
// input and then removes everything that bears that identity.
const reap = `
read nothing
for path in /run/netns/tk-"$1"-*; do
	[ -e "$path" ] || continue
	name=${path##*/}
	for pid in $(ip netns pids "$name"); do kill -9 "$pid"; done
	ip netns del "$name"
done
rm -rf "$2"
`

// startReaper returns the writing end of the reaper's pipe, which stays open for as
// long as something (here, OnceValues) holds it.
var startReaper = sync.OnceValues(func() (*os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting the reaper: %w", err)
	}
	defer read.Close()
	// In a session of its own, so that what kills this process's group spares it;
	// and away from this process's output, for which go test would wait.
	cmd := exec.Command("/bin/sh", "-c", reap, "reaper", identity(), ownDirectoryPath())
	cmd.Stdin = read
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin:/usr/bin:/bin")
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the reaper: %w", err)
	}
	return write, nil
})

func ownDirectoryPath() string {
	return filepath.Join(os.TempDir(), directoryPrefix+identity())
}

// ownDirectory makes the directory that lives as long as this process, after
// removing those of dead ones.
var ownDirectory = sync.OnceValues(func() (string, error) {
	if _, err := startReaper(); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(os.TempDir())
	if err != nil {
		return "", fmt.Errorf("looking for stale directories: %w", err)
	}
	for _, entry := range entries {
		if entry.IsDir() && isStale(entry.Name(), directoryPrefix) {
			// Another user's stays, and is not our affair.
			_ = os.RemoveAll(filepath.Join(os.TempDir(), entry.Name()))
		}
	}
	dir := ownDirectoryPath()
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", fmt.Errorf("making a directory for this process: %w", err)
	}
	return dir, nil
})
