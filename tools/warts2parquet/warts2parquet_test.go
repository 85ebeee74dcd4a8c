package warts2parquet_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"scamper/shared/warts"
	"scamper/tools/cli"
	"scamper/tools/warts2json"
	"scamper/tools/warts2parquet"
)

// summary is what a table must have in common with the lines of sc_warts2json.
type summary struct {
	Rows     int64
	Replies  int64
	RTT      int64    // sum, in microseconds
	First    string   // destination and time of the first row
	Children []string // names of the columns in a reply
}

// readerVariable makes the test program a reader of parquet files.
const readerVariable = "SCAMPER_TEST_PARQUET"

func TestMain(m *testing.M) {
	if name := os.Getenv(readerVariable); name != "" {
		if err := summarise(os.Stdout, name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// summarise reads a table by the schema in the file: it knows nothing of the types that wrote it.
func summarise(w io.Writer, name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	s := summary{Rows: file.NumRows()}
	var dst, start string
	for i, path := range file.Schema().Columns() {
		for _, group := range file.RowGroups() {
			pages := group.ColumnChunks()[i].Pages()
			for {
				page, err := pages.ReadPage()
				if err == io.EOF {
					break
				}
				if err != nil {
					return fmt.Errorf("%v: %w", path, err)
				}
				values := make([]parquet.Value, page.NumValues())
				n, err := page.Values().ReadValues(values)
				if err != nil && err != io.EOF {
					return fmt.Errorf("%v: %w", path, err)
				}
				for _, v := range values[:n] {
					switch key := strings.Join(path, "."); {
					case key == "dst" && dst == "":
						dst = v.String()
					case key == "start" && start == "":
						start = time.UnixMicro(v.Int64()).UTC().Format(time.RFC3339Nano)
					case strings.HasSuffix(key, ".rtt_us") && !v.IsNull():
						s.Replies++
						s.RTT += v.Int64()
					}
				}
			}
			pages.Close()
		}
		if len(path) > 1 {
			s.Children = append(s.Children, path[len(path)-1])
		}
	}
	s.First = dst + " " + start
	return json.NewEncoder(w).Encode(s)
}

// records is a file with traces, pings and tracelbs, more than one row group of traces.
func records(t *testing.T) []byte {
	t.Helper()
	var enc warts.Encoder
	var file []byte
	list := &warts.List{ID: 7, Name: "list", Monitor: "monitor"}
	cycle := &warts.Cycle{List: list, ID: 3, Start: 1700000000}
	src := warts.AddrFrom(netip.MustParseAddr("192.0.2.1"))
	add := func(rec warts.Record) {
		var err error
		if file, err = enc.Append(file, rec); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 250 {
		dst := warts.AddrFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}))
		start := warts.Time{Sec: 1700000000 + uint32(i), Usec: uint32(i)}
		trace := &warts.Trace{
			List: list, Cycle: cycle, Src: src, Dst: dst, Start: start, Method: warts.TraceUDPParis, FirstHop: 1,
			StopReason: warts.TraceStopCompleted, Flags: warts.TraceAllAttempts, Attempts: 2, HopCount: uint16(i%5 + 1),
		}
		for ttl := 1; ttl <= i%5; ttl++ {
			trace.Probes = append(trace.Probes, warts.TraceProbe{TTL: uint8(ttl), TX: start, Replies: []warts.TraceReply{{
				Addr: src, RTT: time.Duration(1000*ttl+i) * time.Microsecond, ICMPType: 11, TTL: 60, Flags: warts.TraceHopTTL,
				Exts: []warts.ICMPExt{warts.MPLSExt(warts.MPLS{Label: 16, TTL: 1, S: 1})},
			}}})
		}
		add(trace)
		ping := &warts.Ping{List: list, Cycle: cycle, Src: src, Dst: dst, Start: start, Sent: 3, UserID: uint32(i)}
		for seq := range i % 4 {
			ping.Sent = 4
			ping.Probes = append(ping.Probes, warts.PingProbe{ID: uint16(seq), TX: start, Replies: []warts.PingReply{
				{Addr: dst, RTT: time.Duration(i*777) * time.Microsecond, Proto: 1, Size: 84, TTL: 60, Flags: warts.PingReplyTTL},
			}})
		}
		add(ping)
	}
	add(&warts.Tracelb{
		List: list, Cycle: cycle, Src: src, Dst: src, Start: warts.Time{Sec: 1}, Method: warts.TracelbUDPSport,
		Nodes: []warts.TracelbNode{{Addr: src}, {}},
		Links: []warts.TracelbLink{{To: 1, Sets: []warts.TracelbSet{{Probes: []warts.TracelbProbe{
			{TX: warts.Time{Sec: 5}, TTL: 2, Replies: []warts.TracelbReply{{Addr: src, RX: warts.Time{Sec: 5, Usec: 42}}}},
			{TX: warts.Time{Sec: 5}, TTL: 2},
		}}}}},
	})
	return file
}

func run(t *testing.T, main func(*cli.Env) int, args ...string) (string, int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := main(&cli.Env{
		Name: "t", Args: args, Stdin: bytes.NewReader(records(t)), Stdout: &stdout, Stderr: &stderr,
	})
	return stdout.String() + stderr.String(), status
}

// jsonSummary computes the same from the output of sc_warts2json.
func jsonSummary(t *testing.T, kind, replies string) summary {
	t.Helper()
	out, status := run(t, warts2json.Main)
	if status != cli.StatusOK {
		t.Fatal(out)
	}
	var s summary
	for line := range strings.Lines(out) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatal(err)
		}
		if object["type"] != kind {
			continue
		}
		if s.Rows++; s.Rows == 1 {
			start := object["start"].(map[string]any)
			at := time.Unix(int64(start["sec"].(float64)), int64(start["usec"].(float64))*1000).UTC()
			s.First = object["dst"].(string) + " " + at.Format(time.RFC3339Nano)
		}
		list, _ := object[replies].([]any)
		for _, r := range list {
			s.Replies++
			s.RTT += int64(math.Round(r.(map[string]any)["rtt"].(float64) * 1000))
		}
	}
	return s
}

// TestReadBack reads the tables with another process and compares them with what sc_warts2json prints.
func TestReadBack(t *testing.T) {
	dir := t.TempDir()
	if out, status := run(t, warts2parquet.Main, "-r", "100", "-o", dir); status != cli.StatusOK || out != "" {
		t.Fatalf("status %d: %s", status, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tracelb := summary{Rows: 1, Replies: 1, RTT: 42, First: "192.0.2.1 1970-01-01T00:00:01Z"}
	for kind, want := range map[string]summary{
		"trace":   jsonSummary(t, "trace", "hops"),
		"ping":    jsonSummary(t, "ping", "responses"),
		"tracelb": tracelb,
	} {
		name := filepath.Join(dir, kind+".parquet")
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), readerVariable+"="+name)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		var got summary
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Children) < 5 {
			t.Errorf("%s: nested columns are %v", kind, got.Children)
		}
		got.Children = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
		checkDuckDB(t, name, want)
	}
}

// checkDuckDB asks DuckDB as well, where it is installed.
func checkDuckDB(t *testing.T, name string, want summary) {
	t.Helper()
	duckdb, err := exec.LookPath("duckdb")
	if err != nil {
		return
	}
	out, err := exec.Command(duckdb, "-csv", "-noheader", "-c", "select count(*) from '"+name+"'").Output()
	if err != nil || strings.TrimSpace(string(out)) != fmt.Sprint(want.Rows) {
		t.Errorf("duckdb counts %q rows of %s, want %d: %v", out, name, want.Rows, err)
	}
}

func TestRowGroups(t *testing.T) {
	dir := t.TempDir()
	run(t, warts2parquet.Main, "-r", "100", "-o", dir)
	data, err := os.ReadFile(filepath.Join(dir, "trace.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(file.RowGroups()); n != 3 {
		t.Errorf("%d row groups for 250 rows, want 3", n)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args   string
		status int
		output string
	}{
		{"-o " + dir, cli.StatusOK, ""},
		{"-o " + dir, cli.StatusFailed, "file exists"},
		{"-f -o " + dir, cli.StatusOK, ""},
		{"-o " + dir + "/none", cli.StatusFailed, "no such file or directory"},
		{"-o " + dir + " none", cli.StatusFailed, "could not open none"},
		{"-r 0", cli.StatusFailed, `"0" is not a number`},
		{"-r 5x", cli.StatusFailed, `"5x" is not a number`},
		{"-x", cli.StatusFailed, "usage: "},
		{"--help", cli.StatusOK, "usage: "},
	} {
		out, status := run(t, warts2parquet.Main, strings.Fields(c.args)...)
		if status != c.status || !strings.Contains(out, c.output) {
			t.Errorf("%s: status %d, output %q, want %d and %q", c.args, status, out, c.status, c.output)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "tracelb.parquet")); err != nil {
		t.Error(err)
	}
}
