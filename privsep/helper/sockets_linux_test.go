package helper

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scamper/privsep/client"
	"scamper/privsep/message"
	"scamper/testkit"
)

// raw is a helper that opens sockets, in a namespace of its own.
func raw(t *testing.T) (client.Handles, *testkit.Namespace) {
	t.Helper()
	testkit.NeedRoot(t)
	ns := testkit.NewNet(t).Namespace("helper")
	h, _ := opened(t, Config{Raw: true})
	return h, ns
}

func option(t *testing.T, fd, level, name int) int {
	t.Helper()
	n, err := unix.GetsockoptInt(fd, level, name)
	if err != nil {
		t.Error(err)
	}
	return n
}

func TestSockets(t *testing.T) {
	h, ns := raw(t)
	big := message.Buffers{Receive: message.MaxBuffer, Send: message.MaxBuffer}
	for _, test := range []struct {
		name                   string
		open                   func() (client.Socket, error)
		family, kind, protocol int
		header                 bool // included
	}{
		{"icmp", func() (client.Socket, error) { return h.ICMP(message.IPv4, big) }, unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP, true},
		{"icmp6", func() (client.Socket, error) { return h.ICMP(message.IPv6, big) }, unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6, false},
		{"rawudp", func() (client.Socket, error) { return h.RawUDP(netip.MustParseAddr("127.0.0.1"), big) }, unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_UDP, true},
		{"rawudp, any", func() (client.Socket, error) { return h.RawUDP(netip.IPv4Unspecified(), big) }, unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_UDP, true},
		{"rawip", func() (client.Socket, error) { return h.RawIP(big) }, unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW, true},
		{"route", func() (client.Socket, error) { return h.Route(big) }, unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE, false},
		{"datalink", func() (client.Socket, error) { return h.Datalink(message.Datalink{Interface: 1, Buffers: big}) }, unix.AF_PACKET, unix.SOCK_RAW, 0, false},
		{"datalink, any", func() (client.Socket, error) { return h.Datalink(message.Datalink{Buffers: big}) }, unix.AF_PACKET, unix.SOCK_DGRAM, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s client.Socket
			var err error
			ns.Do(func() { s, err = test.open() })
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(s.FD)
			if got := option(t, s.FD, unix.SOL_SOCKET, unix.SO_DOMAIN); got != test.family {
				t.Errorf("family %d", got)
			}
			if got := option(t, s.FD, unix.SOL_SOCKET, unix.SO_TYPE); got != test.kind {
				t.Errorf("type %d", got)
			}
			if test.family != unix.AF_PACKET {
				if got := option(t, s.FD, unix.SOL_SOCKET, unix.SO_PROTOCOL); got != test.protocol {
					t.Errorf("protocol %d", got)
				}
			}
			if test.family == unix.AF_INET {
				if got := option(t, s.FD, unix.IPPROTO_IP, unix.IP_HDRINCL); got != 1 {
					t.Errorf("header included %d", got)
				}
			}
			// The kernel doubles what it is asked for (socket(7)).
			if want := (message.Buffers{Receive: 2 * message.MaxBuffer, Send: 2 * message.MaxBuffer}); s.Buffers != want {
				t.Errorf("buffers %+v, want %+v", s.Buffers, want)
			}
			if got := option(t, s.FD, unix.SOL_SOCKET, unix.SO_RCVBUF); got != int(s.Buffers.Receive) {
				t.Errorf("receive buffer %d, told %d", got, s.Buffers.Receive)
			}
			for name, flag := range map[int]int{unix.F_GETFD: unix.FD_CLOEXEC, unix.F_GETFL: unix.O_NONBLOCK} {
				if got, err := unix.FcntlInt(uintptr(s.FD), name, 0); err != nil || got&flag == 0 {
					t.Errorf("flags %#x, error %v", got, err)
				}
			}
		})
	}
}

func TestSocketErrors(t *testing.T) {
	h, ns := raw(t)
	ns.Do(func() {
		if _, err := h.Datalink(message.Datalink{Interface: 4711}); !errors.Is(err, unix.ENODEV) {
			t.Errorf("no such interface: %v", err)
		}
		if _, err := h.RawUDP(netip.MustParseAddr("192.0.2.1"), message.Buffers{}); !errors.Is(err, unix.EADDRNOTAVAIL) {
			t.Errorf("no such address: %v", err)
		}
	})
}

// queued returns the number of packets that a socket has, and whether the first has a
// time stamp of the kernel.
func queued(t *testing.T, fd int) (n int, stamped bool) {
	t.Helper()
	for {
		var b [2048]byte
		var oob [256]byte
		_, oobn, _, _, err := unix.Recvmsg(fd, b[:], oob[:], unix.MSG_DONTWAIT)
		if err != nil {
			return n, stamped
		}
		if n++; n > 1 {
			continue
		}
		msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range msgs {
			stamped = stamped || m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS
		}
	}
}

// sendUDP sends n datagrams over loopback; they have arrived when it returns.
func sendUDP(t *testing.T, network string, n int) {
	t.Helper()
	c, err := net.ListenPacket(network, "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range n {
		if _, err := c.WriteTo([]byte("x"), c.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, _, err := c.ReadFrom(make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDatalinkFilter(t *testing.T) {
	h, ns := raw(t)
	for _, test := range []struct {
		name string
		q    message.Datalink
		want int // packets, of three datagrams of IPv4 that each go out and come in
	}{
		{"none", message.Datalink{Interface: 1, Accept: message.AcceptNone}, 0},
		{"all", message.Datalink{Interface: 1, Accept: message.AcceptAll}, 6},
		{"all interfaces", message.Datalink{Accept: message.AcceptAll}, 6},
		// With an ethertype there are no outgoing packets (packet(7)).
		{"ipv4", message.Datalink{Interface: 1, Protocol: unix.ETH_P_IP, Accept: message.AcceptAll}, 3},
		{"ipv6", message.Datalink{Interface: 1, Protocol: unix.ETH_P_IPV6, Accept: message.AcceptAll}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			ns.Do(func() {
				s, err := h.Datalink(test.q)
				if err != nil {
					t.Fatal(err)
				}
				defer unix.Close(s.FD)
				sendUDP(t, "udp4", 3)
				n, stamped := queued(t, s.FD)
				if n != test.want || stamped != (n > 0) {
					t.Errorf("%d packets, want %d; stamped %v", n, test.want, stamped)
				}
			})
		})
	}
}

// A socket that only sends has nothing to receive.
func TestRawUDPReceivesNothing(t *testing.T) {
	h, ns := raw(t)
	ns.Do(func() {
		s, err := h.RawUDP(netip.MustParseAddr("127.0.0.1"), message.Buffers{})
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(s.FD)
		sendUDP(t, "udp4", 1)
		if n, _ := queued(t, s.FD); n != 0 {
			t.Errorf("%d packets", n)
		}
	})
}

func TestMain(m *testing.M) {
	unix.Umask(0o022) // the modes of new files are compared
	os.Exit(m.Run())
}
