package cmdline

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"scamper/shared/option"
	"scamper/unpriv/source"
)

// env is a program that knows ping and dealias, and refuses commands with "bad" in them.
func env() Env {
	return Env{
		Program: "scamper", Version: "1", System: "linux",
		Grammar: func(word string) []option.Option {
			switch word {
			case "ping":
				return []option.Option{
					{Letter: 'R'},
					{Letter: 'c', Arg: "count", Class: option.Number, Kind: option.Int, Max: 9},
					{Letter: 'p', Arg: "text", Class: option.String, Kind: option.Text},
				}
			}
			return nil
		},
		Check: func(command string) error {
			if strings.Contains(command, "bad") {
				return errors.New("no good")
			}
			return nil
		},
	}
}

// everything switches on what this version refuses, for one test.
func everything(t testing.TB) {
	t.Helper()
	keptOptions, keptWords := options, words
	options, words = append([]Option(nil), options...), append([]Word(nil), words...)
	for i := range options {
		options[i].Unavailable = ""
	}
	for i := range words {
		words[i].Unavailable = ""
	}
	t.Cleanup(func() { options, words = keptOptions, keptWords })
}

// plain is the configuration of a command line without options.
func plain(change func(c *Config)) *Config {
	c := &Config{
		Mode: Targets, Operands: []string{"192.0.2.1"}, Command: "trace", PPS: 20, ListName: "default", Output: "-",
		Format: "text", Hold: 5 * time.Second,
	}
	change(c)
	return c
}

func TestParse(t *testing.T) {
	everything(t)
	tests := []struct {
		args string // split at spaces; _ is a space, % an empty argument
		want func(c *Config)
	}{
		{"-i 192.0.2.1", func(*Config) {}},
		{"192.0.2.1 -i", func(*Config) {}},
		{"-i -- 192.0.2.1", func(*Config) {}},
		{"-i -c ping_-c_1 192.0.2.1 192.0.2.2", func(c *Config) {
			c.Command, c.Operands = "ping -c 1", []string{"192.0.2.1", "192.0.2.2"}
		}},
		{"-c ping_-c_1 192.0.2.2 -i 192.0.2.1", func(c *Config) {
			c.Command, c.Operands = "ping -c 1", []string{"192.0.2.2", "192.0.2.1"}
		}},
		{"-I ping_-c_1_x trace_y", func(c *Config) { c.Mode, c.Operands = Commands, []string{"ping -c 1 x", "trace y"} }},
		{"list", func(c *Config) { c.Mode, c.Operands = ListFile, []string{"list"} }},
		{"-f -", func(c *Config) { c.Mode, c.Operands = ListFile, []string{"-"} }},
		{"-f bad", func(c *Config) { c.Mode, c.Operands = ListFile, []string{"bad"} }},
		{"-O cmdfile list", func(c *Config) {
			c.Mode, c.Operands, c.ListForm = ListFile, []string{"list"}, source.Commands
		}},
		{"-O TSPS list", func(c *Config) {
			c.Mode, c.Operands, c.ListForm = ListFile, []string{"list"}, source.Timestamps
		}},
		{"-ip 50 192.0.2.1", func(c *Config) { c.PPS = 50 }},
		{"-ip50 192.0.2.1", func(c *Config) { c.PPS = 50 }},
		{"-i -p 1000000 192.0.2.1", func(c *Config) { c.PPS = 1000000 }},
		{"-i -p 0 -w 10 192.0.2.1", func(c *Config) { c.PPS, c.Window = 0, 10 }},
		{"-i -w 65535 192.0.2.1", func(c *Config) { c.Window = 65535 }},
		{"-i -p 30 -p 40 192.0.2.1", func(c *Config) { c.PPS = 40 }},
		{"-i -M mon -l list -L 2147483647 -C 1 192.0.2.1", func(c *Config) {
			c.Monitor, c.ListName, c.ListID, c.CycleID = "mon", "list", 2147483647, 1
		}},
		{"-i -o out -d debug -e pid -O debugfileappend 192.0.2.1", func(c *Config) {
			c.Output, c.DebugFile, c.PIDFile, c.DebugAppend = "out", "debug", "pid", true
		}},
		{"-i -H 0 192.0.2.1", func(c *Config) { c.Hold = 0 }},
		{"-i -H 60 -F ipfw:1-2 192.0.2.1", func(c *Config) { c.Hold, c.Firewall = time.Minute, "ipfw:1-2" }},
		{"-i -O Warts -o - 192.0.2.1", func(c *Config) { c.Format = "warts" }},
		{"-i -O warts -O json 192.0.2.1", func(c *Config) { c.Format = "json" }},
		{"-i -O json -O rawtcp 192.0.2.1", func(c *Config) { c.Format, c.RawTCP = "json", true }},
		{"-i -o x.warts 192.0.2.1", func(c *Config) { c.Output, c.Format = "x.warts", "warts" }},
		{"-i -o x.JSON 192.0.2.1", func(c *Config) { c.Output, c.Format = "x.JSON", "json" }},
		{"-i -o x.warts.gz 192.0.2.1", func(c *Config) { c.Output, c.Format = "x.warts.gz", "warts.gz" }},
		{"-i -o x.Warts.xz 192.0.2.1", func(c *Config) { c.Output, c.Format = "x.Warts.xz", "warts.xz" }},
		{"-i -o x -O WARTS.bz2 192.0.2.1", func(c *Config) { c.Output, c.Format = "x", "warts.bz2" }},
		{"-i -o x.warts.gz -O text 192.0.2.1", func(c *Config) { c.Output, c.Format = "x.warts.gz", "text" }},
		{"-i -o .warts 192.0.2.1", func(c *Config) { c.Output = ".warts" }},
		{"-i -o x.txt 192.0.2.1", func(c *Config) { c.Output = "x.txt" }},
		{"-i -O planetlab -O noinitndc -O outcopy 192.0.2.1", func(c *Config) {
			c.RawTCP, c.NoInitNDC, c.OutCopy = true, true, true
		}},
		{"-i -O epoll -O EPOLL 192.0.2.1", func(c *Config) { c.Poller = "epoll" }},
		{"-i -O tls 192.0.2.1", func(c *Config) { c.TLS = TLSRemote }},
		{"-i -O notls 192.0.2.1", func(c *Config) { c.TLS = TLSNever }},
		{"-i -O dnp=file 192.0.2.1", func(*Config) {}},
		{"-P 31337", func(c *Config) {
			c.Mode, c.Operands, c.ControlTCP = Control, nil, netip.MustParseAddrPort("127.0.0.1:31337")
		}},
		{"-P 192.0.2.5:1 -U /run/x -D", func(c *Config) {
			c.Mode, c.Operands, c.ControlTCP = Control, nil, netip.MustParseAddrPort("192.0.2.5:1")
			c.ControlUnix, c.Daemon = "/run/x", true
		}},
		{"-P [2001:db8::1]:65535", func(c *Config) {
			c.Mode, c.Operands, c.ControlTCP = Control, nil, netip.MustParseAddrPort("[2001:db8::1]:65535")
		}},
		{"-R host.example:443 -M mon-1.example", func(c *Config) {
			c.Mode, c.Operands, c.RemoteHost, c.RemotePort = Control, nil, "host.example", 443
			c.Monitor = "mon-1.example"
		}},
		{"-R h:1 -O client-certfile=c -O client-privfile=p", func(c *Config) {
			c.Mode, c.Operands, c.RemoteHost, c.RemotePort = Control, nil, "h", 1
		}},
		{"-D -o out -i 192.0.2.1", func(c *Config) { c.Daemon, c.Output = true, "out" }},
	}
	for _, tt := range tests {
		got, err := Parse(split(tt.args), env())
		if err != nil {
			t.Errorf("%s: %v", tt.args, err)
			continue
		}
		if diff := cmp.Diff(plain(tt.want), got, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); diff != "" {
			t.Errorf("%s:\n%s", tt.args, diff)
		}
	}
}

// split makes arguments: _ stands for a space, % for nothing.
func split(args string) []string {
	words := strings.Fields(args)
	for i := range words {
		words[i] = strings.ReplaceAll(strings.ReplaceAll(words[i], "_", " "), "%", "")
	}
	return words
}

// shown returns the letters of the options that a usage text explains, and what else it says after them.
func shown(text string) (letters, more string) {
	_, rest, _ := strings.Cut(text, "\n\n")
	for line := range strings.SplitSeq(rest, "\n") {
		switch body := strings.TrimLeft(line, " "); len(line) - len(body) {
		case 12:
			letters += body[1:2]
		case 0:
			if body != "" {
				more += body + ";"
			}
		}
	}
	return letters, more
}

// refusals are command lines that are wrong, the letters of the options explained and the sentence after them.
var refusals = []struct{ args, letters, more string }{
	{"", "", ""},
	{"-f", "", ""},
	{"a b", "", ""},
	{"-p 5", "", ""},
	{"-O foo -i x", "O", ""},
	{"-O % -i x", "O", ""},
	{"-O dnp= -i x", "O", ""},
	{"-O select -O epoll -i x", "O", ""},
	{"-O kqueue -i x", "O", ""},
	{"-O foo -p 0", "O", ""},
	{"-O select -O epoll -p 0", "O", ""},
	{"-O client-certfile=c -R h:1", "R", ""},
	{"-O client-certfile=c -O client-privfile=p -i x", "R", ""},
	{"-p 0 -i x", "pw", ""},
	{"-p 1000001 -i x", "p", ""},
	{"-p -1 -i x", "p", ""},
	{"-p abc -w -1 -i x", "pw", ""},
	{"-p 5x -i x", "p", ""},
	{"-w 65536 -i x", "w", ""},
	{"-p 0 -L 0", "pw", ""},
	{"-L 0 -i x", "L", ""},
	{"-L abc -i x", "L", ""},
	{"-L 2147483648 -i x", "L", ""},
	{"-C 0 -i x", "C", ""},
	{"-C 0 -L 0", "L", ""},
	{"-H 61 -i x", "H", ""},
	{"-H x -i x", "H", ""},
	{"-i", "i", ""},
	{"-I", "I", ""},
	{"-i -I x", "iI", ""},
	{"-f -i x", "fi", ""},
	{"-P 31337 -i x", "iP", ""},
	{"-U /x -P 80 -i -I y", "iIPU", ""},
	{"-P 1 -R x:99999 -i", "iPR", ""},
	{"-P 31337 x", "P", ""},
	{"-P 1 -U u x", "PU", ""},
	{"-P 0", "P", ""},
	{"-P abc", "P", ""},
	{"-P 65536", "P", ""},
	{"-P +5", "P", ""},
	{"-P :5", "P", ""},
	{"-P host:5", "P", ""},
	{"-P ::1:5", "P", ""},
	{"-P [::1]5", "P", ""},
	{"-P [192.0.2.1]:5", "P", ""},
	{"-R 127.0.0.1", "R", ""},
	{"-R x:0", "R", ""},
	{"-R 5", "R", ""},
	{"-R x:5 -M a_b", "M", ""},
	{"-R x:5 -M " + strings.Repeat("a", 255), "M", ""},
	{"-U %", "U", ""},
	{"-D -i x", "DPRUo", ""},
	{"-D -o - -i x", "Do", "cannot output to stdout with daemon;"},
	{"-D -o x -P 5", "oPRU", "outfile does not make sense with options;"},
	{"-O warts -i x", "o", "not going to dump warts to a tty, sorry;"},
	{"-O warts.gz -i x", "o", "not going to dump warts to a tty, sorry;"},
}

func TestRefusals(t *testing.T) {
	everything(t)
	e := env()
	e.Terminal = true
	for _, tt := range refusals {
		_, err := Parse(split(tt.args), e)
		var exit *Exit
		if !errors.As(err, &exit) {
			t.Errorf("%s: %v", tt.args, err)
			continue
		}
		letters, more := shown(exit.Stderr)
		if exit.Status != 255 || exit.Stdout != "" || !strings.HasPrefix(exit.Stderr, "usage: scamper [-") ||
			!same(letters, tt.letters) || more != tt.more {
			t.Errorf("%s: status %d, letters %q, want %q, then %q", tt.args, exit.Status, letters, tt.letters, more)
		}
	}
}

// same reports whether two strings have the same letters; usage texts have their own order.
func same(a, b string) bool {
	for _, c := range a + b {
		if !strings.ContainsRune(a, c) || !strings.ContainsRune(b, c) {
			return false
		}
	}
	return len(a) == len(b)
}

func TestGetopt(t *testing.T) {
	e := env()
	e.Program = "/usr/bin/scamper"
	tests := []struct{ args, want string }{
		{"-z", "/usr/bin/scamper: invalid option -- 'z'"},
		{"-iz x", "/usr/bin/scamper: invalid option -- 'z'"},
		{"-c", "/usr/bin/scamper: option requires an argument -- 'c'"},
		{"-i x -ic", "/usr/bin/scamper: option requires an argument -- 'c'"},
		{"--foo", "/usr/bin/scamper: invalid option -- '-'"},
		{"-v -z", "/usr/bin/scamper: invalid option -- 'z'"},
	}
	for _, tt := range tests {
		_, err := Parse(split(tt.args), e)
		var exit *Exit
		if !errors.As(err, &exit) || exit.Status != 255 {
			t.Errorf("%s: %v", tt.args, err)
			continue
		}
		if want := tt.want + "\n" + overview("linux"); exit.Stderr != want {
			t.Errorf("%s:\n%s", tt.args, cmp.Diff(want, exit.Stderr))
		}
	}

	e.Posix = true
	_, err := Parse(split("x -i"), e)
	if _, more := shown(err.Error()); more != "" || !strings.HasPrefix(err.Error(), "usage") {
		t.Errorf("an option after an operand: %v", err)
	}
	if c, err := Parse(split("-i x -p 0"), e); err != nil || strings.Join(c.Operands, " ") != "x -p 0" {
		t.Errorf("operands %v, %v", c, err)
	}
}

func TestOverview(t *testing.T) {
	_, err := Parse([]string{"-v", "-?"}, env())
	var exit *Exit
	if !errors.As(err, &exit) || exit.Status != 255 || exit.Stdout != "" {
		t.Fatalf("-?: %v", err)
	}
	if letters, _ := shown(exit.Stderr); letters != "?cCdefiIlLMnoOpvw" {
		t.Errorf("letters %q", letters)
	}
	for _, set := range []string{"linux", "freebsd"} {
		for line := range strings.SplitSeq(overview(set), "\n") {
			if len(line) > 80 {
				t.Errorf("%d columns: %s", len(line), line)
			}
		}
	}
	if text := overview("freebsd"); strings.Contains(text, "epoll") || !strings.Contains(text, "kqueue") {
		t.Error("FreeBSD has kqueue and not epoll")
	}
	everything(t)
	for line := range strings.SplitSeq(overview("linux"), "\n") {
		if len(line) > 80 {
			t.Errorf("%d columns, once available: %s", len(line), line)
		}
	}
}

func TestVersion(t *testing.T) {
	_, err := Parse([]string{"-vi"}, env())
	var exit *Exit
	if !errors.As(err, &exit) || exit.Status != 0 || exit.Stdout != "scamper version 1\n" || exit.Stderr != "" {
		t.Errorf("-v: %+v", exit)
	}
}

func TestUnavailable(t *testing.T) {
	tests := []struct{ args, want string }{
		{"-P 31337", "-P (control socket)"},
		{"-U /run/x", "-U (control socket)"},
		{"-R host:5", "-R (remote control)"},
		{"-D -o x -i y", "-D (daemon)"},
		{"-F ipfw:1-2 -i x", "-F (firewall)"},
		{"-g file -i x", "-g (configuration file)"},
		{"-H 5 -i x", "-H (hold time)"},
		{"-O Ring-Blocks=5 -i y", "-O Ring-Blocks=5 (packet ring)"},
		{"-O dnp=f -i y", "-O dnp=f (do-not-probe list)"},
	}
	for _, tt := range tests {
		_, err := Parse(split(tt.args), env())
		var exit *Exit
		want := "scamper: " + tt.want + " is not available in this version\n"
		if !errors.As(err, &exit) || exit.Status != 255 || exit.Stderr != want {
			t.Errorf("%s: %v, want %s", tt.args, err, want)
		}
	}
	for _, w := range wordsOf("linux") {
		text := w.Name
		if strings.HasSuffix(text, "=") {
			text += "1"
		}
		_, err := Parse([]string{"-o", "x", "-O", text, "-i", "y"}, env())
		refused := err != nil && strings.Contains(err.Error(), "not available")
		if refused != (w.Unavailable != "") && !strings.HasPrefix(text, "client-") {
			t.Errorf("-O %s: %v", text, err)
		}
	}
}

func TestCommands(t *testing.T) {
	tests := []struct{ args, want string }{
		{"-i good bad.example good", "trace bad.example: no good"},
		{"-c ping_bad -i x", "ping bad x: no good"},
		{"-I ping_bad", "ping bad: no good"},
	}
	for _, tt := range tests {
		_, err := Parse(split(tt.args), env())
		var exit *Exit
		if !errors.As(err, &exit) || exit.Status != 255 || exit.Problem != tt.want || exit.Stderr+exit.Stdout != "" {
			t.Errorf("%s: %v", tt.args, err)
		}
	}
}

func TestShortcut(t *testing.T) {
	const usage = "usage: scamper-ping [-R] [-c count] [-p text] <ip list>\n"
	tests := []struct {
		program string
		args    []string
		command string
		targets string
		fail    string
	}{
		{"scamper-ping", split("-c 2 192.0.2.1 192.0.2.2"), "ping -c 2", "192.0.2.1 192.0.2.2", ""},
		{"/usr/bin/scamper-ping", split("192.0.2.1"), "ping", "192.0.2.1", ""},
		{"my-scamper-ping", []string{"-Rp", "a b", "x"}, `ping -Rp "a b"`, "x", ""},
		{"scamper-ping", []string{"-p", "'a b'", "x"}, `ping -p 'a b'`, "x", ""},
		{"scamper-ping", nil, "", "", usage},
		{"scamper-ping", split("-c 2"), "", "", usage},
		{"scamper-ping", split("bad"), "", "", usage + "no good\n"},
		{"scamper-trace", split("x"), "", "", "scamper-trace is not available in this version\n"},
	}
	for _, tt := range tests {
		e := env()
		e.Program = tt.program
		c, err := Parse(tt.args, e)
		if tt.fail != "" {
			var exit *Exit
			if !errors.As(err, &exit) || exit.Status != 255 || exit.Stdout != tt.fail || exit.Stderr != "" {
				t.Errorf("%s %q: %v", tt.program, tt.args, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %q: %v", tt.program, tt.args, err)
			continue
		}
		want := plain(func(c *Config) {
			c.Command, c.Operands, c.Shortcut = tt.command, strings.Fields(tt.targets), "ping"
		})
		if diff := cmp.Diff(want, c, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); diff != "" {
			t.Errorf("%s %q:\n%s", tt.program, tt.args, diff)
		}
	}
	for program, want := range map[string]string{
		"scamper": "", "scamper-tracelb": "tracelb", "scamper-trace": "trace", "scamper-pingx": "", "ping": "",
		"scamper-neighbourdisc": "neighbourdisc", "": "",
	} {
		if got := shortcut(program); got != want {
			t.Errorf("shortcut(%q) = %q, want %q", program, got, want)
		}
	}
}

// FuzzParse holds that any command line ends in a configuration that keeps its promises or in something to say.
func FuzzParse(f *testing.F) {
	for _, tt := range refusals {
		f.Add(strings.Join(split(tt.args), "\x00"), "scamper")
	}
	f.Add("-i\x00-p\x000\x00-w5\x00x", "scamper-ping")
	f.Fuzz(func(t *testing.T, args, program string) {
		e := env()
		e.Program = program
		c, err := Parse(strings.Split(args, "\x00"), e)
		if err != nil {
			var exit *Exit
			if !errors.As(err, &exit) || exit.Problem+exit.Stderr+exit.Stdout == "" {
				t.Fatalf("%q: %v", args, err)
			}
			return
		}
		if c.PPS < 0 || c.PPS > maxPPS || c.PPS == 0 && c.Window == 0 || c.Window > maxWindow || len(c.Operands) == 0 ||
			!slices.Contains([]string{"text", "warts", "json", "warts.gz", "warts.bz2", "warts.xz"}, c.Format) {
			t.Fatalf("%q: %+v", args, c)
		}
	})
}
