package ping

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scamper/testkit"
)

// peerTests are the options that Debian's scamper has too. Times are whole seconds for its sake.
var peerTests = []struct {
	options string
	v       int
}{
	{"-c 2", 0},
	{"-c 1 -d 7", 0},
	{"-c 1 -m 1", 0},
	{"-c 1 -m 2 -P udp", 0},
	{"-c 2 -o 1", 0},
	{"-c 1 -s 128 -z 28", 0},
	{"-c 1 -p abcd12", 0},
	{"-c 1 -p 123", 0},
	{"-c 1 -B 01020304", 0},
	{"-c 1 -C 4660", 0},
	{"-c 1 -C 4660 -B 0102", 0},
	{"-c 1 -W 2 -i 2", 0},
	{"-c 1 -P icmp-time", 4},
	{"-c 1 -R", 4},
	{"-c 1 -T tsonly", 4},
	{"-c 1 -T tsandaddr", 4},
	{"-c 1 -T tsprespec=10.0.1.2,10.0.2.2", 4},
	{"-c 2 -P udp", 0},
	{"-c 1 -P udp -d 7", 0},
	{"-c 1 -P udp -d 7 -O dl", 0},
	{"-c 2 -P udp-dport", 0},
	{"-c 2 -P tcp-syn -d 7", 0},
	{"-c 2 -P tcp-syn -d 999", 0},
	{"-c 1 -P tcp-syn -d 443", 0},
	{"-c 1 -P tcp-syn -d 7 -m 1", 0},
	{"-c 2 -P tcp-ack -d 999", 0},
	{"-c 2 -P tcp-ack-sport -d 999", 0},
	{"-c 1 -P tcp-synack -d 999", 0},
	{"-c 1 -P tcp-rst -d 999", 0},
	{"-c 2 -O dl", 0},
	{"-c 1 -O spoof -S SPOOF", 0},
	{"-c 1 -O spoof -O nosrc -S SPOOF", 0},
	{"-c 2 -d 65535", 0},
	{"-c 1 -m 255 -z 255", 0},
	{"-c 1 -o 0 -W 1", 0},
	{"-c 1 -S OWN", 0},
	{"-c 1 -S OWN -P udp", 0},
	{"-c 1 -S OWN -P tcp-syn -d 999", 0},
	{"-c 1 -P icmp-time -s 200", 4},
	{"-c 1 -P icmp-time -O dl", 4},
	{"-c 1 -P udp -s 100", 0},
	{"-c 1 -P udp -p abcd -z 8", 0},
	{"-c 1 -P udp -B 6162", 0},
	{"-c 3 -o 2 -P udp", 0},
	{"-c 2 -P UDP-dport -d 4000 -O dl", 0},
	{"-c 1 -P udp -R", 4},
	{"-c 1 -P udp -T tsonly", 4},
	{"-c 1 -P udp -T tsandaddr", 4},
	{"-c 1 -T tsprespec=10.0.1.2,10.9.9.9", 4},
	{"-c 1 -P tcp-syn -d 999 -s 60", 4},
	{"-c 1 -P tcp-syn -d 999 -B 6162", 0},
	{"-c 1 -P tcp-ack -d 999 -m 9 -z 8", 0},
	{"-c 2 -P tcp-ack-sport -d 999 -O dl", 0},
	{"-c 3 -o 1 -P tcp-syn -d 999", 0},
	{"-c 1 -P tcp-synack -d 7", 0},
	{"-c 1 -P tcp-rst -d 999 -m 1", 0},
	{"-c 1 -O spoof -S SPOOF -P udp", 0},
	{"-c 1 -O spoof -S SPOOF -P tcp-syn -d 999", 0},
	{"-c 3 -M 600 -s 1000", 4},
	{"-c 3 -M 1280 -s 1400", 6},
	{"-c 3 -O tbt -M 1280 -s 1300", 6},
	{"-c 3 -o 1 -O tbt -M 1280 -s 1300", 6},
}

// differences take out what Debian's scamper does otherwise, by a word of the options; docs/compatibility.md says why.
var differences = map[string]func(t *testing.T, ours, theirs map[string]any){
	// Two bytes that make the checksum right come on top of the payload, not out of it.
	"-C": func(t *testing.T, ours, theirs map[string]any) {
		larger(t, ours, theirs, "probe_size", 2)
		larger(t, reply0(ours), reply0(theirs), "reply_size", 2)
	},
	// Probes are larger than they are recorded to be.
	"tsprespec": func(t *testing.T, ours, theirs map[string]any) {
		larger(t, reply0(ours), reply0(theirs), "reply_size", 20)
	},
	// Replies are not recognized on the datalink.
	"icmp-time -O dl": func(t *testing.T, ours, theirs map[string]any) {
		if list, _ := theirs["responses"].([]any); len(list) != 0 {
			t.Errorf("their responses are %v", list)
		}
		if from := reply0(ours)["from"]; from != ours["dst"] {
			t.Errorf("the reply is from %v", from)
		}
		for _, key := range []string{"responses", "statistics"} {
			theirs[key] = ours[key]
		}
	},
	// The flag says that the datalink was asked for; -M only implies it.
	"-M": func(t *testing.T, _, theirs map[string]any) {
		flags, _ := theirs["flags"].([]any)
		if len(flags) == 0 || flags[0] != "dl" {
			t.Errorf("their flags are %v", flags)
		} else if theirs["flags"] = flags[1:]; len(flags) == 1 {
			delete(theirs, "flags")
		}
	},
}

// larger makes a number of theirs equal to ours if it is larger by a difference.
func larger(t *testing.T, ours, theirs map[string]any, key string, by float64) {
	t.Helper()
	if a, b := ours[key].(float64), theirs[key].(float64); b != a+by {
		t.Errorf("%s: %v, theirs %v, want %v more", key, a, b, by)
	}
	theirs[key] = ours[key]
}

func reply0(ping map[string]any) map[string]any {
	return ping["responses"].([]any)[0].(map[string]any)
}

// TestPeer runs the same pings with Debian's scamper, and has its own tools read both files.
func TestPeer(t *testing.T) {
	peer := testkit.NeedProgram(t, "scamper")
	decoder := testkit.NeedProgram(t, "sc_warts2json")
	ours := testkit.BuildCommand(t, "scamper/cmd/scamper")
	// A target that has learnt of a small MTU answers differently, so those that teach it come in networks of their own.
	for _, group := range peerGroups() {
		t.Run(group[0], func(t *testing.T) {
			t.Parallel()
			got := peerRun(t, ours, decoder, group)
			want := peerRun(t, peer, decoder, group)
			for n, name := range group {
				if got[n] == nil || want[n] == nil {
					t.Fatalf("%s: records: ours %v, theirs %v", name, got[n] != nil, want[n] != nil)
				}
				for word, f := range differences {
					if strings.Contains(name, word) {
						f(t, got[n], want[n])
					}
				}
				if diff := cmp.Diff(want[n], got[n]); diff != "" {
					t.Errorf("ping %s (-theirs +ours):\n%s", name, diff)
				}
			}
		})
	}
}

// peerGroups returns the commands in groups that run at once. Targets differ, as Debian's scamper probes one after the
// other if they do not.
func peerGroups() (groups [][]string) {
	groups = append(groups, nil)
	for i, test := range peerTests {
		for _, v := range []int{4, 6} {
			if test.v != 0 && test.v != v {
				continue
			}
			target, own, source := fmt.Sprintf("198.18.0.%d", i+1), "10.0.3.2", "10.0.1.1"
			if v == 6 {
				target, own, source = fmt.Sprintf("2001:db8:99::%x", i+1), "fd00:3::2", "fd00:1::1"
			}
			options := strings.NewReplacer("SPOOF", spoofSource(netip.MustParseAddr(target)), "OWN", source).Replace(test.options)
			switch {
			case strings.Contains(options, "-M"):
				groups = append(groups, []string{options + " " + target})
			case strings.Contains(options, "-P udp -d 7"): // it answers from its own address
				groups = append(groups, []string{options + " " + own})
			default:
				groups[0] = append(groups[0], options+" "+target)
			}
		}
	}
	return groups
}

func peerRun(t *testing.T, program, decoder string, group []string) map[int]map[string]any {
	t.Helper()
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 2})
	chain.Target.EchoUDP(freeEcho)
	chain.Target.EchoTCP(freeEcho)
	chain.Target.NFT("table inet f { chain c { type filter hook input priority 0; tcp dport 443 drop; }; }")
	chain.Target.Sysctl("net.ipv4.route.min_pmtu", "552")
	for _, prefix := range []string{"198.18.0.0/24", "2001:db8:99::/64"} {
		chain.Target.AnswerPrefix(netip.MustParsePrefix(prefix))
		chain.RoutePrefix(netip.MustParsePrefix(prefix))
	}
	chain.Target.IP("route add 203.0.113.77 dev lo", "route add 2001:db8:77::77 dev lo")
	var commands []string
	for n, o := range group {
		commands = append(commands, fmt.Sprintf("ping -U %d -F %d %s", n, 20000+10*n, o))
	}
	file := filepath.Join(t.TempDir(), "out.warts")
	args := []string{"-p", "500", "-O", "warts", "-o", file, "-I"}
	if got := chain.Prober.Run(60*time.Second, program, append(args, commands...)...); got.Err != nil {
		t.Fatalf("%s: %v\n%s", program, got.Err, got.Stderr)
	}
	return decodeJSON(t, chain.Prober.MustRun(10*time.Second, decoder, file))
}

// decodeJSON returns the pings by user id, without what differs from run to run.
func decodeJSON(t *testing.T, text string) map[int]map[string]any {
	t.Helper()
	pings := make(map[int]map[string]any)
	for line := range strings.Lines(text) {
		var p map[string]any
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if p["type"] != "ping" {
			continue
		}
		n, _ := p["userid"].(float64)
		strip(p)
		pings[int(n)] = p
	}
	return pings
}

// strip removes times and random numbers.
func strip(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range []string{
			"start", "tx", "rx", "rtt", "min", "max", "avg", "stddev", "probe_ipid", "reply_ipid", "tsreply", "tsonly", "tcp_seq",
			"tcp_ack", "ts",
		} {
			if _, there := v[key]; there {
				v[key] = "?"
			}
		}
		for _, e := range v {
			strip(e)
		}
	case []any:
		for _, e := range v {
			strip(e)
		}
	}
}
