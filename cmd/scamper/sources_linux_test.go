package main_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"scamper/shared/warts"
	"scamper/testkit"
)

// quick is a ping that does not wait long after its only probe.
const quick = "ping -c 1 -W 200ms"

// complaints are the lines of stderr without their times.
func complaints(t testing.TB, stderr string) []string {
	t.Helper()
	stamp := regexp.MustCompile(`^\[\d\d:\d\d:\d\d:\d\d\d\] scamper: `)
	var list []string
	for line := range strings.Lines(stderr) {
		if !stamp.MatchString(line) {
			t.Errorf("stderr has the line %q", line)
		}
		list = append(list, strings.TrimSuffix(stamp.ReplaceAllString(line, ""), "\n"))
	}
	return list
}

// sorted returns a list in order: results come as they are complete.
func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func packed(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestOperands(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	for _, test := range []struct {
		args         []string
		pings, trace []string
	}{
		{[]string{"-i", "127.0.0.1"}, nil, []string{"127.0.0.1"}}, // the default command
		{[]string{"-c", quick, "-i", "127.0.0.2", "::1", "127.0.0.1"}, []string{"127.0.0.1", "127.0.0.2", "::1"}, nil},
		{[]string{"-i", "-c", quick, "127.0.0.2", "127.0.0.1"}, []string{"127.0.0.1", "127.0.0.2"}, nil},
		{[]string{"-I", quick + " 127.0.0.1", "TRACE -P icmp ::1"}, []string{"127.0.0.1"}, []string{"::1"}},
		{[]string{"-c", "trace -Z", "-I", quick + " 127.0.0.1"}, []string{"127.0.0.1"}, nil}, // -c is not for -I
		{[]string{"-c", quick, "-w", "2", "-p", "0", "-i", "127.0.0.1", "127.0.0.2"}, []string{"127.0.0.1", "127.0.0.2"}, nil},
	} {
		list := jsonLines(t, mustRun(t, ns, append([]string{"-p", "1000", "-O", "json"}, test.args...)...))
		if diff := cmp.Diff(test.pings, sorted(values(list, "ping", "dst"))); diff != "" {
			t.Errorf("%q: pings, -want +got:\n%s", test.args, diff)
		}
		if diff := cmp.Diff(test.trace, sorted(values(list, "trace", "dst"))); diff != "" {
			t.Errorf("%q: traces, -want +got:\n%s", test.args, diff)
		}
		for _, o := range list {
			if o["type"] == "ping" && fmt.Sprint(o["statistics"].(object)["replies"]) != "1" {
				t.Errorf("%q: no reply from %v", test.args, o["dst"])
			}
		}
	}
}

// Nothing is probed when one operand is wrong.
func TestBadOperands(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	seen := ns.Capture("lo")
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-c", quick, "-i", "127.0.0.1", "nowhere"}, "nowhere: invalid destination address"},
		{[]string{"-I", quick + " 127.0.0.1", "pong 127.0.0.1"}, "pong 127.0.0.1: could not determine command type"},
		{[]string{"-I", "ping"}, "ping: could not determine command type"},
		{[]string{"-I", "ping -c 1 127.0.0.1 "}, "invalid destination address"},
		{[]string{"-I", "ping -c 0 127.0.0.1"}, "-c"},
	} {
		r := run(t, ns, test.args...)
		if r.Status != 255 || r.Stdout != "" {
			t.Errorf("%q: status %d, output %q", test.args, r.Status, r.Stdout)
		}
		oneLine(t, r.Stderr, test.want)
	}
	if n := len(seen.Stop()); n != 0 {
		t.Errorf("%d packets were sent", n)
	}
}

// lists are the forms of list files with what becomes of them.
var lists = []struct {
	name, text string
	args       []string
	dst        []string // of pings
	bad        []string // complaints without the name of the file
}{
	{"plain", "127.0.0.1\n127.0.0.2\n::1\n", nil, []string{"127.0.0.1", "127.0.0.2", "::1"}, nil},
	{"no newline at the end", "127.0.0.1\n127.0.0.2", nil, []string{"127.0.0.1", "127.0.0.2"}, nil},
	{"CRLF", "127.0.0.1\r\n\r\n127.0.0.2\r\n", nil, []string{"127.0.0.1", "127.0.0.2"}, nil},
	{
		"comments and blanks", "# 127.0.0.9\n\n127.0.0.1 # a\n127.0.0.2#b\n127.0.0.3 x y\n 127.0.0.8\n#\n", nil,
		[]string{"127.0.0.1", "127.0.0.2", "127.0.0.3"},
		nil,
	},
	{
		"bad lines", "127.0.0.1\nexample.com\n127.0.0.2\tx\n127.0.0.256\n127.0.0.2\n\n127.0.0.\x80\n::g\n127.0.0.3\n", nil,
		[]string{"127.0.0.1", "127.0.0.2", "127.0.0.3"},
		[]string{
			":2: invalid destination address", ":3: contains unprintable characters", ":4: invalid destination address",
			":7: contains unprintable characters", ":8: invalid destination address",
		},
	},
	{"only bad lines", "x\ny\n", nil, nil, []string{":1: invalid destination address", ":2: invalid destination address"}},
	{
		"command that is wrong", "127.0.0.1\nx\n",
		[]string{"-c", "ping -c 0"},
		nil,
		[]string{
			":1: ping -c 0: -c failed: attempts must be within 1 - 65535",
			":2: ping -c 0: -c failed: attempts must be within 1 - 65535",
		},
	},
	{
		"command that does not fit some lines", "127.0.0.1\n::1\nx\n",
		[]string{"-c", quick + " -R"},
		[]string{"127.0.0.1"},
		[]string{":2: " + quick + " -R: record route option only valid with IPv4 dst", ":3: invalid destination address"},
	},
	{
		"unknown command", "127.0.0.1\n",
		[]string{"-c", "pong"},
		nil,
		[]string{":1: pong: could not determine command type"},
	},
	{"empty", "", nil, nil, nil},
	{
		"commands", quick + " 127.0.0.1\r\n# no\n\n" + quick + " 127.0.0.2#x\n" + quick + " ::1",
		[]string{"-O", "cmdfile"},
		[]string{"127.0.0.1", "127.0.0.2", "::1"},
		nil,
	},
	{
		"bad commands", quick + " 127.0.0.1 # blank\npong 127.0.0.1\nping 127.0.0.1 x\nping\n127.0.0.1\n" + quick + "\t127.0.0.1\n" +
			quick + " 127.0.0.3\n",
		[]string{"-O", "cmdfile"},
		[]string{"127.0.0.3"},
		[]string{
			":1: invalid destination address", ":2: could not determine command type", ":3: invalid destination address",
			":4: could not determine command type", ":5: could not determine command type", ":6: contains unprintable characters",
		},
	},
	{
		"timestamps", "127.0.0.1\n127.0.0.2 127.0.0.2\n# x\n127.0.0.3  127.0.0.1\n127.0.0.4 1 \n::1\n",
		[]string{"-O", "tsps"},
		[]string{"127.0.0.1", "127.0.0.2"},
		[]string{
			":4: expected one to five IPv4 addresses with single spaces between them",
			":5: expected one to five IPv4 addresses with single spaces between them",
			":6: expected one to five IPv4 addresses with single spaces between them",
		},
	},
}

// Lists are read from files and from standard input, packed or not; what is wrong with a line is told with its place,
// and the status is 0 all the same.
func TestLists(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	for _, list := range lists {
		for _, way := range []string{"file", "implied", "stdin", "gzip", "gzip stdin"} {
			t.Run(list.name+" "+way, func(t *testing.T) {
				if list.text == "" && way == "gzip" {
					way = "file"
				}
				t.Parallel()
				text := list.text
				if strings.HasPrefix(way, "gzip") {
					text = packed(t, text)
				}
				name := filepath.Join(testkit.OpenDir(t), "list")
				writeFile(t, name, text)
				args := append([]string{"-p", "1000", "-O", "json", "-c", quick}, list.args...)
				cmd := command(program(t))
				switch way {
				case "file", "gzip":
					args = append(args, "-f", name)
				case "implied":
					args = append(args, name)
				case "stdin", "gzip stdin":
					name = "-"
					args = append(args, "-f", "-")
					cmd.Stdin = strings.NewReader(text)
				}
				cmd.Args = append(cmd.Args, args...)
				r := ns.Start(cmd).Wait(limit)
				if r.Err != nil {
					t.Fatalf("%v\n%s", r.Err, r.Stderr)
				}
				got := jsonLines(t, r.Stdout)
				if list.name == "timestamps" {
					got = slices.DeleteFunc(got, func(o object) bool {
						if o["dst"] == "127.0.0.2" && fmt.Sprint(o["probe_tsps"]) != "[127.0.0.2]" {
							t.Errorf("timestamps asked of %v", o["probe_tsps"])
						}
						return false
					})
				}
				if diff := cmp.Diff(list.dst, sorted(values(got, "ping", "dst"))); diff != "" {
					t.Errorf("destinations, -want +got:\n%s", diff)
				}
				var want []string
				for _, place := range list.bad {
					want = append(want, name+place)
				}
				if diff := cmp.Diff(want, complaints(t, r.Stderr)); diff != "" {
					t.Errorf("complaints, -want +got:\n%s", diff)
				}
				if n := len(got); n < 2 || got[0]["type"] != "cycle-start" || got[n-1]["type"] != "cycle-stop" {
					t.Errorf("%d lines, not from cycle start to cycle stop", n)
				}
			})
		}
	}
}

// A packed list that is damaged gives what comes before the damage, and a word about it.
func TestListCut(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, "127.0.%d.%d\n", i>>8, i&255)
	}
	whole := packed(t, text.String())
	name := filepath.Join(testkit.OpenDir(t), "list.gz")
	writeFile(t, name, whole[:len(whole)-20])
	r := run(t, ns, "-p", "10000", "-O", "json", "-c", quick, "-f", name)
	if r.Status != 0 {
		t.Errorf("status %d", r.Status)
	}
	oneLine(t, r.Stderr, name+": after line ")
	list := jsonLines(t, r.Stdout)
	got := values(list, "ping", "dst")
	if len(got) < 100 || len(got) >= 2000 {
		t.Errorf("%d pings", len(got))
	}
	for _, dst := range got {
		if !strings.Contains(text.String(), dst+"\n") {
			t.Errorf("%s was probed, which is not in the list", dst)
		}
	}
	if list[len(list)-1]["type"] != "cycle-stop" {
		t.Error("no cycle stop")
	}
}

// Lines typed on a terminal or coming through a pipe are measured when they come, not at the end of the file.
func TestStdinLive(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	cmd := command(program(t), "-p", "1000", "-O", "json", "-c", quick, "-f", "-")
	cmd.Stdin = r
	p := ns.Start(cmd)
	r.Close()
	for i := range 3 {
		dst := fmt.Sprintf("127.0.0.%d", i+1)
		if _, err := fmt.Fprintln(w, dst); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the result for "+dst, func() bool {
			out, _ := p.Output()
			return strings.Contains(out, `"dst":"`+dst+`"`)
		})
	}
	w.Close()
	if got := p.Wait(limit); got.Err != nil || got.Stderr != "" || !strings.Contains(got.Stdout, "cycle-stop") {
		t.Errorf("%v, stderr %q", got.Err, got.Stderr)
	}
}

func TestListNames(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	dir := testkit.OpenDir(t)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for i, test := range []struct {
		args        []string
		list        warts.List
		cycle       uint32
		description string
	}{
		{nil, warts.List{Name: "default", Description: "default"}, 0, "defaults"},
		{
			[]string{"-l", "a list", "-L", "42", "-C", "7", "-M", "mon.example"},
			warts.List{ID: 42, Name: "a list", Description: "default", Monitor: "mon.example"},
			7, "all",
		},
		{[]string{"-C", "2147483647", "-L", "2147483647"}, warts.List{ID: 1<<31 - 1, Name: "default", Description: "default"}, 1<<31 - 1, "most"},
	} {
		out := filepath.Join(dir, fmt.Sprint(i))
		args := append([]string{"-p", "1000", "-O", "warts", "-o", out}, test.args...)
		mustRun(t, ns, append(args, "-I", quick+" 127.0.0.1", "trace 127.0.0.1")...)
		records := wholeWarts(t, out)
		want := []string{"list", "cycle-start", "trace", "ping", "cycle-stop"}
		if diff := cmp.Diff(want, kinds(records)); diff != "" {
			t.Fatalf("%s: records, -want +got:\n%s", test.description, diff)
		}
		list, start, stop := records[0].(*warts.List), records[1].(*warts.Cycle), records[4].(*warts.Cycle)
		if diff := cmp.Diff(&test.list, list, cmpopts.IgnoreTypes(warts.Kept{})); diff != "" {
			t.Errorf("%s: list, -want +got:\n%s", test.description, diff)
		}
		if start.ID != test.cycle || start.List != list || start.HostName != host || start.Start == 0 || stop.Stop < start.Start {
			t.Errorf("%s: cycle %+v to %+v", test.description, start, stop)
		}
		if tr := records[2].(*warts.Trace); tr.List != list || tr.Cycle != start {
			t.Errorf("%s: the trace is of another list or cycle", test.description)
		}
		if p := records[3].(*warts.Ping); p.List != list || p.Cycle != start {
			t.Errorf("%s: the ping is of another list or cycle", test.description)
		}
		// The same in JSON.
		args = append([]string{"-p", "1000", "-O", "json"}, test.args...)
		lines := jsonLines(t, mustRun(t, ns, append(args, "-I", quick+" 127.0.0.1")...))
		for _, o := range []object{lines[0], lines[2]} {
			if o["list_name"] != test.list.Name || fmt.Sprint(o["id"]) != fmt.Sprint(test.cycle) || o["hostname"] != host {
				t.Errorf("%s: %v", test.description, o)
			}
		}
		monitor, ok := lines[1]["monitor"]
		if want := test.list.Monitor; ok != (want != "") || ok && monitor != want {
			t.Errorf("%s: monitor %v", test.description, monitor)
		}
	}
}
