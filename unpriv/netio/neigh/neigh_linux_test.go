package neigh_test

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scamper/shared/packet"
	"scamper/testkit"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio/neigh"
)

// datalink sends and receives frames on one interface.
type datalink struct{ fd int }

func openDatalink(t *testing.T, ifindex int) *datalink {
	t.Helper()
	all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ifindex}); err != nil {
		t.Fatal(err)
	}
	return &datalink{fd}
}

func (d *datalink) SendFrame(_ int, frame []byte, _ func(error)) error {
	_, err := unix.Write(d.fd, frame)
	return err
}

// A Linux kernel answers our questions as it answers those of another kernel.
func TestAgainstKernel(t *testing.T) {
	n := testkit.NewNet(t)
	host, other := n.Namespace("host"), n.Namespace("other")
	link := n.Link(host, other, testkit.LinkConfig{})
	var d *datalink
	host.Do(func() { d = openDatalink(t, link.A.Index) })

	timers := loop.NewTimers()
	cache := neigh.New(timers, loop.System, d)
	var linkLocal netip.Addr
	other.Do(func() { linkLocal = testkit.LinkLocal(t, link.B.Interface) })
	var hostLocal netip.Addr
	host.Do(func() { hostLocal = testkit.LinkLocal(t, link.A.Interface) })

	answers := map[netip.Addr]packet.MAC{}
	failures := map[netip.Addr]error{}
	for _, q := range []struct{ addr, src netip.Addr }{
		{link.B.Addr4, link.A.Addr4},
		{link.B.Addr6, link.A.Addr6},
		{linkLocal, hostLocal},
		{netip.MustParseAddr("10.0.1.99"), link.A.Addr4},
		{netip.MustParseAddr("fd00:1::99"), link.A.Addr6},
	} {
		cache.Resolve(neigh.Query{
			Key: neigh.Key{IfIndex: link.A.Index, Addr: q.addr}, SrcIP: q.src, SrcMAC: packet.MAC(link.A.MAC),
		}, func(mac packet.MAC, err error) { answers[q.addr], failures[q.addr] = mac, err })
	}
	buf := make([]byte, 2048)
	for deadline := time.Now().Add(20 * time.Second); cache.Asking() > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d questions are still open", cache.Asking())
		}
		timers.Run(loop.System.Mono())
		n, from, err := unix.Recvfrom(d.fd, buf, unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if sender, ok := from.(*unix.SockaddrLinklayer); ok && sender.Pkttype != unix.PACKET_OUTGOING {
			cache.Frame(link.A.Index, buf[:n])
		}
	}
	for _, addr := range []netip.Addr{link.B.Addr4, link.B.Addr6, linkLocal} {
		if failures[addr] != nil || answers[addr] != packet.MAC(link.B.MAC) {
			t.Errorf("%s: %v, %v", addr, answers[addr], failures[addr])
		}
	}
	for _, text := range []string{"10.0.1.99", "fd00:1::99"} {
		err := failures[netip.MustParseAddr(text)]
		if err == nil || err.Error() != "dlhdr_ethcb: did not get mac address for "+text {
			t.Errorf("%s: %v", text, err)
		}
	}
}
