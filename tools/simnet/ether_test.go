package simnet

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"scamper/shared/packet"
)

// seen is a delivered frame.
type seen struct {
	port Port
	at   time.Duration
	b    []byte
}

// collect delivers everything that comes within a minute.
func collect(n *Net) (all []seen) {
	for {
		due, ok := n.Next()
		if !ok {
			return all
		}
		n.Deliver(max(due, n.now), func(port Port, b []byte) {
			all = append(all, seen{port, n.now, append([]byte(nil), b...)})
		})
	}
}

func arpRequest(t *Topology, target string) []byte {
	eth := packet.EthernetFields{Src: t.Monitor.MAC, Dst: packet.Broadcast, Type: packet.EtherARP}
	b, _ := (&packet.ARPFields{
		Op: packet.ARPRequest, SenderMAC: t.Monitor.MAC,
		SenderIP: netip.MustParseAddr("192.0.2.2"), TargetIP: netip.MustParseAddr(target),
	}).Append(eth.Append(nil))
	return b
}

func solicit(t *Topology, target string) []byte {
	a := netip.MustParseAddr(target)
	src := netip.MustParseAddr("2001:db8:0:1::2")
	group, mac := packet.SolicitedNode(a)
	m, _ := (&packet.NDFields{
		Type: packet.ICMP6NeighbourSolicit, Target: a, Option: packet.NDSourceLinkAddr, MAC: t.Monitor.MAC,
	}).Append(nil, src, group)
	eth := packet.EthernetFields{Src: t.Monitor.MAC, Dst: mac, Type: packet.EtherIPv6}
	b, _ := (&packet.IPv6Fields{NextHeader: packet.ProtoICMPv6, HopLimit: 255, Src: src, Dst: group}).Append(eth.Append(nil), len(m))
	return append(b, m...)
}

func TestNeighbours(t *testing.T) {
	topo := load(t, "neighbours")
	for _, tt := range []struct {
		host uint8
		macs []string
		at   time.Duration
	}{
		{1, []string{"02:00:5e:00:00:01"}, 0},
		{0x10, []string{"02:00:5e:00:00:10"}, 0},
		{0x11, []string{"02:00:5e:00:00:11"}, 700 * time.Millisecond},
		{0x12, nil, 0},
		{0x13, []string{"02:00:5e:00:00:13", "02:00:5e:00:01:13", "02:00:5e:00:02:13"}, 0},
		{0x99, nil, 0},
	} {
		var macs4, macs6 []string
		n := play(topo)
		host4 := fmt.Sprintf("192.0.2.%x", tt.host) // the hexadecimal digits read as decimal
		n.Handle(0, arpRequest(topo, host4), 0)
		for _, f := range collect(n) {
			p := gopacket.NewPacket(f.b, layers.LayerTypeEthernet, gopacket.Default)
			arp := p.Layer(layers.LayerTypeARP).(*layers.ARP)
			mac := packet.MAC(arp.SourceHwAddress).String()
			if arp.Operation != layers.ARPReply || f.at != tt.at || netip.AddrFrom4([4]byte(arp.SourceProtAddress)).String() != host4 {
				t.Errorf("%s: %+v at %v", host4, arp, f.at)
			}
			macs4 = append(macs4, mac)
		}
		host6 := fmt.Sprintf("2001:db8:0:1::%x", tt.host)
		n = play(topo)
		n.Handle(0, solicit(topo, host6), 0)
		for _, f := range collect(n) {
			d := decode(t, Reply{Packet: f.b[14:], At: f.at})
			m, err := packet.ParseND(f.b[54:])
			mac, ok := m.LinkAddr(packet.NDTargetLinkAddr)
			router := m.Flags()&packet.NDRouter != 0
			if err != nil || !ok || m.Target().String() != host6 || d.ttl() != 255 || d.src() != host6 || f.at != tt.at || router != (tt.host == 1) {
				t.Errorf("%s: advertisement %+v: %v", host6, m, err)
			}
			macs6 = append(macs6, mac.String())
		}
		if diff := cmp.Diff(tt.macs, macs4); diff != "" {
			t.Errorf("%s (-want +got):\n%s", host4, diff)
		}
		if diff := cmp.Diff(tt.macs, macs6); diff != "" {
			t.Errorf("%s (-want +got):\n%s", host6, diff)
		}
	}
}

func TestNeighboursAreHosts(t *testing.T) {
	topo := load(t, "neighbours")
	n := play(topo)
	ip := probe{dst: "192.0.2.10", kind: "echo", ttl: 1, size: 84}.build(t, topo)
	eth := packet.EthernetFields{Src: topo.Monitor.MAC, Dst: packet.MAC{2, 0, 0x5e, 0, 0, 0x10}, Type: packet.EtherIPv4}
	n.Handle(0, append(eth.Append(nil), ip...), 0)
	got := collect(n)
	if len(got) != 1 {
		t.Fatalf("%d frames, want an echo reply", len(got))
	}
	d := decode(t, Reply{Packet: got[0].b[14:]})
	if d.icmpType() != 0 || d.src() != "192.0.2.10" || d.ttl() != 64 || packet.Ethernet(got[0].b).Src() != eth.Dst {
		t.Errorf("reply %x from %s, TTL %d, by %v", d.icmpType(), d.src(), d.ttl(), packet.Ethernet(got[0].b).Src())
	}
	// A host does not forward.
	ip = probe{dst: "192.0.2.11", kind: "echo", size: 84}.build(t, topo)
	n.Handle(0, append(eth.Append(nil), ip...), 0)
	if got := collect(n); len(got) != 0 || n.count.Dropped[dropNobody] != 1 {
		t.Errorf("a host forwards: %d frames", len(got))
	}
	balanced(t, n)
}

// Packets for an attachment leave by its port with the TTL that the path left them, and its answers come back.
func TestAttachment(t *testing.T) {
	topo := small(t, map[string]string{"r2-r3": "mtu = 1300", "": `
[[attach]]
name = "server"
at = "r3"
address = ["203.0.113.10/24", "2001:db8:113::10/64"]
gateway = ["203.0.113.1", "2001:db8:113::1"]
prefix = ["20.0.0.0/8"]
link-delay = "5ms"
`})
	n := play(topo)
	for _, tt := range []struct{ dst, answer string }{
		{"203.0.113.10", "203.0.113.10"}, {"20.7.7.7", "20.7.7.7"}, {"2001:db8:113::10", "2001:db8:113::10"},
	} {
		frame := framesTo(t, topo, []probe{{dst: tt.dst, kind: "syn", ttl: 10, sport: 5, dport: 80}})[0]
		before := append([]byte(nil), frame...)
		n.Handle(0, frame, n.now)
		got := collect(n)
		if len(got) != 1 || got[0].port != 1 {
			t.Fatalf("%s: %+v", tt.dst, got)
		}
		if string(before) != string(frame) {
			t.Error("the caller's frame was changed")
		}
		d := decode(t, Reply{Packet: got[0].b[14:]})
		if d.ttl() != 7 || d.tcp == nil || d.tcp.DstPort != 80 {
			t.Errorf("%s: TTL %d at the attachment, want 7", tt.dst, d.ttl())
		}
		// The answer enters by the attachment's gateway.
		src := topo.Monitor.Addresses[0].Addr()
		if netip.MustParseAddr(tt.dst).Is6() {
			src = topo.Monitor.Addresses[1].Addr()
		}
		answer := probe{src: tt.answer, dst: src.String(), kind: "syn", ttl: 64, size: 100}.build(t, topo)
		eth := packet.EthernetFields{Src: topo.Attached[0].MAC, Dst: topo.stations[1][0].macs[0], Type: packet.EtherIPv4}
		n.Handle(1, append(eth.Append(nil), answer...), n.now)
		back := collect(n)
		if len(back) != 1 || back[0].port != 0 {
			t.Fatalf("%s: answer gave %+v", tt.dst, back)
		}
		if d := decode(t, Reply{Packet: back[0].b[14:]}); d.ttl() != 61 {
			t.Errorf("%s: answer arrives with TTL %d, want 61", tt.dst, d.ttl())
		}
	}
	// Fragments are fragmented again where they do not fit, and keep their places.
	whole := probe{dst: "203.0.113.10", kind: "udp", size: 4000, fragments: true}.build(t, topo)
	var data [4000]byte
	end := 0
	for _, piece := range fragmentsOf(whole, 1400) {
		for _, r := range n.Exchange(piece, n.now) {
			d := decode(t, r)
			at := int(d.ip4.FragOffset) * 8
			end = max(end, at+copy(data[at:], r.Packet[20:]))
			if last := at+len(r.Packet)-20 == len(whole)-20; len(r.Packet) > 1300 || (d.ip4.Flags&1 == 0) != last {
				t.Errorf("fragment at %d: %d bytes, flags %v", at, len(r.Packet), d.ip4.Flags)
			}
		}
	}
	if string(data[:end]) != string(whole[20:]) {
		t.Error("the fragments do not make up the packet")
	}
	// Routers on the way back tell it that its packets are too big.
	big := probe{src: "203.0.113.10", dst: "192.0.2.2", kind: "udp", size: 1350}.build(t, topo)
	eth := packet.EthernetFields{Src: topo.Attached[0].MAC, Dst: topo.stations[1][0].macs[0], Type: packet.EtherIPv4}
	n.Handle(1, append(eth.Append(nil), big...), n.now)
	got := collect(n)
	if len(got) != 1 || got[0].port != 1 {
		t.Fatalf("%+v, want fragmentation needed at the attachment", got)
	}
	if d := decode(t, Reply{Packet: got[0].b[14:]}); d.icmpType() != 3<<8|4 || d.src() != "203.0.113.1" {
		t.Errorf("%x from %s, want fragmentation needed from r3", d.icmpType(), d.src())
	}
	balanced(t, n)
}

// A frame is delivered when it is due, never before, whatever the delays.
func TestWheel(t *testing.T) {
	var w wheel
	w.init()
	rnd := random{9}
	now := time.Duration(0)
	waiting := map[int32]time.Duration{}
	for step := range 200000 {
		if step < 150000 && len(waiting) < 3000 {
			delays := [...]time.Duration{0, time.Microsecond, time.Millisecond, 200 * time.Millisecond, 3 * time.Second, 10 * time.Minute}
			due := now + time.Duration(rnd.share()*float64(delays[step%len(delays)]))
			i := w.take(60 + step%3000)
			w.add(i, 0, due, now)
			waiting[i] = due
		}
		switch {
		case step%7 == 0:
			now += time.Duration(rnd.share() * float64(3*time.Millisecond))
		case step%997 == 0:
			now += time.Duration(rnd.share() * float64(10*time.Second))
		case step >= 150000:
			next, ok := w.next()
			if !ok {
				if len(waiting) != 0 {
					t.Fatalf("%d frames wait and nothing is due", len(waiting))
				}
				return
			}
			for _, due := range waiting {
				if due < next && next > now {
					t.Fatalf("a frame is due at %v, next says %v", due, next)
				}
			}
			now = max(now, next)
		}
		w.advance(now)
		for i := w.pop(); i != noFrame; i = w.pop() {
			due := waiting[i]
			if due > now {
				t.Fatalf("a frame that is due at %v was delivered at %v", due, now)
			}
			delete(waiting, i)
			w.release(i)
		}
		for _, due := range waiting {
			if due <= now {
				t.Fatalf("a frame that was due at %v still waits at %v", due, now)
			}
			break // one is enough: the map's order is random
		}
	}
	if len(waiting) > 0 {
		t.Errorf("%d frames were never delivered", len(waiting))
	}
}
