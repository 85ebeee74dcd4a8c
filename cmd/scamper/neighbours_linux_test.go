package main_test

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"scamper/testkit"
)

// questions counts the requests for a neighbour's address that an interface sent: ARP, or neighbour solicitations to the
// group of those who could have it.
func questions(packets []testkit.Packet, addr netip.Addr) (n int) {
	for _, p := range packets {
		if !p.Outgoing {
			continue
		}
		switch p.EtherType() {
		case 0x0806:
			if arp := p.Data[14:]; len(arp) >= 28 && arp[7] == 1 && bytes.Equal(arp[24:28], addr.AsSlice()) {
				n++
			}
		case 0x86dd:
			if ip := p.IP(); len(ip) >= 64 && ip[6] == 58 && ip[24] == 0xff && ip[40] == 135 && bytes.Equal(ip[48:64], addr.AsSlice()) {
				n++
			}
		}
	}
	return n
}

// segments are the link-layer destinations of the TCP segments that an interface sent.
func segments(packets []testkit.Packet) (to []string) {
	for _, p := range packets {
		ip := p.IP()
		if p.Outgoing && len(ip) >= 40 && (ip[0]>>4 == 4 && ip[9] == 6 || ip[0]>>4 == 6 && ip[6] == 6) {
			to = append(to, net.HardwareAddr(p.Data[:6]).String())
		}
	}
	return to
}

// What the kernel knows of neighbours at the start is believed, unless that is not wanted.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	for _, v6 := range []bool{false, true} {
		chain := testkit.NewNet(t).Chain(testkit.ChainConfig{})
		gateway, own := chain.Links[0].B, chain.Links[0].A
		addr, source, family := gateway.Addr4, own.Addr4, "ipv4"
		if v6 {
			addr, source, family = gateway.Addr6, own.Addr6, "ipv6"
		}
		trueMAC := gateway.MAC.String()
		// Slow runs change nothing: the gateway never asks, which would tell its address, and what the kernel knows to be
		// reachable stays so.
		chain.Target.IP("neigh replace " + source.String() + " lladdr " + own.MAC.String() + " dev " + gateway.Interface + " nud permanent")
		chain.Prober.Sysctl("net."+family+".neigh.eth0.base_reachable_time_ms", "3600000")
		const falseMAC = "02:00:00:00:aa:bb"
		probe := func(args ...string) ([]testkit.Packet, testkit.Result) {
			seen := chain.Prober.Capture("eth0")
			r := run(t, chain.Prober, append(args, "-I", "ping -P tcp-syn -c 1 -W 1 "+addr.String())...)
			return seen.Stop(), r
		}
		// Nothing is known.
		packets, r := probe()
		if got := segments(packets); r.Err != nil || len(got) != 1 || got[0] != trueMAC || questions(packets, addr) == 0 {
			t.Errorf("%v, unknown: %v, segments to %v, %d questions", addr, r.Err, got, questions(packets, addr))
		}
		// Something false is known, so that it can be told from the truth.
		know := func(state string) {
			chain.Prober.IP("neigh replace " + addr.String() + " lladdr " + falseMAC + " dev eth0 nud " + state)
		}
		for _, state := range []string{"permanent", "reachable"} {
			know(state)
			packets, _ = probe()
			got := segments(packets)
			for _, to := range got {
				if to != falseMAC {
					t.Errorf("%v, %s: a segment to %v", addr, state, to)
				}
			}
			if len(got) == 0 || questions(packets, addr) != 0 {
				t.Errorf("%v, %s: %d segments, %d questions", addr, state, len(got), questions(packets, addr))
			}
		}
		know("reachable")
		packets, r = probe("-O", "noinitndc")
		if got := segments(packets); r.Err != nil || len(got) != 1 || got[0] != trueMAC || questions(packets, addr) == 0 {
			t.Errorf("%v, known and not wanted: %v, segments to %v, %d questions", addr, r.Err, got, questions(packets, addr))
		}
		// What has not been confirmed lately is not believed.
		know("stale")
		packets, r = probe()
		if got := segments(packets); r.Err != nil || len(got) != 1 || got[0] != trueMAC || questions(packets, addr) == 0 {
			t.Errorf("%v, stale: %v, segments to %v, %d questions", addr, r.Err, got, questions(packets, addr))
		}
	}
}
