package live_test

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scamper/shared/packet"
	"scamper/testkit"
	"scamper/tools/simnet"
	"scamper/tools/simnet/live"
)

// BenchmarkThroughTAP sends probes from the monitor's namespace, one system call each, and waits for all replies: the
// simulation, two crossings of the TAP device and the sender share the processors.
func BenchmarkThroughTAP(b *testing.B) {
	testkit.NeedRoot(b)
	topo, err := simnet.Load("../topologies/chain.toml")
	if err != nil {
		b.Fatal(err)
	}
	bed, err := live.Start(topo)
	if err != nil {
		b.Fatal(err)
	}
	defer bed.Close()
	var fd int
	if err := bed.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	}); err != nil {
		b.Fatal(err)
	}
	defer unix.Close(fd)
	dst := netip.MustParseAddr("198.51.100.10")
	src := topo.Monitor.Addresses[0].Addr()
	to := &unix.SockaddrInet4{Addr: dst.As4()}
	udp := packet.UDPFields{SrcPort: 40000, DstPort: 33435}
	ip := packet.IPv4Fields{TTL: 3, Protocol: packet.ProtoUDP, Src: src, Dst: dst, ID: 1}
	probe, err := ip.Append(nil, 24)
	if err == nil {
		probe, err = udp.Append(probe, make([]byte, 16), packet.PseudoSum(src, dst, packet.ProtoUDP, 24))
	}
	if err != nil {
		b.Fatal(err)
	}
	sent := uint64(0)
	send := func() {
		if err := unix.Sendto(fd, probe, 0, to); err == nil {
			sent++
		}
	}
	send() // resolves the gateway
	time.Sleep(50 * time.Millisecond)
	before := bed.Counters()
	sent = 0
	for b.Loop() {
		send()
	}
	for wait := time.Now().Add(2 * time.Second); time.Now().Before(wait); time.Sleep(time.Millisecond) {
		if bed.Counters().ToMonitor-before.ToMonitor >= sent {
			break
		}
	}
	c := bed.Counters()
	b.ReportMetric(float64(c.ToMonitor-before.ToMonitor)/b.Elapsed().Seconds(), "replies/s")
	b.ReportMetric(100*float64(c.ToMonitor-before.ToMonitor)/float64(sent), "%answered")
}
