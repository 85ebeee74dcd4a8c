package trace

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/technique/virtual"
)

// lastDitch answers when the destination is there, behind routers that tell nothing.
func TestLastDitch(t *testing.T) {
	w := newWorld(t, virtual.Parse(t, virtual.Chain("", "", quiet, quiet, "")))
	r := w.trace("-w 1 -q 2 -g 2 -G 2 " + target4)
	if got, want := w.ttls(), "1 2 2 3 3 255"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	if got, want := hops(r), "1:192.0.2.1 2: 2: 3: 3:"; got != want {
		t.Errorf("hops %s, want %s", got, want)
	}
	if r.LastDitch == nil || probes(r.LastDitch.Probes) != "255:"+target4 {
		t.Errorf("last ditch %+v", r.LastDitch)
	}
	if reason(r) != "GAPLIMIT/0" || r.HopCount != 3 || r.ProbeCount != 6 {
		t.Errorf("reason %s, hop count %d, %d probes", reason(r), r.HopCount, r.ProbeCount)
	}
}

// Of the last ditch, too, -c says how many probes there are.
func TestLastDitchConfidence(t *testing.T) {
	w := newWorld(t, virtual.Parse(t, virtual.Chain(quiet, "", quiet)))
	w.trace("-w 1 -c 95 -q 1 -g 1 -G 2 " + target4)
	if got, want := w.ttls(), "1 1 1 1 1 1 2 2 2 2 2 2 255 255 255 255 255 255"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

// A late reply during the last ditch goes to its hop, and does not end the trace.
func TestLastDitchLateReply(t *testing.T) {
	w := newWorld(t, virtual.Parse(t, virtual.Chain(quiet, "", "", quiet)))
	w.Fate = func(p virtual.Packet, _ []byte) []time.Duration {
		if p.TTL == 2 {
			return []time.Duration{1500 * time.Millisecond}
		}
		return virtual.Once
	}
	r := w.trace("-w 1 -q 1 -g 1 -G 2 " + target4)
	if got, want := hops(r), "1:192.0.2.1 2:10.0.0.2"; got != want {
		t.Errorf("hops %s, want %s", got, want)
	}
	if r.LastDitch == nil || probes(r.LastDitch.Probes) != "255:" || reason(r) != "GAPLIMIT/0" {
		t.Errorf("last ditch %+v, %s", r.LastDitch, reason(r))
	}
}

// With -T a time exceeded message from the destination is a hop like any other.
func TestIgnoreTTLDst(t *testing.T) {
	// The router at hop 2 has the address that is probed.
	topology := virtual.Chain("", "", "source = [\"198.51.100.10\"]", "", "")
	for _, tt := range []struct{ option, sent, reason string }{
		{"", "1 2", "COMPLETED/0"},
		{"-T -l 0 ", "1 2 3 4 5", "COMPLETED/0"},
	} {
		w := newWorld(t, virtual.Parse(t, topology))
		r := w.trace(tt.option + target4)
		if w.ttls() != tt.sent || reason(r) != tt.reason {
			t.Errorf("%q: sent %s, %s", tt.option, w.ttls(), reason(r))
		}
	}
}

// With several addresses at a hop, more probes are sent to be sure that there are no others.
func TestConfidenceAddresses(t *testing.T) {
	// Routers take turns to send packets on over two, three and four next hops.
	for _, tt := range []struct{ width, p95, p99 int }{{1, 6, 8}, {2, 11, 15}, {3, 16, 21}, {4, 21, 28}} {
		text := "seed = 1\n[monitor]\naddress = \"192.0.2.2/24\"\n[[gateway]]\nrouter = \"r\"\naddress = \"192.0.2.1\"\n" +
			"[[router]]\nname = \"r\"\nbalance = \"packet\"\n[[router]]\nname = \"end\"\n" +
			"[[host]]\nname = \"d\"\nat = \"end\"\naddress = \"198.51.100.10\"\n"
		for i := range tt.width {
			text += fmt.Sprintf("[[router]]\nname = \"m%d\"\n[[link]]\nbetween = [\"r\", \"m%d\"]\nprefix = \"10.0.0.%d/30\"\n"+
				"[[link]]\nbetween = [\"m%d\", \"end\"]\nprefix = \"10.0.1.%d/30\"\n", i, i, 4*i, i, 4*i)
		}
		for percent, want := range map[int]int{95: tt.p95, 99: tt.p99} {
			w := newWorld(t, virtual.Parse(t, text))
			r := w.trace(fmt.Sprintf("-c %d -m 2 -f 2 -w 1 %s", percent, target4))
			if len(r.Probes) != want || reason(r) != "HOPLIMIT/0" {
				t.Errorf("%d addresses, %d%%: %d probes, want %d; %s", tt.width, percent, len(r.Probes), want, reason(r))
			}
		}
	}
}

func TestConfidenceTable(t *testing.T) {
	for _, tt := range []struct{ addresses, p95, p99 int }{
		{0, 6, 8}, {1, 6, 8}, {2, 11, 15}, {7, 38, 51}, {13, 76, 98}, {24, 152, 192}, {25, 0, 0}, {300, 0, 0},
	} {
		if a, b := confidence(95, tt.addresses), confidence(99, tt.addresses); a != tt.p95 || b != tt.p99 {
			t.Errorf("%d addresses: %d and %d, want %d and %d", tt.addresses, a, b, tt.p95, tt.p99)
		}
	}
}

// A trace is halted in every phase; what it has stays.
func TestHalt(t *testing.T) {
	gone := virtual.Chain(quiet, "", "", quiet, quiet)
	for _, tt := range []struct {
		name, command, topology string
		at                      time.Duration
	}{
		{"waiting for a reply", "-w 5 " + target4, gone, 2 * time.Second},
		{"waiting for the next turn", "-W 200 " + target4, gone, 500 * time.Millisecond},
		{"last ditch", "-w 1 -q 1 -g 1 -G 2 " + target4, gone, 1500 * time.Millisecond},
		{"parallel", "-N 3 -w 5 " + target4, gone, 2 * time.Second},
		{"backwards", "-O back -m 4 -w 5 " + target4, gone, 2 * time.Second},
		{"doubletree's first phase", "-f 4 -Z halt -w 5 " + target4, gone, 2 * time.Second},
		{"doubletree, backward phase", "-f 3 -Z halt -w 5 " + target4, virtual.Chain("", "", quiet, "", ""), 3 * time.Second},
		{"path MTU discovery", "-M -q 1 -w 5 " + target4, virtual.Chain("", "", "|mtu = 1400\ntoo-big = \"silent\"", ""), 2 * time.Second},
		{"place of a black hole", "-M -q 1 -w 1 " + target4, virtual.Chain("", "", "|mtu = 1400\ntoo-big = \"silent\"", "", ""), 5500 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, virtual.Parse(t, tt.topology))
			w.After(tt.at, w.Sched.Close)
			r := w.trace(tt.command)
			if reason(r) != "HALTED/0" {
				t.Errorf("reason %s at %v, sent %s", reason(r), w.Ended, w.schedule())
			}
			if w.Ended > tt.at+time.Second {
				t.Errorf("ended at %v", w.Ended)
			}
			if len(r.Probes) == 0 {
				t.Error("nothing is left of it")
			}
		})
	}
}

// Errors end a trace with a record and a line for the user.
func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		name, command, text string
		data                uint8
		probes              int
		change              func(*world)
	}{
		{
			name: "no route", command: "10.99.1.1", data: uint8(syscall.EHOSTUNREACH),
			text: "getsrc connect to dst failed for 10.99.1.1: no route to host",
		},
		{
			name: "refused packet", command: target4, data: uint8(syscall.EPERM), probes: 2, text: "operation not permitted",
			change: func(w *world) {
				w.Refuse = func(p virtual.Packet) error {
					if p.N == 2 {
						return syscall.EPERM
					}
					return nil
				}
			},
		},
		{
			name: "no neighbour", command: "-P tcp " + target4, text: "dlhdr_ethcb: did not get mac address for 192.0.2.1",
			change: func(w *world) { w.LinkError = errors.New("dlhdr_ethcb: did not get mac address for 192.0.2.1") },
		},
		{
			name: "no answer about the route", command: "-O dl -w 1 " + target4, text: "timeout in mode 0",
			change: func(w *world) { w.LinkNever = true },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, virtual.Parse(t, virtual.Chain("", "", "", "")))
			if tt.change != nil {
				tt.change(w)
			}
			r := w.trace(tt.command)
			if r.StopReason != warts.TraceStopError || r.StopData != tt.data || r.ErrMsg != tt.text {
				t.Errorf("%s/%d %q, want %d %q", r.StopReason, r.StopData, r.ErrMsg, tt.data, tt.text)
			}
			if len(r.Probes) != tt.probes {
				t.Errorf("%d probes, want %d", len(r.Probes), tt.probes)
			}
			want := fmt.Sprintf("trace to %s failed: %s", r.Dst, tt.text)
			if len(w.Reports) != 1 || w.Reports[0] != want {
				t.Errorf("said %q, want %q", w.Reports, want)
			}
		})
	}
}

// With -y copies of the work in progress are written; probes that may still be answered are marked.
func TestStream(t *testing.T) {
	w := newWorld(t, virtual.Parse(t, virtual.Chain("", "", "", quiet, "")))
	w.add("-y 2 -w 1 -q 1 " + target4)
	records := w.run()
	var got []string
	for _, r := range records {
		pending := ""
		for i := range r.Probes {
			if r.Probes[i].Flags&warts.TraceHopPending != 0 {
				pending += fmt.Sprint(" pending ", r.Probes[i].TTL)
			}
		}
		got = append(got, fmt.Sprintf("%s %d%s", reason(r), len(r.Probes), pending))
	}
	want := "INPROGRESS/0 2 pending 2, INPROGRESS/0 4 pending 4, COMPLETED/0 5"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("records %s, want %s", s, want)
	}
}

// Two traces that could be confused run one after the other, others side by side.
func TestSignatures(t *testing.T) {
	for _, tt := range []struct {
		a, b   string
		beside bool
	}{
		{target4, target4, false},
		{target4, "-s 40000 " + target4, true},
		{target4, "-d 33436 " + target4, true},
		{"-P udp " + target4, "-d 50000 " + target4, false},
		{"-P icmp " + target4, "-P icmp-paris " + target4, false},
		{"-P tcp " + target4, "-P tcp-ack " + target4, false},
		{"-P tcp " + target4, target4, true},
	} {
		w := newWorld(t, virtual.Parse(t, virtual.Chain("", quiet, "")))
		w.add("-w 1 -q 1 -m 1 " + tt.a)
		w.add("-w 1 -q 1 -m 1 " + tt.b)
		w.run()
		if len(w.Sent) != 2 {
			t.Fatalf("%d packets", len(w.Sent))
		}
		if beside := w.Sent[1].At < time.Second; beside != tt.beside {
			t.Errorf("%q and %q: side by side %v, want %v", tt.a, tt.b, beside, tt.beside)
		}
	}
}

// With -s 0 traces that could be confused run side by side, each from a port of its own.
func TestAnyPort(t *testing.T) {
	for _, method := range []string{"udp", "udp-paris", "icmp", "icmp-paris", "tcp", "tcp-ack"} {
		for _, dst := range []string{target4, target6} {
			w := newWorld(t, virtual.Parse(t, virtual.Chain("", quiet, "")))
			for range 3 {
				w.add("-s 0 -w 1 -q 1 -m 2 -P " + method + " " + dst)
			}
			w.add("-s 0 -w 1 -q 1 -m 2 -P " + method + " 198.51.100.11") // another destination may have the same port
			ports := map[uint16]int{}
			for i, r := range w.run() {
				if r.Dst.String() == dst {
					ports[r.SrcPort]++
				}
				if reason(r) != "HOPLIMIT/0" && r.Dst.String() == dst || r.SrcPort == 0 {
					t.Errorf("%s to %s: trace %d: %s from port %d, %s", method, dst, i, reason(r), r.SrcPort, r.ErrMsg)
				}
			}
			if len(ports) != 3 || w.Sent[2].At > 100*time.Millisecond {
				t.Errorf("%s to %s: ports %v, sent %s", method, dst, ports, w.schedule())
			}
		}
	}
}
