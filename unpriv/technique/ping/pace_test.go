package ping

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/technique/virtual"
)

// What a probe is late, the next one makes up for, but by no more than 1 ms or half the interval.
func TestLate(t *testing.T) {
	const due = loop.Mono(5 * time.Second)
	for _, tt := range []struct{ wait, late, want time.Duration }{
		{10 * ms, 0, 0},
		{10 * ms, ms / 2, ms / 2},
		{10 * ms, 7 * ms, ms},
		{ms, ms, ms / 2},
		{10 * ms, -ms, 0}, // a packet too big was sent in between
	} {
		p := &Ping{opt: &Options{Wait: tt.wait}, due: due}
		if got := p.late(due.Add(tt.late)); got != tt.want {
			t.Errorf("-i %v, %v late: %v, want %v", tt.wait, tt.late, got, tt.want)
		}
		p.due = 0
		if got := p.late(due); got != 0 {
			t.Errorf("the first probe is %v late", got)
		}
	}
}

// Over many probes, each of which is a little late, that doesn't add up.
func TestNoDrift(t *testing.T) {
	w := newWorld(t)
	tries := 0
	w.Refuse = func(virtual.Packet) error {
		if tries++; tries%3 != 0 {
			return netio.ErrFull // asked again some time later
		}
		return nil
	}
	w.ping("-c 201 -i 0.005 198.51.100.10")
	took := w.Sent[len(w.Sent)-1].At - w.Sent[0].At
	if len(w.Sent) != 201 || (took-time.Second).Abs() > 2*ms {
		t.Errorf("%d probes took %v, want 1s", len(w.Sent), took)
	}
}

// A TCP port that only root may reserve serves as source port all the same; UDP answers would not reach us.
func TestPortOfRoot(t *testing.T) {
	for command, want := range map[string]string{
		"-P tcp-syn -F 22 -c 1 198.51.100.10":       "",
		"-P tcp-ack-sport -F 22 -c 2 198.51.100.10": "",
		"-P tcp-ack -F 22 -c 1 2001:db8:100::10":    "",
		"-P tcp-syn -F 0 -c 1 198.51.100.10":        syscall.EACCES.Error(),
		"-P udp -F 123 -c 1 198.51.100.10":          syscall.EACCES.Error(),
		"-P udp-sport -F 123 -c 1 2001:db8:100::10": syscall.EACCES.Error(),
	} {
		w := newWorld(t)
		w.OpenError[netio.TCP], w.OpenError[netio.UDP] = syscall.EACCES, syscall.EACCES
		p := w.ping(command)
		if failed := p.StopReason == warts.PingStopError; failed != (want != "") || !strings.Contains(p.ErrMsg, want) {
			t.Errorf("%s: %v, %q", command, p.StopReason, p.ErrMsg)
		}
		if want == "" && (len(p.Probes) == 0 || len(p.Probes[0].Replies) != 1) {
			t.Errorf("%s: %+v", command, p.Probes)
		}
	}
}
