package main_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scamper/shared/warts"
	"scamper/testkit"
)

// limit is how long anything may take that should be done in a moment, on a machine with much else to do.
const limit = 60 * time.Second

// TestMain lets more tests run at once than there are processors: they wait more than they compute.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// program is the path of the program.
func program(t testing.TB) string {
	t.Helper()
	return testkit.BuildCommand(t, "scamper/cmd/scamper")
}

// programCopy is a copy of the program under a name, which every user can execute.
func programCopy(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(program(t))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(testkit.OpenDir(t), name)
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// command is a program in surroundings that say nothing of who called sudo.
func command(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "SUDO_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	return cmd
}

// alone is a namespace with nothing but its loopback interface.
func alone(t testing.TB) *testkit.Namespace {
	t.Helper()
	return testkit.NewNet(t).Namespace("alone")
}

// run runs the program in a namespace until it ends.
func run(t testing.TB, ns *testkit.Namespace, args ...string) testkit.Result {
	t.Helper()
	return ns.Start(command(program(t), args...)).Wait(limit)
}

// mustRun is run for what has to succeed without a word on stderr.
func mustRun(t testing.TB, ns *testkit.Namespace, args ...string) string {
	t.Helper()
	r := run(t, ns, args...)
	if r.Err != nil || r.Stderr != "" {
		t.Fatalf("scamper %q: error %v, stderr:\n%s", args, r.Err, r.Stderr)
	}
	return r.Stdout
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
		if is() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not after %v: %s", limit, what)
		}
	}
}

// mainProcess is the number of the main process that the helper has started, once that has given up its rights. (Before
// it starts one, Go's runtime has a short-lived child that tries how it can be waited for.)
func mainProcess(t testing.TB, helper int) (main int) {
	t.Helper()
	eventually(t, "the helper has a child without rights", func() bool {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", helper))
		for _, f := range files {
			b, _ := os.ReadFile(f)
			for word := range strings.FieldsSeq(string(b)) {
				text, _ := os.ReadFile("/proc/" + word + "/status")
				if strings.Contains(string(text), "\nUid:\t"+nobody(t).Uid+"\t") {
					main, _ = strconv.Atoi(word)
				}
			}
		}
		return main != 0
	})
	return main
}

// ended tells whether a process has ended; one that nobody has waited for has.
func ended(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, after, ok := strings.Cut(string(b), ") ") // the name in parentheses comes before the state
	return ok && (after[0] == 'Z' || after[0] == 'X')
}

// status returns values of /proc/PID/task/*/status by name; all threads have to agree.
func status(t testing.TB, pid int, names ...string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(files) == 0 {
		t.Fatalf("process %d has no threads (%v)", pid, err)
	}
	got := make(map[string]string)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		for line := range strings.Lines(string(b)) {
			name, value, _ := strings.Cut(line, ":")
			if !slices.Contains(names, name) {
				continue
			}
			value = strings.Join(strings.Fields(value), " ")
			if old, have := got[name]; have && old != value {
				t.Errorf("process %d: %s is %q in one thread, %q in another", pid, name, value, old)
			}
			got[name] = value
		}
	}
	return got
}

// four is how a process's status tells of an id that is real, effective, saved and of files.
func four(id string) string { return strings.Join([]string{id, id, id, id}, " ") }

func nobody(t testing.TB) *user.User {
	t.Helper()
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// as makes cmd run as a user who has nothing.
func as(cmd *exec.Cmd, uid, gid uint32) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	return cmd
}

func fileOwner(t testing.TB, path string) (uid, gid int) {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return int(st.Uid), int(st.Gid)
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}

// readWarts returns the records of a warts file, and how reading ended.
func readWarts(t testing.TB, path string) ([]warts.Record, error) {
	t.Helper()
	f, err := warts.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []warts.Record
	for {
		r, err := f.Next()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		list = append(list, r)
	}
}

// wholeWarts is readWarts of a file that nothing is wrong with.
func wholeWarts(t testing.TB, path string) []warts.Record {
	t.Helper()
	list, err := readWarts(t, path)
	if err != nil {
		t.Fatalf("%s after %d records: %v", path, len(list), err)
	}
	return list
}

// kinds are the names of the types of records.
func kinds(list []warts.Record) []string {
	var out []string
	for _, r := range list {
		out = append(out, r.Type().String())
	}
	return out
}

// count returns how many records are of a type.
func count(list []warts.Record, kind warts.Type) (n int) {
	for _, r := range list {
		if r.Type() == kind {
			n++
		}
	}
	return n
}

// object is a line of JSON.
type object = map[string]any

// jsonLines takes output apart into its lines, each of which has to be an object.
func jsonLines(t testing.TB, text string) []object {
	t.Helper()
	if text != "" && !strings.HasSuffix(text, "\n") {
		t.Errorf("the last line is cut: %q", text[max(0, len(text)-80):])
	}
	var list []object
	for line := range strings.Lines(text) {
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		var o object
		if err := d.Decode(&o); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			t.Fatalf("line %q: more than an object", line)
		}
		list = append(list, o)
	}
	return list
}

// values are the values of a key in objects of a type, in their order.
func values(list []object, kind, key string) []string {
	var out []string
	for _, o := range list {
		if o["type"] == kind {
			out = append(out, fmt.Sprint(o[key]))
		}
	}
	return out
}

// oneLine checks that something is a single line of an error with a text in it, as users know them.
func oneLine(t testing.TB, stderr, want string) {
	t.Helper()
	if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "[") || !strings.Contains(stderr, "] scamper: ") ||
		!strings.Contains(stderr, want) {
		t.Errorf("stderr %q, want one line with %q", stderr, want)
	}
}
