package engine_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scamper/testkit"
)

// What the built program does when the network, its files or its users fail it.

// limit is how long anything may take that should be done in a moment, on a machine with much else to do.
const limit = 60 * time.Second

func command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	return exec.Command(testkit.BuildCommand(t, "scamper/cmd/scamper"), args...)
}

// far is a prober and a machine next to it that answers for all of a prefix.
func far(t testing.TB) *testkit.Chain {
	t.Helper()
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{})
	prefix := netip.MustParsePrefix("10.64.0.0/10")
	chain.Target.AnswerPrefix(prefix)
	chain.RoutePrefix(prefix)
	return chain
}

// waitFor waits until a condition holds.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not after %v", what, limit)
		}
	}
}

// synsTo counts the TCP segments that an interface sent to a link-layer address.
func synsTo(packets []testkit.Packet, mac string) (n int) {
	for _, p := range packets {
		if ip := p.IP(); p.Outgoing && len(ip) >= 40 && ip[0]>>4 == 4 && ip[9] == unix.IPPROTO_TCP &&
			net.HardwareAddr(p.Data[:6]).String() == mac {
			n++
		}
	}
	return n
}

// A run that lasts hears that the next hop has another address now, be it of many measurements or a single one, and, if
// the link was down meanwhile, which ends a measurement that sends, asks again: it sends to the new one at once.
func TestNeighbourMoves(t *testing.T) {
	t.Run("many", func(t *testing.T) {
		list := filepath.Join(testkit.OpenDir(t), "list")
		var text strings.Builder
		for i := range 200 {
			fmt.Fprintf(&text, "10.64.1.%d\n", i)
		}
		if err := os.WriteFile(list, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		neighbourMoves(t, true, "-l", "1", "-C", "1", "-c", "ping -P tcp-syn -c 1 -W 100ms", "-f", list)
	})
	t.Run("one", func(t *testing.T) {
		neighbourMoves(t, false, "-I", "ping -P tcp-syn -c 65535 -i 20ms 10.64.1.1")
	})
}

func neighbourMoves(t *testing.T, down bool, args ...string) {
	chain := far(t)
	gateway := chain.Links[0].B
	seen := chain.Prober.Capture("eth0")
	p := chain.Prober.Start(command(t, append([]string{"-p", "50", "-O", "noinitndc", "-o", os.DevNull}, args...)...))
	answeredBy := func(mac string) {
		t.Helper()
		waitFor(t, "probes to "+mac, func() bool {
			if !p.Running() {
				t.Fatalf("ended early: %+v", p.Wait(limit))
			}
			return synsTo(seen.Packets(), mac) >= 5
		})
	}
	answeredBy(gateway.MAC.String())

	// The gateway gets another address and tells so, as one does that takes over.
	const second = "02:00:00:00:bb:02"
	chain.Target.IP("link set "+gateway.Interface+" address "+second, "neigh flush all")
	chain.Target.Run(limit, "ping", "-c", "1", "-W", "1", chain.Source4().String())
	answeredBy(second)

	if down { // again, while nobody can hear it
		const third = "02:00:00:00:bb:03"
		chain.Prober.IP("link set eth0 down")
		chain.Target.IP("link set " + gateway.Interface + " address " + third)
		chain.Prober.IP("link set eth0 up")
		chain.RoutePrefix(netip.MustParsePrefix("10.64.0.0/10"))
		answeredBy(third)
	}
	p.Signal(unix.SIGTERM)
	if r := p.Wait(limit); r.Status != 0 {
		t.Errorf("%+v", r)
	}
}
