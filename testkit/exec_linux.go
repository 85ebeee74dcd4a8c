package testkit

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Result is what a program that ended has left.
type Result struct {
	Stdout, Stderr string
	Status         int   // exit status; -1 if a signal ended it
	Err            error // nil for status 0; names program, status, time-out
}

// Process is a program that runs in a namespace.
type Process struct {
	Cmd *exec.Cmd

	stdout, stderr lockedBuffer
	done           chan struct{}
	err            error // of Cmd.Wait; written before done is closed
}

// lockedBuffer may be read while the program still writes.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// Run runs a program in the namespace and returns what it printed and how it ended.
// After timeout it is killed, which Result.Err tells.
func (s *Namespace) Run(timeout time.Duration, name string, args ...string) Result {
	s.t.Helper()
	p := s.Start(exec.Command(name, args...))
	return p.Wait(timeout)
}

// MustRun is Run for programs that have to succeed: the test fails if one does not.
// It returns the standard output.
func (s *Namespace) MustRun(timeout time.Duration, name string, args ...string) string {
	s.t.Helper()
	r := s.Run(timeout, name, args...)
	if r.Err != nil {
		s.t.Fatalf("in %s: %v\n%s%s", s.Name, r.Err, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// Start starts cmd in the namespace, with directory, environment and input as the
// caller set them. Standard output and error are collected where cmd names no other
// place. A program that still runs when the test ends is stopped.
func (s *Namespace) Start(cmd *exec.Cmd) *Process {
	s.t.Helper()
	p := &Process{Cmd: cmd, done: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = &p.stdout
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.stderr
	}
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = 5 * time.Second // for grandchildren that keep the output open
	}
	var err error
	s.Do(func() { err = cmd.Start() })
	if err != nil {
		s.t.Fatalf("in %s: starting: %v", s.Name, err)
	}
	s.mu.Lock()
	s.running = append(s.running, p)
	s.mu.Unlock()
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p
}

// Output returns what the program has printed so far.
func (p *Process) Output() (stdout, stderr string) {
	return p.stdout.String(), p.stderr.String()
}

// Wait waits for the program's end, at most for timeout, after which it is killed.
func (p *Process) Wait(timeout time.Duration) Result {
	timedOut := false
	select {
	case <-p.done:
	case <-time.After(timeout):
		timedOut = true
		_ = p.Cmd.Process.Kill()
		<-p.done
	}
	r := Result{Stdout: p.stdout.String(), Stderr: p.stderr.String(), Status: -1}
	if p.Cmd.ProcessState != nil {
		r.Status = p.Cmd.ProcessState.ExitCode()
	}
	switch {
	case timedOut:
		r.Err = fmt.Errorf("%s: killed after %v", p.Cmd.Path, timeout)
	case p.err != nil:
		r.Err = fmt.Errorf("%s: %w", p.Cmd.Path, p.err)
	}
	return r
}

// Running tells whether the program has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Signal sends a signal to the program. A program that has ended gets none.
func (p *Process) Signal(sig unix.Signal) {
	_ = p.Cmd.Process.Signal(sig)
}

// Stop asks the program to end (SIGTERM), kills it if it has not after three seconds,
// and returns what it left. Stopping one that has ended only returns that.
func (p *Process) Stop() Result {
	p.Signal(unix.SIGTERM)
	return p.Wait(3 * time.Second)
}

// ExitStatus returns the exit status inside an error of os/exec, 0 for nil, and -1
// for anything else.
func ExitStatus(err error) int {
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}
