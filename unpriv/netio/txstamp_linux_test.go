package netio

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stamped sends each packet with one call, and checks that the kernel stamped all of them in time.
func stamped(t *testing.T, p Port, batch []Packet) []Stamp {
	t.Helper()
	tx := p.(*socketPort).transmit
	if tx == nil {
		t.Fatal("the kernel was not asked to stamp")
	}
	stamps, first := make([]Stamp, len(batch)), tx.next
	for i := range batch {
		batch[i].Sent = &stamps[i]
		before := StampOf(time.Now())
		if n, err := p.Send(batch[i : i+1]); n != 1 || err != nil {
			t.Fatalf("packet %d: Send = %d, %v", i, n, err)
		}
		if after := StampOf(time.Now()); stamps[i] < before || stamps[i] > after {
			t.Errorf("packet %d: stamp %d is not between %d and %d", i, stamps[i], before, after)
		}
		if tx.owed != 0 {
			t.Fatalf("packet %d: the kernel owes %d stamps", i, tx.owed)
		}
	}
	if got := int(tx.next - first); got != len(batch) {
		t.Errorf("numbers of %d packets moved by %d", len(batch), got)
	}
	return stamps
}

func TestTransmitStamps(t *testing.T) {
	for family, addr := range loopback {
		t.Run("UDP over IPv"+family, func(t *testing.T) {
			o := testOpener(t, 1)
			o.transmit = true
			a := o.must(t, Key{Kind: UDP, Src: netip.AddrPortFrom(addr, 0)})
			b := o.must(t, Key{Kind: UDP, Src: netip.AddrPortFrom(addr, 0)})
			const n = 20
			batch := make([]Packet, n)
			for i := range batch {
				batch[i] = Packet{Data: []byte("probe"), Dst: b.Local, HopLimit: uint8(i)}
			}
			stamps := stamped(t, a.Port, batch)
			for i, d := range receive(t, b.Port, NewDatagrams(n, 100), n) {
				if !d.Kernel || d.Stamp < stamps[i] || i > 1 && d.HopLimit != int16(i) {
					t.Errorf("packet %d left at %d and came at %d (kernel's %v), hop limit %d", i, stamps[i], d.Stamp, d.Kernel, d.HopLimit)
				}
			}
		})
	}
	f := newFar(t)
	f.open.transmit = true
	b := make([]byte, 84)
	dst := echo(b, f.src, 1000)
	t.Run("ICMP", func(t *testing.T) {
		p := f.port(t, Key{Kind: ICMP, Src: netip.AddrPortFrom(f.src, 0)})
		stamped(t, p, slices.Repeat([]Packet{{Data: b, Dst: netip.AddrPortFrom(dst, 0)}}, 5))
	})
	t.Run("ICMPv6", func(t *testing.T) {
		p := f.port(t, Key{Kind: ICMP, Src: netip.AddrPortFrom(f.link.A.Addr6, 0)})
		stamped(t, p, slices.Repeat([]Packet{{Data: icmp6Echo(1), Dst: netip.AddrPortFrom(f.link.B.Addr6, 0)}}, 5))
	})
	t.Run("datalink", func(t *testing.T) {
		p := f.port(t, Key{Kind: Datalink, IfIndex: int32(f.link.A.Index)})
		stamped(t, p, slices.Repeat([]Packet{{Data: append(make([]byte, 12, 14+84), append([]byte{8, 0}, b...)...)}}, 5))
	})
}

// A stamp that comes after the call says nothing of the next packet, and does not stay in the socket, which would be
// readable for ever.
func TestLateTransmitStamp(t *testing.T) {
	o := testOpener(t, 1)
	o.transmit = true
	a := o.must(t, Key{Kind: UDP, Src: netip.AddrPortFrom(loopback["4"], 0)})
	b := o.must(t, Key{Kind: UDP, Src: netip.AddrPortFrom(loopback["4"], 0)})
	p := a.Port.(*socketPort)
	late := func() {
		t.Helper()
		var control control
		n := p.transmit.ask(control.b[:])
		to := unix.SockaddrInet4{Port: int(b.Local.Port()), Addr: b.Local.Addr().As4()}
		if err := unix.Sendmsg(p.fd, []byte("late"), control.b[:n], &to, 0); err != nil {
			t.Fatal(err)
		}
		p.transmit.owed++
		p.transmit.next++
	}
	late()
	time.Sleep(time.Millisecond)
	stamped(t, p, []Packet{{Data: []byte("probe"), Dst: b.Local}, {Data: []byte("probe"), Dst: b.Local}})

	late()
	before := time.Now()
	if got := p.transmit.sent(p.fd, before); got != StampOf(before) {
		t.Errorf("another packet's stamp %d was taken, want %d", got, StampOf(before))
	}

	late()
	var into [1]Datagram
	into[0] = NewDatagrams(1, 100)[0]
	if n, err := p.Recv(into[:]); n != 0 || err != nil {
		t.Fatalf("Recv = %d, %v", n, err)
	}
	fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
	if n, err := unix.Poll(fds, 0); n != 0 || err != nil {
		t.Errorf("after Recv: %d ready (%#x), %v", n, fds[0].Revents, err)
	}
}
