package render_test

import (
	"archive/tar"
	stdjson "encoding/json"
	"io"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"scamper/shared/render/dump"
	"scamper/shared/render/json"
	"scamper/shared/render/text"
	"scamper/shared/warts"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}

// inputs are the warts files of the vectors, by the name of their case. (What they must be rendered to is tested with
// the commands, in tools.)
func inputs(t testing.TB) map[string]string {
	t.Helper()
	f, err := os.Open("testdata/vectors.tar.zst")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := make(map[string]string)
	archive := tar.NewReader(z)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if path.Base(header.Name) != "in.warts" {
			continue
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[path.Base(path.Dir(header.Name))] = string(data)
	}
}

// checkRecord renders a record in every way and checks what must hold for all of them.
func checkRecord(t *testing.T, rec warts.Record) {
	t.Helper()
	const before = "before"
	for name, render := range map[string]func([]byte, warts.Record) []byte{
		"text": text.Append, "json": json.Append, "dump": dump.Append,
	} {
		out := render([]byte(before), rec)
		rendered, ok := strings.CutPrefix(string(out), before)
		if !ok {
			t.Fatalf("%s overwrote what was before it: %q", name, out)
		}
		if rendered == "" {
			continue
		}
		if !strings.HasSuffix(rendered, "\n") {
			t.Errorf("%s doesn't end with a newline: %q", name, rendered)
		}
		if name != "json" {
			continue
		}
		if !stdjson.Valid([]byte(rendered)) {
			t.Errorf("not JSON: %s", rendered)
		}
		if strings.Count(rendered, "\n") != 1 {
			t.Errorf("not one line: %q", rendered)
		}
	}
}

// FuzzRender renders whatever can be read.
func FuzzRender(f *testing.F) {
	for name, data := range inputs(f) {
		if strings.HasPrefix(name, "hand-") || strings.HasPrefix(name, "random-") {
			f.Add([]byte(data))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := warts.NewReader(strings.NewReader(string(data)))
		r.Reuse = true
		for rec, err := range r.All() {
			if err != nil {
				return
			}
			checkRecord(t, rec)
		}
	})
}

// TestRecordsOfPrograms renders records that no file can hold: with all fields zero.
func TestRecordsOfPrograms(t *testing.T) {
	for _, rec := range []warts.Record{
		&warts.List{}, &warts.Cycle{}, &warts.Cycle{Kind: warts.CycleStop}, &warts.Trace{}, &warts.Ping{},
		&warts.Tracelb{}, &warts.Dealias{}, &warts.Neighbourdisc{}, &warts.Tbit{}, &warts.Sting{}, &warts.Sniff{},
		&warts.Host{}, &warts.HTTP{}, &warts.UDPProbe{}, &warts.OWAMP{}, &warts.Address{}, &warts.Unknown{},
		&warts.Dealias{Mercator: &warts.DealiasMercatorParams{}},
		&warts.Dealias{Ally: &warts.DealiasAllyParams{}, Method: warts.DealiasAlly},
		&warts.Dealias{PrefixScan: &warts.DealiasPrefixScanParams{}, Probes: []warts.DealiasProbe{{Def: 7}}},
		&warts.Tracelb{Links: []warts.TracelbLink{{From: 5, To: 9}}, Nodes: make([]warts.TracelbNode, 2)},
		&warts.Tracelb{Links: []warts.TracelbLink{{To: 9}, {To: -1}}, Nodes: make([]warts.TracelbNode, 1)},
		&warts.Trace{HopCount: 65535, PMTUD: &warts.TracePMTUD{Version: 2, Notes: []warts.TracePMTUDNote{{Reply: 3}}}},
	} {
		checkRecord(t, rec)
	}
}

// TestAllocations holds that a trace or ping is rendered without allocating: scamper does it for each of its results.
func TestAllocations(t *testing.T) {
	files := inputs(t)
	for _, name := range []string{"trace-methods-v4-26", "trace-mpls-v4-26", "ping-methods-v4-26", "ping-options-rr-v4-26"} {
		var records []warts.Record
		for rec, err := range warts.NewReader(strings.NewReader(files[name])).All() {
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, rec)
		}
		if len(records) < 4 {
			t.Fatalf("%s: %d records", name, len(records))
		}
		buf := make([]byte, 0, 1<<20)
		for view, render := range map[string]func([]byte, warts.Record) []byte{
			"text": text.Append, "json": json.Append, "dump": dump.Append,
		} {
			n := testing.AllocsPerRun(10, func() {
				for _, rec := range records {
					buf = render(buf[:0], rec)
				}
			})
			if n != 0 {
				t.Errorf("%s of %s: %v allocations", view, name, n)
			}
		}
	}
}
