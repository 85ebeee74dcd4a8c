package main_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/testkit"
)

// refusal is a command and why it is refused.
type refusal struct {
	command string
	want    string
}

// refusals are all that is refused of a command, by the option or combination that it is about.
type refusals struct {
	about string
	list  []refusal
}

// refused is everything that trace and ping refuse.
func refused() []refusals {
	var all []refusals
	for _, g := range []grammar{traceGrammar, pingGrammar} {
		all = append(all, g.unparsable(), g.destinations())
		for _, o := range g.options {
			all = append(all, g.refusedOf(o))
		}
		all = append(all, g.combinations...)
	}
	return all
}

// words returns the command and the options of a line whose last word is the destination.
func (r refusal) words() (options, destination string, ok bool) {
	i := strings.LastIndexByte(r.command, ' ')
	if i < 0 {
		return "", "", false
	}
	options, destination = r.command[:i], r.command[i+1:]
	return options, destination, destination == "192.0.2.1" || destination == "2001:db8::1"
}

var errorLine = regexp.MustCompile(`^\[\d\d:\d\d:\d\d:\d\d\d\] scamper: (.*)\n$`)

// wantRefused holds that the program said one line, and nothing but it.
func wantRefused(t *testing.T, r testkit.Result, args []string, line string) {
	t.Helper()
	m := errorLine.FindStringSubmatch(r.Stderr)
	if r.Status != 255 || r.Stdout != "" || m == nil || m[1] != line {
		t.Errorf("scamper %.200q: status %d, stdout %q, stderr\n%.500s\nwant status 255 and\n%.500s", args, r.Status, r.Stdout, r.Stderr, line)
	}
}

// Every value and every combination that is refused has its own error, which shows what was asked for, and status 255.
// Nothing is measured, also not what else the command line asks for.
func TestRefusals(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	for _, group := range refused() {
		t.Run(group.about, func(t *testing.T) {
			t.Parallel()
			for _, r := range group.list {
				args := []string{"-I", "ping -c 1 127.0.0.1", r.command}
				wantRefused(t, run(t, ns, args...), args, r.command+": "+r.want)
				if options, destination, ok := r.words(); ok {
					args := []string{"-c", options, "-i", destination}
					wantRefused(t, run(t, ns, args...), args, r.command+": "+r.want)
				}
			}
		})
	}
}

// In a list, each line that is refused is told with its place, and the others are measured.
func TestRefusalsInList(t *testing.T) {
	t.Parallel()
	list := filepath.Join(testkit.OpenDir(t), "list")
	var lines, want []string
	for _, group := range refused() {
		for _, r := range group.list {
			lines = append(lines, r.command)
			want = append(want, fmt.Sprintf("%s:%d: %s", list, len(lines), r.want))
		}
	}
	lines = append(lines, "ping -c 1 127.0.0.1", gssLine(65535))
	want = append(want, fmt.Sprintf("%s:%d: gss limited to 65535 entries", list, len(lines)))
	writeFile(t, list, strings.Join(lines, "\n"))
	ns := alone(t)
	r := run(t, ns, "-O", "cmdfile", "-O", "json", "-f", list)
	if r.Status != 0 || strings.Count(r.Stdout, `"type":"ping"`) != 1 || strings.Contains(r.Stdout, `"type":"trace"`) {
		t.Errorf("status %d, stdout:\n%s", r.Status, r.Stdout)
	}
	var got []string
	for line := range strings.Lines(r.Stderr) {
		if m := errorLine.FindStringSubmatch(line); m != nil {
			line = m[1]
		}
		got = append(got, line)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stderr, -want +got:\n%s", diff)
	}

	// The default command is looked at with each line.
	writeFile(t, list, "192.0.2.1\n192.0.2.2\n")
	r = run(t, ns, "-c", "trace -g 0", "-f", list)
	for i := range 2 {
		line, rest, _ := strings.Cut(r.Stderr, "\n")
		place := fmt.Sprintf("%s:%d", list, i+1)
		if !strings.HasSuffix(line, place+": trace -g 0: -g failed: gaplimit must be within 1 - 255") {
			t.Errorf("-c of line %d: %s", i+1, line)
		}
		r.Stderr = rest
	}
	if r.Status != 0 || r.Stdout != "" || r.Stderr != "" {
		t.Errorf("-c: status %d, stdout %q, more on stderr: %q", r.Status, r.Stdout, r.Stderr)
	}
}

// gssLine is a trace with so many addresses in its global stop set.
func gssLine(n int) string {
	var b strings.Builder
	b.WriteString("trace")
	for i := range n {
		fmt.Fprintf(&b, " -z 1.%d.%d.1", i>>8, i&255)
	}
	return b.String() + " 192.0.2.1"
}

// laxer is what 20211212 measures although it should not.
var laxer = []*regexp.Regexp{
	// Addresses as inet_aton(3) reads them, and those of an interface.
	regexp.MustCompile(`^(trace|ping)( -S)? (127\.1|0x7f\.\S+|2130706433|1\.2\.3|fe80::1%lo)( \S+)?$`),
	// Numbers that wrap around, and what follows a number.
	regexp.MustCompile(`^(trace|ping) -U 4294967296 192`),
	regexp.MustCompile(`^ping -i (1[.ms1e]\S*|\.5|0x1|20\.000001) `),
	regexp.MustCompile(`^trace -p (xx|0x00) `),
	// Combinations that nothing can come of.
	regexp.MustCompile(`^trace -N 2 -P tcp(-ack)? \S+$`),
	regexp.MustCompile(`^trace( -z \S+)* -z (\S+)( -z \S+)* -z \S+3 \S+$`),
	regexp.MustCompile(`^ping -RP? ?(tcp-syn )?2001`),
	regexp.MustCompile(`^ping -C 1 -B 00 `),
	regexp.MustCompile(`^ping -P (tcp-ack-sport -F|udp-dport -d) 65533 \S+$`),
	regexp.MustCompile(`^ping -P udp-dport -c 32102 `),
}

// notRepeated are options that it refuses to see twice, or at all.
var notRepeated = regexp.MustCompile(`^(trace -[HrSy]|ping -[brSTy]) `)

// The exit status is that of 20211212, which does not say why, but for what that measures.
func TestRefusalsPeer(t *testing.T) {
	t.Parallel()
	peer := testkit.NeedProgram(t, "scamper")
	ns := alone(t)
	for _, group := range refused() {
		t.Run(group.about, func(t *testing.T) {
			t.Parallel()
			for _, r := range group.list {
				want := 255
				if strings.HasPrefix(r.want, "repeated option") && !notRepeated.MatchString(r.command) ||
					slices.ContainsFunc(laxer, func(re *regexp.Regexp) bool { return re.MatchString(r.command) }) {
					want = 0
				}
				if got := ns.Start(command(peer, "-I", r.command)).Wait(limit); got.Status != want {
					t.Errorf("%.200s: status %d, want %d; stderr %.500s", r.command, got.Status, want, got.Stderr)
				}
			}
		})
	}
}
