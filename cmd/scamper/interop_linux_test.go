package main_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/warts"
	"scamper/testkit"
	"scamper/tools/cli"
	"scamper/tools/warts2json"
	"scamper/tools/warts2text"
	"scamper/tools/wartsdump"
)

// commandsTo are traces and pings of all methods to a target. Each has a port or identifier of its own, so that none waits
// for another.
func commandsTo(chain *testkit.Chain, traces, pings []string) (list []string) {
	for _, dst := range []string{chain.Target4().String(), chain.Target6().String()} {
		for _, m := range traces {
			if !strings.Contains(m, "-s ") {
				m += fmt.Sprintf(" -s %d", 20_000+len(list))
			}
			list = append(list, "trace -w 1 "+m+" "+dst)
		}
		for _, m := range pings {
			if strings.Contains(m, "icmp-time") && strings.Contains(dst, ":") {
				continue // there is none in ICMPv6
			}
			if !strings.Contains(m, "-F ") {
				m += fmt.Sprintf(" -F %d", 20_000+10*len(list))
			}
			list = append(list, "ping -c 2 -i 0.1 -W 1 "+m+" "+dst)
		}
	}
	return list
}

var (
	traceMethods = []string{"-P udp", "-P udp-paris", "-P icmp", "-P icmp-paris", "-P tcp", "-P tcp-ack"}
	pingMethods  = []string{
		"-P icmp-echo", "-P icmp-time", "-P tcp-ack", "-P tcp-ack-sport", "-P tcp-syn", "-P udp", "-P udp-dport",
	}
	// Options that leave traces in records.
	traceOptions = []string{
		"-P udp -d 40000 -s 50000 -f 2 -U 7", "-P icmp-paris -m 2", "-P udp-paris -Q -q 3 -t 32", "-P tcp -d 80 -s 1025", "-P udp -g 2 -G 1 -l 2",
	}
	pingOptions = []string{"-s 100 -F 999", "-P udp -d 40000 -F 51000 -z 16", "-P tcp-syn -d 80 -U 7", "-B 0102ff", "-C 1234 -P icmp-echo -p 1122"}
)

// own runs one of our tools on a file.
func own(t testing.TB, tool func(*cli.Env) int, file string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := tool(&cli.Env{Name: "tool", Args: []string{file}, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr}); status != 0 ||
		stderr.Len() > 0 {
		t.Fatalf("our tool: status %d, stderr %q", status, &stderr)
	}
	return stdout.String()
}

// peer runs one of Debian's tools on a file.
func peerTool(t testing.TB, name, file string) string {
	t.Helper()
	cmd := command(testkit.NeedProgram(t, name), file)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%s: %v, stderr %q", name, err, &stderr)
	}
	return string(out)
}

// missing compares two values of JSON: what theirs has, ours must have with the same value; the names of what is not so
// are collected.
func missing(path string, theirs, ours any, into map[string]string) {
	switch a := theirs.(type) {
	case object:
		b, ok := ours.(object)
		if !ok {
			into[path] = fmt.Sprintf("%v, ours %v", theirs, ours)
			return
		}
		for key, value := range a {
			if other, have := b[key]; have {
				missing(path+"."+key, value, other, into)
			} else {
				into[path+"."+key] = fmt.Sprintf("%v, ours has none", value)
			}
		}
	case []any:
		b, ok := ours.([]any)
		if !ok || len(a) != len(b) {
			into[path] = fmt.Sprintf("%v, ours %v", theirs, ours)
			return
		}
		for i := range a {
			missing(path+"[]", a[i], b[i], into)
		}
	default:
		if fmt.Sprint(theirs) != fmt.Sprint(ours) {
			into[path] = fmt.Sprintf("%v, ours %v", theirs, ours)
		}
	}
}

// sameJSON compares what Debian's sc_warts2json and ours print for a file, and returns the number of lines.
func sameJSON(t testing.TB, file string, ignored ...string) (n int) {
	t.Helper()
	theirs, ours := jsonLines(t, peerTool(t, "sc_warts2json", file)), jsonLines(t, own(t, warts2json.Main, file))
	if len(theirs) != len(ours) {
		t.Fatalf("%d lines of theirs, %d of ours", len(theirs), len(ours))
	}
	for i := range theirs {
		diff := map[string]string{}
		for _, key := range ignored {
			delete(theirs[i], key)
		}
		missing("", theirs[i], ours[i], diff)
		for path, what := range diff {
			t.Errorf("line %d, %v %v to %v: %s is %s", i, theirs[i]["type"], theirs[i]["method"], theirs[i]["dst"], path, what)
		}
	}
	return len(theirs)
}

// sameText compares what the tools make of a file as text. They differ in a word, by their age.
func sameText(t testing.TB, file string) {
	t.Helper()
	ours := strings.ReplaceAll(own(t, warts2text.Main, file), "ping from ", "ping ")
	if diff := cmp.Diff(strings.Split(peerTool(t, "sc_warts2text", file), "\n"), strings.Split(ours, "\n")); diff != "" {
		t.Errorf("text, -theirs +ours:\n%s", diff)
	}
}

// sameDump compares the counts of what is shown of a file. The tools differ by their age in what they show.
func sameDump(t testing.TB, file string, want map[string]int) {
	t.Helper()
	for name, text := range map[string]string{"theirs": peerTool(t, "sc_wartsdump", file), "ours": own(t, wartsdump.Main, file)} {
		for part, n := range want {
			if got := strings.Count(text, part); got != n {
				t.Errorf("sc_wartsdump, %s: %q is there %d times, want %d", name, part, got, n)
			}
		}
	}
}

// check compares everything that the tools make of a file with so many results.
func check(t testing.TB, file string, commands []string) []warts.Record {
	t.Helper()
	records := wholeWarts(t, file)
	traces, pings := count(records, warts.TypeTrace), count(records, warts.TypePing)
	if traces+pings != len(commands) || len(records) != len(commands)+3 {
		t.Fatalf("%d traces and %d pings of %d commands, %d records", traces, pings, len(commands), len(records))
	}
	if n := sameJSON(t, file); n != traces+pings+2 {
		t.Errorf("%d lines of JSON", n)
	}
	sameText(t, file)
	sameDump(t, file, map[string]int{"traceroute from ": traces, "ping from ": pings, "cycle start": 1, "cycle stop": 1})
	return records
}

// Debian's tools read what we write, and see in it what ours see.
func TestPeerReads(t *testing.T) {
	t.Parallel()
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 2})
	commands := commandsTo(chain, slices.Concat(traceMethods, traceOptions), slices.Concat(pingMethods, pingOptions))
	out := filepath.Join(testkit.OpenDir(t), "out.warts")
	mustRun(t, chain.Prober, append([]string{"-p", "1000", "-l", "list", "-L", "4", "-C", "5", "-M", "mon", "-o", out, "-I"}, commands...)...)
	check(t, out, commands)

	// Replies that are errors count as replies in the statistics of Debian's tools.
	out = filepath.Join(testkit.OpenDir(t), "out.warts")
	commands = commandsTo(chain, nil, []string{"-s 100 -m 2 -F 999", "-P udp -m 1", "-P tcp-syn -m 1"})
	mustRun(t, chain.Prober, append([]string{"-p", "1000", "-o", out, "-I"}, commands...)...)
	if n := sameJSON(t, out, "statistics"); n != len(commands)+2 {
		t.Errorf("%d lines of JSON for %d commands", n, len(commands))
	}
}

// Our tools read what Debian's scamper writes, and see in it what Debian's tools see.
func TestPeerWrites(t *testing.T) {
	t.Parallel()
	peer := testkit.NeedProgram(t, "scamper")
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 2})
	commands := commandsTo(chain, slices.Concat(traceMethods, traceOptions), slices.Concat(pingMethods, pingOptions))
	var files []string
	var running []*testkit.Process
	for i, group := range groups(commands) {
		files = append(files, filepath.Join(testkit.OpenDir(t), fmt.Sprint(i)))
		args := []string{"-p", "1000", "-l", "list", "-L", "4", "-C", "5", "-M", "mon", "-O", "warts", "-o", files[i], "-I"}
		running = append(running, chain.Prober.Start(command(peer, append(args, group...)...)))
	}
	for i, group := range groups(commands) {
		if r := running[i].Wait(limit); r.Err != nil || r.Stderr != "" {
			t.Fatalf("%v\n%s", r.Err, r.Stderr)
		}
		records := check(t, files[i], group)
		list, cycle := records[0].(*warts.List), records[1].(*warts.Cycle)
		if list.ID != 4 || list.Name != "list" || list.Monitor != "mon" || cycle.ID != 5 {
			t.Errorf("list %+v, cycle %+v", list, cycle)
		}
	}
}

// groups divides commands among runs of Debian's scamper, which makes traces wait for each other.
func groups(commands []string) [][]string {
	out := make([][]string, 8)
	for i, c := range commands {
		out[i%len(out)] = append(out[i%len(out)], c)
	}
	return out
}

// Both programs find the same in the same network.
func TestPeerAgrees(t *testing.T) {
	t.Parallel()
	peer := testkit.NeedProgram(t, "scamper")
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 3})
	chain.Routers[1].Silence()
	commands := commandsTo(chain, slices.Concat(traceMethods, []string{"-P icmp -m 2", "-P udp -q 1 -f 3", "-P icmp-paris -Q"}),
		slices.Concat(pingMethods, []string{"-m 1", "-s 200", "-P udp -m 3"}))
	args := []string{"-p", "1000", "-O", "json", "-I"}
	// On a busy machine a reply may come after the next probe. What differs three times in a row does not differ by chance.
	for try := 1; ; try++ {
		theirs, ours := peerEssence(t, chain, peer, args, commands), essence(t, mustRun(t, chain.Prober, slices.Concat(args, commands)...))
		for _, list := range []*[]string{&theirs, &ours} {
			*list = slices.DeleteFunc(*list, func(line string) bool { return strings.HasPrefix(line, "cycle-") })
			slices.Sort(*list)
		}
		if len(ours) != len(commands) {
			t.Fatalf("%d results of %d commands", len(ours), len(commands))
		}
		diff := cmp.Diff(theirs, ours)
		if diff == "" {
			break
		}
		if try == 3 {
			t.Fatalf("-theirs +ours:\n%s", diff)
		}
	}
}

// peerEssence is what Debian's scamper finds.
func peerEssence(t *testing.T, chain *testkit.Chain, peer string, args, commands []string) (found []string) {
	t.Helper()
	var running []*testkit.Process
	for _, group := range groups(commands) {
		running = append(running, chain.Prober.Start(command(peer, slices.Concat(args, group)...)))
	}
	for _, p := range running {
		r := p.Wait(limit)
		if r.Err != nil {
			t.Fatalf("%v\n%s", r.Err, r.Stderr)
		}
		found = append(found, essence(t, r.Stdout)...)
	}
	return found
}
