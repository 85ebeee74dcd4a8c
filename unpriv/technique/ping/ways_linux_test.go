package ping

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scamper/testkit"
)

// TestWays sends TCP probes of every method as frames, as frames when the datalink is asked for, and through a raw socket
// as the ping or the whole program wants: the record is the same but for what says so.
func TestWays(t *testing.T) {
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 2})
	chain.Target.EchoTCP(freeEcho)
	probes := []struct {
		options  string
		answered bool
	}{
		{"-P tcp-syn -d 7", true},
		{"-P tcp-syn -d 7 -O mss=1300 -z 8 -m 20", true},
		{"-P tcp-syn -d 999 -B 616263", true},
		{"-P tcp-syn -d 999 -m 1", true},
		{"-P tcp-syn-sport -d 7", true},
		{"-P tcp-syn-sport -d 999", true},
		{"-P tcp-ack -d 999 -s 80", true},
		{"-P tcp-ack-sport -d 7", true},
		{"-P tcp-synack -d 999", true},
		{"-P tcp-rst -d 999", false},
		{"-P tcp-rst -d 999 -m 2", true},
	}
	ways := []struct {
		options string
		args    []string
		v4      bool
	}{
		{"", nil, false},
		{"-O dl", nil, false},
		{"-O dltx", nil, false},
		{"-O dl -O sockrx", nil, false},
		{"-O raw", nil, true},
		{"", []string{"-O", "rawtcp"}, false},
	}
	program := testkit.BuildCommand(t, "scamper/cmd/scamper")
	decoder := testkit.BuildCommand(t, "scamper/cmd/sc_warts2json")
	var first map[int]map[string]any
	for _, way := range ways {
		var commands []string
		for _, p := range probes {
			for _, dst := range []netip.Addr{chain.Target4(), chain.Target6()} {
				options := p.options + " " + way.options
				if way.v4 && dst.Is6() {
					options = p.options
				}
				n := len(commands)
				commands = append(commands, fmt.Sprintf("ping -c 2 -i 0.3 -W 0.5 -U %d -F %d %s %s", n, 20000+10*n, options, dst))
			}
		}
		file := filepath.Join(t.TempDir(), "out.warts")
		args := append([]string{"-p", "1000", "-O", "warts", "-o", file}, way.args...)
		if got := chain.Prober.Run(60*time.Second, program, append(append(args, "-I"), commands...)...); got.Err != nil {
			t.Fatalf("scamper %s: %v\n%s", way.args, got.Err, got.Stderr)
		}
		records := decodeJSON(t, chain.Prober.MustRun(10*time.Second, decoder, file))
		for n, command := range commands {
			r := records[n]
			if r == nil {
				t.Fatalf("%s: no record", command)
			}
			replies, _ := r["responses"].([]any)
			want := 0
			if probes[n/2].answered {
				want = 2
			}
			if len(replies) != want {
				t.Errorf("%s: %d replies, want %d", command, len(replies), want)
			}
			raw := way.v4 || way.args != nil
			checkWay(t, strings.Fields(way.options), raw && n%2 == 0, command, r)
		}
		if first == nil {
			first = records
		}
		if diff := cmp.Diff(first, records); diff != "" {
			t.Errorf("%q %q (-frames +this):\n%s", way.options, way.args, diff)
		}
	}
}

// checkWay checks and removes what tells how a ping was sent, and where its replies were seen. The datalink tells when
// those probes left that something else sent.
func checkWay(t *testing.T, options []string, raw bool, command string, ping map[string]any) {
	t.Helper()
	var want []string
	for _, o := range options {
		if o != "-O" && strings.Contains(command, "-O "+o) {
			want = append(want, o)
		}
	}
	var got []string
	flags, _ := ping["flags"].([]any)
	for _, f := range flags {
		if f != "payload" {
			got = append(got, f.(string))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: flags %q, want %q", command, got, want)
	}
	delete(ping, "flags")
	replies, _ := ping["responses"].([]any)
	for _, r := range replies {
		r := r.(map[string]any)
		if told := strings.Contains(fmt.Sprint(r["reply_flags"]), "dltxts"); told != raw {
			t.Errorf("%s: reply flags %v", command, r["reply_flags"])
		}
		delete(r, "reply_flags")
	}
}
