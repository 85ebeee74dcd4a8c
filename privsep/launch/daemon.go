//go:build unix

package launch

import (
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// readyPipe is the writing end of the pipe on which the process in the foreground
// waits to be told that the daemon stands. noPipe: there is no such process.
type readyPipe int

const (
	noPipe        readyPipe = -1
	firstInherit            = 3 // descriptor of the first inherited file
	daemonReadyFD           = firstInherit
)

// inheritedReadyPipe returns the pipe that startDaemon left. The variable alone is
// not believed.
func inheritedReadyPipe() (readyPipe, error) {
	var st unix.Stat_t
	if err := unix.Fstat(daemonReadyFD, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO {
		return noPipe, fmt.Errorf("%s=%s is set, but not by scamper", stageVar, stageDaemon)
	}
	unix.CloseOnExec(daemonReadyFD)
	return daemonReadyFD, nil
}

// function returns State.Ready.
func (r readyPipe) function() func() {
	if r == noPipe {
		return func() {}
	}
	return sync.OnceFunc(func() {
		silence()
		unix.Write(int(r), []byte{1})
		unix.Close(int(r))
	})
}

// close gives up the pipe in a process that will not use it.
func (r readyPipe) close() {
	if r != noPipe {
		unix.Close(int(r))
	}
}

// silence makes stdout and stderr what stdin is in a daemon: /dev/null.
func silence() {
	for _, fd := range []int{1, 2} {
		_ = dup2(0, fd) // there is nobody left to tell
	}
}

// startDaemon starts the program again in a session of its own and waits until it is
// ready. It returns 0 then, or what the daemon ended with before.
func startDaemon() (int, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return ExitFailure, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return ExitFailure, err
	}
	child, err := startSelf(stageDaemon, []*os.File{null, os.Stdout, os.Stderr, w}, &syscall.SysProcAttr{Setsid: true})
	w.Close()
	if err != nil {
		return ExitFailure, err
	}
	var b [1]byte
	if n, _ := r.Read(b[:]); n == 1 {
		return 0, nil
	}
	state, err := child.Wait()
	if err != nil {
		return ExitFailure, fmt.Errorf("waiting for the daemon: %w", err)
	}
	return exitStatus(state.Sys().(syscall.WaitStatus)), nil
}

// startSelf executes this program again with the same arguments. files become
// descriptors 0, 1, 2 and so on.
func startSelf(stage string, files []*os.File, attr *syscall.SysProcAttr) (*os.Process, error) {
	self, err := selfPath()
	if err != nil {
		return nil, err
	}
	p, err := os.StartProcess(self, os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), stageVar+"="+stage),
		Files: files,
		Sys:   attr,
	})
	if err != nil {
		return nil, fmt.Errorf("starting %s again: %w", self, err)
	}
	return p, nil
}
