package conf

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/option"
)

var compareCommands = cmp.AllowUnexported(Commands{})

func with(change func(c *Config)) *Config {
	c := Default()
	change(c)
	return c
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		name, file string
		want       *Config
	}{
		{"empty", "", Default()},
		{"comment", "# nothing\n\n", Default()},
		{"old form", "ping.enable = 0\ntrace.enable=1\n", with(func(c *Config) {
			c.Commands = Commands{map[string]bool{"ping": true, "trace": false}}
		})},
		{"new form", "[ping]\nenable = false\n", with(func(c *Config) {
			c.Commands = Commands{map[string]bool{"ping": true}}
		})},
		{"privilege", "[privilege]\nuser = \"scamper\"\nchroot = \"/run/empty\"\nsandbox = false\n", with(func(c *Config) {
			c.Privilege = Privilege{"scamper", "/run/empty", false}
			c.NeedsTrust, c.TrustPosition = true, "f:1:1"
		})},
		{"buffers", "[buffers]\nreceive = 0\nsend = 67108864\n", with(func(c *Config) {
			c.Buffers = Buffers{0, 64 << 20}
		})},
		{"directories in order", "[directory.z]\npath = \"/z\"\nread = true\n[directory.a]\npath = \"/a\"\ncreate = true\n", with(func(c *Config) {
			c.Directories = []Directory{{Name: "z", Path: "/z", Read: true}, {Name: "a", Path: "/a", Create: true}}
			c.NeedsTrust, c.TrustPosition = true, "f:1:1"
		})},
		{"directory after another table", "ping.enable = 0\n[directory.a]\npath = \"/a\"\nwrite = true\nappend = true\n", with(func(c *Config) {
			c.Directories = []Directory{{Name: "a", Path: "/a", Write: true, Append: true}}
			c.Commands = Commands{map[string]bool{"ping": true}}
			c.NeedsTrust, c.TrustPosition = true, "f:2:1"
		})},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Parse("f", []byte(test.file))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, compareCommands); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct{ name, file, want string }{
		{"unknown table", "\n[pign]\nenable = 0\n", `f:2:1: pign: unknown key`},
		{"unknown key", "[ping]\nenable = 0\nenabel = 1\n", `f:3:10: ping.enabel: unknown key`},
		{"unknown dotted key", "ping.enabel = 1\n", `f:1:15: ping.enabel: unknown key`},
		{"key below a key", "[ping.enable]\nx = 1\n", `f:1:1: ping.enable: expected 0 or 1, or true or false`},
		{"first error first", "[ping]\nenable = 2\n[trace]\nenable = 3\n", `f:2:10: ping.enable: expected 0 or 1, or true or false`},
		{"wrong type", "[privilege]\nuser = 3\n", `f:2:8: expected a string`},
		{"boolean", "[privilege]\nsandbox = 1\n", `f:2:11: expected true or false`},
		{"root", "[privilege]\nuser = \"root\"\n", `f:2:9: "root" cannot be the user of the main process`},
		{"relative", "[privilege]\n  chroot = \"empty\"\n", `f:2:13: "empty" is not an absolute path`},
		{"too large", "[buffers]\nsend = 67108865\n", `f:2:8: expected a number of bytes from 0 to 67108864`},
		{"negative", "[buffers]\nsend = -1\n", `f:2:8: expected a number of bytes from 0 to 67108864`},
		{"no table", "ping = 1\n", `f:1:8: ping is a table: write [ping] or ping.KEY`},
		{"array of tables", "[[ping]]\nenable = 1\n", `f:1:1: ping is a table: write [ping] or ping.KEY`},
		{"directory no table", "directory = 1\n", `f:1:13: directory is a table: write [directory] or directory.KEY`},
		{"directory without name", "[directory]\npath = \"/x\"\n", `f:2:9: directory.path is a table: write [directory.path] or directory.path.KEY`},
		{"directory name", "[directory.\"a/b\"]\npath = \"/x\"\n", `f:1:1: directory."a/b": a directory is called by letters, digits, _ and -, up to 64`},
		{"directory without path", "[directory.a]\nread = true\n", `f:1:1: directory.a: there is no path`},
		{"directory without use", "[directory.a]\npath = \"/x\"\n", `f:1:1: directory.a: none of read, write, append, create is true`},
		{"directory key", "[directory.a]\npathe = \"/x\"\n", `f:2:10: directory.a.pathe: unknown key`},
		{"not TOML", "[ping\n", `f:1:6: expected '.' or ']' to end table name, but got '\n' instead`},
		{"no equals sign", "ping.enable 0\n", `f:1:13: expected '.' or '=', but got '0' instead`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("f", []byte(test.file))
			if err == nil {
				t.Fatal("no error")
			}
			var place *Error
			if !errors.As(err, &place) || place.Line == 0 {
				t.Errorf("%v has no place", err)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestManyDirectories(t *testing.T) {
	var b strings.Builder
	for i := range MaxDirectories + 1 {
		name := strings.Repeat("x", i/10+1) + string(rune('0'+i%10))
		b.WriteString("[directory." + name + "]\npath = \"/x\"\nread = true\n")
	}
	_, err := Parse("f", []byte(b.String()))
	if err == nil || !strings.Contains(err.Error(), "more than 64 directories") {
		t.Errorf("error %v", err)
	}
}

func TestReadTooLarge(t *testing.T) {
	_, err := Read("f", strings.NewReader(strings.Repeat("#", MaxSize+1)))
	if err == nil || err.Error() != "f: the file is larger than 1 MiB" {
		t.Errorf("error %v", err)
	}
	if _, err := Read("f", strings.NewReader(strings.Repeat("#", MaxSize))); err != nil {
		t.Error(err)
	}
}

func TestEnabled(t *testing.T) {
	var all Commands
	for _, name := range option.CommandWords() {
		if !all.Enabled(name) {
			t.Errorf("%s is disabled by default", name)
		}
	}
	c, err := Parse("f", []byte("sting.enable = 0"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Commands.Enabled("sting") || !c.Commands.Enabled("tbit") {
		t.Errorf("%+v", c.Commands)
	}
}

// The sample has every key; uncommented it says what the defaults are.
func TestSample(t *testing.T) {
	b, err := os.ReadFile("scamper.toml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("scamper.toml", b)
	if err != nil {
		t.Fatal(err)
	}
	want := with(func(c *Config) { c.NeedsTrust, c.TrustPosition = true, got.TrustPosition })
	if diff := cmp.Diff(want, got, compareCommands); diff != "" {
		t.Errorf("as it stands, -want +got:\n%s", diff)
	}

	var full strings.Builder
	keys := make(map[string]bool)
	for line := range strings.Lines(string(b)) {
		rest, found := strings.CutPrefix(line, "# ")
		if key, _, eq := strings.Cut(rest, " = "); found && (eq && !strings.Contains(key, " ") || strings.HasPrefix(rest, "[")) {
			line = rest
			keys[key] = true
		}
		full.WriteString(line)
	}
	got, err = Parse("scamper.toml", []byte(full.String()))
	if err != nil {
		t.Fatal(err)
	}
	want.TrustPosition = got.TrustPosition
	want.Directories = []Directory{{Name: "results", Path: "/var/lib/scamper/results", Create: true}}
	want.Commands.disabled = make(map[string]bool)
	for _, name := range option.CommandWords() {
		want.Commands.disabled[name] = false
	}
	if diff := cmp.Diff(want, got, compareCommands); diff != "" {
		t.Errorf("uncommented, -want +got:\n%s", diff)
	}
	for name, s := range sections {
		for key := range s {
			if !keys[key] {
				t.Errorf("the sample lacks %s in [%s]", key, name)
			}
		}
	}
	for key := range directory(0) {
		if !keys[key] {
			t.Errorf("the sample lacks %s of a directory", key)
		}
	}
}

func TestForRoot(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f.toml")
	if err := os.WriteFile(path, []byte("[privilege]\nuser = \"scamper\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	root := os.Getuid() == 0
	c, trusted, err := ForRoot(path)
	if err != nil || trusted != root || (c.Privilege.User == "scamper") != root {
		t.Errorf("own file: %+v, trusted %v, error %v", c.Privilege, trusted, err)
	}
	if err := os.Chmod(path, 0o664); err != nil {
		t.Fatal(err)
	}
	if c, trusted, err = ForRoot(path); err != nil || trusted || c.Privilege.User != "nobody" {
		t.Errorf("writable by the group: %+v, trusted %v, error %v", c.Privilege, trusted, err)
	}
	if c, trusted, err = ForRoot(filepath.Join(dir, "none")); err != nil || trusted || c == nil {
		t.Errorf("no file: trusted %v, error %v", trusted, err)
	}
	if c, trusted, err = ForRoot("/dev/null"); err != nil || trusted || c == nil {
		t.Errorf("no regular file: trusted %v, error %v", trusted, err)
	}
	if root {
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, 1000, 0); err != nil {
			t.Fatal(err)
		}
		if _, trusted, err = ForRoot(path); err != nil || trusted {
			t.Errorf("somebody else's file: trusted %v, error %v", trusted, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	sample, err := os.ReadFile("scamper.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	f.Add([]byte("ping.enable = 0\n[directory.a]\npath=\"/\"\nread=true"))
	f.Add([]byte("[[ping]]\n[directory]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse("f", b)
		if err != nil {
			if c != nil {
				t.Errorf("a configuration beside the error %v", err)
			}
			return
		}
		if c.Privilege.User == "" || c.Privilege.User == "root" || !filepath.IsAbs(c.Privilege.Chroot) {
			t.Errorf("privilege %+v", c.Privilege)
		}
		if c.Buffers.Receive < 0 || c.Buffers.Receive > MaxBuffer || c.Buffers.Send < 0 || c.Buffers.Send > MaxBuffer {
			t.Errorf("buffers %+v", c.Buffers)
		}
		if len(c.Directories) > MaxDirectories {
			t.Errorf("%d directories", len(c.Directories))
		}
		for _, d := range c.Directories {
			if !filepath.IsAbs(d.Path) || !directoryName.MatchString(d.Name) {
				t.Errorf("directory %+v", d)
			}
		}
		if !c.NeedsTrust && (len(c.Directories) > 0 || c.Privilege != Default().Privilege) {
			t.Error("needs no trust")
		}
	})
}
