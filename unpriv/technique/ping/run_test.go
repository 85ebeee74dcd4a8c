package ping

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/packet"
	"scamper/shared/warts"
	"scamper/unpriv/netio"
	"scamper/unpriv/technique/virtual"
)

const ms = time.Millisecond

func once(d time.Duration) []time.Duration { return []time.Duration{d} }

// TestPace checks when probes leave, when the ping ends and where replies go.
func TestPace(t *testing.T) {
	const rtt = 10 * ms
	tests := []struct {
		command string
		sent    []time.Duration // after the first
		ended   time.Duration   // after the first probe
		replies [][]time.Duration
	}{
		{"-c 1 198.51.100.10", []time.Duration{0}, time.Second, [][]time.Duration{once(rtt)}},
		{"-c 1 2001:db8:100::10", []time.Duration{0}, time.Second, [][]time.Duration{once(rtt)}},
		{
			"-c 3 198.51.100.10",
			[]time.Duration{0, 1000 * ms, 2000 * ms},
			3000 * ms,
			[][]time.Duration{once(rtt), once(rtt), once(rtt)},
		},
		{
			"-c 3 -i 0.1 198.51.100.10",
			[]time.Duration{0, 100 * ms, 200 * ms},
			1200 * ms,
			[][]time.Duration{once(rtt), once(rtt), once(rtt)},
		},
		{"-c 2 -i 2 198.51.100.10", []time.Duration{0, 2000 * ms}, 4000 * ms, [][]time.Duration{once(rtt), once(rtt)}},
		{"-c 2 -i 0.1 -W 0.25 198.51.100.15", []time.Duration{0, 100 * ms}, 350 * ms, [][]time.Duration{nil, nil}},
		// The stop count ends the ping with the reply, at once.
		{"-o 1 198.51.100.10", []time.Duration{0}, rtt, [][]time.Duration{once(rtt)}},
		{"-c 6 -o 2 198.51.100.10", []time.Duration{0, 1000 * ms}, 1000*ms + rtt, [][]time.Duration{once(rtt), once(rtt)}},
		{"-c 6 -o 2 198.51.100.21", []time.Duration{0, 1000 * ms}, 1000*ms + rtt, [][]time.Duration{once(rtt), once(rtt)}},
		// Duplicates belong to their probe and count once.
		{
			"-c 2 -o 2 198.51.100.13",
			[]time.Duration{0, 1000 * ms},
			1000*ms + rtt,
			[][]time.Duration{{rtt, rtt + 2*ms, rtt + 4*ms}, once(rtt)},
		},
		// A late reply belongs to the probe that it answers.
		{
			"-c 3 -W 2 198.51.100.16",
			[]time.Duration{0, 1000 * ms, 2000 * ms},
			4000 * ms,
			[][]time.Duration{once(1710 * ms), once(1710 * ms), once(1710 * ms)},
		},
		{"-c 2 198.51.100.16", []time.Duration{0, 1000 * ms}, 2000 * ms, [][]time.Duration{once(1710 * ms), nil}},
	}
	for _, test := range tests {
		t.Run(test.command, func(t *testing.T) {
			w := newWorld(t)
			p := w.ping(test.command)
			first := w.Sent[0].At
			var sent []time.Duration
			for i := range w.Sent {
				sent = append(sent, w.Sent[i].At-first)
			}
			// A slot of the packet rate is 1 ms here.
			near := cmp.Comparer(func(a, b time.Duration) bool { return (a - b).Abs() <= 4*ms })
			if diff := cmp.Diff(test.sent, sent, near); diff != "" {
				t.Errorf("times of probes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.ended, w.Ended-first, near); diff != "" {
				t.Errorf("end (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.replies, replies(p), cmp.Comparer(func(a, b time.Duration) bool { return (a - b).Abs() <= ms })); diff != "" {
				t.Errorf("round-trip times (-want +got):\n%s", diff)
			}
			if int(p.Sent) != len(test.sent) || p.StopReason != warts.PingStopCompleted {
				t.Errorf("sent %d probes, stopped for %v", p.Sent, p.StopReason)
			}
		})
	}
}

// TestHalt ends a ping early: what came is kept, and probes whose reply was still waited for are told apart.
func TestHalt(t *testing.T) {
	w := newWorld(t)
	w.add("-c 5 -W 1.5 198.51.100.15")
	w.add("-c 5 198.51.100.10")
	w.After(2500*ms, w.Sched.Close)
	for _, p := range w.run() {
		if p.StopReason != warts.PingStopHalted || p.Sent != 3 {
			t.Errorf("%v: sent %d, stopped for %v", p.Dst, p.Sent, p.StopReason)
		}
		for i := range p.Probes {
			pending := p.Probes[i].Flags&warts.PingReplyPending != 0
			if want := len(p.Probes[i].Replies) == 0 && i > 0; pending != want { // the first is 2.5 s old
				t.Errorf("%v: probe %d is pending: %v", p.Dst, i, pending)
			}
		}
	}
}

// TestStream has copies written while the ping goes on.
func TestStream(t *testing.T) {
	w := newWorld(t)
	w.add("-c 5 -y 2 -i 0.5 -W 0.6 198.51.100.16")
	records := w.run()
	if len(records) != 3 {
		t.Fatalf("%d records, want two copies and the result", len(records))
	}
	type outcome struct {
		Sent    uint16
		Stop    warts.PingStop
		Pending []bool
	}
	var got []outcome
	for _, p := range records {
		o := outcome{p.Sent, p.StopReason, nil}
		for i := range p.Probes {
			o.Pending = append(o.Pending, p.Probes[i].Flags&warts.PingReplyPending != 0)
		}
		got = append(got, o)
	}
	want := []outcome{
		{2, warts.PingStopInProgress, []bool{true, true}},
		{4, warts.PingStopInProgress, []bool{false, false, true, true}},
		{5, warts.PingStopCompleted, make([]bool, 5)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("copies (-want +got):\n%s", diff)
	}
	// The copies are not changed by what came after: the first reply comes 1.7 s after its probe.
	if len(records[1].Probes[0].Replies) != 0 || len(records[2].Probes[0].Replies) != 1 {
		t.Errorf("replies to the first probe: %d in the copy, %d in the result", len(records[1].Probes[0].Replies),
			len(records[2].Probes[0].Replies))
	}
}

// TestManyCopies holds that copies of a ping of many fast probes do not have a quadratic number of probes, and that those
// of an ordinary ping are all made.
func TestManyCopies(t *testing.T) {
	for _, test := range []struct {
		command      string
		fewest, most int // copies
		probes       int // in all copies, at most
	}{
		{"-c 50 -y 1 198.51.100.10", 50, 50, 1275},
		{"-c 60 -y 20 -i 0.1 198.51.100.10", 3, 3, 120},
		{"-c 3000 -y 1 -i 0.001 198.51.100.10", 30, 100, 40_000},
	} {
		w := newWorld(t)
		w.add(test.command)
		copies, probes := 0, 0
		for _, p := range w.run() {
			if p.StopReason == warts.PingStopInProgress {
				copies++
				probes += len(p.Probes)
			}
		}
		if copies < test.fewest || copies > test.most || probes > test.probes {
			t.Errorf("%s: %d copies of %d probes, want %d to %d of at most %d", test.command, copies, probes, test.fewest,
				test.most, test.probes)
		}
	}
}

// TestErrors has what the system refuses in records and reports.
func TestErrors(t *testing.T) {
	refused := os.NewSyscallError("sendmsg", syscall.EPERM)
	tests := []struct {
		name    string
		command string
		change  func(w *world)
		errno   syscall.Errno
		text    string
		sent    int
	}{
		{"no route", "10.99.2.3", func(*world) {}, syscall.EHOSTUNREACH, "no route", 0},
		{"first probe", "198.51.100.10", func(w *world) {
			w.Refuse = func(virtual.Packet) error { return refused }
		}, syscall.EPERM, "sendmsg: operation not permitted", 0},
		{"third probe", "198.51.100.10", func(w *world) {
			w.Refuse = func(virtual.Packet) error {
				if len(w.Sent) == 2 {
					return refused
				}
				return nil
			}
		}, syscall.EPERM, "sendmsg: operation not permitted", 2},
		{"socket", "198.51.100.10", func(w *world) { w.OpenError[netio.ICMP] = refused }, syscall.EPERM, refused.Error(), 0},
		{"port", "-P udp 198.51.100.10", func(w *world) {
			w.OpenError[netio.UDP] = syscall.EADDRINUSE
		}, syscall.EADDRINUSE, syscall.EADDRINUSE.Error(), 0},
		{"raw", "-P udp 198.51.100.10", func(w *world) { w.OpenError[netio.RawUDP] = refused }, syscall.EPERM, refused.Error(), 0},
		{"datalink", "-P tcp-syn 198.51.100.10", func(w *world) {
			w.OpenError[netio.Datalink] = refused
		}, syscall.EPERM, refused.Error(), 0},
		{"no neighbour", "-P tcp-syn 198.51.100.10", func(w *world) {
			w.LinkError = errors.New("did not get mac address for 192.0.2.1")
		}, 0, "did not get mac address for 192.0.2.1", 0},
		{"neighbour late", "-P tcp-syn -W 0.5 198.51.100.10", func(w *world) { w.LinkAfter = 600 * ms }, 0, "timeout in mode 2", 0},
		{"link that cannot send", "-O dltx 198.51.100.10", func(w *world) {
			w.Link.Type, w.Link.Header = packet.LinkFirewire, nil
		}, 0, "dlhdr_get: unsupported on ifindex 7", 0},
		{"link that cannot send, router", "-P tcp-syn -r 192.0.2.1 198.51.100.10", func(w *world) {
			w.Link.Type, w.Link.Header = packet.LinkFirewire, nil
		}, 0, "dlhdr_get: unsupported on ifindex 7", 0},
		{"icmp-time for IPv6", "-P icmp-time 2001:db8:100::10", func(*world) {}, 0, "icmp-time", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			test.change(w)
			p := w.ping(test.command)
			if p.StopReason != warts.PingStopError || p.StopData != uint8(test.errno) || int(p.Sent) != test.sent ||
				len(p.Probes) != test.sent || !strings.Contains(p.ErrMsg, test.text) {
				t.Errorf("stop %v, errno %d, %d sent, %d probes, text %q", p.StopReason, p.StopData, p.Sent, len(p.Probes), p.ErrMsg)
			}
			if want := []string{"ping to " + p.Dst.String() + " failed: " + p.ErrMsg}; !cmp.Equal(w.Reports, want) {
				t.Errorf("reported %q, want %q", w.Reports, want)
			}
		})
	}
}

// TestNoMoreFiles has pings with a source port of the program's choice begin when no more sockets can be opened: they share a
// port with pings of other targets. There is none left for the second ping of a target.
func TestNoMoreFiles(t *testing.T) {
	for kind, method := range map[netio.Kind]string{netio.UDP: "udp-dport", netio.TCP: "tcp-syn"} {
		t.Run(method, func(t *testing.T) {
			w := newWorld(t)
			command := "-c 2 -F 0 -P " + method + " "
			w.add(command + "198.51.100.10")
			w.After(500*ms, func() {
				w.OpenError[kind] = syscall.EMFILE
				w.add(command + "198.51.100.13")
			})
			w.After(600*ms, func() { w.add(command + "198.51.100.10") })
			bySource := map[uint16]int{}
			failed := 0
			for _, p := range w.run() {
				if p.StopReason == warts.PingStopError {
					failed++
					if p.StopData != uint8(syscall.EMFILE) || p.Dst.String() != "198.51.100.10" {
						t.Errorf("%v failed: %d, %s", p.Dst, p.StopData, p.ErrMsg)
					}
					continue
				}
				bySource[p.SrcPort]++
				if len(p.Probes[1].Replies) == 0 {
					t.Errorf("%v: no reply to the second probe", p.Dst)
				}
			}
			if failed != 1 || len(bySource) != 1 {
				t.Errorf("%d failed, want 1; pings by source port: %v, want one port", failed, bySource)
			}
		})
	}
}

// TestLinkLate sends once the neighbour has answered.
func TestLinkLate(t *testing.T) {
	w := newWorld(t)
	w.LinkAfter = 300 * ms
	if p := w.ping("-P tcp-syn -d 80 -c 2 198.51.100.10"); p.Sent != 2 || len(p.Probes[1].Replies) != 1 {
		t.Errorf("sent %d, replies %v", p.Sent, replies(p))
	}
	if at := w.Sent[0].At; at < 300*ms || at > 310*ms {
		t.Errorf("first probe left after %v", at)
	}
	// Halted before: the answer finds nobody.
	w = newWorld(t)
	w.LinkAfter = 300 * ms
	w.add("-P tcp-syn 198.51.100.10")
	w.After(100*ms, w.Sched.Close)
	if p := w.run()[0]; p.StopReason != warts.PingStopHalted || p.Sent != 0 {
		t.Errorf("stopped for %v, sent %d", p.StopReason, p.Sent)
	}
}

// TestTooBigErrors has a ping that wants fragments (-O tbt) end with an error if that is the first that it hears at all.
func TestTooBigErrors(t *testing.T) {
	for failing, sent := range []int{1, 4, 4, 4} {
		w := newWorld(t)
		probes := 0
		w.Answer = func(p virtual.Packet) ([]byte, bool) {
			if p.IP[6] != packet.ProtoICMPv6 || p.IP[40] != packet.ICMP6Echo {
				return nil, false
			}
			probes++
			if probes != failing+1 {
				return nil, false
			}
			header := packet.IPv6Fields{
				Src: netip.MustParseAddr("2001:db8:10::1"), Dst: netip.MustParseAddr(virtual.Own6), HopLimit: 64,
				NextHeader: packet.ProtoICMPv6,
			}
			b, err := packet.AppendICMP6(nil, header, packet.ICMPFields{Type: packet.ICMP6TimeExceeded}, p.IP[:100])
			if err != nil {
				t.Fatal(err)
			}
			w.After(20*ms, func() { w.Deliver(b) })
			return nil, true
		}
		p := w.ping("-c 4 -M 1280 -s 1300 -O tbt 2001:db8:100::10")
		if int(p.Sent) != sent || p.StopReason != warts.PingStopCompleted {
			t.Errorf("error to probe %d: %d probes sent, stopped for %v", failing, p.Sent, p.StopReason)
		}
		for i := range p.Probes {
			if r := p.Probes[i].Replies; len(r) != 1 || (r[0].ICMPType == packet.ICMP6TimeExceeded) != (i == failing) {
				t.Errorf("error to probe %d: replies to probe %d: %+v", failing, i, r)
			}
		}
	}
}

// TestRawFallback sends TCP over IPv4 through a raw socket where frames cannot be sent.
func TestRawFallback(t *testing.T) {
	for _, test := range []struct {
		name, command string
		link          packet.LinkType
		rawTCP        bool
		want          netio.Kind
	}{
		{"frames", "", packet.LinkEthernet, false, netio.Datalink},
		{"no frames", "", packet.LinkVoid, false, netio.RawIP},
		{"-O raw", "-O raw", packet.LinkEthernet, false, netio.RawIP},
		{"-O rawtcp", "", packet.LinkEthernet, true, netio.RawIP},
		{"-O rawtcp with a router", "-r 192.0.2.1", packet.LinkEthernet, true, netio.Datalink},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.Link.Type, w.Env.RawTCP = test.link, test.rawTCP
			p := w.pings.New(parsed(t, "-P tcp-syn -d 80 -c 1 "+test.command+" 198.51.100.10"))
			var out *netio.Socket
			w.Add(p)
			w.After(50*ms, func() { out = p.ports.Out.Port().(*netio.Socket) })
			if rec := w.run()[0]; rec.StopReason != warts.PingStopCompleted || rec.Sent != 1 {
				t.Fatalf("stopped for %v: %s", rec.StopReason, rec.ErrMsg)
			}
			if out.Key().Kind != test.want {
				t.Errorf("sent through a %v socket, want %v", out.Key().Kind, test.want)
			}
		})
	}
}

func parsed(t testing.TB, command string) (*Options, netip.Addr) {
	t.Helper()
	opt, dst, err := commands.Parse(command, pid)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return opt, dst
}

// TestWaitFromSending opens sockets so slowly that the loop's turn is older than all waits when the first probe leaves: the
// interval and the timeout count from the probes.
func TestWaitFromSending(t *testing.T) {
	for _, options := range []string{"", "-P tcp-syn ", "-P udp-dport ", "-O dl "} {
		w := newWorld(t)
		w.Opening = 1200 * ms
		w.Fate = func(virtual.Packet, []byte) []time.Duration { return []time.Duration{900 * ms} }
		p := w.ping("-W 1 " + options + "-c 1 198.51.100.10")
		if got := replies(p); len(got) != 1 || len(got[0]) != 1 {
			t.Errorf("%q: replies %v, want one", options, got)
		}

		w = newWorld(t)
		w.Opening = 1200 * ms
		w.ping("-i 1 " + options + "-c 2 198.51.100.10")
		if len(w.Sent) != 2 {
			t.Errorf("%q: %d packets were sent, want 2", options, len(w.Sent))
		} else if gap := w.Sent[1].At - w.Sent[0].At; gap < time.Second-maxLate {
			t.Errorf("%q: the second probe came %v after the first one, want 1s", options, gap)
		}
	}
}
