package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"scamper/shared/warts"
)

func records(t *testing.T, name string) []warts.Record {
	t.Helper()
	f, err := warts.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var recs []warts.Record
	for rec, err := range f.All() {
		if err != nil {
			t.Fatal(err)
		}
		recs = append(recs, rec)
	}
	return recs
}

func ping(user uint32, c *warts.Cycle) *warts.Ping {
	return &warts.Ping{List: c.List, Cycle: c, Dst: mustAddr("192.0.2.9"), UserID: user}
}

func mustAddr(s string) warts.Addr {
	a, ok := warts.AddrFromSlice(warts.AddrIPv4, []byte{192, 0, 2, s[len(s)-1]})
	if !ok {
		panic("address")
	}
	return a
}

func write(t *testing.T, name string, mode OutputMode, recs ...warts.Record) {
	t.Helper()
	out, err := (&Env{}).CreateOutput(name, mode)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range recs {
		if err := out.Record(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOutputModes(t *testing.T) {
	cycle := &warts.Cycle{List: &warts.List{Name: "l"}, ID: 1, Start: 1}
	name := filepath.Join(t.TempDir(), "out")
	write(t, name, Append, cycle, ping(1, cycle))
	write(t, name, Append, ping(2, cycle))
	if got := records(t, name); len(got) != 4 {
		t.Errorf("%d records, want list, cycle and two pings", len(got))
	}
	write(t, name, Truncate, ping(3, cycle))
	if got := records(t, name); len(got) != 3 || got[1].Type() != warts.TypeCycleDef {
		t.Errorf("%d records, want list, cycle def and a ping", len(got))
	}
}

func TestOutputCompressed(t *testing.T) {
	cycle := &warts.Cycle{List: &warts.List{Name: "l"}, ID: 1, Start: 1}
	for _, suffix := range []string{".gz", ".bz2", ".xz", ".zst"} {
		name := filepath.Join(t.TempDir(), "out"+suffix)
		write(t, name, Append, ping(1, cycle))
		if got := records(t, name); len(got) != 3 {
			t.Errorf("%s: %d records", suffix, len(got))
		}
		if head, err := os.ReadFile(name); err != nil || bytes.HasPrefix(head, []byte{0x12, 0x05}) {
			t.Errorf("%s is not compressed", suffix)
		}
		if _, err := (&Env{}).CreateOutput(name, Append); err == nil {
			t.Errorf("%s: appended to a compressed file", suffix)
		}
		write(t, name, Truncate, ping(1, cycle))
	}
}

// fullDisk takes some bytes, as a file does on a disk that becomes full.
type fullDisk struct {
	f    *os.File
	room int
}

func (d *fullDisk) Write(b []byte) (int, error) {
	n, err := d.f.Write(b[:min(len(b), d.room)])
	d.room -= n
	if err == nil && n < len(b) {
		err = errors.New("no space left")
	}
	return n, err
}

func TestOutputCutsBack(t *testing.T) {
	file, offsets := pings(t, 10)
	name := filepath.Join(t.TempDir(), "out")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := sink{w: &fullDisk{f, offsets[7] + 3}, file: f}
	if _, err := s.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := s.flush(); err == nil {
		t.Error("no error")
	}
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, file[:offsets[7]]) {
		t.Errorf("%d bytes are left, want whole records, which are %d: %v", len(got), offsets[7], err)
	}
	if _, err := s.Write(file); err == nil {
		t.Error("no error for a write after the error")
	}
}

func TestAppendToDamaged(t *testing.T) {
	file, offsets := pings(t, 3)
	name := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(name, file[:offsets[2]+5], 0o600); err != nil {
		t.Fatal(err)
	}
	var damage *warts.ReadError
	if _, err := (&Env{}).CreateOutput(name, Append); !errors.As(err, &damage) {
		t.Errorf("error %v", err)
	}
}

func TestOutputStdout(t *testing.T) {
	var stdout bytes.Buffer
	out, err := (&Env{Stdout: &stdout}).CreateOutput("-", Append)
	if err != nil {
		t.Fatal(err)
	}
	cycle := &warts.Cycle{List: &warts.List{Name: "l"}, ID: 1, Start: 1}
	if err := out.Record(ping(1, cycle)); err != nil {
		t.Fatal(err)
	}
	if stdout.Len() != 0 {
		t.Error("not held back")
	}
	whole, err := out.Enc.Append(nil, ping(2, cycle))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write(whole); err != nil || !bytes.HasSuffix(stdout.Bytes(), whole) {
		t.Errorf("%d bytes of output, error %v", stdout.Len(), err)
	}
}
