package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const topologies = "../../tools/simnet/topologies/"

func TestRun(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.toml")
	if err := os.WriteFile(bad, []byte("seed = 1\n[monitor]\naddress = \"192.0.2.2/24\"\nmtuu = 5\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args     string
		status   int
		out, err string // parts of standard output and error
	}{
		{"", 125, "", "usage: sc_simnet"},
		{"-h", 0, "usage: sc_simnet", ""},
		{"-z", 125, "", "usage: sc_simnet"},
		{"-f " + topologies + "chain.toml", 125, "", "usage: sc_simnet"},
		{"-f " + topologies + "chain.toml -x server -- true", 125, "", "write NAME=COMMAND"},
		{"-t", 125, "", "usage: sc_simnet"},
		{"-t " + topologies + "chain.toml " + topologies + "ping.toml", 0, "", ""},
		{"-t " + topologies + "chain.toml " + bad, 1, "", bad + ":4: monitor: there is no key \"mtuu\"; did you mean \"mtu\"?\n"},
		{"-t -f " + bad, 1, "", bad + ":4: "},
		{"-f " + bad + " -- true", 125, "", bad + ":4: "},
		{"-g svg -f " + topologies + "chain.toml", 125, "", "-g svg: it is either json or dot"},
		{"-g dot -f " + topologies + "chain.toml", 0, "digraph simnet {", ""},
		{"-g json -f " + topologies + "chain.toml -d 203.0.113.77", 0, `"destination": "203.0.113.77"`, ""},
		{"-g json -f " + topologies + "chain.toml -d somewhere", 125, "", "somewhere"},
	} {
		var out, errs bytes.Buffer
		status := run(strings.Fields(tt.args), &out, &errs)
		if status != tt.status || !strings.Contains(out.String(), tt.out) || !strings.Contains(errs.String(), tt.err) ||
			(tt.err == "" && errs.Len() > 0) || (tt.out == "" && out.Len() > 0) {
			t.Errorf("sc_simnet %s: status %d, want %d\n%s%s", tt.args, status, tt.status, out.String(), errs.String())
		}
	}
}

func TestTruthIsJSON(t *testing.T) {
	var out, errs bytes.Buffer
	if status := run([]string{"-g", "json", "-f", topologies + "pmtu.toml"}, &out, &errs); status != 0 {
		t.Fatal(errs.String())
	}
	var truth struct {
		Nodes []struct{ Name string }
		Paths []struct {
			Destination string
			MTU         int
			Narrow      []struct {
				MTU  int
				Says string
			} `json:"narrow-links"`
		}
	}
	if err := json.Unmarshal(out.Bytes(), &truth); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"198.51.100.10": 1400, "198.51.101.10": 1450, "198.51.104.10": 1300, "2001:db8:106::10": 1400}
	for _, p := range truth.Paths {
		if mtu, known := want[p.Destination]; known && p.MTU != mtu {
			t.Errorf("%s: MTU %d, want %d", p.Destination, p.MTU, mtu)
		}
		if p.Destination == "198.51.104.10" && (len(p.Narrow) != 2 || p.Narrow[0].Says != "silent" || p.Narrow[1].MTU != 1300) {
			t.Errorf("%s: narrow links %+v", p.Destination, p.Narrow)
		}
		delete(want, p.Destination)
	}
	if len(want) > 0 || len(truth.Nodes) < 10 {
		t.Errorf("%d nodes; no paths to %v", len(truth.Nodes), want)
	}
}
