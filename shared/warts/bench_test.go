package warts

import (
	"bytes"
	"io"
	"net/netip"
	"testing"
	"time"
)

// enginePing is a ping of one probe as the engine makes it.
func enginePing() *Ping {
	list := &List{Name: "default", Description: "default", Monitor: "vp1"}
	src, dst := AddrFrom(netip.MustParseAddr("192.0.2.1")), AddrFrom(netip.MustParseAddr("198.51.100.7"))
	return &Ping{
		List: list, Cycle: &Cycle{List: list, ID: 1, Start: 1700000000, HostName: "vp1.example"},
		Src: src, Dst: dst, Start: Time{1700000001, 5}, StopReason: PingStopCompleted,
		ProbeCount: 1, Sent: 1, Size: 84, Wait: time.Second, Timeout: time.Second, TTL: 64, SrcPort: 1717,
		Probes: []PingProbe{{
			IPID: 0xa2c5, Flags: PingReplyProbeIPID, TX: Time{1700000001, 77},
			Replies: []PingReply{{
				Addr: dst, RTT: 643 * time.Microsecond, IPID: 0x9de8, Proto: 1, TTL: 57, Size: 84, IfName: "eth0",
				Flags: PingReplyTTL | PingReplyIPID | PingReplyProbeIPID | PingReplyToS,
			}},
		}},
	}
}

// engineTrace is a trace of ten hops.
func engineTrace() *Trace {
	p := enginePing()
	t := &Trace{
		List: p.List, Cycle: p.Cycle, Src: p.Src, Dst: p.Dst, Start: p.Start, StopReason: TraceStopCompleted,
		Method: TraceUDPParis, SrcPort: 40000, DstPort: 33435, Attempts: 2, FirstHop: 1, Squeries: 1, GapLimit: 5,
		GapAction: TraceGapStop, Loops: 1, Wait: 5 * time.Second, ProbeSize: 44, ProbeCount: 10, HopCount: 10,
	}
	for ttl := range uint8(10) {
		reply := TraceReply{
			Addr: AddrFrom(netip.AddrFrom4([4]byte{10, 1, ttl, 1})), RTT: time.Duration(ttl) * time.Millisecond,
			Flags: TraceHopSockRX | TraceHopTTL, TTL: 64 - ttl, ICMPType: 11, QuoTTL: 1, QuoLen: 44, Size: 72,
			Exts: []ICMPExt{MPLSExt(MPLS{Label: 16000, TTL: 1, S: 1})},
		}
		t.Probes = append(t.Probes, TraceProbe{TTL: ttl + 1, Size: 44, TX: t.Start, Replies: []TraceReply{reply}})
	}
	return t
}

func BenchmarkWritePing(b *testing.B)  { benchmarkWrite(b, enginePing()) }
func BenchmarkWriteTrace(b *testing.B) { benchmarkWrite(b, engineTrace()) }

func benchmarkWrite(b *testing.B, rec Record) {
	w := NewWriter(io.Discard)
	if err := w.Write(rec); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(rec); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadPing(b *testing.B)       { benchmarkRead(b, enginePing(), false) }
func BenchmarkReadPingReuse(b *testing.B)  { benchmarkRead(b, enginePing(), true) }
func BenchmarkReadTrace(b *testing.B)      { benchmarkRead(b, engineTrace(), false) }
func BenchmarkReadTraceReuse(b *testing.B) { benchmarkRead(b, engineTrace(), true) }

func benchmarkRead(b *testing.B, rec Record, reuse bool) {
	b.ReportAllocs()
	r := repeatedReader(b, rec, b.N)
	r.Reuse = reuse
	b.ResetTimer()
	for range b.N + 2 {
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

// repeatedReader reads a file that has a list, a cycle and n times the record.
func repeatedReader(tb testing.TB, rec Record, n int) *Reader {
	var enc Encoder
	head, err := enc.Append(nil, rec)
	if err != nil {
		tb.Fatal(err)
	}
	one, err := enc.Append(nil, rec)
	if err != nil {
		tb.Fatal(err)
	}
	return NewReader(io.MultiReader(bytes.NewReader(head), &repeat{one: one, n: n}))
}

// repeat gives the same bytes n times.
type repeat struct {
	one []byte
	n   int
	at  int
}

func (r *repeat) Read(b []byte) (int, error) {
	done := 0
	for done < len(b) && r.n > 0 {
		k := copy(b[done:], r.one[r.at:])
		done += k
		if r.at += k; r.at == len(r.one) {
			r.at = 0
			r.n--
		}
	}
	if done == 0 {
		return 0, io.EOF
	}
	return done, nil
}
