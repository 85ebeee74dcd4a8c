package trace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/testkit"
	"scamper/tools/simnet"
	"scamper/tools/simnet/live"
)

const command = "scamper/cmd/scamper"

func bed(t *testing.T, topology *simnet.Topology) *live.Bed {
	t.Helper()
	testkit.NeedRoot(t)
	b, err := live.Start(topology)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// in runs a program in the monitor's namespace of a simulated Internet, and returns what it printed.
func in(t *testing.T, b *live.Bed, program string, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &out, &err
	if e := b.Start(cmd); e != nil {
		t.Fatal(e)
	}
	if e := cmd.Wait(); e != nil {
		t.Errorf("%s %s: %v\n%s", program, strings.Join(args, " "), e, err.String())
	}
	return out.String(), err.String()
}

// peer runs commands with one of the programs and returns their results as Debian's converter sees the warts file, by
// user ID, which is the number of the command.
func peer(t *testing.T, b *live.Bed, program string, commands []string) map[int]map[string]any {
	t.Helper()
	file := filepath.Join(t.TempDir(), "out.warts")
	args := []string{"-p", "2000", "-O", "warts", "-o", file, "-I"}
	for i, c := range commands {
		args = append(args, fmt.Sprintf("trace -U %d -s %d %s", i+1, 40000+i, c))
	}
	in(t, b, program, args...)
	out, err := exec.Command("sc_warts2json", file).Output()
	if err != nil {
		t.Fatalf("sc_warts2json: %v", err)
	}
	results := map[int]map[string]any{}
	for line := range strings.Lines(string(out)) {
		var r map[string]any
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if r["type"] == "trace" {
			id, _ := r["userid"].(float64)
			results[int(id)] = r
		}
	}
	return results
}

// withoutTimes removes what differs from run to run, and sorts what may come in any order.
func withoutTimes(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range []string{"start", "tx", "rtt", "reply_ipid"} {
			delete(v, key)
		}
		for key := range v {
			v[key] = withoutTimes(v[key])
		}
	case []any:
		for i := range v {
			v[i] = withoutTimes(v[i])
		}
	}
	return v
}

// Our results are those of Debian's scamper, an independent program, for all options that it has.
func TestSideBySide(t *testing.T) {
	testkit.NeedRoot(t)
	testkit.NeedProgram(t, "sc_warts2json")
	peerProgram := testkit.NeedProgram(t, "scamper")
	ours := testkit.BuildCommand(t, command)
	for _, tt := range []struct {
		topology string
		commands []string
	}{
		{"chain", methods("", "198.51.100.10", "2001:db8:100::10", "198.51.100.200")},
		{"chain", methods("-t 40 -m 4 -Q -q 2", "198.51.100.10", "2001:db8:100::10")},
		{"chain", methods("-d 1234 -f 2 -W 1 -c 95 -m 3", "198.51.100.10", "2001:db8:100::10")},
		{"chain", methods("-O dl -c 99 -m 2", "198.51.100.10", "2001:db8:100::10")},
		{"chain", methods("-o 5 -w 1 -q 1 -m 5", "2001:db8:100::10")},
		{"chain", []string{
			"-p 0102030405060708 198.51.100.10", "-p 0102030405060708 2001:db8:100::10", "-P icmp-paris -d 4660 -p 010203 198.51.100.10",
			"-P udp -p abcd 198.51.100.10", "-S 192.0.2.2 198.51.100.10", "-G 2 -w 1 -g 1 -q 1 -d 9 198.51.100.10",
			"-P udp -d 65000 2001:db8:100::10", "-l 0 -T 198.51.100.10", "192.0.2.2", "127.0.0.1",
			"-z 10.0.0.10 -f 3 -O dtree-noback 198.51.100.10", "-P icmp 192.0.2.1", "192.0.2.1",
		}},
		{"trace", methods("-w 1 -q 1 -g 3", "198.51.100.10", "198.51.101.10", "2001:db8:101::10", "2001:db8:100::10")},
		{"trace", []string{
			"-w 1 -q 1 198.51.102.10", "-w 1 -q 1 2001:db8:102::10", "-P icmp -w 1 -q 1 198.51.102.10", "-w 1 -q 1 -g 2 198.51.104.10",
			"-w 1 -q 1 -g 2 -G 2 198.51.104.10", "198.51.105.10", "2001:db8:105::10", "198.51.106.10", "2001:db8:106::10",
			"203.0.113.1", "-l 2 203.0.113.1", "-l 0 -m 12 203.0.113.1", "2001:db8:113::1",
			"203.0.112.0", "203.0.112.1", "203.0.112.2", "203.0.112.3", "203.0.112.5", "203.0.112.9", "203.0.112.13",
			"-P icmp 203.0.112.3", "-P tcp 203.0.112.3", "-w 1 -q 1 -g 1 203.0.112.20", "2001:db8:112::1", "2001:db8:112::13",
			"-P tcp -d 80 198.51.107.10", "-P tcp -d 443 -w 1 -q 1 -g 2 198.51.107.10", "-P tcp-ack -d 80 198.51.107.10",
			"-O dl 198.51.107.10", "-P udp -O dl 198.51.107.10",
		}},
		{"trace", []string{"-w 1 -q 2 -g 2 198.51.107.10", "-w 1 -q 1 -g 2 -P udp 2001:db8:107::10"}},
		{"chain", []string{
			"-f 4 -Z a 198.51.100.10",
		}},
		{"chain", []string{"-f 3 -z 10.0.0.10 198.51.100.10", "-f 5 -z 2001:db8::99 2001:db8:100::10"}},
		{"chain", []string{"-f 5 -z 10.0.0.10 -Z b 198.51.100.10"}},
		{"chain", []string{"-f 4 -Q -q 3 -Z c 198.51.100.10", "-f 4 -c 95 -Z d 2001:db8:100::10", "-f 3 -Q -q 2 -z 10.9.9.9 198.51.100.10"}},
		{"trace", []string{"-c 95 -w 1 -g 1 -G 2 -q 1 198.51.104.10"}},
		{"pmtu", []string{"-P udp -M -w 1 -q 1 198.51.100.10", "-M -w 1 -q 2 2001:db8:100::10", "-M -w 1 -q 1 198.51.106.10"}},
		{"pmtu", []string{
			"-M -w 1 -q 1 198.51.101.10", "-M -w 1 -q 1 198.51.102.10", "-M -w 1 -q 1 198.51.103.10", "-M -w 1 -q 1 198.51.104.10",
			"-M -w 1 -q 1 198.51.105.10", "-M -w 1 -q 1 2001:db8:101::10", "-M -w 1 -q 1 2001:db8:102::10",
			"-M -w 1 -q 1 2001:db8:103::10", "-M -w 1 -q 1 2001:db8:104::10", "-M -w 1 -q 1 192.0.2.1",
			"-M -P udp -w 1 -q 1 2001:db8:105::10", "-M -w 1 -q 1 192.0.2.2",
		}},
	} {
		t.Run(tt.topology+" "+tt.commands[0], func(t *testing.T) {
			t.Parallel()
			topology, err := simnet.Load("../../../tools/simnet/topologies/" + tt.topology + ".toml")
			if err != nil {
				t.Fatal(err)
			}
			// On a busy machine a packet may be lost, or late. What differs three times in a row does not differ by chance.
			commands := tt.commands
			for try := 1; len(commands) > 0; try++ {
				var again []string
				diffs := differ(t, topology, peerProgram, ours, commands)
				for i, c := range commands {
					switch {
					case diffs[i] == "":
					case try < 3:
						again = append(again, c)
					default:
						t.Errorf("%s (-Debian's +ours):\n%s", c, diffs[i])
					}
				}
				commands = again
			}
		})
	}
}

// differ runs commands with two programs, one program after the other, in networks of their own: routers that limit their
// errors start afresh. It returns how the results differ, save in what is known.
func differ(t *testing.T, topology *simnet.Topology, theirs, ours string, commands []string) []string {
	t.Helper()
	want := peer(t, bed(t, topology), theirs, commands)
	got := peer(t, bed(t, topology), ours, commands)
	diffs := make([]string, len(commands))
	for i, c := range commands {
		if strings.Contains(c, "-f ") && strings.ContainsAny(c, "zZ") && !strings.Contains(c, "noback") {
			unlistLast(got[i+1])
		}
		if strings.Contains(c, "-o ") {
			lengthen(got[i+1])
		}
		diffs[i] = cmp.Diff(withoutTimes(any(want[i+1])), withoutTimes(any(got[i+1])))
	}
	return diffs
}

// unlistLast makes of a doubletree result what scamper lists: without the hop at which the backward phase ended.
func unlistLast(r map[string]any) {
	list, _ := r["hops"].([]any)
	first, _ := r["firsthop"].(float64)
	ended := first
	for len(list) > 0 && list[0].(map[string]any)["probe_ttl"] == ended {
		list, first = list[1:], ended+1
	}
	r["hops"], r["firsthop"] = list, first
}

// lengthen adds what Debian's scamper sends behind a fragment without recording it: eight bytes.
func lengthen(r map[string]any) {
	list, _ := r["hops"].([]any)
	for i := range list {
		hop, _ := list[i].(map[string]any)
		for _, key := range []string{"reply_size", "icmp_q_ipl"} {
			size, _ := hop[key].(float64)
			hop[key] = size + 8
		}
	}
}

// methods returns a command for each method and destination.
func methods(options string, destinations ...string) (list []string) {
	for _, m := range []string{"udp", "udp-paris", "icmp", "icmp-paris -d 4660", "tcp", "tcp-ack"} {
		if strings.Contains(options, "-d ") && strings.HasPrefix(m, "icmp-paris") {
			m = "icmp-paris"
		}
		for _, d := range destinations {
			list = append(list, strings.TrimSpace("-P "+m+" "+options)+" "+d)
		}
	}
	sort.Strings(list)
	return list
}
