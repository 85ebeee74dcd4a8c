package warts

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// read reads all records of a file and describes them: their types, for measurements with the names of list and cycle.
// Errors stand at their place.
func read(r *Reader) (got []string) {
	for rec, err := range r.All() {
		if err != nil {
			got = append(got, "error: "+err.Error())
			continue
		}
		s := rec.Type().String()
		if c := codecOf(rec.Type()); c != nil {
			list, cycle := c.group(rec)
			if list != nil {
				s += " " + list.Name
			}
			if cycle != nil {
				s += fmt.Sprintf(" %d", cycle.ID)
			}
		}
		got = append(got, s)
	}
	return got
}

// smallFile is a file with a list, a cycle and n pings of it.
func smallFile(tb testing.TB, name string, cycleID uint32, n int) []byte {
	list := &List{Name: name}
	p := enginePing()
	p.List, p.Cycle = list, &Cycle{List: list, ID: cycleID}
	var enc Encoder
	file, err := enc.Append(nil, p.Cycle)
	for range n {
		if err == nil {
			file, err = enc.Append(file, p)
		}
	}
	if err == nil {
		file, err = enc.Append(file, &Cycle{Kind: CycleStop, List: list, ID: cycleID})
	}
	if err != nil {
		tb.Fatal(err)
	}
	return file
}

// TestTruncation cuts a good file at every byte: all whole records come, then one error that names the end, or none if
// the cut is between two records.
func TestTruncation(t *testing.T) {
	file := testFiles(t)["mixed-26.warts"]
	var ends []int
	whole := NewReader(bytes.NewReader(file))
	for _, err := range whole.All() {
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, int(whole.Offset())+len(whole.Raw()))
	}
	for cut := range file {
		n, atEnd := 0, cut == 0
		for _, end := range ends {
			if end <= cut {
				n++
			}
			atEnd = atEnd || end == cut
		}
		r := NewReader(bytes.NewReader(file[:cut]))
		got := 0
		var err error
		for _, e := range r.All() {
			if e != nil {
				err = e
				break
			}
			got++
		}
		var re *ReadError
		switch {
		case got != n:
			t.Fatalf("cut at %d: %d records, want %d (%v)", cut, got, n, err)
		case atEnd && err != nil:
			t.Fatalf("cut at %d, between two records: %v", cut, err)
		case !atEnd && (!errors.As(err, &re) || !errors.Is(err, io.ErrUnexpectedEOF) || re.Offset != int64(cut)):
			t.Fatalf("cut at %d: error %v, want an unexpected end at that offset", cut, err)
		}
		if _, again := r.Next(); again == nil || err != nil && again != err {
			t.Fatalf("cut at %d: Next after the end: %v, want %v", cut, again, err)
		}
	}
}

// TestReadersBelow reads through readers that give few bytes, or errors with bytes.
func TestReadersBelow(t *testing.T) {
	for name, data := range testFiles(t) {
		want := read(NewReader(bytes.NewReader(data)))
		for how, r := range map[string]io.Reader{
			"one byte": iotest.OneByteReader(bytes.NewReader(data)),
			"half":     iotest.HalfReader(bytes.NewReader(data)),
			"data err": iotest.DataErrReader(bytes.NewReader(data)),
		} {
			if diff := cmp.Diff(want, read(NewReader(r))); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, how, diff)
			}
		}
	}
	broken := errors.New("disk on fire")
	file := smallFile(t, "a", 1, 3)
	r := NewReader(io.MultiReader(bytes.NewReader(file[:100]), iotest.ErrReader(broken)))
	var err error
	for _, err = range r.All() {
	}
	var re *ReadError
	if !errors.Is(err, broken) || !errors.As(err, &re) || re.Offset != 100 {
		t.Errorf("error of the reader below: %v", err)
	}
	for _, err = range NewReader(stuck{}).All() {
	}
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("reader that gives nothing: %v", err)
	}
}

// stuck is a reader that never gives anything.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// compressors make compressed files. That of bzip2 is only in testdata.
var compressors = map[string]func(io.Writer) (io.WriteCloser, error){
	"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	"xz":   func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
	"zstd": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
}

// TestConcatenated reads files joined as they are and as compressed members.
func TestConcatenated(t *testing.T) {
	a, b := smallFile(t, "a", 1, 2), smallFile(t, "b", 2, 1)
	both := []string{
		"list", "cycle-start", "ping a 1", "ping a 1", "cycle-stop", "list", "cycle-start", "ping b 2", "cycle-stop",
	}
	strict := append(both[:5:5], fmt.Sprintf("error: warts: offset %d: list record: list: id: %v", len(a)+HeaderLen,
		errListID))
	joined := map[string][]byte{"cat": append(a[:len(a):len(a)], b...)}
	for name, compress := range compressors {
		var buf bytes.Buffer
		for _, file := range [][]byte{a, b} {
			w, err := compress(&buf)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(file); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		joined[name] = buf.Bytes()
	}
	bz := testFiles(t)["compressed-bz2-26.warts.bz2"]
	for name, file := range joined {
		r := NewReader(bytes.NewReader(file))
		if diff := cmp.Diff(strict, read(r)); diff != "" {
			t.Errorf("%s, strict (-want +got):\n%s", name, diff)
		}
		if r.Compressed() != (name != "cat") {
			t.Errorf("%s: Compressed() = %v", name, r.Compressed())
		}
		r = NewReader(bytes.NewReader(file))
		r.Concatenated = true
		if diff := cmp.Diff(both, read(r)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	once := read(NewReader(bytes.NewReader(bz)))
	r := NewReader(bytes.NewReader(append(bz[:len(bz):len(bz)], bz...)))
	r.Concatenated = true
	if diff := cmp.Diff(append(once[:len(once):len(once)], once...), read(r)); diff != "" || len(once) == 0 {
		t.Errorf("bzip2 (-want +got):\n%s", diff)
	}
}

// TestResync goes on after damage.
func TestResync(t *testing.T) {
	file := smallFile(t, "a", 1, 4)
	var starts []int
	r := NewReader(bytes.NewReader(file))
	for range r.All() {
		starts = append(starts, int(r.Offset()))
	}
	ping := func(n int) int { return starts[2+n] } // where ping n begins
	pings := func(n int) []string {
		return strings.Split(strings.TrimSuffix(strings.Repeat("ping a 1,", n), ","), ",")
	}
	tests := []struct {
		name   string
		change func(b []byte) []byte
		want   []string // e is an error
	}{
		{"nothing", func(b []byte) []byte { return b }, append(append([]string{"list", "cycle-start"}, pings(4)...), "cycle-stop")},
		{"magic", func(b []byte) []byte {
			b[ping(1)] = 0xff
			return b
		}, []string{"list", "cycle-start", "ping a 1", "e", "ping a 1", "ping a 1", "cycle-stop"}},
		{"body", func(b []byte) []byte {
			b[ping(1)+HeaderLen+3] = 0xff // length of the parameters
			return b
		}, []string{"list", "cycle-start", "ping a 1", "e", "ping a 1", "ping a 1", "cycle-stop"}},
		{"number of the list", func(b []byte) []byte {
			b[ping(1)+HeaderLen+5] = 0xff
			return b
		}, []string{"list", "cycle-start", "ping a 1", "e", "ping 1", "ping a 1", "ping a 1", "cycle-stop"}},
		{"length too small", func(b []byte) []byte {
			b[ping(1)+7] -= 9
			return b
		}, []string{"list", "cycle-start", "ping a 1", "e", "ping a 1", "ping a 1", "cycle-stop"}},
		{"length too big", func(b []byte) []byte {
			b[ping(1)+4] = 0x7f
			return b
		}, []string{"list", "cycle-start", "ping a 1", "e", "ping a 1", "ping a 1", "cycle-stop"}},
		{
			"bytes missing", func(b []byte) []byte { return append(b[:ping(1)+30], b[ping(2)-10:]...) },
			[]string{"list", "cycle-start", "ping a 1", "e", "ping a 1", "ping a 1", "cycle-stop"},
		},
		{
			"list missing", func(b []byte) []byte { return b[starts[1]:] },
			[]string{"e", "ping", "ping", "ping", "ping", "e"},
		},
		{"list damaged", func(b []byte) []byte {
			b[starts[0]] = 0xff
			return b
		}, []string{"e", "e", "ping", "ping", "ping", "ping", "e"}},
		{"cycle start damaged", func(b []byte) []byte {
			b[starts[1]+HeaderLen+16] = 0x7f // its parameters
			return b
		}, []string{"list", "e", "ping a", "ping a", "ping a", "ping a", "e"}},
		{
			"list and start missing", func(b []byte) []byte { return b[starts[2]:] },
			[]string{"e", "ping", "ping", "ping", "ping", "e"},
		},
		{
			"end missing", func(b []byte) []byte { return b[:ping(3)+20] },
			[]string{"list", "cycle-start", "ping a 1", "ping a 1", "ping a 1", "e"},
		},
		{
			"garbage before", func(b []byte) []byte { return append([]byte("\x12\x05 is no record"), b...) },
			[]string{"e", "list", "cycle-start", "ping a 1", "ping a 1", "ping a 1", "ping a 1", "cycle-stop"},
		},
		{"much garbage", func(b []byte) []byte {
			return append(append(bytes.Clone(b[:ping(2)]), make([]byte, 3*sourceSize)...), b[ping(2):]...)
		}, []string{"list", "cycle-start", "ping a 1", "ping a 1", "e", "ping a 1", "ping a 1", "cycle-stop"}},
	}
	for _, tt := range tests {
		for _, want := range [][]Type{nil, {TypePing, TypeList, TypeCycleStart, TypeCycleStop}} {
			r := NewReader(bytes.NewReader(tt.change(bytes.Clone(file))))
			r.Resync = true
			r.Want = want
			got := read(r)
			for i := range got {
				if strings.HasPrefix(got[i], "error: ") {
					got[i] = "e"
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
	}
}

// TestWant steps over records, without harm to lists and cycles.
func TestWant(t *testing.T) {
	file := testFiles(t)["mixed-26.warts"]
	r := NewReader(bytes.NewReader(file))
	r.Want = []Type{TypePing, TypeSniff}
	want := []string{"sniff default 0", "ping default 0", "ping default 0"}
	if diff := cmp.Diff(want, read(r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRaw passes all records of a file on as they are.
func TestRaw(t *testing.T) {
	for name, file := range testFiles(t) {
		if strings.HasPrefix(name, "bad-") || strings.HasPrefix(name, "cut-") || !strings.HasSuffix(name, ".warts") {
			continue
		}
		var out bytes.Buffer
		w := NewWriter(&out)
		r := NewReader(bytes.NewReader(file))
		var err error
		for err == nil {
			var raw []byte
			if raw, err = r.NextRaw(); err == nil {
				err = w.WriteRaw(raw)
			}
		}
		if err == io.EOF && !bytes.Equal(out.Bytes(), file) && !r.Compressed() {
			t.Errorf("%s: bytes changed", name)
		}
		if err != io.EOF && !strings.HasPrefix(name, "file-") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTrace gets each parameter of a record, with its offset.
func TestTrace(t *testing.T) {
	file := unhex(t, goldens[0].hex+"\n"+goldens[1].hex)
	var got []string
	r := NewReader(bytes.NewReader(file))
	r.Trace = func(f Field) {
		if !bytes.Equal(file[f.Offset:][:len(f.Bytes)], f.Bytes) {
			t.Errorf("%s: bytes are not those at the offset", f)
		}
		got = append(got, fmt.Sprintf("%d %s %d %s %q", f.Offset, f.Block, f.Number, f.Name, f.Bytes))
	}
	read(r)
	want := []string{
		`27 list 1 description "default\x00"`,
		`62 cycle 2 host name "host1\x00"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestOpen holds which files can be opened.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	warts := smallFile(t, "a", 1, 1)
	var gz, gzText bytes.Buffer
	for buf, content := range map[*bytes.Buffer][]byte{&gz: warts, &gzText: []byte("hello, world")} {
		w := gzip.NewWriter(buf)
		w.Write(content)
		w.Close()
	}
	for name, tt := range map[string]struct {
		content []byte
		ok      bool
	}{
		"warts":      {warts, true},
		"warts.gz":   {gz.Bytes(), true},
		"text.gz":    {gzText.Bytes(), false},
		"empty":      {nil, false},
		"short":      {warts[:5], false},
		"header":     {warts[:6], true},
		"text":       {[]byte("some text"), false},
		"cut gz":     {gz.Bytes()[:6], false},
		"xz no more": {[]byte("\xfd7zXZ\x00\x00\x04"), false},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, tt.content, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			f.Reuse = true
			read(f.Reader)
			if err := f.Close(); err != nil {
				t.Errorf("%s: close: %v", name, err)
			}
		}
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

// TestXZDictionary refuses a file that asks for an enormous dictionary.
func TestXZDictionary(t *testing.T) {
	for size, refused := range map[byte]bool{0x16: false, 0x1c: false, 0x21: true, 0x28: true} {
		head := append([]byte("\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4\x46"), 0x02, 0x00, 0x21, 0x01, size, 0, 0, 0)
		_, err := NewReader(bytes.NewReader(head)).Next()
		if got := errors.Is(err, errTooLong); got != refused {
			t.Errorf("dictionary size %#x: %v", size, err)
		}
	}
}
