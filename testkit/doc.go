// Package testkit is what integration tests stand on: network namespaces with
// veth pairs and Linux routers between them, servers and captures inside, the
// project's commands built once, and skipping that cannot go unnoticed in CI.
//
// Everything about networks is for Linux and needs root; put tests that use it
// into files called *_linux_test.go. Skip, NeedRoot, NeedProgram and
// BuildCommand exist everywhere.
//
// A test describes its network, runs something in one of its namespaces, and
// looks at what was printed or captured:
//
//	func TestTraceThreeRouters(t *testing.T) {
//		scamper := testkit.BuildCommand(t, "scamper/cmd/scamper")
//		chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 3})
//		chain.Target.AnswerPrefix(netip.MustParsePrefix("192.0.2.0/24"))
//		chain.RoutePrefix(netip.MustParsePrefix("192.0.2.0/24"))
//		capture := chain.Prober.Capture("eth0")
//
//		got := chain.Prober.Run(30*time.Second, scamper, "-c", "trace -P udp-paris", "-i", "192.0.2.7")
//		if got.Err != nil {
//			t.Fatalf("scamper: %v\n%s", got.Err, got.Stderr)
//		}
//		for _, packet := range capture.Stop() {
//			_ = packet.Data // a frame with its Ethernet header
//		}
//	}
//
// # Names and addresses
//
// A namespace is called tk-PID-START-NUMBER-NAME on the system, and NAME in the
// test. Its interfaces are lo, eth0, eth1 and so on in the order in which links
// were made. Link number K of a Net (from 1) has 10.0.K.0/24 and fd00:K::/64
// (K in decimal digits); the side given first is .1 and ::1, the other .2 and
// ::2. MAC addresses are 02:00:00:00:KK:01 and 02:00:00:00:KK:02, KK in
// hexadecimal; interface indexes 2K and 2K+1.
//
// # How the kernel is set up
//
// In each namespace: IPv4 and IPv6 forwarding where the namespace is a router,
// no limit on ICMP errors, no duplicate address detection (addresses work at
// once), no router solicitations, no redirects, no reverse-path filter,
// multipath by 5-tuple. On each veth: checksum and segmentation offload off, so
// that captures show what a wire would carry.
//
// # Cleaning up
//
// Processes end and namespaces go when the test ends, passed or not, panicked or
// not. Should the test process be killed, a shell that waits for the end of a
// pipe does the same; and each process begins by removing what dead ones left.
package testkit
