package main_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"scamper/testkit"
)

// terminal is a pseudo-terminal (pts(4)) with a collector of what is written to it.
type terminal struct {
	slave *os.File

	mu   sync.Mutex
	text strings.Builder
	done chan struct{}
}

func openTerminal(t testing.TB) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		testkit.Skip(t, fmt.Sprintf("this system has no pseudo-terminals: %v", err))
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := &terminal{slave: slave, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			c.mu.Lock()
			c.text.Write(buf[:n])
			c.mu.Unlock()
			if err != nil { // EIO when nobody has the other end any more
				return
			}
		}
	}()
	t.Cleanup(func() {
		slave.Close()
		master.Close()
		<-c.done
	})
	return c
}

// end waits until all who could write to the terminal are gone, and returns what was written.
func (c *terminal) end() string {
	c.slave.Close()
	<-c.done
	return c.String()
}

func (c *terminal) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.ReplaceAll(c.text.String(), "\r\n", "\n") // the line discipline makes two characters of a newline
}

// screen is what a line of the terminal shows after it was written to, without what was shown before and blanked out.
func screen(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		var shown []byte
		at := 0
		for i := range len(line) {
			if line[i] == '\r' {
				at = 0
				continue
			}
			if at == len(shown) {
				shown = append(shown, 0)
			}
			shown[at] = line[i]
			at++
		}
		lines = append(lines, strings.TrimRight(string(shown), " "))
	}
	return lines
}

var progressLine = regexp.MustCompile(`^(\d+) done, (\d+) in flight, (\d+) pps, (\d+) replies(, \d+\.\d% loss)?(, [0-9hms]+ left)?$`)

// progress returns the states that a progress line went through.
func progress(text string) (states [][]string) {
	for part := range strings.SplitSeq(text, "\r") {
		if m := progressLine.FindStringSubmatch(strings.TrimRight(part, " ")); m != nil {
			states = append(states, m)
		}
	}
	return states
}

// A long run shows on a terminal how far it is, and leaves no trace of that; elsewhere it shows nothing.
func TestProgress(t *testing.T) {
	t.Parallel()
	chain := far(t)
	list := filepath.Join(testkit.OpenDir(t), "list")
	farList(t, list, 200)
	var gone strings.Builder // no answer is sent for these
	for i := range 50 {
		fmt.Fprintf(&gone, "10.127.0.%d\n", i)
	}
	chain.Target.NFT("table ip gone {\nchain in {\ntype filter hook input priority 0\nip daddr 10.127.0.0/24 drop\n}\n}")
	writeFile(t, list, readFile(t, list)+gone.String())
	start := func(t *testing.T, args ...string) (*terminal, *exec.Cmd) {
		t.Parallel()
		c := openTerminal(t)
		out := filepath.Join(testkit.OpenDir(t), "out.json")
		cmd := command(program(t), append([]string{"-p", "60", "-o", out, "-c", "ping -c 1 -W 100ms"}, args...)...)
		cmd.Stderr = c.slave
		return c, cmd
	}
	t.Run("list", func(t *testing.T) {
		c, cmd := start(t, "-f", list)
		if r := chain.Prober.Start(cmd).Wait(limit); r.Err != nil || r.Stdout != "" {
			t.Fatalf("%v, output %q", r.Err, r.Stdout)
		}
		checkProgress(t, c.end(), 250)
	})
	t.Run("operands", func(t *testing.T) {
		c, cmd := start(t, append([]string{"-i"}, strings.Fields(readFile(t, list))...)...)
		if r := chain.Prober.Start(cmd).Wait(limit); r.Err != nil || r.Stdout != "" {
			t.Fatalf("%v, output %q", r.Err, r.Stdout)
		}
		checkProgress(t, c.end(), 250)
	})
	t.Run("a list of unknown size", func(t *testing.T) {
		c, cmd := start(t, "-f", "-")
		cmd.Stdin = io.MultiReader(strings.NewReader(readFile(t, list))) // comes through a pipe
		if r := chain.Prober.Start(cmd).Wait(limit); r.Err != nil {
			t.Fatal(r.Err)
		}
		if states := progress(c.end()); len(states) == 0 || states[0][6] != "" {
			t.Errorf("progress: %q", states)
		}
	})
	t.Run("no terminal", func(t *testing.T) {
		_, cmd := start(t, "-f", list)
		cmd.Stderr = nil
		if r := chain.Prober.Start(cmd).Wait(limit); r.Err != nil || r.Stderr != "" || r.Stdout != "" {
			t.Errorf("%v, stderr %q, output %q", r.Err, r.Stderr, r.Stdout)
		}
	})
}

// checkProgress checks the line of a run whose size is known: so many pings, of which the last 50 are not answered.
func checkProgress(t *testing.T, text string, size int) {
	t.Helper()
	states := progress(text)
	if len(states) < 2 {
		t.Fatalf("progress %q", text)
	}
	var lastDone, lastReplies int
	for i, s := range states {
		var done, flight, pps, replies int
		for j, into := range []*int{&done, &flight, &pps, &replies} {
			fmt.Sscan(s[1+j], into)
		}
		if done < lastDone || replies < lastReplies || done+flight > size || replies > done+flight || pps > 200 || s[5] == "" {
			t.Errorf("state %d: %q after %d done, %d replies", i, s[0], lastDone, lastReplies)
		}
		if s[6] == "" && done+flight < size {
			t.Errorf("state %d says nothing of the time left: %q", i, s[0])
		}
		lastDone, lastReplies = done, replies
	}
	if lastDone == 0 || lastReplies == 0 || lastReplies > size-50 {
		t.Errorf("the last state is %q", states[len(states)-1][0])
	}
	for _, line := range screen(text) {
		if line != "" {
			t.Errorf("in the end the terminal shows %q", line)
		}
	}
}

// Messages have a line of their own between states of progress, and a short run shows none.
func TestProgressMessages(t *testing.T) {
	t.Parallel()
	chain := far(t)
	list := filepath.Join(testkit.OpenDir(t), "list")
	farList(t, list, 150)
	writeFile(t, list, readFile(t, list)+"nowhere\n")
	c := openTerminal(t)
	cmd := command(program(t), "-p", "50", "-O", "json", "-c", "ping -c 1 -W 100ms", "-f", list)
	cmd.Stderr = c.slave
	if r := chain.Prober.Start(cmd).Wait(limit); r.Err != nil {
		t.Fatal(r.Err)
	}
	text := c.end()
	if len(progress(text)) == 0 {
		t.Errorf("no progress: %q", text)
	}
	var shown []string
	for _, line := range screen(text) {
		if line != "" {
			shown = append(shown, line)
		}
	}
	if len(shown) != 1 || !strings.HasSuffix(shown[0], "] scamper: "+list+":151: invalid destination address") {
		t.Errorf("in the end the terminal shows %q", shown)
	}

	c = openTerminal(t)
	cmd = command(program(t), "-p", "1000", "-O", "json", "-c", quick, "-i", "10.64.0.1")
	cmd.Stderr = c.slave
	if r := chain.Prober.Start(cmd).Wait(limit); r.Err != nil {
		t.Fatal(r.Err)
	}
	if text := c.end(); text != "" {
		t.Errorf("a short run shows %q", text)
	}
}

// Warts is not for terminals; text is.
func TestOutputTerminal(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	for _, format := range []string{"warts", "warts.gz"} {
		c := openTerminal(t)
		cmd := command(program(t), "-O", format, "-i", "127.0.0.1")
		cmd.Stdout = c.slave
		r := ns.Start(cmd).Wait(limit)
		if r.Status != 255 || !strings.HasPrefix(r.Stderr, "usage: scamper") ||
			!strings.HasSuffix(strings.TrimSpace(r.Stderr), "not going to dump warts to a tty, sorry") {
			t.Errorf("%s: status %d, stderr %q", format, r.Status, r.Stderr)
		}
		if text := c.end(); text != "" {
			t.Errorf("%s: the terminal shows %q", format, text)
		}
	}
	c := openTerminal(t)
	cmd := command(program(t), "-i", "127.0.0.1")
	cmd.Stdout = c.slave
	if r := ns.Start(cmd).Wait(limit); r.Err != nil {
		t.Error(r.Err)
	}
	if text := c.end(); !strings.HasPrefix(text, "traceroute from 127.0.0.1 to 127.0.0.1\n 1  127.0.0.1  ") {
		t.Errorf("the terminal shows %q", text)
	}
}
