package main_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/testkit"
)

// simulated runs a program in one of the topologies of sc_simnet.
func simulated(t testing.TB, topology string, args ...string) testkit.Result {
	t.Helper()
	testkit.NeedRoot(t)
	simnet := testkit.BuildCommand(t, "scamper/cmd/sc_simnet")
	// Its namespaces are its own. This one is so that it ends with the test.
	file := "../../tools/simnet/topologies/" + topology + ".toml"
	return alone(t).Start(command(simnet, append([]string{"-f", file, "--"}, args...)...)).Wait(limit)
}

// hopName is the name of a hop in JSON.
var hopName = regexp.MustCompile(`"name":"([^"]*)"`)

// With -n, that server alone is asked for the names of hops. (The one of /etc/resolv.conf, if any, is out of reach.)
func TestNameserver(t *testing.T) {
	t.Parallel()
	names := []string{"ge-0-0-2.r1.sim", "ge-0-0-3.r2.sim", "ge-0-0-1.r3.sim", "server.sim"}
	for _, tt := range []struct {
		server string
		want   []string
		stderr string // the end of it
	}{
		{"198.51.100.10", names, ""},
		{"2001:db8:100::10", names, ""},
		{"198.51.101.10", nil, "4 names were asked for, without an answer of any nameserver by the end\n"},
	} {
		t.Run(tt.server, func(t *testing.T) {
			t.Parallel()
			r := simulated(t, "server", program(t), "-n", tt.server, "-O", "json", "-I", "trace -O ptr -w 2 198.51.100.10")
			if r.Status != 0 || !strings.HasSuffix(r.Stderr, tt.stderr) || strings.Count(r.Stderr, "\n") != strings.Count(tt.stderr, "\n") {
				t.Fatalf("status %d, stderr:\n%s", r.Status, r.Stderr)
			}
			var list []string
			for _, m := range hopName.FindAllStringSubmatch(r.Stdout, -1) {
				list = append(list, m[1])
			}
			if diff := cmp.Diff(tt.want, list); diff != "" {
				t.Errorf("names, -want +got:\n%s", diff)
			}
		})
	}
}

// What is no address ends the program before anything is probed, whatever the commands are.
func TestNameserverRefused(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	for _, bad := range []string{"foo", "", "127.0.0.1:53"} {
		for _, word := range []string{"trace -O ptr", "ping", "no command"} {
			args := []string{"-n", bad, "-I", word + " 127.0.0.1"}
			wantRefused(t, run(t, ns, args...), args, "could not resolve "+bad+": -n takes a numeric address")
		}
	}
	// The peer takes and refuses the same, and says so in the same words but for the reason.
	peer := testkit.NeedProgram(t, "scamper")
	r := ns.Start(command(peer, "-n", "foo", "-I", "ping 127.0.0.1")).Wait(limit)
	if r.Status != 255 || !strings.Contains(r.Stderr, "could not resolve foo: ") {
		t.Errorf("the peer: status %d, stderr %q", r.Status, r.Stderr)
	}
}
