package pack

import (
	"bytes"
	"compress/bzip2"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"scamper/testkit"
)

func unpack(t *testing.T, f Format, packed []byte) []byte {
	t.Helper()
	data, err := read(t, f, packed)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// start unpacks as much as there is of a stream that was cut off.
func start(t *testing.T, f Format, packed []byte) []byte {
	t.Helper()
	data, _ := read(t, f, packed)
	return data
}

func read(t *testing.T, f Format, packed []byte) ([]byte, error) {
	t.Helper()
	var r io.Reader = bytes.NewReader(packed)
	var err error
	switch f {
	case Gzip:
		r, err = gzip.NewReader(r)
	case Bzip2:
		r = bzip2.NewReader(r)
	case Xz:
		r, err = xz.NewReader(r)
	case Zstd:
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return io.ReadAll(r)
}

func packed(t testing.TB, f Format, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z, err := NewWriter(&buf, f)
	if err != nil {
		t.Fatal(err)
	}
	if f == Bzip2 && len(data) <= maxSmall {
		z = newBzip2Writer(&buf, 1) // sorting long blocks takes long
	}
	// In two pieces, as a run may be cut by them.
	for _, piece := range [][]byte{data[:len(data)/2], data[len(data)/2:]} {
		if _, err := z.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// maxSmall is the length of the samples that bzip2 compresses in short blocks: all but one.
const maxSmall = 600_000

func samples() map[string][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	words := make([]byte, 0, 620_000)
	for len(words) < 620_000 {
		words = append(words, strings.Repeat("probe", int(rng.Uint32()%3))...)
		words = append(words, byte(rng.Uint32()%7))
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return map[string][]byte{
		"empty":       {},
		"one byte":    {'x'},
		"two bytes":   {'x', 'y'},
		"run of 3":    []byte("aaab"),
		"run of 4":    []byte("aaaab"),
		"run of 255":  append(bytes.Repeat([]byte{7}, 255), 8),
		"run of 256":  bytes.Repeat([]byte{7}, 256),
		"long run":    make([]byte, 200_000),
		"period of 2": bytes.Repeat([]byte("ab"), 60_000),
		"every byte":  all,
		"noise":       noise,
		"words":       words,
		"block":       words[:blockLimit(1)],
		"block + 1":   words[:blockLimit(1)+1],
	}
}

func TestRoundTrip(t *testing.T) {
	for _, f := range []Format{None, Gzip, Bzip2, Xz, Zstd} {
		for name, data := range samples() {
			t.Run(f.String()+"/"+name, func(t *testing.T) {
				if got := unpack(t, f, packed(t, f, data)); !bytes.Equal(got, data) {
					t.Errorf("%d bytes came back as %d others", len(data), len(got))
				}
			})
		}
	}
}

// TestBzip2Program checks with a decompressor that is not Go's.
func TestBzip2Program(t *testing.T) {
	path := testkit.NeedProgram(t, "bzip2")
	for name, data := range samples() {
		cmd := exec.Command(path, "-d", "-c")
		cmd.Stdin = bytes.NewReader(packed(t, Bzip2, data))
		got, err := cmd.Output()
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes came back as %d others: %v", name, len(data), len(got), err)
		}
	}
}

// TestFlush checks that what was written before a flush can be read although the stream does not go on.
func TestFlush(t *testing.T) {
	lines := bytes.Repeat([]byte("a line of some length\n"), 100)
	for _, f := range []Format{None, Gzip, Bzip2, Zstd} {
		var buf bytes.Buffer
		z, err := NewWriter(&buf, f)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // as bzip2 may keep the end of what came last
			if _, err := z.Write(lines); err != nil {
				t.Fatal(err)
			}
			if err := z.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if got := start(t, f, buf.Bytes()); !bytes.HasPrefix(got, lines) {
			t.Errorf("%v: only %d of %d bytes can be read after a flush", f, len(got), len(lines))
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if got := unpack(t, f, buf.Bytes()); len(got) != 2*len(lines) {
			t.Errorf("%v: %d bytes in the end", f, len(got))
		}
	}
}

func TestXzBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, xzBlock+1)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	var buf bytes.Buffer
	z, err := NewWriter(&buf, Xz)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if got := start(t, Xz, buf.Bytes()); !bytes.HasPrefix(data, got) || len(got) < xzBlock {
		t.Errorf("%d bytes can be read after a whole block", len(got))
	}
}

func TestByName(t *testing.T) {
	for name, want := range map[string]Format{
		"a.warts": None, "a.gz": Gzip, "a.warts.BZ2": Bzip2, "a.Xz": Xz, "a.zst": Zstd, "gz": None, "": None,
	} {
		if got := ByName(name); got != want {
			t.Errorf("ByName(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, err := NewWriter(io.Discard, 99); err == nil {
		t.Error("no error for an unknown format")
	}
}

func TestWriteAfterClose(t *testing.T) {
	z, err := NewWriter(io.Discard, Bzip2)
	if err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write([]byte("x")); err == nil {
		t.Error("no error for a write after Close")
	}
}

func FuzzBzip2(f *testing.F) {
	for _, data := range samples() {
		if len(data) < 1000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if got := unpack(t, Bzip2, packed(t, Bzip2, data)); !bytes.Equal(got, data) {
			t.Errorf("%x came back as %x", data, got)
		}
	})
}
