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
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func packed(t testing.TB, f Format, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z, err := NewWriter(&buf, f)
	if err != nil {
		t.Fatal(err)
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

func samples() map[string][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	words := make([]byte, 0, 700_000)
	for len(words) < 700_000 {
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
		"long run":    make([]byte, 500_000),
		"period of 2": bytes.Repeat([]byte("ab"), 100_000),
		"every byte":  all,
		"noise":       noise,
		"words":       words,
		"block":       words[:blockLimit],
		"block + 1":   words[:blockLimit+1],
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
