package netio

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"scamper/shared/packet"
)

// Frames sent by one packet socket and the replies, as another one sees them.
func TestDatalink(t *testing.T) {
	for _, ring := range []*Ring{nil, {}, {Blocks: 4, BlockSize: 4096}} {
		t.Run(fmt.Sprintf("ring %+v", ring), func(t *testing.T) {
			f := newFar(t)
			index := int32(f.link.A.Index)
			send := f.port(t, Key{Kind: Datalink, IfIndex: index})
			f.open.ring = ring
			got, err := f.open.open(Key{Kind: Datalink, IfIndex: index})
			if err != nil {
				t.Fatal(err)
			}
			recv := got.Port
			defer recv.Close()
			if got.Link != packet.LinkEthernet {
				t.Errorf("link type %v", got.Link)
			}
			const n = 10
			header := slices.Concat(f.link.B.MAC, f.link.A.MAC, []byte{8, 0})
			before := StampOf(time.Now())
			seen := map[bool]int{}
			for i := range uint32(n) {
				frame := append(slices.Clone(header), make([]byte, 84)...)
				echo(frame[14:], f.src, i)
				if sent, err := send.Send([]Packet{{Data: frame}}); sent != 1 || err != nil {
					t.Fatalf("Send = %d, %v", sent, err)
				}
			}
			into := NewDatagrams(4, 2000)
			for end := time.Now().Add(5 * time.Second); seen[false] < n && time.Now().Before(end); {
				k, err := recv.Recv(into)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range into[:k] {
					if len(d.Data) != 98 || d.Data[23] != 1 {
						continue // ARP, neighbour discovery
					}
					if want := map[bool]byte{true: 8, false: 0}[d.Outgoing]; d.Data[34] != want {
						t.Errorf("outgoing %v, but ICMP type %d", d.Outgoing, d.Data[34])
					}
					if !d.Kernel || d.Stamp < before || d.Stamp > StampOf(time.Now()) || d.IfIndex != index || d.Size != 98 {
						t.Errorf("stamp %d, kernel's %v, interface %d, size %d", d.Stamp, d.Kernel, d.IfIndex, d.Size)
					}
					seen[d.Outgoing]++
				}
			}
			if seen[true] != n || seen[false] != n {
				t.Errorf("seen going out %d, coming in %d, want %d", seen[true], seen[false], n)
			}
			if recv.Drops() != 0 {
				t.Errorf("Drops = %d", recv.Drops())
			}
		})
	}
}

func TestDatalinkDropsAndFilter(t *testing.T) {
	f := newFar(t)
	f.open.receive = 1 << 12
	f.open.onError = func(error) {}
	f.open.filter = func(link packet.LinkType) *Filter { return Narrow(link, nil) }
	recv := f.port(t, Key{Kind: Datalink, IfIndex: int32(f.link.A.Index)})
	send := f.port(t, Key{Kind: RawIP})
	for i := range uint32(500) {
		b := make([]byte, 84)
		dst := netip.AddrPortFrom(echo(b, f.src, i), 0)
		packets := []Packet{{Data: b, Dst: dst}, {Data: udp4(f.src, dst, 9), Dst: dst}}
		if sent, err := send.Send(packets); sent != 2 || err != nil {
			t.Fatalf("Send = %d, %v", sent, err)
		}
	}
	into, got := NewDatagrams(64, 2000), 0
	for {
		n, err := recv.Recv(into)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		for _, d := range into[:n] {
			if len(d.Data) > 23 && binary.BigEndian.Uint16(d.Data[12:]) == etherIPv4 {
				if got++; d.Data[23] != 1 {
					t.Errorf("protocol %d passed the filter", d.Data[23])
				}
			}
		}
	}
	first := recv.Drops()
	if got == 0 || first == 0 || recv.Drops() != first {
		t.Errorf("%d received, %d dropped, then %d", got, first, recv.Drops())
	}
	if err := recv.(*socketPort).setFilter(Everything()); err != nil {
		t.Error(err)
	}
}

// On the loopback interface each packet passes twice, and is seen once.
func TestDatalinkLoopback(t *testing.T) {
	for _, ring := range []*Ring{nil, {}} {
		f := newFar(t)
		f.open.ring = ring
		got, err := f.open.open(Key{Kind: Datalink, IfIndex: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer got.Port.Close()
		if got.Link != packet.LinkLoopback {
			t.Errorf("link type %v", got.Link)
		}
		send := f.port(t, Key{Kind: RawIP})
		dst := netip.MustParseAddrPort("127.0.0.1:9")
		if _, err := send.Send([]Packet{{Data: udp4(dst.Addr(), dst, 9), Dst: netip.AddrPortFrom(dst.Addr(), 0)}}); err != nil {
			t.Fatal(err)
		}
		udp := 0
		for _, d := range receive(t, got.Port, NewDatagrams(10, 2000), 2) { // the probe and port unreachable
			if d.Outgoing {
				t.Error("an outgoing packet on loopback")
			}
			if d.Data[14+9] == 17 {
				udp++
			}
		}
		if udp != 1 {
			t.Errorf("the probe was seen %d times", udp)
		}
	}
}

// All interfaces at once: no link header.
func TestDatalinkAny(t *testing.T) {
	f := newFar(t)
	recv := f.port(t, Key{Kind: Datalink})
	send := f.port(t, Key{Kind: RawIP})
	b := make([]byte, 84)
	dst := echo(b, f.src, 5)
	if _, err := send.Send([]Packet{{Data: b, Dst: netip.AddrPortFrom(dst, 0)}}); err != nil {
		t.Fatal(err)
	}
	icmp := 0
	for end := time.Now().Add(5 * time.Second); icmp < 2 && time.Now().Before(end); {
		into := NewDatagrams(10, 2000)
		n, err := recv.Recv(into)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range into[:n] {
			if d.Data[0] == 0x45 && d.Data[9] == 1 && d.IfIndex == int32(f.link.A.Index) {
				icmp++
			}
		}
	}
	if icmp != 2 {
		t.Errorf("%d ICMP packets, want request and reply", icmp)
	}
}
