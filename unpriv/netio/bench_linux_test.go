package netio

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scamper/shared/packet"
	"scamper/testkit"
)

// far is a network in which every address of 10.128.0.0/9 answers at the other
// end of a veth pair.
type far struct {
	link *testkit.Link
	src  netip.Addr
	open opener
}

func newFar(tb testing.TB) *far {
	tb.Helper()
	n := testkit.NewNet(tb)
	near, other := n.Namespace("near"), n.Namespace("far")
	f := &far{link: n.Link(near, other, testkit.LinkConfig{})}
	f.src = f.link.A.Addr4
	prefix := netip.MustParsePrefix("10.128.0.0/9")
	other.AnswerPrefix(prefix)
	near.Route(prefix, f.link.B.Addr4)
	f.open = opener{
		handles: direct{near.Do}, scratch: newScratch(MaxBatch, MaxBatch), perCall: MaxBatch, receive: DefaultReceive,
		filter:  func(packet.LinkType) *Filter { return Everything() },
		onError: func(err error) { tb.Log(err) },
	}
	return f
}

func (f *far) port(tb testing.TB, key Key) Port {
	tb.Helper()
	got, err := f.open.open(key)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := got.Port.Close(); err != nil {
			tb.Error(err)
		}
	})
	return got.Port
}

// echo fills p with an echo request from src to target number i, 84 bytes with
// its IP header, the kernel's checksum left out.
func echo(p []byte, src netip.Addr, i uint32) netip.Addr {
	dst := netip.AddrFrom4([4]byte{10, 128 | byte(i>>16)&127, byte(i >> 8), byte(i)})
	clear(p[:84])
	p[0] = 0x45
	binary.BigEndian.PutUint16(p[2:], 84)
	binary.BigEndian.PutUint16(p[4:], uint16(i)|1)
	p[8], p[9] = 64, 1
	s, d := src.As4(), dst.As4()
	copy(p[12:], s[:])
	copy(p[16:], d[:])
	binary.BigEndian.PutUint16(p[10:], checksum(p[:20]))
	icmp := p[20:84]
	icmp[0] = 8
	binary.BigEndian.PutUint16(icmp[4:], 0x1234)
	binary.BigEndian.PutUint16(icmp[6:], uint16(i))
	binary.BigEndian.PutUint16(icmp[2:], checksum(icmp))
	return dst
}

func checksum(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum>>16 + sum&0xffff
	return ^uint16(sum>>16 + sum&0xffff)
}

func cpu(tb testing.TB) (user, system time.Duration) {
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &ru); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(ru.Utime.Nano()), time.Duration(ru.Stime.Nano())
}

// pings sends b.N echo requests in batches and receives as it goes along.
func pings(b *testing.B, f *far, send, recv Port, batch int, frame []byte) {
	packets := make([]Packet, batch)
	stamps := make([]Stamp, b.N) // by sequence
	room := make([][256]byte, batch)
	into := NewDatagrams(batch, 2048)
	replies, early := 0, 0
	var sum time.Duration
	isReply := func(d *Datagram) bool {
		p := d.Data
		if len(p) > 34 && p[0] != 0x45 {
			p = p[14:] // a datalink receiver sees the link header
		}
		if len(p) < 28 || p[9] != 1 || p[20] != 0 || d.Outgoing {
			return false
		}
		if i := int(p[13]&127)<<16 | int(p[14])<<8 | int(p[15]); i < len(stamps) {
			rtt := d.Stamp.Sub(stamps[i])
			sum += rtt
			if rtt < 0 {
				early++
			}
		}
		return true
	}
	drain := func() int {
		got := 0
		for {
			n, err := recv.Recv(into)
			if err != nil {
				b.Fatal(err)
			}
			for i := range into[:n] {
				if isReply(&into[i]) {
					replies++
					got++
				}
			}
			if n == 0 {
				return got
			}
		}
	}
	drain()
	replies, early, sum = 0, 0, 0
	u0, s0 := cpu(b)
	start := time.Now()
	b.ResetTimer()
	for sent := 0; sent < b.N; {
		k := min(batch, b.N-sent)
		for i := range k {
			p := room[i][:]
			n := copy(p, frame)
			dst := echo(p[n:], f.src, uint32(sent+i))
			packets[i] = Packet{Data: p[:n+84], Dst: netip.AddrPortFrom(dst, 0), Sent: &stamps[sent+i]}
		}
		done := 0
		for done < k {
			n, err := send.Send(packets[done:k])
			done += n
			if err != nil && err != ErrFull {
				b.Fatal(err)
			}
		}
		sent += k
		drain()
	}
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end) && replies < b.N; {
		if drain() == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	took := time.Since(start)
	u1, s1 := cpu(b)
	b.StopTimer()
	perPing := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(b.N) }
	b.ReportMetric(perPing(u1-u0), "user-us/ping")
	b.ReportMetric(perPing(s1-s0), "sys-us/ping")
	b.ReportMetric(float64(b.N)/took.Seconds(), "ping/s")
	b.ReportMetric(float64(replies)/float64(b.N)*100, "%replies")
	b.ReportMetric(float64(recv.Drops()), "drops")
	b.ReportMetric(float64(early)/float64(b.N)*100, "%rtt<0")
	b.ReportMetric(float64(sum.Nanoseconds())/1000/float64(max(replies, 1)), "rtt-us")
}

func BenchmarkPing(b *testing.B) {
	for _, batch := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("raw/batch=%d", batch), func(b *testing.B) {
			f := newFar(b)
			p := f.port(b, Key{Kind: ICMP, Src: netip.AddrPortFrom(f.src, 0)})
			pings(b, f, p, p, batch, nil)
		})
	}
	for _, call := range []int{1, 4, 8} {
		b.Run(fmt.Sprintf("raw/batch=64/call=%d", call), func(b *testing.B) {
			f := newFar(b)
			f.open.perCall = call
			p := f.port(b, Key{Kind: ICMP, Src: netip.AddrPortFrom(f.src, 0)})
			pings(b, f, p, p, 64, nil)
		})
	}
	frame := func(f *far) []byte {
		return append(append(append([]byte(nil), f.link.B.MAC...), f.link.A.MAC...), 8, 0)
	}
	for _, batch := range []int{16, 64, 256} {
		b.Run(fmt.Sprintf("packet-send,raw-recv/batch=%d", batch), func(b *testing.B) {
			f := newFar(b)
			recv := f.port(b, Key{Kind: ICMP, Src: netip.AddrPortFrom(f.src, 0)})
			send := f.sendFrames(b, true)
			pings(b, f, send, recv, batch, frame(f))
		})
	}
	b.Run("packet-send-qdisc,raw-recv/batch=64", func(b *testing.B) {
		f := newFar(b)
		recv := f.port(b, Key{Kind: ICMP, Src: netip.AddrPortFrom(f.src, 0)})
		pings(b, f, f.sendFrames(b, false), recv, 64, frame(f))
	})
	b.Run("raw-send,packet-recv/batch=64", func(b *testing.B) {
		f := newFar(b)
		send := f.port(b, Key{Kind: RawIP})
		recv := f.port(b, Key{Kind: Datalink, IfIndex: int32(f.link.A.Index)})
		pings(b, f, send, recv, 64, nil)
	})
	b.Run("raw-send,ring-recv/batch=64", func(b *testing.B) {
		f := newFar(b)
		f.open.ring = &Ring{}
		send := f.port(b, Key{Kind: RawIP})
		recv := f.port(b, Key{Kind: Datalink, IfIndex: int32(f.link.A.Index)})
		pings(b, f, send, recv, 64, nil)
	})
	b.Run("packet-send,ring-recv/batch=64", func(b *testing.B) {
		f := newFar(b)
		send := f.sendFrames(b, true)
		f.open.ring = &Ring{}
		recv := f.port(b, Key{Kind: Datalink, IfIndex: int32(f.link.A.Index)})
		pings(b, f, send, recv, 64, frame(f))
	})
	b.Run("raw-send-only/batch=64", func(b *testing.B) {
		f := newFar(b)
		f.link.B.Namespace.Silence()
		send := f.port(b, Key{Kind: RawIP})
		pings(b, f, send, send, 64, nil)
	})
}

// sendFrames opens a packet socket that receives nothing.
func (f *far) sendFrames(tb testing.TB, bypass bool) Port {
	tb.Helper()
	got, err := f.open.open(Key{Kind: Datalink, IfIndex: int32(f.link.A.Index)})
	if err != nil {
		tb.Fatal(err)
	}
	p := got.Port.(*socketPort)
	tb.Cleanup(func() { p.Close() })
	// Protocol 0 takes the socket off the receive path.
	if err := unix.Bind(p.fd, &unix.SockaddrLinklayer{Ifindex: f.link.A.Index}); err != nil {
		tb.Fatal(err)
	}
	if bypass {
		if err := p.set(unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1, "bypass"); err != nil {
			tb.Fatal(err)
		}
	}
	return p
}
