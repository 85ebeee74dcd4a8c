package netio

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"scamper/shared/packet"
	"scamper/unpriv/loop"
)

// What needs no privilege: UDP and TCP sockets on the loopback interface.

func testOpener(tb testing.TB, perCall int) *opener {
	return &opener{
		handles: direct{}, scratch: newScratch(perCall, 64), perCall: perCall, receive: DefaultReceive,
		filter:  func(packet.LinkType) *Filter { return Everything() },
		onError: func(err error) { tb.Log(err) },
	}
}

func (o *opener) must(tb testing.TB, key Key) Opened {
	tb.Helper()
	got, err := o.open(key)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = got.Port.Close() })
	return got
}

// receive polls until n datagrams are there or some seconds have passed.
func receive(tb testing.TB, p Port, into []Datagram, n int) []Datagram {
	tb.Helper()
	poller, err := loop.New(loop.Poll)
	if err != nil {
		tb.Fatal(err)
	}
	defer poller.Close()
	if err := poller.Add(p.FD(), loop.Readable); err != nil {
		tb.Fatal(err)
	}
	got := 0
	for end := time.Now().Add(5 * time.Second); got < n && time.Now().Before(end); {
		var ready [1]loop.Ready
		if _, err := poller.Wait(ready[:], 100*time.Millisecond); err != nil {
			tb.Fatal(err)
		}
		k, err := p.Recv(into[got:])
		if err != nil {
			tb.Fatal(err)
		}
		got += k
	}
	if got != n {
		tb.Fatalf("received %d datagrams, want %d", got, n)
	}
	return into[:got]
}

var loopback = map[string]netip.Addr{"4": netip.MustParseAddr("127.0.0.1"), "6": netip.MustParseAddr("::1")}

func TestUDP(t *testing.T) {
	for family, addr := range loopback {
		for _, perCall := range []int{1, 7} {
			t.Run(family, func(t *testing.T) {
				o := testOpener(t, perCall)
				a := o.must(t, Key{Kind: UDP, Src: netip.AddrPortFrom(addr, 0)})
				b := o.must(t, Key{Kind: UDP, Src: netip.AddrPortFrom(addr, 0)})
				const n = 30
				batch, stamps := make([]Packet, n), make([]Stamp, n)
				for i := range batch {
					batch[i] = Packet{Data: []byte{byte(i), 1, 2}[:1+i%3], Dst: b.Local, Sent: &stamps[i]}
					if i >= 10 {
						batch[i].HopLimit, batch[i].TClass = uint8(i), uint8(4*i)
					}
				}
				batch[29].Data = nil
				before := StampOf(time.Now())
				if sent, err := a.Port.Send(batch); sent != n || err != nil {
					t.Fatalf("Send = %d, %v", sent, err)
				}
				after := StampOf(time.Now())
				if !slices.IsSorted(stamps) || stamps[0] < before || stamps[n-1] > after {
					t.Errorf("stamps %v are not between %d and %d", stamps, before, after)
				}
				for i, d := range receive(t, b.Port, NewDatagrams(n+1, 2), n) {
					want := batch[i].Data[:min(2, len(batch[i].Data))]
					if diff := cmp.Diff(append([]byte{}, want...), append([]byte{}, d.Data...)); diff != "" {
						t.Errorf("datagram %d (-want +got):\n%s", i, diff)
					}
					if d.Size != len(batch[i].Data) || d.Src != a.Local || d.Dst != addr || d.IfIndex != 1 {
						t.Errorf("datagram %d: size %d from %v to %v on %d", i, d.Size, d.Src, d.Dst, d.IfIndex)
					}
					if !d.Kernel || d.Stamp < before || d.Stamp > StampOf(time.Now()) {
						t.Errorf("datagram %d: stamp %d, kernel's %v", i, d.Stamp, d.Kernel)
					}
					if i >= 10 && (d.HopLimit != int16(i) || d.TClass != int16(4*i)) {
						t.Errorf("datagram %d: hop limit %d, class %d", i, d.HopLimit, d.TClass)
					}
					if i < 10 && (d.HopLimit != 64 || d.TClass != 0) {
						t.Errorf("datagram %d without options: hop limit %d, class %d", i, d.HopLimit, d.TClass)
					}
				}
				if got := b.Port.Drops(); got != 0 {
					t.Errorf("Drops = %d", got)
				}
			})
		}
	}
}

// A batch in which some packets are refused: which, why, and that the others
// go out in order.
func TestSendRefusals(t *testing.T) {
	for _, perCall := range []int{1, 4, 64} {
		o := testOpener(t, perCall)
		a := o.must(t, Key{Kind: UDP, Src: netip.AddrPortFrom(loopback["4"], 0)})
		b := o.must(t, Key{Kind: UDP, Src: netip.AddrPortFrom(loopback["4"], 0)})
		good := Packet{Data: []byte("good"), Dst: b.Local}
		tooLong := Packet{Data: make([]byte, 66000), Dst: b.Local}
		wrongFamily := Packet{Data: []byte("x"), Dst: netip.MustParseAddrPort("[::1]:9")}
		batch := []Packet{good, tooLong, good, wrongFamily, wrongFamily, good, tooLong}
		refused := map[int]error{}
		for at := 0; at < len(batch); {
			n, err := a.Port.Send(batch[at:])
			if (err == nil) != (at+n == len(batch)) {
				t.Fatalf("Send of %d = %d, %v", len(batch)-at, n, err)
			}
			at += n
			if err != nil {
				refused[at] = err
				at++
			}
		}
		want := map[int]error{1: unix.EMSGSIZE, 3: unix.EAFNOSUPPORT, 4: unix.EAFNOSUPPORT, 6: unix.EMSGSIZE}
		if len(refused) != len(want) {
			t.Errorf("per call %d: refused %v", perCall, refused)
		}
		for i, err := range want {
			if !errors.Is(refused[i], err) {
				t.Errorf("per call %d: packet %d: %v, want %v", perCall, i, refused[i], err)
			}
		}
		receive(t, b.Port, NewDatagrams(10, 10), 3)
	}
}

func TestSendFull(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[1])
	for _, perCall := range []int{1, 8} {
		p := testOpener(t, perCall).bare(fds[0], byNone)
		batch := make([]Packet, 4000)
		for i := range batch {
			batch[i].Data = []byte("frame")
		}
		n, err := p.Send(batch)
		if !errors.Is(err, ErrFull) || n >= len(batch) {
			t.Errorf("per call %d: Send = %d, %v", perCall, n, err)
		}
		for range n {
			var b [8]byte
			if _, err := unix.Read(fds[1], b[:]); err != nil {
				t.Fatalf("packet counted as sent is not there: %v", err)
			}
		}
	}
	_ = unix.Close(fds[0])
}

func TestDrops(t *testing.T) {
	o := testOpener(t, 1)
	a := o.must(t, Key{Kind: UDP, Src: netip.AddrPortFrom(loopback["4"], 0)})
	b := o.must(t, Key{Kind: UDP, Src: netip.AddrPortFrom(loopback["4"], 0)})
	const n = 5000
	for range n {
		if _, err := a.Port.Send([]Packet{{Data: []byte("x"), Dst: b.Local}}); err != nil {
			t.Fatal(err)
		}
	}
	into, got := NewDatagrams(64, 10), 0
	for {
		k, err := b.Port.Recv(into)
		if err != nil {
			t.Fatal(err)
		}
		if got += k; k == 0 {
			break
		}
	}
	for range 2 { // asking again counts nothing twice
		if lost := b.Port.Drops(); got == n || got+int(lost) != n {
			t.Errorf("%d received and %d dropped of %d", got, lost, n)
		}
	}
}

func TestBindRefusals(t *testing.T) {
	o := testOpener(t, 1)
	busy := o.must(t, Key{Kind: UDP, Src: netip.AddrPortFrom(loopback["4"], 0)})
	tcp := o.must(t, Key{Kind: TCP, Src: netip.AddrPortFrom(netip.IPv4Unspecified(), 0)})
	if tcp.Local.Port() == 0 {
		t.Error("no port for TCP")
	}
	for _, c := range []struct {
		key  Key
		want string
	}{
		{Key{Kind: UDP, Src: netip.MustParseAddrPort("9.9.9.9:56090")}, "could not bind udp4dgram 9.9.9.9:56090: Cannot assign requested address"},
		{Key{Kind: UDP, Src: netip.MustParseAddrPort("[2001:db8::1]:56090")}, "could not bind udp6dgram [2001:db8::1]:56090: Cannot assign requested address"},
		{Key{Kind: TCP, Src: netip.MustParseAddrPort("9.9.9.9:56090")}, "could not bind tcp4 9.9.9.9:56090: Cannot assign requested address"},
		{Key{Kind: UDP, Src: busy.Local}, "could not bind udp4dgram " + busy.Local.String() + ": Address already in use"},
		{Key{Kind: TCP, Src: tcp.Local}, "could not bind tcp4 " + tcp.Local.String() + ": Address already in use"},
	} {
		_, err := o.open(c.key)
		if err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
		var bind *BindError
		if !errors.As(err, &bind) || bind.Errno == 0 {
			t.Errorf("%v holds no errno", err)
		}
	}
	if _, err := tcp.Port.Send([]Packet{{}}); err == nil {
		t.Error("a port that is only reserved sends")
	}
}

func TestSocketAllocs(t *testing.T) {
	for family, addr := range loopback {
		for _, perCall := range []int{1, 16} {
			o := testOpener(t, perCall)
			a := o.must(t, Key{Kind: UDP, Src: netip.AddrPortFrom(addr, 0)})
			b := o.must(t, Key{Kind: UDP, Src: netip.AddrPortFrom(addr, 0)})
			const n = 32
			batch, stamps, into := make([]Packet, n), make([]Stamp, n), NewDatagrams(64, 100)
			for i := range batch {
				batch[i] = Packet{Data: []byte("probe"), Dst: b.Local, HopLimit: 9, Sent: &stamps[i]}
			}
			once := func() {
				if sent, err := a.Port.Send(batch); sent != n || err != nil {
					t.Fatalf("Send = %d, %v", sent, err)
				}
				if got, err := b.Port.Recv(into); got != n || err != nil {
					t.Fatalf("Recv = %d, %v", got, err)
				}
				_ = b.Port.Drops()
			}
			once()
			if got := testing.AllocsPerRun(200, once); got != 0 {
				t.Errorf("IPv%s, %d per call: %v allocations per batch of %d, want 0", family, perCall, got, n)
			}
		}
	}
}

func TestStampsInterpolated(t *testing.T) {
	var stamps [4]Stamp
	sent := make([]Packet, 5)
	for i := range stamps {
		sent[i].Sent = &stamps[i] // the fifth does not ask
	}
	at := time.Now()
	stamp(sent, at, at.Add(500))
	start := StampOf(at)
	if want := [4]Stamp{start, start + 100, start + 200, start + 300}; stamps != want {
		t.Errorf("stamps %v, want %v", stamps, want)
	}
}

// The kernel writes control messages, but what it writes is not ours.
func FuzzReadControl(f *testing.F) {
	var b [64]byte
	n := putControl(b[:], unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, 7)
	n += putControl(b[n:], unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 9)
	f.Add(b[:n])
	f.Fuzz(func(t *testing.T, b []byte) {
		aligned := append(make([]byte, 0, len(b)+16), b...)
		var p socketPort
		d := Datagram{HopLimit: Unknown, TClass: Unknown}
		p.readControl(&d, aligned)
		for _, v := range []int16{d.HopLimit, d.TClass} {
			if v < Unknown || v > 255 {
				t.Errorf("value %d out of range", v)
			}
		}
	})
}

func TestControlRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		var b [128]byte
		hops, class, lost := int32(r.IntN(256)), int32(r.IntN(256)), r.Uint32()
		n := putControl(b[:], unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, hops)
		n += putControl(b[n:], unix.IPPROTO_IPV6, unix.IPV6_TCLASS, class)
		n += putControl(b[n:], unix.SOL_SOCKET, unix.SO_RXQ_OVFL, int32(lost))
		p := socketPort{overflow: lost - 5} // wraps now and then
		d := Datagram{HopLimit: Unknown, TClass: Unknown}
		p.readControl(&d, b[:n])
		if d.HopLimit != int16(hops) || d.TClass != int16(class) || p.drops != 5 {
			t.Fatalf("read %d, %d, %d; want %d, %d, 5", d.HopLimit, d.TClass, p.drops, hops, class)
		}
	}
}

// block builds a ring of one block that holds frames.
func block(frames ...string) *ringPort {
	r := &ringPort{socketPort: &socketPort{}, mem: make([]byte, 4096), block: 4096, blocks: 1}
	h := r.header(0)
	h.Block_status, h.Num_pkts, h.Offset_to_first_pkt = unix.TP_STATUS_USER, uint32(len(frames)), 48
	at := 48
	for i, f := range frames {
		const dataAt = 96
		binary.NativeEndian.PutUint32(r.mem[at:], dataAt+64)           // next offset
		binary.NativeEndian.PutUint32(r.mem[at+4:], uint32(i+1))       // seconds
		binary.NativeEndian.PutUint32(r.mem[at+12:], uint32(len(f)))   // captured
		binary.NativeEndian.PutUint32(r.mem[at+16:], uint32(len(f)+1)) // on the wire
		binary.NativeEndian.PutUint16(r.mem[at+24:], dataAt)
		copy(r.mem[at+dataAt:], f)
		at += dataAt + 64
	}
	return r
}

func TestRingBlocks(t *testing.T) {
	r := block("one", "two", "three")
	into := make([]Datagram, 2)
	n, err := r.Recv(into)
	if n != 2 || err != nil || string(into[0].Data) != "one" || string(into[1].Data) != "two" || into[1].Size != 4 {
		t.Fatalf("Recv = %d, %v: %+v", n, err, into)
	}
	if into[1].Stamp != 2e9 {
		t.Errorf("stamp %d", into[1].Stamp)
	}
	if n, err = r.Recv(into); n != 1 || err != nil || string(into[0].Data) != "three" {
		t.Fatalf("Recv = %d, %v", n, err)
	}
	if *r.status(0) != unix.TP_STATUS_USER {
		t.Error("block given back while its packets are in use")
	}
	if n, err = r.Recv(into); n != 0 || err != nil || *r.status(0) != unix.TP_STATUS_KERNEL {
		t.Errorf("Recv = %d, %v; block status %d", n, err, *r.status(0))
	}
}

func TestRingPacketBeyondBlock(t *testing.T) {
	for name, at := range map[string]int{"captured": 12, "data offset": 24, "next offset of the one before": -160} {
		r := block("one", "two", "three")
		second := 48 + 160
		binary.NativeEndian.PutUint16(r.mem[second+at:], 5000)
		n, err := r.Recv(make([]Datagram, 5))
		if n != 1 || err == nil {
			t.Errorf("%s: Recv = %d, %v; want one packet and an error", name, n, err)
		}
	}
}

func FuzzRing(f *testing.F) {
	f.Add(block("one", "two").mem)
	f.Fuzz(func(t *testing.T, mem []byte) {
		r := block()
		copy(r.mem, mem)
		into := make([]Datagram, 16)
		for range 8 {
			n, _ := r.Recv(into)
			for _, d := range into[:n] {
				_ = append([]byte(nil), d.Data...)
			}
		}
	})
}
