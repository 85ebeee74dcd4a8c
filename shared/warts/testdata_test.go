package warts

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/files.txt")

// testFiles are the files of testdata by name.
func testFiles(tb testing.TB) map[string][]byte {
	tb.Helper()
	names, err := filepath.Glob("testdata/*.warts*")
	if err != nil || len(names) == 0 {
		tb.Fatalf("no files in testdata: %v", err)
	}
	files := make(map[string][]byte)
	for _, name := range names {
		if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			tb.Fatal(err)
		}
	}
	return files
}

// rewrite reads a file, gives each record, changed if change is not nil, to an Encoder, and counts by type those read and
// those whose bytes are not what they were.
func rewrite(data []byte, change func(Record)) (read, changed map[string]int, diff string, err error) {
	read, changed = make(map[string]int), make(map[string]int)
	r := NewReader(bytes.NewReader(data))
	var enc Encoder
	for rec, e := range r.All() {
		if e != nil {
			err = e
			break
		}
		name := rec.Type().String()
		read[name]++
		raw := r.Raw()
		if change != nil {
			change(rec)
		}
		got, e := enc.Append(nil, rec)
		if e != nil || !bytes.Equal(got, raw) {
			changed[name]++
			diff += fmt.Sprintf("%s record at offset %d: %v\n got %x\nwant %x\n", name, r.Offset(), e, got, raw)
		}
	}
	return read, changed, diff, err
}

// describe is the line of files.txt for a file.
func describe(name string, data []byte) string {
	read, changed, _, err := rewrite(data, nil)
	line := name + ":"
	for _, t := range slices.Sorted(maps.Keys(read)) {
		line += fmt.Sprintf(" %s %d", t, read[t])
		if n := changed[t]; n > 0 {
			line += fmt.Sprintf(" (%d changed)", n)
		}
	}
	var re *ReadError
	if errors.As(err, &re) {
		line += "; " + re.Line() + "; " + re.Error()
	} else if err != nil {
		line += "; " + err.Error()
	}
	return line
}

// TestFiles reads all files of testdata and writes them back.
func TestFiles(t *testing.T) {
	files := testFiles(t)
	var lines []string
	for name, data := range files {
		lines = append(lines, describe(name, data))
	}
	slices.Sort(lines)
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile("testdata/files.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/files.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("testdata differs from files.txt (-want +got):\n%s", diff)
	}
}

// TestFilesUnchanged holds that what correct writers wrote is written back with the same bytes. The files that are
// changed are listed here with the reason.
func TestFilesUnchanged(t *testing.T) {
	reasons := map[string]string{
		"dealias-prefixscan-x-v4-21.warts": "20211212 writes the number of excluded addresses with swapped bytes",
		"hand-dealias-swapped-odd1.warts":  "the same, by hand",
		"neighbourdisc-v6-21.warts":        "20211212 writes a wrong length for probes with replies",
		"hand-neighbourdisc-short.warts":   "the same, by hand",
		"hand-global-addresses.warts":      "numbers of address records become addresses in the record",
		"hand-global-addresses-many.warts": "the same",
		"hand-ping-enums.warts":            "two different values for the flags, of which one is ignored",
		"hand-trace-flags.warts":           "the same",
		"hand-ping-fields.warts":           "replies not in the order of the probes",
		"hand-ping-probes.warts":           "the same",
		"hand-ping-ifnames.warts":          "interface names that were not put in the table",
		"hand-ping-replies.warts":          "an IPv4 ID of an IPv6 reply, which is ignored",
		"hand-trace-grouping.warts":        "a hop count of 0, which readers replace",
		"file-arts.warts":                  "arts: another format, and its lists have no name",
	}
	for name, data := range testFiles(t) {
		_, changed, diff, _ := rewrite(data, nil)
		if why := reasons[name]; (why == "") != (len(changed) == 0) {
			t.Errorf("%s: changed %v, expected because %q\n%s", name, changed, why, diff)
		}
		delete(reasons, name)
	}
	for name := range reasons {
		t.Errorf("%s is not in testdata", name)
	}
}

// TestFilesNew holds that records without a history are written as scamper 20260420 writes them: byte for byte what its
// files have.
func TestFilesNew(t *testing.T) {
	n := 0
	for name, data := range testFiles(t) {
		if !strings.Contains(name, "-26.warts") {
			continue
		}
		read, _, diff, err := rewrite(data, func(rec Record) { forget(reflect.ValueOf(rec)) })
		if diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
		for _, c := range read {
			n += c
		}
	}
	if n < 900 {
		t.Errorf("compared only %d records", n)
	}
}

// forget makes all Kept in v zero, save those of lists and cycles that v refers to.
func forget(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			forget(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			forget(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Kept]() {
			v.SetZero()
			return
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Type != reflect.TypeFor[*List]() &&
				f.Type != reflect.TypeFor[*Cycle]() {
				forget(v.Field(i))
			}
		}
	}
}
