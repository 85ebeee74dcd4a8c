package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/testkit"
)

// essence is what does not differ from one run to another of lines of JSON: who was asked how, and who answered.
func essence(t testing.TB, text string) []string {
	t.Helper()
	var out []string
	for _, o := range jsonLines(t, text) {
		line := fmt.Sprintf("%v %v %v>%v", o["type"], o["method"], o["src"], o["dst"])
		if o["type"] == "trace" { // older programs have no such key for pings
			line += fmt.Sprint(" ", o["stop_reason"])
		}
		for _, key := range []string{"hops", "responses"} {
			list, _ := o[key].([]any)
			for _, it := range list {
				h := it.(object)
				from := h["addr"]
				if from == nil {
					from = h["from"]
				}
				line += fmt.Sprintf(" [%v ttl %v seq %v icmp %v/%v tcp %v]", from, h["probe_ttl"], h["seq"], h["icmp_type"], h["icmp_code"],
					h["tcp_flags"])
			}
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// Every way to wait for packets gives the same results.
func TestPollers(t *testing.T) {
	t.Parallel()
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 2})
	to4, to6 := chain.Target4().String(), chain.Target6().String()
	args := []string{"-p", "500", "-O", "json", "-I"}
	for _, method := range []string{"udp", "udp-paris", "icmp", "icmp-paris", "tcp", "tcp-ack"} {
		args = append(args, "trace -w 2 -P "+method+" "+to4, "trace -w 2 -P "+method+" "+to6)
	}
	for _, method := range []string{"icmp-echo", "tcp-ack", "tcp-syn", "udp"} {
		args = append(args, "ping -c 2 -i 50ms -W 1 -P "+method+" "+to4, "ping -c 2 -i 50ms -W 1 -P "+method+" "+to6)
	}
	var want []string
	for _, poller := range []string{"", "epoll", "POLL", "select"} {
		run := args
		if poller != "" {
			run = append([]string{"-O", poller}, args...)
		}
		got := essence(t, mustRun(t, chain.Prober, run...))
		if want == nil {
			want = got
			if len(got) != 2+12+8 {
				t.Fatalf("%d lines", len(got))
			}
			for _, line := range got {
				if strings.Contains(line, " []") || strings.Contains(line, "GAPLIMIT") || strings.Contains(line, "ERROR") {
					t.Error(line)
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q, -default +got:\n%s", poller, diff)
		}
	}
	for _, words := range [][]string{{"kqueue"}, {"epoll", "select"}, {"poll", "epoll"}} {
		var args []string
		for _, w := range words {
			args = append(args, "-O", w)
		}
		r := run(t, chain.Prober, append(args, "-i", to4)...)
		if r.Status != 255 || !strings.HasPrefix(r.Stderr, "usage: scamper") || r.Stdout != "" {
			t.Errorf("%v: status %d, output %q, stderr %q", words, r.Status, r.Stdout, r.Stderr)
		}
	}
}

// The program called by a name such as scamper-ping does that, and says its usage on standard output.
func TestShortcuts(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	dir := testkit.OpenDir(t)
	for _, name := range []string{"scamper-ping", "scamper-trace", "my-scamper-ping", "scamper-sting"} {
		if err := os.Symlink(program(t), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		args   string
		status int
		stdout []string // in its output
	}{
		{"scamper-ping -c 2 -i 50ms -W 100ms 127.0.0.1 ::1", 0, []string{
			"ping from 127.0.0.1 to 127.0.0.1: 84 byte packets\n", "--- ::1 ping statistics ---\n2 packets transmitted, 2 packets received, 0%",
		}},
		{"my-scamper-ping -c 1 -W 100ms 127.0.0.1", 0, []string{"--- 127.0.0.1 ping statistics ---\n1 packets"}},
		{"scamper-trace -P icmp -q 1 127.0.0.1", 0, []string{"traceroute from 127.0.0.1 to 127.0.0.1\n 1  127.0.0.1  "}},
		{"scamper-trace ::1", 0, []string{"traceroute from ::1 to ::1\n 1  ::1  "}},
		{"scamper-ping", 255, []string{"usage: scamper-ping [", "<ip list>\n"}},
		{"scamper-ping -c 1", 255, []string{"usage: scamper-ping ["}},
		{"scamper-ping -c 0 127.0.0.1", 255, []string{"usage: scamper-ping [", "1 - 65535"}},
		{"scamper-trace -Z 127.0.0.1", 255, []string{"usage: scamper-trace ["}},
		{"scamper-trace nowhere", 255, []string{"usage: scamper-trace [", "invalid destination address"}},
		{"scamper-sting 127.0.0.1", 255, []string{"scamper-sting is not available"}},
	} {
		words := strings.Fields(test.args)
		cmd := command(filepath.Join(dir, words[0]), words[1:]...)
		r := ns.Start(cmd).Wait(limit)
		if r.Status != test.status || r.Stderr != "" {
			t.Errorf("%s: status %d, stderr %q", test.args, r.Status, r.Stderr)
		}
		for _, want := range test.stdout {
			if !strings.Contains(r.Stdout, want) {
				t.Errorf("%s: output without %q:\n%s", test.args, want, r.Stdout)
			}
		}
	}
}

// What is refused is refused with a status of 255 and a message, before anything is sent or opened.
func TestRefused(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	seen := ns.Capture("lo")
	dir := testkit.OpenDir(t)
	out := filepath.Join(dir, "out")
	for _, args := range []string{
		"", "-Z", "-c", "-i", "-I", "-f", "-f a b", "a b", "-i -I 127.0.0.1", "-f -i 127.0.0.1", "-P 31337 -i 127.0.0.1",
		"-p -1 -i 127.0.0.1", "-p 1000001 -i 127.0.0.1", "-p 0 -i 127.0.0.1", "-p x -i 127.0.0.1", "-w 65536 -i 127.0.0.1",
		"-L 0 -i 127.0.0.1", "-L 2147483648 -i 127.0.0.1", "-C 0 -i 127.0.0.1", "-C x -i 127.0.0.1", "-H 61 -i 127.0.0.1",
		"-O nonsense -i 127.0.0.1", "-O ring-blocks -i 127.0.0.1", "-F ipfw:1-2 -i 127.0.0.1", "-P 0", "-P abc", "-R 127.0.0.1", "-U",
		"-P 31337", "-U /tmp/x", "-R 127.0.0.1:1", "-D -P 31337", "-D -i 127.0.0.1", "-O ring -i 127.0.0.1", "-P 31337 127.0.0.1",
		"-i 127.0.0.1 -c sting", "-O dnp=/dev/null -i 127.0.0.1",
	} {
		r := run(t, ns, append([]string{"-o", out}, strings.Fields(args)...)...)
		if r.Status != 255 || r.Stdout != "" || r.Stderr == "" {
			t.Errorf("%q: status %d, output %q, stderr %q", args, r.Status, r.Stdout, r.Stderr)
		}
	}
	if n := len(seen.Stop()); n != 0 {
		t.Errorf("%d packets were sent", n)
	}
	if names, _ := os.ReadDir(dir); len(names) != 0 {
		t.Errorf("%v was made", names)
	}
}

var debugLine = regexp.MustCompile(`^\[\d\d:\d\d:\d\d:\d\d\d\] scamper: .`)

// The debug file gets all messages and more, and is begun anew or continued as one likes.
func TestDebugFile(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	dir := testkit.OpenDir(t)
	debug, list := filepath.Join(dir, "debug"), filepath.Join(dir, "list")
	writeFile(t, list, "127.0.0.1\nnowhere\n")
	const before = "[12:00:00:000] scamper: what was before\n"
	for _, more := range []bool{false, true} {
		writeFile(t, debug, before)
		args := []string{"-p", "1000", "-d", debug, "-o", filepath.Join(dir, "out"), "-c", quick, "-f", list}
		if more {
			args = append([]string{"-O", "debugfileappend"}, args...)
		}
		r := run(t, ns, args...)
		if r.Status != 0 {
			t.Errorf("status %d", r.Status)
		}
		oneLine(t, r.Stderr, list+":2: invalid destination address")
		text := readFile(t, debug)
		if strings.HasPrefix(text, before) != more {
			t.Errorf("append %v: %q", more, text)
		}
		if !strings.Contains(text, r.Stderr) || !strings.Contains(text, "scamper 20260420, process ") || !strings.Contains(text, "seccomp") {
			t.Errorf("debug file:\n%s", text)
		}
		for line := range strings.Lines(text) {
			if !debugLine.MatchString(line) {
				t.Errorf("line %q", line)
			}
		}
	}
}

// A list that is read while debugging to a full disk is measured all the same.
func TestDebugFileFull(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	text := mustRun(t, ns, "-p", "1000", "-d", "/dev/full", "-c", quick, "-i", "127.0.0.1")
	if !strings.Contains(text, "1 packets received") {
		t.Error(text)
	}
}
