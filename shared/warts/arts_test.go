package warts

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestArts reads traces of skitter.
func TestArts(t *testing.T) {
	file := testFiles(t)["file-arts.warts"]
	var got []string
	for rec, err := range NewReader(bytes.NewReader(file)).All() {
		if err != nil {
			t.Fatal(err)
		}
		tr := rec.(*Trace)
		s := fmt.Sprintf("%s>%s %d %s %d hops %d", tr.Src, tr.Dst, tr.Start.Sec, tr.StopReason, tr.StopData, tr.HopCount)
		if tr.List != nil {
			s += fmt.Sprintf(" list %d cycle %d", tr.List.ID, tr.Cycle.ID)
		}
		got = append(got, s)
		for _, p := range tr.Probes {
			for _, r := range p.Replies {
				got = append(got, fmt.Sprintf(" %d %s attempt %d %v %d/%d ttl %d", p.TTL, r.Addr, p.ID+1, r.RTT, r.ICMPType,
					r.ICMPCode, r.TTL))
			}
		}
	}
	want := []string{
		"100.64.1.5>198.51.100.3 1700000000 none 0 hops 3 list 5 cycle 6",
		" 1 203.0.113.226 attempt 1 1ms 11/0 ttl 0",
		" 2 8.8.8.81 attempt 2 2ms 11/0 ttl 0",
		" 3 198.51.100.3 attempt 0 123.456ms 0/0 ttl 60",
		"100.64.1.5>198.51.100.3 1700000000 unreach 13 hops 2 list 5 cycle 7",
		" 1 203.0.113.226 attempt 0 0s 11/0 ttl 0",
		" 2 8.8.8.81 attempt 0 0s 3/13 ttl 0",
		"100.64.1.5>198.51.100.3 1700000000 loop 1 hops 4",
		" 3 203.0.113.212 attempt 1 500µs 11/0 ttl 0",
		" 4 198.51.100.3 attempt 0 777µs 0/0 ttl 0",
		"100.64.1.5>198.51.100.3 1700000000 gaplimit 5 hops 0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for cut := range file {
		for _, err := range NewReader(bytes.NewReader(file[:cut])).All() {
			_ = err // it must only end
		}
	}
	r := NewReader(bytes.NewReader(file))
	r.Want = []Type{TypePing}
	if rest := read(r); len(rest) != 0 {
		t.Errorf("pings in a file of traces: %v", rest)
	}
}
