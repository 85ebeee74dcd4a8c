// Package house checks the project as a whole: who may import whom, and that the README
// says how to run the tests. There is nothing else in it.
package house

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"scamper/testkit"
)

const module = "scamper/"

// doors is the rules of docs/design.md: what the packages of a room may import of ours. A room is a directory with
// all below it; where rooms lie in one another the innermost counts. A package may
// always import its own room.
var doors = map[string][]string{
	"bench":   {"shared", "tools"},
	"cmd":     {"cmd", "conf", "privsep", "shared", "tools", "unpriv"},
	"conf":    {"shared"},
	"privsep": {"privsep"},
	"shared":  {},
	"testkit": {"shared"},
	"tools":   {"conf", "shared"},
	"unpriv":  {"conf", "shared", "privsep/client", "privsep/message"},
	// The simulated Internet that the tests of techniques run in.
	"unpriv/technique/virtual": {"shared", "tools/simnet", "unpriv"},
}

// guests are the only packages that may import a room, whatever doors says.
var guests = map[string][]string{
	// What runs as root is started by launch, and that by the program alone.
	"privsep/helper":           {"cmd/scamper", "privsep/launch"},
	"privsep/launch":           {"cmd/scamper"},
	"testkit":                  {}, // tests only
	"unpriv/technique/virtual": {}, // tests only
}

// forbidden are imports that no package may have, and why.
var forbidden = map[string]string{
	"C": "the program is one static binary without cgo",
}

// pkg is a package as `go list -json` tells it.
type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestDoors(t *testing.T) {
	testkit.NeedProgram(t, "go")
	for _, system := range []string{"linux", "freebsd", "openbsd", "netbsd", "darwin"} {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			list, err := packages(system)
			if err != nil {
				t.Fatal(err)
			}
			if len(list) < 10 {
				t.Fatalf("only %d packages were found", len(list))
			}
			for _, p := range list {
				for _, complaint := range check(p) {
					t.Error(complaint)
				}
			}
		})
	}
}

// packages lists the module's packages as they are built for a system.
func packages(system string) ([]pkg, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list for %s: %w\n%s", system, err, stderr.String())
	}
	var list []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("output of go list: %w", err)
		}
		list = append(list, p)
	}
}

// check returns what is wrong with a package's imports.
func check(p pkg) (complaints []string) {
	for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
		if why, bad := forbidden[path]; bad {
			complaints = append(complaints, fmt.Sprintf("%s imports %q: %s", p.ImportPath, path, why))
		}
	}
	from, ours := strings.CutPrefix(p.ImportPath, module)
	if !ours {
		return complaints // the root, which is this test
	}
	here := room(from)
	if here == "" {
		return append(complaints, fmt.Sprintf("%s is in no room; the rooms are in docs/design.md", p.ImportPath))
	}
	// Tests may look over the walls: into a double of another room, say.
	for _, path := range p.Imports {
		to, ours := strings.CutPrefix(path, module)
		if !ours {
			continue
		}
		if !within(to, here) && !slices.ContainsFunc(doors[here], func(door string) bool { return within(to, door) }) {
			complaints = append(complaints, fmt.Sprintf("%s imports %s, but %s may import only %q of ours",
				p.ImportPath, path, here, append([]string{here}, doors[here]...)))
		}
		for private, list := range guests {
			if within(to, private) && !within(from, private) && !slices.Contains(list, from) {
				complaints = append(complaints, fmt.Sprintf("%s imports %s, which is for %q alone", p.ImportPath, path, list))
			}
		}
	}
	return complaints
}

// room returns the innermost room that a package lies in.
func room(path string) (innermost string) {
	for name := range doors {
		if within(path, name) && len(name) > len(innermost) {
			innermost = name
		}
	}
	return innermost
}

// within tells whether path is dir or below it.
func within(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

// The check has to see what it is for.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		from, to string
		bad      int
	}{
		{"cmd/scamper", "unpriv/sched", 0},
		{"cmd/scamper", "privsep/helper", 0},
		{"cmd/scamper", "privsep/launch", 0},
		{"cmd/sc_attach", "privsep/helper", 1},
		{"cmd/scamper/cmdline", "privsep/launch", 1},
		{"cmd/scamper", "testkit", 2},
		{"privsep/launch", "privsep/helper", 0},
		{"privsep/client", "privsep/helper", 1},
		{"privsep/helper", "shared/packet", 1},
		{"privsep/helper", "unpriv/netio", 1},
		{"unpriv/engine", "privsep/client", 0},
		{"unpriv/engine", "privsep/message", 0},
		{"unpriv/engine", "privsep/firewall", 1},
		{"unpriv/engine", "privsep/helper", 2},
		{"unpriv/engine", "privsep/messages", 1},
		{"unpriv/engine", "tools/cli", 1},
		{"unpriv/engine", "conf", 0},
		{"unpriv/engine", "unpriv/netio/route", 0},
		{"shared/render/text", "shared/warts", 0},
		{"shared/warts", "conf", 1},
		{"shared/warts", "unpriv/loop", 1},
		{"tools/cli", "shared/warts", 0},
		{"tools/cli", "unpriv/loop", 1},
		{"testkit", "shared/packet", 0},
		{"util", "shared/packet", 1},
	} {
		got := check(pkg{ImportPath: module + c.from, Imports: []string{"fmt", module + c.to}})
		if len(got) != c.bad {
			t.Errorf("%s imports %s: %q, want %d complaints", c.from, c.to, got, c.bad)
		}
	}
	if got := check(pkg{ImportPath: module + "shared/warts", TestImports: []string{"C", module + "tools/cli"}}); len(got) != 1 {
		t.Errorf("cgo in a test: %q", got)
	}
}
