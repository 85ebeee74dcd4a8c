package engine_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scamper/shared/warts"
	"scamper/testkit"
)

// The way out vanishes in the middle of a run and comes back: each target has its record, those of the outage are
// complained of one by one, and the last ones are measured again. Over the datalink as over raw sockets.
func TestOutage(t *testing.T) {
	const targets = 6000
	for _, c := range []struct {
		name, command string
		goes          []string // what the operator does
		comes         []string
	}{
		{"route", "ping -c 1 -W 100ms", []string{"route del 10.64.0.0/10"}, nil},
		{"link", "ping -c 1 -W 100ms", []string{"link set eth0 down"}, []string{"link set eth0 up"}},
		{"link, TCP", "ping -P tcp-syn -c 1 -W 100ms", []string{"link set eth0 down"}, []string{"link set eth0 up"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			chain := far(t)
			dir := testkit.OpenDir(t)
			list, out := filepath.Join(dir, "list"), filepath.Join(dir, "out.warts")
			writeTargets(t, list, targets)
			p := chain.Prober.Start(command(t, "-p", "1500", "-O", "warts", "-o", out, "-c", c.command, "-f", list))
			waitFor(t, "the first results", func() bool {
				info, err := os.Stat(out)
				return err == nil && info.Size() > 1000
			})
			chain.Prober.IP(c.goes...)
			waitFor(t, "complaints", func() bool {
				_, stderr := p.Output()
				return strings.Count(stderr, "Network is unreachable") >= 10
			})
			if c.comes != nil {
				chain.Prober.IP(c.comes...)
			}
			chain.RoutePrefix(netip.MustParsePrefix("10.64.0.0/10"))
			r := p.Wait(limit)
			if r.Status != 0 {
				t.Errorf("status %d", r.Status)
			}
			pings, answered := 0, 0
			last := false // was the latest one answered?
			for _, rec := range records(t, out) {
				if ping, ok := rec.(*warts.Ping); ok {
					pings++
					if last = len(ping.Probes) > 0 && len(ping.Probes[0].Replies) > 0; last {
						answered++
					}
				}
			}
			complaints := strings.Count(r.Stderr, "Network is unreachable")
			if pings != targets || !last || answered == 0 || answered+complaints > targets {
				t.Errorf("%d pings of %d, %d answered, the last one %v, %d complaints", pings, targets, answered, last, complaints)
			}
		})
	}
}
