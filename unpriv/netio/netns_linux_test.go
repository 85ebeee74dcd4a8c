package netio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scamper/shared/packet"
	"scamper/testkit"
	"scamper/unpriv/loop"
)

// What needs root: raw and packet sockets between two network namespaces,
//
//	near eth0 10.0.1.1 fd00:1::1 ---- 10.0.1.2 fd00:1::2 eth0 far

// icmp6Echo is an echo request without its checksum, which the kernel fills in.
func icmp6Echo(seq uint16) []byte {
	b := make([]byte, 64)
	b[0] = 128
	binary.BigEndian.PutUint16(b[4:], 0x1234)
	binary.BigEndian.PutUint16(b[6:], seq)
	return b
}

func TestICMP4(t *testing.T) {
	f := newFar(t)
	f.open.perCall = 3
	p := f.port(t, Key{Kind: ICMP, Src: netip.AddrPortFrom(f.src, 0)})
	const n = 20
	batch, stamps, want := make([]Packet, n), make([]Stamp, n), make([]netip.Addr, n)
	for i := range batch {
		b := make([]byte, 84)
		want[i] = echo(b, f.src, uint32(i*1000))
		batch[i] = Packet{Data: b, Dst: netip.AddrPortFrom(want[i], 0), Sent: &stamps[i]}
	}
	if sent, err := p.Send(batch); sent != n || err != nil {
		t.Fatalf("Send = %d, %v", sent, err)
	}
	for i, d := range receive(t, p, NewDatagrams(n+1, 200), n) {
		if d.Src.Addr() != want[i] || d.Dst != f.src || d.IfIndex != int32(f.link.A.Index) {
			t.Errorf("reply %d from %v to %v on %d", i, d.Src, d.Dst, d.IfIndex)
		}
		if d.Size != 84 || d.Data[0] != 0x45 || d.Data[20] != 0 || !bytes.Equal(d.Data[24:84], batch[i].Data[24:84]) {
			t.Errorf("reply %d: %x", i, d.Data)
		}
		if !d.Kernel || d.Stamp.Sub(stamps[i]) > time.Minute {
			t.Errorf("reply %d: stamp %d, kernel's %v", i, d.Stamp, d.Kernel)
		}
	}
}

// Requests to us are not replies: the filter must keep them out.
func TestICMPFilter(t *testing.T) {
	f := newFar(t)
	far := opener{
		handles: direct{f.link.B.Namespace.Do}, scratch: newScratch(1, 8), perCall: 1, receive: 1 << 16,
		filter: func(packet.LinkType) *Filter { return Everything() }, onError: func(err error) { t.Log(err) },
	}
	for _, c := range []struct {
		name     string
		near     netip.Addr
		far      netip.Addr
		packet   func(kind byte) []byte
		accepted []byte
		at       int // of the type in what is received
	}{
		{"ICMP", f.src, f.link.B.Addr4, func(kind byte) []byte {
			b := make([]byte, 84)
			echo(b, f.link.B.Addr4, 0)
			dst := f.src.As4()
			copy(b[16:], dst[:])
			b[20], b[22], b[23] = kind, 0, 0
			binary.BigEndian.PutUint16(b[22:], checksum(b[20:]))
			return b
		}, []byte{0, 3, 11, 12, 14}, 20},
		{"ICMPv6", f.link.A.Addr6, f.link.B.Addr6, func(kind byte) []byte {
			b := icmp6Echo(1)
			b[0] = kind
			return b
		}, []byte{1, 2, 3, 129}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := far.open(Key{Kind: ICMP, Src: netip.AddrPortFrom(c.far, 0)})
			if err != nil {
				t.Fatal(err)
			}
			defer got.Port.Close()
			p := f.port(t, Key{Kind: ICMP, Src: netip.AddrPortFrom(c.near, 0)})
			for kind := range 150 {
				// Those that the kernel would act on: redirect, neighbour discovery.
				if c.at == 20 && kind == 5 || c.at == 0 && kind >= 133 && kind <= 137 {
					continue
				}
				if _, err := got.Port.Send([]Packet{{Data: c.packet(byte(kind)), Dst: netip.AddrPortFrom(c.near, 0)}}); err != nil {
					t.Fatalf("type %d: %v", kind, err)
				}
			}
			var kinds []byte
			for _, d := range receive(t, p, NewDatagrams(200, 200), len(c.accepted)) {
				kinds = append(kinds, d.Data[c.at])
			}
			if !slices.Equal(kinds, c.accepted) {
				t.Errorf("types %v passed, want %v", kinds, c.accepted)
			}
			if more, err := p.Recv(NewDatagrams(10, 200)); more != 0 || err != nil {
				t.Errorf("%d more, %v", more, err)
			}
		})
	}
}

func TestICMP6(t *testing.T) {
	f := newFar(t)
	capture := f.link.B.Namespace.Capture(f.link.B.Interface)
	p := f.port(t, Key{Kind: ICMP, Src: netip.AddrPortFrom(f.link.A.Addr6, 0)})
	dst := netip.AddrPortFrom(f.link.B.Addr6, 0)
	batch := []Packet{
		{Data: icmp6Echo(1), Dst: dst},
		{Data: icmp6Echo(2), Dst: dst, HopLimit: 3},
		{Data: icmp6Echo(3), Dst: dst, TClass: 0xb8},
		{Data: icmp6Echo(4), Dst: dst, HopLimit: 255, TClass: 4},
		{Data: append(icmp6Echo(5), make([]byte, 1300)...), Dst: dst},
	}
	if sent, err := p.Send(batch); sent != len(batch) || err != nil {
		t.Fatalf("Send = %d, %v", sent, err)
	}
	for i, d := range receive(t, p, NewDatagrams(10, 2000), len(batch)) {
		if d.Src != dst || d.Dst != f.link.A.Addr6 || d.IfIndex != int32(f.link.A.Index) || d.HopLimit != 64 || d.TClass < 0 {
			t.Errorf("reply %d from %v to %v on %d, hop limit %d, class %d", i, d.Src, d.Dst, d.IfIndex, d.HopLimit, d.TClass)
		}
		if d.Data[0] != 129 || d.Data[7] != byte(i+1) || d.Size != len(batch[i].Data) || !d.Kernel {
			t.Errorf("reply %d of %d bytes: %x", i, d.Size, d.Data[:8])
		}
	}
	// Longer than the interface's MTU: refused here, not cut in fragments.
	tooLong := Packet{Data: append(icmp6Echo(6), make([]byte, 1500)...), Dst: dst}
	if sent, err := p.Send([]Packet{tooLong}); sent != 0 || !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("Send of a packet longer than the MTU = %d, %v", sent, err)
	}
	// What the kernel learnt about the path does not stop a probe.
	f.link.A.Namespace.IP("route add fd00:9::/64 via " + f.link.B.Addr6.String() + " mtu 1280")
	long := Packet{Data: append(icmp6Echo(7), make([]byte, 1300)...), Dst: netip.MustParseAddrPort("[fd00:9::1]:0")}
	if sent, err := p.Send([]Packet{long}); sent != 1 || err != nil {
		t.Errorf("Send of a packet longer than the path MTU = %d, %v", sent, err)
	}
	type header struct{ hops, class byte }
	var seen []header
	for _, c := range capture.Stop() {
		if b := c.IP(); len(b) >= 48 && b[0]>>4 == 6 && b[6] == 58 && b[40] == 128 && b[47] != 7 {
			seen = append(seen, header{b[7], b[0]<<4 | b[1]>>4})
		}
	}
	if want := []header{{64, 0}, {3, 0}, {64, 0xb8}, {255, 4}, {64, 0}}; !slices.Equal(seen, want) {
		t.Errorf("on the wire: %v, want %v", seen, want)
	}
}

func TestLinkLocal(t *testing.T) {
	f := newFar(t)
	local := func(l testkit.End) netip.Addr {
		m := l.MAC
		return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]})
	}
	src, dst := local(f.link.A), local(f.link.B)
	index := int32(f.link.A.Index)
	p := f.port(t, Key{Kind: ICMP, Src: netip.AddrPortFrom(src, 0), IfIndex: index})
	zoned := netip.AddrPortFrom(dst.WithZone(fmt.Sprint(index)), 0)
	if sent, err := p.Send([]Packet{
		{Data: icmp6Echo(1), Dst: netip.AddrPortFrom(dst, 0), IfIndex: index},
		{Data: icmp6Echo(2), Dst: zoned},
	}); sent != 2 || err != nil {
		t.Fatalf("Send = %d, %v", sent, err)
	}
	for i, d := range receive(t, p, NewDatagrams(3, 100), 2) {
		if d.Src.Addr() != dst || d.IfIndex != index {
			t.Errorf("reply %d from %v on %d", i, d.Src, d.IfIndex)
		}
	}
	if sent, err := p.Send([]Packet{{Data: icmp6Echo(3), Dst: netip.AddrPortFrom(dst.WithZone("nowhere"), 0)}}); sent != 0 || err == nil {
		t.Errorf("Send into an unknown zone = %d, %v", sent, err)
	}
}

func TestRefusalsInNamespace(t *testing.T) {
	f := newFar(t)
	for _, c := range []struct {
		key  Key
		want string
	}{
		{Key{Kind: ICMP, Src: netip.MustParseAddrPort("9.9.9.9:0")}, "could not bind icmp4 9.9.9.9: Cannot assign requested address"},
		{Key{Kind: ICMP, Src: netip.MustParseAddrPort("[2001:db8::1]:0")}, "could not bind icmp6 2001:db8::1: Cannot assign requested address"},
		{Key{Kind: RawUDP, Src: netip.MustParseAddrPort("9.9.9.9:0")}, "could not bind udp4raw 9.9.9.9: Cannot assign requested address"},
	} {
		if _, err := f.open.open(c.key); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	if _, err := f.open.open(Key{Kind: Datalink, IfIndex: 999}); !errors.Is(err, unix.ENODEV) {
		t.Errorf("unknown interface: %v", err)
	}
	p := f.port(t, Key{Kind: ICMP, Src: netip.AddrPortFrom(f.src, 0)})
	b := make([]byte, 84)
	echo(b, f.src, 0)
	if sent, err := p.Send([]Packet{{Data: b, Dst: netip.MustParseAddrPort("203.0.113.1:0")}}); sent != 0 || !errors.Is(err, unix.ENETUNREACH) {
		t.Errorf("Send without a route = %d, %v", sent, err)
	}
}

// What is said of a refused packet is its whole size, whichever headers the kernel would have made.
func TestRefusedSize(t *testing.T) {
	f := newFar(t)
	const size = 1 << 17
	for _, c := range []struct {
		kind   Kind
		family string
		before int
	}{{ICMP, "4", 0}, {ICMP, "6", 40}, {UDP, "4", 20 + 8}, {UDP, "6", 40 + 8}} {
		addr := loopback[c.family]
		p := f.port(t, Key{Kind: c.kind, Src: netip.AddrPortFrom(addr, 0)})
		dst := netip.AddrPortFrom(addr, 0)
		if c.kind == UDP {
			dst = netip.AddrPortFrom(addr, 9)
		}
		_, err := p.Send([]Packet{{Data: make([]byte, size-c.before), Dst: dst}})
		if want := fmt.Sprintf("send %d bytes to %v: Message too long", size, addr); err == nil || err.Error() != want {
			t.Errorf("%v over IPv%s: %v, want %s", c.kind, c.family, err, want)
		}
	}
}

// udp4 is a UDP packet with its IP header, without checksum.
func udp4(src netip.Addr, dst netip.AddrPort, sport uint16) []byte {
	b := make([]byte, 32)
	s, d := src.As4(), dst.Addr().As4()
	b[0], b[8], b[9] = 0x45, 7, 17
	binary.BigEndian.PutUint16(b[2:], 32)
	copy(b[12:], s[:])
	copy(b[16:], d[:])
	binary.BigEndian.PutUint16(b[20:], sport)
	binary.BigEndian.PutUint16(b[22:], dst.Port())
	binary.BigEndian.PutUint16(b[24:], 12)
	copy(b[28:], "ping")
	return b
}

func TestRawUDPAndRawIP(t *testing.T) {
	f := newFar(t)
	f.link.B.Namespace.EchoUDP(7)
	dst := netip.AddrPortFrom(f.link.B.Addr4, 7)
	var reply Opened
	f.link.A.Namespace.Do(func() {
		var err error
		if reply, err = f.open.open(Key{Kind: UDP, Src: netip.AddrPortFrom(f.src, 0)}); err != nil {
			t.Fatal(err)
		}
	})
	defer reply.Port.Close()
	for _, key := range []Key{{Kind: RawUDP, Src: netip.AddrPortFrom(f.src, 0)}, {Kind: RawIP}} {
		p := f.port(t, key)
		packet := Packet{Data: udp4(f.src, dst, reply.Local.Port()), Dst: netip.AddrPortFrom(dst.Addr(), 0)}
		if sent, err := p.Send([]Packet{packet}); sent != 1 || err != nil {
			t.Fatalf("%v: Send = %d, %v", key.Kind, sent, err)
		}
		d := receive(t, reply.Port, NewDatagrams(2, 100), 1)[0]
		if d.Src != dst || string(d.Data) != "ping" {
			t.Errorf("%v: %q from %v", key.Kind, d.Data, d.Src)
		}
		if n, err := p.Recv(NewDatagrams(1, 100)); n != 0 || err != nil || p.Drops() != 0 {
			t.Errorf("%v: Recv = %d, %v", key.Kind, n, err)
		}
	}
}

// TestPathMTU4 is what TestICMP6 has for IPv6: what the kernel learnt about the path does not stop a probe.
func TestPathMTU4(t *testing.T) {
	f := newFar(t)
	f.link.A.Namespace.IP("route add 10.99.0.0/16 via " + f.link.B.Addr4.String() + " mtu 1280")
	dst := netip.MustParseAddr("10.99.0.1")
	for _, key := range []Key{
		{Kind: ICMP, Src: netip.AddrPortFrom(f.src, 0)}, {Kind: RawUDP, Src: netip.AddrPortFrom(f.src, 0)}, {Kind: RawIP},
	} {
		p := f.port(t, key)
		for size, want := range map[int]error{1281: nil, 1500: nil, 1501: unix.EMSGSIZE} {
			b := append(udp4(f.src, netip.AddrPortFrom(dst, 7), 7), make([]byte, size)...)[:size]
			binary.BigEndian.PutUint16(b[2:], uint16(size))
			b[6] = 0x40 // don't fragment
			sent, err := p.Send([]Packet{{Data: b, Dst: netip.AddrPortFrom(dst, 0)}})
			if !errors.Is(err, want) || sent == 1 != (want == nil) {
				t.Errorf("%v: Send of %d bytes = %d, %v", key.Kind, size, sent, err)
			}
		}
	}
}

func TestPingAllocs(t *testing.T) {
	f := newFar(t)
	p := f.port(t, Key{Kind: ICMP, Src: netip.AddrPortFrom(f.src, 0)})
	ring := func() Port {
		f.open.ring = &Ring{}
		return f.port(t, Key{Kind: Datalink, IfIndex: int32(f.link.A.Index)})
	}()
	p6 := f.port(t, Key{Kind: ICMP, Src: netip.AddrPortFrom(f.link.A.Addr6, 0)})
	const n = 16
	batch, batch6, stamps := make([]Packet, n), make([]Packet, n), make([]Stamp, n)
	for i := range batch {
		b := make([]byte, 84)
		batch[i] = Packet{Data: b, Dst: netip.AddrPortFrom(echo(b, f.src, uint32(i)), 0), Sent: &stamps[i]}
		batch6[i] = Packet{Data: icmp6Echo(uint16(i)), Dst: netip.AddrPortFrom(f.link.B.Addr6, 0), HopLimit: 9, Sent: &stamps[i]}
	}
	into := NewDatagrams(64, 200)
	for name, once := range map[string]func(){
		"IPv4": func() { exchange(t, p, batch, into) },
		"IPv6": func() { exchange(t, p6, batch6, into) },
		"ring": func() {
			if _, err := ring.Recv(into); err != nil {
				t.Fatal(err)
			}
		},
	} {
		once()
		if got := testing.AllocsPerRun(100, once); got != 0 {
			t.Errorf("%s: %v allocations per batch of %d, want 0", name, got, n)
		}
	}
}

func exchange(t *testing.T, p Port, batch []Packet, into []Datagram) {
	if sent, err := p.Send(batch); sent != len(batch) || err != nil {
		t.Fatalf("Send = %d, %v", sent, err)
	}
	if _, err := p.Recv(into); err != nil {
		t.Fatal(err)
	}
	_ = p.Drops()
}

// pinger is a receiver that counts and stops the loop.
type pinger struct {
	l    *loop.Loop
	left int
	from []netip.Addr
}

func (p *pinger) Receive(_ *Socket, batch []Datagram) {
	for _, d := range batch {
		p.from = append(p.from, d.Src.Addr())
		if p.left--; p.left == 0 {
			p.l.Stop()
		}
	}
}

// The registry, the loop and a real poller together, with each poll function.
func TestSocketsOnLoop(t *testing.T) {
	for _, kind := range loop.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			f := newFar(t)
			poller, err := loop.New(kind)
			if err != nil {
				t.Fatal(err)
			}
			l := loop.NewLoop(poller, nil)
			defer l.Close()
			got := &pinger{l: l, left: 200}
			s, err := NewSockets(Config{
				Loop: l, Handles: direct{f.link.A.Namespace.Do}, Receiver: got,
				OnError: func(err error) { t.Error(err) },
			})
			if err != nil {
				t.Fatal(err)
			}
			socket, err := s.ICMP(f.src, 0)
			if err != nil {
				t.Fatal(err)
			}
			var want []netip.Addr
			for i := range uint32(got.left) {
				b := make([]byte, 84)
				dst := echo(b, f.src, i)
				want = append(want, dst)
				if _, err := socket.Send([]Packet{{Data: b, Dst: netip.AddrPortFrom(dst, 0)}}); err != nil {
					t.Fatal(err)
				}
			}
			give := &late{l: l, t: t}
			give.Expirer = give
			l.Timers.Set(&give.Timer, l.Now().Add(10*time.Second))
			if err := l.Run(); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.from, want) {
				t.Errorf("replies from %v", got.from)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

type late struct {
	loop.Timer
	l *loop.Loop
	t *testing.T
}

func (x *late) Expire(loop.Mono) {
	x.t.Error("replies did not come")
	x.l.Stop()
}

// TestSplit has each kind of socket send on a goroutine of its own while it receives on this one.
func TestSplit(t *testing.T) {
	f := newFar(t)
	f.link.A.Namespace.IP("route add 10.99.0.0/16 via " + f.link.B.Addr4.String())
	dst := netip.MustParseAddr("10.99.0.1")
	src := netip.AddrPortFrom(f.src, 0)
	for _, key := range []Key{
		{Kind: ICMP, Src: src},
		{Kind: RawUDP, Src: src},
		{Kind: RawIP},
		{Kind: Datalink, IfIndex: int32(f.link.A.Index)},
	} {
		s := &Socket{Port: f.port(t, key)}
		if !s.Split() {
			t.Errorf("%v: not split", key.Kind)
		}
		if key.Kind == Datalink {
			continue // a frame wants the neighbour's address
		}
		sent := make(chan error)
		go func() {
			for range 100 {
				if _, err := s.Send([]Packet{{Data: udp4(f.src, netip.AddrPortFrom(dst, 7), 7), Dst: netip.AddrPortFrom(dst, 7)}}); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		batch := NewDatagrams(8, 2048)
		for range 100 {
			if _, err := s.Recv(batch); err != nil {
				t.Errorf("%v: %v", key.Kind, err)
				break
			}
		}
		if err := <-sent; err != nil {
			t.Errorf("%v: %v", key.Kind, err)
		}
	}
	if (&Socket{Port: &reserved{}}).Split() {
		t.Error("a port that cannot send was split")
	}
}
