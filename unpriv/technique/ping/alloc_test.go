package ping

import (
	"errors"
	"net/netip"
	"testing"
	"time"
	"unsafe"

	"scamper/shared/packet"
	"scamper/shared/warts"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique/virtual"
)

// TestSize holds how small a ping is: at 100,000 probes a second 100,000 of them wait for their replies. Whoever makes
// one larger should know why.
func TestSize(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("sizes are of 64-bit systems")
	}
	for _, test := range []struct {
		what      string
		got, most uintptr
	}{
		{"Ping", unsafe.Sizeof(Ping{}), 224},
		{"sentProbe", unsafe.Sizeof(sentProbe{}), 104},
		{"reply", unsafe.Sizeof(reply{}), 64},
	} {
		if test.got > test.most {
			t.Errorf("%s has %d bytes, at most %d wanted", test.what, test.got, test.most)
		}
	}
}

// TestAllocs runs pings of one probe from begin to record: once warm, nothing is allocated for one.
func TestAllocs(t *testing.T) {
	for _, command := range []string{"-c 1 198.51.100.10", "-c 1 2001:db8:100::10"} {
		t.Run(command, func(t *testing.T) {
			l := newLine(t, command)
			l.cycle()
			if n := testing.AllocsPerRun(200, l.cycle); n != 0 {
				t.Errorf("%v allocations for a ping, want none", n)
			}
			if l.answered < 200 {
				t.Errorf("%d pings were answered", l.answered)
			}
		})
	}
}

// line runs one ping after the other and makes as little noise as it can.
type line struct {
	*world
	opt      *Options
	dst      netip.Addr
	answer   probe.Reply
	answered int
	ended    int
}

func newLine(t testing.TB, command string) *line {
	w := newWorld(t)
	l := &line{world: w}
	l.opt, l.dst = parsed(t, command)
	l.answer = answerTo(t, l.opt, l.dst)
	w.Mute = true // the network would allocate
	w.Put = func(m sched.Machine, o sched.Origin) {
		l.ended++
		if r := m.Record(o).(*warts.Ping); len(r.Probes) == 1 && len(r.Probes[0].Replies) == 1 {
			l.answered++
		}
		m.Recycle()
	}
	return l
}

// answerTo is the echo reply to the first probe.
func answerTo(t testing.TB, opt *Options, dst netip.Addr) (r probe.Reply) {
	t.Helper()
	src, err := virtual.Routes{}.Source(dst)
	if err != nil {
		t.Fatal(err)
	}
	m := packet.ICMPFields{Rest: packet.EchoRest(opt.SrcPort, 0)}
	if dst.Is4() {
		var b []byte
		m.Type = packet.ICMP4EchoReply
		ip := packet.IPv4Fields{TTL: 60, ID: 77, Protocol: packet.ProtoICMP, Src: dst, Dst: src}
		if b, err = packet.AppendICMP4(nil, ip, m, make([]byte, 56)); err == nil && probe.ParseICMP4(b, &r) != probe.Accepted {
			err = errors.New("not accepted")
		}
	} else {
		var b []byte
		m.Type = packet.ICMP6EchoReply
		ip := packet.IPv6Fields{HopLimit: 60, NextHeader: packet.ProtoICMPv6, Src: dst, Dst: src}
		if b, err = packet.AppendICMP6(nil, ip, m, make([]byte, 56)); err == nil &&
			probe.ParseICMP6(b[packet.IPv6HeaderLen:], probe.Ancillary{Src: dst, Dst: src, HopLimit: 60, TrafficClass: 0}, &r) != probe.Accepted {
			err = errors.New("not accepted")
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// cycle is the life of one ping: a slot, the probe, its reply, the end of the wait.
func (l *line) cycle() {
	l.Add(l.pings.New(l.opt, l.dst))
	replied := false
	for ended := l.ended; l.ended == ended; {
		if err := l.Loop.Turn(100 * time.Millisecond); err != nil {
			l.T.Fatal(err)
		}
		if l.Sched.Running() > 0 && !replied {
			replied = true
			l.answer.Capture.Stamp = netio.StampOf(l.Clock.Wall())
			l.Sched.Deliver(&l.answer)
		}
	}
}
