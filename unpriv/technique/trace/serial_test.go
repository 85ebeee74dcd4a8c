package trace

import (
	"strings"
	"testing"
	"time"

	"scamper/unpriv/technique/virtual"
)

const quiet = "silent = true"

// loopOf is a network in which packets to target4 go round in a circle of n routers, which begins behind router 1.
func loopOf(n int) string {
	routers := make([]string, n+1)
	routers[1] = "source = [\"10.0.0.2\"]"
	text := virtual.Chain("", routers...)
	text = strings.Replace(text, "[[host]]", "[[link]]\nbetween = [\"r"+string(rune('0'+n+1))+
		"\", \"r2\"]\nprefix = \"10.1.0.0/30\"\n[[host]]", 1)
	for i := 2; i <= n+1; i++ {
		next := i + 1
		if next > n+1 {
			next = 2
		}
		text += "\n[[route]]\nat = \"r" + string(rune('0'+i)) + "\"\nprefix = \"" + target4 + "/32\"\nvia = \"r" +
			string(rune('0'+next)) + "\"\n"
	}
	return text
}

func TestSerial(t *testing.T) {
	chain := virtual.Chain("", "", "", "", "")
	for _, tt := range []struct {
		name, command string
		topology      string
		fate          func(p virtual.Packet, _ []byte) []time.Duration
		sent          string // TTL@time
		hops          string
		reason        string
	}{
		{
			name: "plain", command: target4, topology: chain,
			sent: "1@0 2@0 3@0 4@0 5@0",
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6 4:10.0.0.10 5:" + target4, reason: "COMPLETED/0",
		},
		{
			name: "silent hop", command: "-w 1 -q 2 " + target4, topology: virtual.Chain("", "", "", quiet, ""),
			sent: "1@0 2@0 3@0 3@1 4@2 5@2",
			hops: "1:192.0.2.1 2:10.0.0.2 3: 3: 4:10.0.0.10 5:" + target4, reason: "COMPLETED/0",
		},
		{
			name: "first hop", command: "-f 3 " + target4, topology: chain,
			sent: "3@0 4@0 5@0", hops: "3:10.0.0.6 4:10.0.0.10 5:" + target4, reason: "COMPLETED/0",
		},
		{
			name: "hop limit", command: "-m 3 " + target4, topology: chain,
			sent: "1@0 2@0 3@0", hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6", reason: "HOPLIMIT/0",
		},
		{
			name: "hop limit, silent", command: "-w 1 -q 1 -m 3 " + target4, topology: virtual.Chain("", "", "", quiet, ""),
			sent: "1@0 2@0 3@0", hops: "1:192.0.2.1 2:10.0.0.2 3:", reason: "HOPLIMIT/0",
		},
		{
			name: "gap limit", command: "-w 1 -q 1 -g 2 " + target4, topology: virtual.Chain("", "", "", quiet, quiet, quiet, ""),
			sent: "1@0 2@0 3@0 4@1", hops: "1:192.0.2.1 2:10.0.0.2 3: 4:", reason: "GAPLIMIT/0",
		},
		{
			name: "last ditch without answer", command: "-w 1 -q 2 -g 1 -G 2 " + target4,
			topology: virtual.Chain(quiet, "", "", quiet),
			sent:     "1@0 2@0 3@0 3@1 255@2 255@3", hops: "1:192.0.2.1 2:10.0.0.2 3: 3:", reason: "GAPLIMIT/0",
		},
		{
			name: "waiting between probes", command: "-W 50 " + target4, topology: chain,
			sent: "1@0 2@0.5 3@1 4@1.5 5@2", reason: "COMPLETED/0",
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6 4:10.0.0.10 5:" + target4,
		},
		{
			// The second probe to hop 2 is not needed any more when it could be sent.
			name: "reply between time-out and turn", command: "-w 1 -W 200 " + target4, topology: chain,
			fate: func(p virtual.Packet, _ []byte) []time.Duration {
				if p.TTL == 2 {
					return []time.Duration{1500 * time.Millisecond}
				}
				return virtual.Once
			},
			sent: "1@0 2@2 3@4 4@6 5@8", reason: "COMPLETED/0",
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6 4:10.0.0.10 5:" + target4,
		},
		{
			name: "late reply goes to its own probe", command: "-w 1 -q 1 " + target4, topology: virtual.Chain("", "", "", quiet, ""),
			fate: func(p virtual.Packet, _ []byte) []time.Duration {
				if p.TTL == 2 {
					return []time.Duration{1700 * time.Millisecond}
				}
				return virtual.Once
			},
			sent: "1@0 2@0 3@1 4@2 5@2", reason: "COMPLETED/0",
			hops: "1:192.0.2.1 2:10.0.0.2 3: 4:10.0.0.10 5:" + target4,
		},
		{
			name: "late reply ends the trace", command: "-w 1 -q 1 " + target4, topology: virtual.Chain("", "", "", quiet),
			fate: func(p virtual.Packet, _ []byte) []time.Duration {
				if p.TTL == 4 {
					return []time.Duration{1500 * time.Millisecond}
				}
				if p.TTL > 4 {
					return nil
				}
				return virtual.Once
			},
			sent: "1@0 2@0 3@0 4@1 5@2", hops: "1:192.0.2.1 2:10.0.0.2 3: 4:" + target4 + " 5:", reason: "COMPLETED/0",
		},
		{
			name: "duplicates are kept", command: target4, topology: virtual.Chain("", "", "copies = 2\ncopy-gap = \"100us\""),
			sent: "1@0 2@0 3@0", hops: "1:192.0.2.1 2:10.0.0.2,10.0.0.2 3:" + target4, reason: "COMPLETED/0",
		},
		{
			name: "all attempts", command: "-Q -q 3 -m 2 " + target4, topology: chain,
			sent: "1@0 1@0 1@0 2@0 2@0 2@0", reason: "HOPLIMIT/0",
			hops: "1:192.0.2.1 1:192.0.2.1 1:192.0.2.1 2:10.0.0.2 2:10.0.0.2 2:10.0.0.2",
		},
		{
			name: "all attempts at the end", command: "-Q -q 3 " + target4, topology: virtual.Chain("", ""),
			sent: "1@0 1@0 1@0 2@0 2@0 2@0", reason: "COMPLETED/0",
			hops: "1:192.0.2.1 1:192.0.2.1 1:192.0.2.1 2:" + target4 + " 2:" + target4 + " 2:" + target4,
		},
		{
			name: "all attempts, one lost", command: "-Q -q 3 -w 1 -m 1 " + target4, topology: chain,
			fate: func(p virtual.Packet, _ []byte) []time.Duration {
				if p.N == 1 {
					return nil
				}
				return virtual.Once
			},
			sent: "1@0 1@0 1@1", hops: "1:192.0.2.1 1: 1:192.0.2.1", reason: "HOPLIMIT/0",
		},
		{
			name: "confidence, one address", command: "-c 95 -m 2 " + target4, topology: chain,
			sent:   "1@0 1@0 1@0 1@0 1@0 1@0 2@0 2@0 2@0 2@0 2@0 2@0",
			hops:   strings.Repeat("1:192.0.2.1 ", 6) + strings.TrimSpace(strings.Repeat("2:10.0.0.2 ", 6)),
			reason: "HOPLIMIT/0",
		},
		{
			name: "confidence, a silent hop", command: "-c 95 -q 2 -w 1 -m 1 " + target4, topology: virtual.Chain("", quiet, ""),
			sent: "1@0 1@1 1@2 1@3 1@4 1@5", hops: "1: 1: 1: 1: 1: 1:", reason: "HOPLIMIT/0",
		},
		{
			name: "confidence 99", command: "-c 99 -m 1 " + target4, topology: chain,
			sent: "1@0 1@0 1@0 1@0 1@0 1@0 1@0 1@0", reason: "HOPLIMIT/0",
			hops: strings.TrimSpace(strings.Repeat("1:192.0.2.1 ", 8)),
		},
		{
			name: "loop of three", command: target4, topology: loopOf(3),
			sent: "1@0 2@0 3@0 4@0 5@0", hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6 4:10.0.0.10 5:10.0.0.2", reason: "LOOP/0",
		},
		{
			name: "second loop", command: "-l 2 " + target4, topology: loopOf(3),
			sent: "1@0 2@0 3@0 4@0 5@0 6@0", reason: "LOOP/0",
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6 4:10.0.0.10 5:10.0.0.2 6:10.0.0.6",
		},
		{
			name: "loops are not looked for", command: "-l 0 -m 7 " + target4, topology: loopOf(3),
			sent: "1@0 2@0 3@0 4@0 5@0 6@0 7@0", reason: "HOPLIMIT/0",
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.6 4:10.0.0.10 5:10.0.0.2 6:10.0.0.6 7:10.0.0.10",
		},
		{
			name: "a router twice in a row is no loop", command: target4,
			topology: virtual.Chain("", "", "zero-ttl-forwarding = true", "", ""),
			sent:     "1@0 2@0 3@0 4@0 5@0", reason: "COMPLETED/0",
			hops: "1:192.0.2.1 2:10.0.0.6 3:10.0.0.6 4:10.0.0.10 5:" + target4,
		},
		{
			name: "no port: the end", command: "-P icmp-paris " + target4, topology: virtual.Chain("", ""),
			sent: "1@0 2@0", hops: "1:192.0.2.1 2:" + target4, reason: "COMPLETED/0",
		},
		{
			name: "port unreachable does not end ICMP well", command: "-P icmp " + target4, topology: virtual.Chain("echo = \"port\"", ""),
			sent: "1@0 2@0", hops: "1:192.0.2.1 2:" + target4, reason: "UNREACH/3",
		},
		{
			name: "host unreachable", command: target4, topology: virtual.Chain("udp = \"host\"", ""),
			sent: "1@0 2@0", hops: "1:192.0.2.1 2:" + target4, reason: "UNREACH/1",
		},
		{
			name: "IPv6 administratively prohibited", command: target6, topology: virtual.Chain("udp = \"admin-prohibited\"", ""),
			sent: "1@0 2@0", hops: "1:2001:db8:0:1::1 2:" + target6, reason: "UNREACH/1",
		},
		{
			name: "TCP", command: "-P tcp " + target4, topology: virtual.Chain("", "", ""),
			sent: "1@0 2@0 3@0", hops: "1:192.0.2.1 2:10.0.0.2 3:" + target4, reason: "COMPLETED/0",
		},
		{
			name: "TCP, all attempts", command: "-P tcp-ack -Q -q 2 " + target4, topology: virtual.Chain("", ""),
			sent: "1@0 1@0 2@0 2@0", hops: "1:192.0.2.1 1:192.0.2.1 2:" + target4 + " 2:" + target4, reason: "COMPLETED/0",
		},
		{
			name: "UDP answered, unseen", command: "-w 1 -q 1 -g 2 " + target4, topology: virtual.Chain("udp = \"open\"", ""),
			sent: "1@0 2@0 3@1", hops: "1:192.0.2.1 2: 3:", reason: "GAPLIMIT/0",
		},
		{
			name: "UDP answered, seen", command: "-O dl " + target4, topology: virtual.Chain("udp = \"open\"", ""),
			sent: "1@0 2@0", hops: "1:192.0.2.1 2:" + target4, reason: "COMPLETED/0",
		},
		{
			name: "IPv6, constant payload without -O dl", command: "-O const-payload " + target6, topology: virtual.Chain("", "", ""),
			sent: "1@0 2@0 3@0", hops: "1:2001:db8:0:1::1 2:2001:db8:10::2 3:" + target6, reason: "COMPLETED/0",
		},
		{
			name: "too big ends an IPv6 trace", command: "-p " + strings.Repeat("00", 1400) + " " + target6,
			topology: virtual.Chain("", "", "|mtu = 1300", ""), sent: "1@0 2@0 3@0",
			hops: "1:2001:db8:0:1::1 2:2001:db8:10::2 3:2001:db8:10::2", reason: "ICMP/2",
		},
		{
			name: "too big ends an IPv4 trace", command: "-p " + strings.Repeat("00", 1400) + " " + target4,
			topology: virtual.Chain("", "", "|mtu = 1300", ""), sent: "1@0 2@0 3@0",
			hops: "1:192.0.2.1 2:10.0.0.2 3:10.0.0.2", reason: "UNREACH/4",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, virtual.Parse(t, tt.topology))
			w.Fate = tt.fate
			r := w.trace(tt.command)
			if got := w.schedule(); got != tt.sent {
				t.Errorf("sent %s, want %s", got, tt.sent)
			}
			if got := hops(r); got != tt.hops {
				t.Errorf("hops %s, want %s", got, tt.hops)
			}
			if got := reason(r); got != tt.reason {
				t.Errorf("reason %s, want %s", got, tt.reason)
			}
			if len(w.Reports) != 0 {
				t.Errorf("said %q", w.Reports)
			}
		})
	}
}

// TestWaitFromSending opens sockets so slowly that the loop's turn is older than the wait when the probe leaves: the wait
// counts from the probe.
func TestWaitFromSending(t *testing.T) {
	for _, options := range []string{"", "-N 2 ", "-P icmp ", "-Z set "} {
		w := newWorld(t, virtual.Parse(t, virtual.Chain("", "")))
		w.Opening = 1200 * time.Millisecond
		w.Answer = func(virtual.Packet) ([]byte, bool) { return nil, true }
		w.trace("-w 1 -q 2 -m 1 " + options + target4)
		if len(w.Sent) < 2 {
			t.Fatalf("%q: %d packets were sent", options, len(w.Sent))
		}
		if gap := w.Sent[1].At - w.Sent[0].At; gap < time.Second {
			t.Errorf("%q: the second attempt came %v after the first one, want 1s", options, gap)
		}
	}
}
