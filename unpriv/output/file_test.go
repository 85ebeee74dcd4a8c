package output

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/warts"
)

func ping(n int) *warts.Ping {
	return (&result{n: uint32(n)}).Record(origin{}).(*warts.Ping)
}

func TestParseFormat(t *testing.T) {
	for word, want := range map[string]Format{
		"text": Text, "TEXT": Text, "warts": Warts, "Json": JSON,
		"warts.gz": WartsGzip, "Warts.BZ2": WartsBzip2, "warts.xz": WartsXz,
	} {
		if got, ok := ParseFormat(word); !ok || got != want {
			t.Errorf("%s: %v, %v", word, got, ok)
		}
	}
	for _, word := range []string{"", "warts.zst", "warts.", "texts", "unknown"} {
		if got, ok := ParseFormat(word); ok {
			t.Errorf("%q: %v", word, got)
		}
	}
	if got := Format(0).String(); got != "unknown" {
		t.Error(got)
	}
	if _, err := NewFile("x", Format(9), nil); err == nil || !strings.Contains(err.Error(), "x") {
		t.Errorf("unknown format: %v", err)
	}
}

// Records are collected, and written in pieces that end where a record does.
func TestFileWhole(t *testing.T) {
	for _, format := range []Format{Warts, JSON, Text} {
		t.Run(format.String(), func(t *testing.T) {
			var w pieces
			f := newFile(t, format, &w)
			for i := range 5000 {
				if err := f.Write(ping(i)); err != nil {
					t.Fatal(err)
				}
			}
			if len(w.list) < 2 {
				t.Fatalf("%d writes before the end", len(w.list))
			}
			if err := f.Close(); err != nil || !w.closed {
				t.Errorf("error %v, closed %v", err, w.closed)
			}
			var all []byte
			for i, p := range w.list {
				all = append(all, p...)
				if format == Warts {
					pings(t, all)
				} else if p[len(p)-1] != '\n' {
					t.Errorf("piece %d ends with %q", i, p[len(p)-10:])
				}
			}
		})
	}
}

type pieces struct {
	list   [][]byte
	closed bool
}

func (p *pieces) Write(b []byte) (int, error) {
	p.list = append(p.list, append([]byte(nil), b...))
	return len(b), nil
}

func (p *pieces) Close() error {
	p.closed = true
	return nil
}

// limited is a regular file on a disk that becomes full.
type limited struct {
	*os.File
	room int
}

func (l *limited) Write(p []byte) (int, error) {
	n, err := l.File.Write(p[:min(len(p), l.room)])
	l.room -= n
	if err == nil && n < len(p) {
		err = &fs.PathError{Op: "write", Path: l.Name(), Err: syscall.ENOSPC}
	}
	return n, err
}

// When the disk is full, a warts file ends with its last whole record.
func TestFileMend(t *testing.T) {
	var whole pieces
	f := newFile(t, Warts, &whole)
	var ends []int // of records, in the file
	for i := range 2000 {
		if err := errors.Join(f.Write(ping(i)), f.Flush()); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, len(whole.list[i]))
		if i > 0 {
			ends[i] += ends[i-1]
		}
	}
	for _, room := range []int{
		0, 1, 30, 100, 5000, 65_000, 65_534, ends[0], ends[1], ends[1] - 1, ends[700], ends[1200] + 7, ends[1500], ends[1501] - 1,
	} {
		path := filepath.Join(t.TempDir(), "out")
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		f := newFile(t, Warts, &limited{file, room})
		for i := 0; err == nil; i++ {
			err = f.Write(ping(i))
		}
		if !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), path) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
		if again := f.Write(ping(1)); !errors.Is(again, err) {
			t.Errorf("another write: %v", again)
		}
		if cerr := f.Close(); !errors.Is(cerr, err) {
			t.Errorf("close: %v", cerr)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, end := range ends {
			if end <= room {
				want = end
			}
		}
		if len(b) != want {
			t.Errorf("room for %d bytes, %d are left, want %d", room, len(b), want)
		}
		if len(b) == 0 {
			continue
		}
		got := pings(t, b)
		if diff := cmp.Diff(upTo(len(got)), got); diff != "" {
			t.Errorf("room for %d bytes, -want +got:\n%s", room, diff)
		}
	}
}

// What stood in the file before, or what is no regular file, is not touched.
func TestFileMendKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := newFile(t, Warts, &limited{file, 10})
	if err := f.Write(ping(1)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	if b, err := os.ReadFile(path); string(b) != "before" || err != nil {
		t.Errorf("%q, error %v", b, err)
	}

	if file, err = os.Create(path); err != nil {
		t.Fatal(err)
	}
	f = newFile(t, Text, &limited{file, 10})
	if err := f.Write(ping(1)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	if b, err := os.ReadFile(path); len(b) != 10 || err != nil { // text is read to where it ends
		t.Errorf("%q, error %v", b, err)
	}

	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full: ", err)
	}
	f = newFile(t, Warts, full)
	if err := f.Write(ping(1)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
}
