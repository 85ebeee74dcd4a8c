package output

import (
	"bytes"
	"errors"
	"testing"

	"scamper/shared/warts"
)

// held is a file in memory.
type held struct{ bytes.Buffer }

func (*held) Close() error { return nil }

// count is the number of pings that can be read from the start of a file.
func count(file []byte) (n int) {
	r := warts.NewReader(bytes.NewReader(file))
	for rec, err := range r.All() {
		if err != nil {
			break
		}
		if _, ok := rec.(*warts.Ping); ok {
			n++
		}
	}
	return n
}

func TestPacked(t *testing.T) {
	for _, format := range []Format{WartsGzip, WartsBzip2, WartsXz} {
		var w held
		f := newFile(t, format, &w)
		for i := range 3000 {
			if err := f.Write(ping(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if n := count(w.Bytes()); n != 3000 {
			t.Errorf("%v: %d pings", format, n)
		}
		if bytes.HasPrefix(w.Bytes(), []byte{0x12, 0x05}) {
			t.Errorf("%v: not compressed", format)
		}
	}
}

// TestPackedCut reads a file that its writer never got to close.
func TestPackedCut(t *testing.T) {
	for format, want := range map[Format]int{WartsGzip: 200, WartsBzip2: 100} {
		var w held
		f := newFile(t, format, &w)
		for i := range 200 {
			if err := f.Write(ping(i)); err != nil {
				t.Fatal(err)
			}
			if i%100 == 99 {
				f.packed = f.packed.Add(-2 * packFlush)
				if err := f.Flush(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := count(w.Bytes()); n < want {
			t.Errorf("%v: %d pings, want %d at least", format, n, want)
		}
	}
}

func TestPackedFull(t *testing.T) {
	f := newFile(t, WartsGzip, &full{})
	var err error
	for i := range 200_000 {
		if err = f.Write(ping(i)); err != nil {
			break
		}
	}
	if cerr := f.Close(); err == nil && cerr == nil {
		t.Error("no error from a full file")
	}
}

// full is a file without room.
type full struct{}

func (*full) Write([]byte) (int, error) { return 0, errors.New("full") }
func (*full) Close() error              { return nil }
