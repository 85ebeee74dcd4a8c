package warts

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// flaky is a file in memory that fails after some bytes.
type flaky struct {
	bytes.Buffer
	room int
}

var errFull = errors.New("no space left")

func (f *flaky) Write(b []byte) (int, error) {
	n := min(len(b), f.room)
	f.room -= n
	f.Buffer.Write(b[:n])
	if n < len(b) {
		return n, errFull
	}
	return n, nil
}

// flakyFile is one that can be cut.
type flakyFile struct{ flaky }

func (f *flakyFile) Seek(int64, int) (int64, error) { return int64(f.Len()), nil }

func (f *flakyFile) Truncate(n int64) error {
	f.Buffer.Truncate(int(n))
	return nil
}

// TestWriterNumbers holds what comes before a record.
func TestWriterNumbers(t *testing.T) {
	a, b := &List{Name: "a"}, &List{Name: "b"}
	start := &Cycle{List: a, ID: 7}
	stop := &Cycle{Kind: CycleStop, List: &List{Name: "a"}, ID: 7, Stop: 9}
	ping := func(l *List, c *Cycle) *Ping { return &Ping{List: l, Cycle: c, Dst: ip("192.0.2.1")} }
	tests := []struct {
		name string
		recs []Record
		want []string
	}{
		{"list once", []Record{a, a, &List{Name: "a"}, &List{Name: "a", ID: 1}}, []string{"list", "list"}},
		{"start brings list", []Record{start}, []string{"list", "cycle-start"}},
		{"record brings all", []Record{ping(a, start)}, []string{"list", "cycle-def", "ping a 7"}},
		{"record of none", []Record{ping(nil, nil)}, []string{"ping"}},
		{
			"record of another list than its cycle's",
			[]Record{ping(b, start)},
			[]string{"list", "list", "cycle-def", "ping b 7"},
		},
		{
			"def once",
			[]Record{&Cycle{Kind: CycleDef, List: a}, &Cycle{Kind: CycleDef, List: a}},
			[]string{"list", "cycle-def"},
		},
		{"stop brings all", []Record{stop}, []string{"list", "cycle-def", "cycle-stop"}},
		{
			"again after the stop",
			[]Record{start, stop, ping(a, start), stop, start},
			[]string{"list", "cycle-start", "cycle-stop", "cycle-def", "ping a 7", "cycle-stop", "cycle-start"},
		},
		{
			"equal values are the same",
			[]Record{start, ping(&List{Name: "a"}, &Cycle{Kind: CycleStop, List: a, ID: 7})},
			[]string{"list", "cycle-start", "ping a 7"},
		},
		{"unknown", []Record{&Unknown{RecordType: 99, Body: []byte("x")}}, []string{"99"}},
	}
	for _, tt := range tests {
		var buf bytes.Buffer
		w := NewWriter(&buf)
		for _, rec := range tt.recs {
			if err := w.Write(rec); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		if diff := cmp.Diff(tt.want, read(NewReader(&buf))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	w := NewWriter(io.Discard)
	if err := errors.Join(w.Write(start), w.Write(start)); !errors.Is(err, ErrDuplicateCycle) {
		t.Errorf("second start: %v", err)
	}
}

// TestWriterRefuses holds which records can't be written, and that nothing of them is.
func TestWriterRefuses(t *testing.T) {
	dst := ip("192.0.2.1")
	list := &List{Name: "new"}
	long := strings.Repeat("x", 70000)
	tests := []struct {
		rec  Record
		want error
	}{
		{&Ping{List: list}, errNeedsAddr},
		{&Ping{Dst: dst, Probes: []PingProbe{{Replies: []PingReply{{}}}}}, errNeedsAddr},
		{&Ping{Dst: dst, Wait: 256e9}, errRange},
		{&Ping{Dst: dst, Wait: -1e9}, errRange},
		{&Ping{Dst: dst, ErrMsg: "a\x00b"}, errNUL},
		{&Ping{List: list, Dst: dst, ErrMsg: long}, errTooLong},
		{&Ping{List: list, Dst: dst, Data: []byte(long)}, errTooMany},
		{&Trace{Dst: dst, HopCount: 300}, errRange},
		{&Trace{Dst: dst, Probes: []TraceProbe{{Replies: []TraceReply{{Addr: dst}}}}}, errRange},
		{&Trace{Dst: dst, Doubletree: &TraceDoubletree{LSSName: long[:5000]}}, errTooLong},
		{&Tracelb{Dst: dst, Links: []TracelbLink{{To: -1}}}, errRange},
		{&Dealias{}, errRange},
		{&Dealias{Method: DealiasAlly}, errRange},
		{&Dealias{Method: DealiasMercator, ProbeDefs: []DealiasProbeDef{{Method: 1, Dst: dst}}}, errValue},
		{&Tbit{}, errNeedsAddr},
		{&Tbit{Src: dst, Dst: dst, TTL: 255, Packets: []TbitPacket{{}}}, errEmpty},
		{&Tbit{Src: dst, Dst: dst, FOCookie: make([]byte, 17)}, errRange},
		{&Sting{}, errNeedsAddr},
		{&Sniff{}, errNeedsAddr},
		{&Host{}, errNeedsAddr},
		{&Host{Dst: dst, Queries: []HostQuery{{An: []HostRR{{Class: 1, Type: 1, Data: HostRRName{"x"}}}}}}, errValue},
		{&HTTP{Headers: make([]string, 256)}, errTooMany},
		{&UDPProbe{Probes: make([]UDPProbeProbe, 256)}, errTooMany},
		{&Neighbourdisc{Probes: []NeighbourdiscProbe{{Replies: make([]NeighbourdiscReply, 1)}}}, errNeedsAddr},
		{&OWAMP{TXs: []OWAMPSent{{RXs: make([]OWAMPReceived, 256)}}}, errTooMany},
		{&List{}, errNeedsName},
		{&Unknown{RecordType: TypeList}, errValue},
		{&Address{}, errNeedsAddr},
	}
	for _, tt := range tests {
		var enc Encoder
		got, err := enc.Append([]byte("before"), tt.rec)
		if !errors.Is(err, tt.want) || string(got) != "before" {
			t.Errorf("%#v: error %v, want %v; %d bytes", tt.rec, err, tt.want, len(got))
		}
		if enc.file.listCount != 0 || len(enc.lists) != 0 {
			t.Errorf("%T: a list is left", tt.rec)
		}
	}
}

// TestWriterFull fails in the middle of records: the file stays one that can be read, and the numbers are right.
func TestWriterFull(t *testing.T) {
	whole := smallFile(t, "a", 1, 2)
	recs := func() (recs []Record) {
		for rec, err := range NewReader(bytes.NewReader(whole)).All() {
			if err != nil {
				t.Fatal(err)
			}
			recs = append(recs, rec)
		}
		return recs
	}()
	for room := range whole {
		file := &flakyFile{flaky{room: room}}
		w := NewWriter(file)
		failed := 0
		for _, rec := range recs {
			if err := w.Write(rec); err != nil {
				if !errors.Is(err, errFull) {
					t.Fatalf("room %d: %v", room, err)
				}
				failed++
				for _, s := range read(NewReader(bytes.NewReader(file.Bytes()))) {
					if strings.HasPrefix(s, "error") {
						t.Fatalf("room %d: after the failure: %s", room, s)
					}
				}
				file.room = 1 << 20
				if err := w.Write(rec); err != nil {
					t.Fatalf("room %d: again: %v", room, err)
				}
			}
		}
		if failed != 1 || !bytes.Equal(file.Bytes(), whole) {
			t.Fatalf("room %d: %d failures, file differs", room, failed)
		}
	}
	pipe := &flaky{room: 20}
	w := NewWriter(pipe)
	err1, err2 := w.Write(recs[1]), error(nil)
	if err1 != nil {
		pipe.room = 1 << 20
		err2 = w.Write(recs[2])
	}
	if !errors.Is(err1, errFull) || !errors.Is(err2, errFull) || pipe.Len() != 20 {
		t.Errorf("pipe: %v, then %v, %d bytes", err1, err2, pipe.Len())
	}
}

// TestAppender goes on with a file.
func TestAppender(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.warts")
	list := &List{Name: "a"}
	for round := range uint32(3) {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		w, err := NewAppender(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range []Record{
			list,
			&Cycle{List: list, ID: round},
			&Ping{List: list, Cycle: &Cycle{List: list, ID: 0}, Dst: ip("192.0.2.1")}, // not stopped
		} {
			if err := w.Write(rec); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"list", "cycle-start", "ping a 0", "cycle-start", "ping a 0", "cycle-start", "ping a 0"}
	if diff := cmp.Diff(want, read(NewReader(bytes.NewReader(file)))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, content := range map[string][]byte{
		"cut":        file[:len(file)-1],
		"twice":      append(file[:len(file):len(file)], file...),
		"compressed": testFiles(t)["compressed-gz-26.warts.gz"],
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewAppender(f); err == nil {
			t.Errorf("%s: no error", name)
		} else if name == "twice" && !strings.Contains(err.Error(), "offset") {
			t.Errorf("%s: %v", name, err)
		}
		f.Close()
	}
}

// TestSectionLength holds that a section that is too long for its 12 bits loses replies at its end, and no more.
func TestSectionLength(t *testing.T) {
	for _, n := range []int{1, 20, 100, 150, 1000, 3000} {
		tr := engineTrace()
		tr.LastDitch = new(TraceLastDitch)
		tr.PMTUD = &TracePMTUD{Version: 2, Notes: []TracePMTUDNote{{Type: TraceNotePTB, Reply: n - 1}}}
		for i := range n {
			p := TraceProbe{TTL: 255, ID: uint8(i), Size: uint16(i), Replies: []TraceReply{{
				Addr: ip("2001:db8::1"), QuoTTL: 1, QuoLen: uint16(i),
			}}}
			p.Replies[0].Addr.lo += uint64(i)
			tr.PMTUD.Probes = append(tr.PMTUD.Probes, p)
			tr.LastDitch.Probes = append(tr.LastDitch.Probes, p)
		}
		var enc Encoder
		file, err := enc.Append(nil, tr)
		if err != nil {
			t.Fatal(err)
		}
		var got *Trace
		for rec, err := range NewReader(bytes.NewReader(file)).All() {
			if err != nil {
				t.Fatalf("%d replies: %v", n, err)
			}
			got, _ = rec.(*Trace)
		}
		ptb, last := len(got.PMTUD.Probes), len(got.LastDitch.Probes)
		if n <= 20 && (ptb != n || last != n) || n > 150 && (ptb < 80 || last < 80) {
			t.Errorf("%d replies: %d and %d left", n, ptb, last)
		}
		if note := got.PMTUD.Notes[0].Reply; note != n-1 && (note != -1 || ptb == n) {
			t.Errorf("%d replies: note is about %d", n, note)
		}
		for i, p := range got.LastDitch.Probes {
			if p.Size != uint16(i) || p.Replies[0].Addr != tr.LastDitch.Probes[i].Replies[0].Addr {
				t.Fatalf("%d replies: reply %d is %v", n, i, p)
			}
		}
	}
}
