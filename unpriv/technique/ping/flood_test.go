package ping

import (
	"bytes"
	"fmt"
	"testing"

	"scamper/shared/warts"
	"scamper/unpriv/netio"
)

// TestMaxReplies floods pings with duplicates: what is kept fits into a record, and the first reply of a probe always has
// room, also that of the last probe after all others were flooded.
func TestMaxReplies(t *testing.T) {
	for _, test := range []struct{ count, most int }{
		{3, 3 * maxReplies}, {63, 63 * maxReplies}, {64, 65535}, {200, 65535}, {32768, 65535}, {65534, 65535}, {65535, 65535},
	} {
		t.Run(fmt.Sprint(test.count), func(t *testing.T) {
			w := newWorld(t)
			opt, dst := parsed(t, fmt.Sprintf("-c %d 198.51.100.10", test.count))
			p := w.pings.New(opt, dst)
			p.probes, p.sent = make([]sentProbe, test.count), uint16(test.count)
			answer := answerTo(t, opt, dst)
			for i := range p.probes {
				p.probes[i].tx = netio.StampOf(w.start)
			}
			for i := range p.probes {
				for range 2 * maxReplies * 100 / min(test.count, 10_000) {
					p.file(&p.probes[i], &answer)
				}
			}
			var b bytes.Buffer
			out := warts.NewWriter(&b)
			if err := out.Write(p.Record(w)); err != nil {
				t.Fatal(err)
			}
			r, err := warts.NewReader(&b).Next()
			if err != nil {
				t.Fatal(err)
			}
			total := 0
			for i, pr := range r.(*warts.Ping).Probes {
				n := len(pr.Replies)
				if n < 1 || n > maxReplies {
					t.Fatalf("probe %d has %d replies", i, n)
				}
				total += n
			}
			if total != test.most || len(r.(*warts.Ping).Probes) != test.count {
				t.Errorf("%d replies of %d probes, want %d", total, len(r.(*warts.Ping).Probes), test.most)
			}
		})
	}
}
