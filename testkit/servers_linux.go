package testkit

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
)

// Listen opens a listening socket in the namespace; net.Listen says what network and
// address may be, but addresses must be literal. It is closed when the test ends.
func (s *Namespace) Listen(network, address string) net.Listener {
	s.t.Helper()
	var l net.Listener
	var err error
	s.Do(func() { l, err = net.Listen(network, address) })
	if err != nil {
		s.t.Fatalf("in %s: %v", s.Name, err)
	}
	s.t.Cleanup(func() { l.Close() })
	return l
}

// ListenPacket is Listen for datagrams, as of net.ListenPacket.
func (s *Namespace) ListenPacket(network, address string) net.PacketConn {
	s.t.Helper()
	var c net.PacketConn
	var err error
	s.Do(func() { c, err = net.ListenPacket(network, address) })
	if err != nil {
		s.t.Fatalf("in %s: %v", s.Name, err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

// Dial connects from the namespace to a literal address. The connection is closed
// when the test ends.
func (s *Namespace) Dial(network, address string) (net.Conn, error) {
	s.t.Helper()
	var c net.Conn
	var err error
	s.Do(func() { c, err = net.Dial(network, address) })
	if err != nil {
		return nil, fmt.Errorf("from %s: %w", s.Name, err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c, nil
}

// ServeTCP accepts connections on a port of all addresses, IPv4 and IPv6, each of
// which is given to serve on a goroutine of its own, and closed when that returns.
func (s *Namespace) ServeTCP(port uint16, serve func(net.Conn)) {
	s.t.Helper()
	l := s.Listen("tcp", fmt.Sprintf("[::]:%d", port))
	go func() {
		for {
			conn, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
}

// EchoTCP serves connections that return what they are sent.
func (s *Namespace) EchoTCP(port uint16) {
	s.t.Helper()
	s.ServeTCP(port, func(c net.Conn) { _, _ = io.Copy(c, c) })
}

// ServeUDP answers datagrams to a port of all addresses, IPv4 and IPv6, with what
// answer returns; nil is no answer. Answers come from the address that was asked only
// if the namespace has one address per family; otherwise use ListenPacket.
func (s *Namespace) ServeUDP(port uint16, answer func(datagram []byte, from netip.AddrPort) []byte) {
	s.t.Helper()
	c, ok := s.ListenPacket("udp", fmt.Sprintf("[::]:%d", port)).(*net.UDPConn)
	if !ok {
		s.t.Fatal("a UDP socket is not one")
	}
	go func() {
		buf := make([]byte, 1<<16)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue
			}
			if reply := answer(buf[:n], from); reply != nil {
				_, _ = c.WriteToUDPAddrPort(reply, from)
			}
		}
	}()
}

// EchoUDP answers datagrams with themselves.
func (s *Namespace) EchoUDP(port uint16) {
	s.t.Helper()
	s.ServeUDP(port, func(datagram []byte, _ netip.AddrPort) []byte { return datagram })
}

// Loss describes packets that vanish.
type Loss struct {
	Match string // which ones, as an nft(8) expression: "ip protocol icmp"; "" for all
	// Of each Every matching packets, counted one after the other, the first Drop
	// vanish. With Random, each does with probability Drop/Every.
	Drop, Every int
	Random      bool
}

// Lose drops packets that the namespace forwards or receives.
func (s *Namespace) Lose(loss Loss) {
	s.t.Helper()
	mode := "inc"
	if loss.Random {
		mode = "random"
	}
	rule := fmt.Sprintf("%s numgen %s mod %d < %d drop", loss.Match, mode, loss.Every, loss.Drop)
	var rules strings.Builder
	rules.WriteString("table inet testkit {\n")
	for _, hook := range []string{"input", "forward"} {
		fmt.Fprintf(&rules, "chain loss_%s { type filter hook %s priority -10; policy accept; %s; }\n", hook, hook, rule)
	}
	rules.WriteString("}\n")
	s.NFT(rules.String())
}

// Silence makes a router not answer with ICMP errors of its own, for IPv4 and IPv6.
// It still forwards.
func (s *Namespace) Silence() {
	s.t.Helper()
	s.NFT(`table inet testkit {
chain silence { type filter hook output priority -10; policy accept;
	icmp type { time-exceeded, destination-unreachable, parameter-problem } drop;
	icmpv6 type { time-exceeded, destination-unreachable, packet-too-big, parameter-problem } drop; }
}
`)
}
