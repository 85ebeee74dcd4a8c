package trace

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scamper/testkit"
)

// TestSideBySideOnLinux is TestSideBySide for options that need routers of Linux: simulated ones say nothing about
// fragments, and there is one way out only. Debian's scamper does not know -H, -N, -y, -s 0, -O back and -O raw, which have
// tests of their own.
func TestSideBySideOnLinux(t *testing.T) {
	testkit.NeedRoot(t)
	testkit.NeedProgram(t, "sc_warts2json")
	theirs := testkit.NeedProgram(t, "scamper")
	ours := testkit.BuildCommand(t, command)
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 3})
	v4, v6 := " "+chain.Target4().String(), " "+chain.Target6().String()
	router4, router6 := chain.Hops4()[0].String(), chain.Hops6()[0].String()
	var commands []string
	for _, method := range []string{"udp", "udp-paris", "icmp", "tcp", "tcp-ack"} {
		commands = append(commands, "-o 5 -m 3 -P "+method+v6)
	}
	commands = append(
		commands, "-o 7 -m 2 -Q -q 2"+v6, "-o 8190 -m 1"+v6, "-O const-payload"+v4, "-O const-payload -Q -q 2"+v4, "-O const-payload -O dl"+v6,
		"-O const-payload -p 0102030405"+v4, "-O const-payload -p 0102030405 -O dl"+v6, "-r "+router4+v4, "-r "+router6+" -P icmp"+v6,
		"-r "+router4+" -P tcp"+v4, "-r "+router6+" -P udp"+v6, "-q 3 -Q -g 2 -l 0 -T -t 12 -W 2 -z "+router4+v4,
	)
	run := func(program, c string, n int) map[string]any {
		file := filepath.Join(t.TempDir(), "out.warts")
		got := chain.Prober.Run(20*time.Second, program, "-p", "500", "-O", "warts", "-o", file, "-I",
			fmt.Sprintf("trace -U %d -s %d -w 1 %s", n, 48000+n, c))
		if got.Err != nil {
			t.Errorf("%s: %s: %v\n%s", program, c, got.Err, got.Stderr)
			return nil
		}
		out, err := exec.Command("sc_warts2json", file).Output()
		if err != nil {
			t.Errorf("sc_warts2json: %v", err)
		}
		for line := range strings.Lines(string(out)) {
			var r map[string]any
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			if r["type"] == "trace" {
				withoutTimes(r)
				return r
			}
		}
		t.Errorf("%s: %s: no record", program, c)
		return nil
	}
	for i, c := range commands {
		want, got := run(theirs, c, i), run(ours, c, i)
		if strings.HasPrefix(c, "-o") { // theirs are longer on the wire than the record says
			withoutQuotedSize(want)
			withoutQuotedSize(got)
		}
		if hops, _ := got["hops"].([]any); len(hops) == 0 {
			t.Errorf("%s: no hops", c)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-Debian's +ours):\n%s", c, diff)
		}
	}
}

// withoutQuotedSize removes what depends on the size that a probe has on the wire.
func withoutQuotedSize(r map[string]any) {
	hops, _ := r["hops"].([]any)
	for _, hop := range hops {
		h := hop.(map[string]any)
		delete(h, "icmp_q_ipl")
		delete(h, "reply_size")
	}
}
