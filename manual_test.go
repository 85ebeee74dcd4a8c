package house

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"scamper/testkit"
)

var (
	// helpOptions finds options of a command's help: in square brackets, at the begin of a line, or behind a comma.
	helpOptions = regexp.MustCompile(`(?m)(?:^ *|\[|, )-([A-Za-z0-9?]+)`)
	// pageItem is a line of mdoc that begins what a page has to say about options, and pageOption one of these.
	pageItem   = regexp.MustCompile(`(?m)^\.It Fl .*$`)
	pageOption = regexp.MustCompile(`\bFl (Fl [a-z]+|[A-Za-z0-9?])(?: |$)`)
)

// toolPages are the manual pages of the commands beside scamper, whose page is compared with its tables beside these.
func toolPages(t *testing.T) map[string]string {
	t.Helper()
	commands, err := filepath.Glob("cmd/sc_*")
	if err != nil || len(commands) == 0 {
		t.Fatalf("no commands: %v", err)
	}
	pages := make(map[string]string)
	for _, dir := range commands {
		name := filepath.Base(dir)
		page, err := os.ReadFile(filepath.Join("docs", name+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		pages[name] = string(page)
	}
	return pages
}

// TestManualPages holds that each command has a page with an item for each option that the command's help names, and
// for no other.
func TestManualPages(t *testing.T) {
	for name, page := range toolPages(t) {
		t.Run(name, func(t *testing.T) {
			help, err := exec.Command(testkit.BuildCommand(t, "scamper/cmd/"+name), "--help").CombinedOutput()
			if err != nil {
				t.Fatalf("--help: %v\n%s", err, help)
			}
			want := map[string]bool{"Fl help": true, "Fl version": true}
			for _, match := range helpOptions.FindAllStringSubmatch(string(help), -1) {
				for _, letter := range match[1] {
					want[string(letter)] = true
				}
			}
			got := make(map[string]bool)
			for _, item := range pageItem.FindAllString(page, -1) {
				for _, match := range pageOption.FindAllStringSubmatch(item, -1) {
					got[match[1]] = true
				}
			}
			if !maps.Equal(got, want) {
				t.Errorf("items of %s.1 and options of --help:\n%q\n%q\n%s", name,
					slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)), help)
			}
			if !strings.Contains(page, ".Nm "+name) {
				t.Errorf("%s.1 has another name", name)
			}
		})
	}
}

// TestVersions holds that each command tells its version, in the same way, and that this and the help are results: they
// are asked for.
func TestVersions(t *testing.T) {
	for name := range toolPages(t) {
		t.Run(name, func(t *testing.T) {
			for _, tt := range []struct{ option, want string }{
				{"--version", `^` + name + ` \(scamper in Go\) \S+\n$`},
				{"--help", `^usage: ` + name + `( .*)?\n`},
			} {
				var stdout, stderr strings.Builder
				cmd := exec.Command(testkit.BuildCommand(t, "scamper/cmd/"+name), tt.option)
				cmd.Stdout, cmd.Stderr = &stdout, &stderr
				err := cmd.Run()
				if err != nil || stderr.Len() > 0 || !regexp.MustCompile(tt.want).MatchString(stdout.String()) {
					t.Errorf("%s: %v, stderr %q, stdout %q", tt.option, err, &stderr, &stdout)
				}
			}
		})
	}
}

// examples returns the commands in the section of examples of a page: each line of .Dl, and each literal display.
func examples(page string) (list []string) {
	_, section, _ := strings.Cut(page, "\n.Sh EXAMPLES\n")
	section, _, _ = strings.Cut(section, "\n.Sh ")
	plain := strings.NewReplacer(`\(dq`, `"`, `\(aq`, `'`, `\(ti`, `~`, `\(ha`, `^`, `\-`, `-`, `\&`, ``, `\e`, `\`)
	display, inside := "", false
	for line := range strings.Lines(section) {
		switch command, single := strings.CutPrefix(line, ".Dl "); {
		case single:
			list = append(list, plain.Replace(command))
		case strings.HasPrefix(line, ".Bd -literal"):
			display, inside = "", true
		case strings.HasPrefix(line, ".Ed"):
			list = append(list, plain.Replace(display))
			inside = false
		case inside:
			display += line
		}
	}
	return list
}

// exampleInputs are the files that examples name, and where they come from.
var exampleInputs = map[string]string{
	"x.warts":         "shared/warts/testdata/mixed-26.warts",
	"x.warts.gz":      "shared/warts/testdata/compressed-gz-26.warts.gz",
	"a.warts":         "shared/warts/testdata/trace-methods-v4-26.warts",
	"b.warts":         "shared/warts/testdata/ping-methods-v4-26.warts",
	"yesterday.warts": "shared/warts/testdata/pair-hand.warts",
	"today.warts":     "shared/warts/testdata/pair-hand2.warts",
	"damaged.warts":   "shared/warts/testdata/cut-mixed-4.warts",
	"sniff.warts":     "shared/warts/testdata/sniff-v4-26.warts",
	"chain.toml":      "tools/simnet/topologies/chain.toml",
	"diamonds.toml":   "tools/simnet/topologies/diamonds.toml",
	"server.toml":     "tools/simnet/topologies/server.toml",
}

// TestManualExamples runs every example of the pages in a directory of its own. It must end well, and print something or
// make a file. Those with scamper run in a simulated network, where 192.0.2.1 is the router.
func TestManualExamples(t *testing.T) {
	pages := toolPages(t)
	main, err := os.ReadFile("docs/scamper.1")
	if err != nil {
		t.Fatal(err)
	}
	commands := slices.Collect(maps.Keys(pages))
	pages["scamper"] = string(main)
	bin := t.TempDir()
	for _, name := range append(commands, "scamper") {
		if err := os.Symlink(testkit.BuildCommand(t, "scamper/cmd/"+name), filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, page := range pages {
		list := examples(page)
		if len(list) < 2 {
			t.Errorf("%s.1 has %d examples", name, len(list))
		}
		for _, example := range list {
			t.Run(name, func(t *testing.T) { runExample(t, bin, example) })
		}
	}
}

func runExample(t *testing.T, bin, example string) {
	args := []string{"sh", "-e", "-c", example}
	if strings.Contains(example, "scamper ") {
		testkit.NeedRoot(t)
		if !strings.Contains(example, "sc_simnet ") {
			args = append([]string{filepath.Join(bin, "sc_simnet"), "-f", "chain.toml", "--"}, args...)
		}
	}
	if strings.Contains(example, "tcpdump ") {
		testkit.NeedProgram(t, "tcpdump")
	}
	dir := t.TempDir()
	for name, from := range exampleInputs {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	targets := []byte("192.0.2.1\n198.51.100.10\n")
	for _, name := range []string{"addresses.txt", "targets"} {
		if err := os.WriteFile(filepath.Join(dir, name), targets, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH")+":/usr/sbin:/sbin")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", example, err, out)
	}
	after, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 && len(after) == len(before) {
		t.Errorf("%s: nothing was printed and no file made", example)
	}
}
