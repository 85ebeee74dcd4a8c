package launch

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scamper/testkit"
)

// limit is how long anything may take that should be at once.
const limit = 20 * time.Second

// program is the path of a copy of the test program that every user can execute.
func program(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(testkit.BuildCommand(t, "scamper/privsep/launch/testdata/prog"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(testkit.OpenDir(t), "prog")
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// session is a running test program.
type session struct {
	t            *testing.T
	cmd          *exec.Cmd
	in           io.WriteCloser
	lines        chan string
	stderr       lockedBuffer
	main, parent int // process ids, as Main told them
	first        string
	ended        chan struct{} // closed when the first process has ended
	err          error         // of Wait, then
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// begin starts the program and does not wait for it to say something.
func begin(t *testing.T, cmd *exec.Cmd) *session {
	t.Helper()
	s := &session{t: t, cmd: cmd, lines: make(chan string, 100), ended: make(chan struct{})}
	var err error
	if s.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, &s.stderr
	cmd.WaitDelay = limit
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	go func() {
		defer r.Close()
		defer close(s.lines)
		for sc := bufio.NewScanner(r); sc.Scan(); {
			s.lines <- sc.Text()
		}
	}()
	go func() {
		s.err = cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		if s.main != 0 && s.main != cmd.Process.Pid {
			unix.Kill(s.main, unix.SIGKILL)
		}
		<-s.ended
	})
	return s
}

// start starts the program as root and waits for Main.
func start(t *testing.T, args ...string) *session {
	t.Helper()
	testkit.NeedRoot(t)
	cmd := exec.Command(program(t), args...)
	return ready(t, cmd)
}

func ready(t *testing.T, cmd *exec.Cmd) *session {
	t.Helper()
	s := begin(t, cmd)
	s.first = s.line()
	if _, err := fmt.Sscanf(s.first, "main %d parent %d", &s.main, &s.parent); err != nil {
		t.Fatalf("first line %q: %v\n%s", s.first, err, s.stderr.String())
	}
	return s
}

// line returns the next line of output; "" at the end.
func (s *session) line() string {
	s.t.Helper()
	select {
	case l := <-s.lines:
		return l
	case <-time.After(limit):
		s.t.Fatalf("no output\n%s", s.stderr.String())
		return ""
	}
}

// ask gives Main a command and returns its answer.
func (s *session) ask(command string) string {
	s.t.Helper()
	if _, err := io.WriteString(s.in, command+"\n"); err != nil {
		s.t.Fatal(err)
	}
	return s.line()
}

// expect asks, and wants an answer that begins so.
func (s *session) expect(command, want string) {
	s.t.Helper()
	if got := s.ask(command); !strings.HasPrefix(got, want) {
		s.t.Errorf("%s: %q, want %q\n%s", command, got, want, s.stderr.String())
	}
}

// wait returns the exit status of the first process.
func (s *session) wait() int {
	s.t.Helper()
	select {
	case <-s.ended:
		var status *exec.ExitError
		if s.err != nil && !errors.As(s.err, &status) {
			s.t.Fatal(s.err)
		}
		return exitStatus(s.cmd.ProcessState.Sys().(syscall.WaitStatus))
	case <-time.After(limit):
		s.t.Fatalf("does not end\n%s", s.stderr.String())
		return -1
	}
}

// fails runs a program that should not get as far as Main, and returns its stderr.
func fails(t *testing.T, cmd *exec.Cmd, status int) string {
	t.Helper()
	s := begin(t, cmd)
	if l := s.line(); l != "" {
		t.Errorf("output %q", l)
	}
	if got := s.wait(); got != status {
		t.Errorf("status %d, want %d", got, status)
	}
	return s.stderr.String()
}

// gone waits until a process has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return
		}
		// The state follows the name in parentheses; a zombie has ended.
		if _, after, ok := strings.Cut(string(b), ") "); ok && (after[0] == 'Z' || after[0] == 'X') {
			return
		}
	}
	t.Errorf("process %d is still there", pid)
}

// status returns the values of /proc/PID/task/*/status by name; all threads have to
// agree.
func status(t *testing.T, pid int, names ...string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(files) == 0 {
		t.Fatalf("process %d has no threads (%v)", pid, err)
	}
	got := make(map[string]string)
	for i, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		for line := range strings.Lines(string(b)) {
			name, value, _ := strings.Cut(line, ":")
			value = strings.Join(strings.Fields(value), " ")
			for _, n := range names {
				if n != name {
					continue
				}
				if old, have := got[n]; have && old != value {
					t.Errorf("thread %d of process %d: %s is %q, elsewhere %q", i, pid, n, value, old)
				}
				got[n] = value
			}
		}
	}
	return got
}

// as makes cmd run as a user who has nothing.
func as(cmd *exec.Cmd, uid, gid uint32, groups ...uint32) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid, Groups: groups}}
	return cmd
}

func fileOwner(t *testing.T, path string) (uid, gid uint32, mode uint32) {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Uid, st.Gid, st.Mode & 0o777
}
