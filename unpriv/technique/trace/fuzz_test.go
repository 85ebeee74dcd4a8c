package trace

import (
	"bytes"
	"testing"
	"time"

	"scamper/shared/warts"
)

// FuzzReplies damages the replies of a trace, and loses, delays and doubles them. Whatever comes, the trace ends, the
// record can be written, and what is read again has the same probes and replies.
func FuzzReplies(f *testing.F) {
	commands := []string{
		"", "-P udp", "-P icmp", "-P icmp-paris", "-P tcp", "-P tcp-ack -M", "-M", "-M -P icmp", "-O dl", "-O dl -P udp",
		"-N 4", "-O back -m 9", "-c 95", "-Q -q 2", "-f 6 -Z fuzz", "-f 3 -z 10.0.0.10", "-g 1 -G 2",
	}
	for i := range commands {
		f.Add(uint8(i), false, []byte{})
		f.Add(uint8(i), true, []byte{0, 20, 3, 1, 28, 255, 2, 0, 0, 3, 9, 1, 0, 0, 0, 8, 33, 4})
	}
	topology := parsed(f, path("", "", "", "|mtu = 1400", quiet, "", ""))
	f.Fuzz(func(t *testing.T, which uint8, v6 bool, damage []byte) {
		w := newWorld(t, topology)
		next := func() byte {
			if len(damage) == 0 {
				return 0
			}
			b := damage[0]
			damage = damage[1:]
			return b
		}
		w.damage = func(ip []byte) []byte { // place and value, as often as the first byte says
			for range next() & 3 {
				at, value := int(next()), next()
				if at < len(ip) {
					ip[at] ^= value
				}
			}
			if cut := int(next()); cut > 200 && cut-180 < len(ip) {
				ip = ip[:cut-180]
			}
			return ip
		}
		w.fate = func(sentPacket) []time.Duration {
			switch n := next(); {
			case n < 200:
				return nil
			case n < 210:
				return []time.Duration{}
			case n < 230:
				return []time.Duration{0, time.Duration(n) * time.Millisecond}
			default:
				return []time.Duration{time.Duration(n-230) * 100 * time.Millisecond}
			}
		}
		dst := target4
		if v6 {
			dst = target6
		}
		command := commands[int(which)%len(commands)] + " " + dst
		if _, _, err := Parse("-w 1 "+command, Defaults{}); err != nil {
			t.Skip(err)
		}
		r := w.trace("-w 1 " + command)
		var b bytes.Buffer
		out := warts.NewWriter(&b)
		if err := out.Write(r); err != nil {
			t.Fatalf("write: %v", err)
		}
		in := warts.NewReader(&b)
		for {
			rec, err := in.Next()
			if err != nil {
				t.Fatalf("read: %v", err)
			}
			if again, ok := rec.(*warts.Trace); ok {
				if got, want := answeredOf(again), answeredOf(r); got != want || reason(again) != reason(r) {
					t.Errorf("read %s %s, wrote %s %s", got, reason(again), want, reason(r))
				}
				return
			}
		}
	})
}

// answeredOf lists the probes of a record that have replies.
func answeredOf(r *warts.Trace) string {
	var list []warts.TraceProbe
	for i := range r.Probes {
		if len(r.Probes[i].Replies) > 0 {
			list = append(list, r.Probes[i])
		}
	}
	return probes(list)
}
