package option

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sample is what the options of the command "sample" are kept in.
type sample struct {
	Set  []string // "letter=value" in the order of Set calls
	Keep int64
}

func note(letter string, value func(v Value) string) func(*sample, Value) {
	return func(s *sample, v Value) { s.Set = append(s.Set, letter+"="+value(v)) }
}

func number(v Value) string { return fmt.Sprint(v.Int) }
func text(v Value) string   { return v.Text }

var sampleTable = Table[sample]{
	Word: "sample", Missing: "expected address to sample",
	Rows: []Row[sample]{
		{Option: Option{Letter: 'F'}, Set: note("F", number)},
		{Option: Option{Letter: 'G'}, Set: note("G", number)},
		{
			Option: Option{Letter: 'n', Arg: "number", Class: Number, Kind: Int, Min: -5, Max: 100},
			Set:    note("n", number),
		},
		{
			Option: Option{Letter: 'x', Arg: "hexa", Name: "xray", Class: String, Kind: Int, Min: 1, Max: 0xffff},
			Set:    note("x", number),
		},
		{
			Option: Option{
				Letter: 'o', Arg: "one", Class: Number, Kind: Int, Max: 99, Only: []int64{95, 99},
				Texts: Texts{Range: "one must be 95 or 99"},
			},
			Set: note("o", number),
		},
		{Option: Option{Letter: 't', Arg: "text", Class: String, Kind: Text, Repeatable: true}, Set: note("t", text)},
		{
			Option: Option{
				Letter: 'e', Arg: "enum", Class: String, Kind: Enum, Texts: Texts{Malformed: "unknown word"},
				Words: []Word{
					{Name: "First", Value: 7},
					{Name: "off", Value: 8, Unavailable: "a thing"},
					{Name: "arg=", Value: 9, Min: 1, Max: 20, Malformed: "bad arg"},
				},
			},
			Set: note("e", func(v Value) string { return fmt.Sprintf("%d/%d", v.Int, v.Arg) }),
		},
		{
			Option: Option{
				Letter: 'd', Arg: "time", Class: String, Kind: Duration, Unit: 10 * time.Millisecond, Max: 2e6,
				Step:  10 * time.Millisecond,
				Texts: Texts{Malformed: "malformed time", Range: "time too long", Step: "time too fine"},
			},
			Set: note("d", func(v Value) string { return v.Duration.String() }),
		},
		{
			Option: Option{
				Letter: 'h', Arg: "hex", Class: String, Kind: Hex, Max: 8,
				Texts: Texts{Malformed: "not hex", Odd: "odd", Range: "too long"},
			},
			Set: note("h", func(v Value) string { return fmt.Sprintf("%x", v.Bytes) }),
		},
		{
			Option: Option{
				Letter: 'i', Arg: "hexodd", Class: String, Kind: Hex, Max: 8, Odd: true,
				Texts: Texts{Malformed: "not hex", Range: "too long"},
			},
			Set: note("i", func(v Value) string { return fmt.Sprintf("%x", v.Bytes) }),
		},
		{
			Option: Option{
				Letter: 'a', Arg: "addr", Class: String, Kind: Address, Texts: Texts{Malformed: "bad address"},
			},
			Set: note("a", func(v Value) string { return v.Addr.String() }),
		},
		{Option: Option{Letter: 'u', Arg: "gone", Class: Number, Kind: Int, Max: 1, Unavailable: "a feature"}},
		{Option: Option{Long: "long-flag"}, Set: note("long-flag", number)},
		{Option: Option{Long: "long-arg", Arg: "text", Class: String, Kind: Text}, Set: note("long-arg", text)},
	},
}

func TestParse(t *testing.T) {
	const unparsable = "could not parse sample command"
	tests := []struct {
		name, text string
		operand    string
		set        string // values joined by spaces
		err        string
	}{
		{"operand alone", "192.0.2.1", "192.0.2.1", "", ""},
		{"operand is all the rest", "-F 192.0.2.1 -n 3 ", "192.0.2.1 -n 3 ", "F=1", ""},
		{"white space of all kinds", " \t\n\v\f\r-F\t-n\v5\f\rx", "x", "F=1 n=5", ""},
		{"flags in a word", "-FG x", "x", "F=1 G=1", ""},
		{"flags and a parameter", "-FGn 5 x", "x", "F=1 G=1 n=5", ""},
		{"parameter before flags", "-nF 5 x", "", "", unparsable},
		{"glued parameter", "-n5 x", "", "", unparsable},
		{"dash alone", "- -F x", "x", "F=1", ""},
		{"unknown letter", "-Q x", "", "", unparsable},
		{"unknown letter after known", "-FQ x", "", "", unparsable},
		{"letter 0", "-\x00 x", "", "", unparsable},
		{"two dashes", "-- x", "", "", unparsable},
		{"long option unknown", "--nope x", "", "", unparsable},
		{"long flag", "--long-flag x", "x", "long-flag=1", ""},
		{"long option with parameter", "--long-arg 'a b' x", "x", "long-arg=a b", ""},
		{"long option is exact", "--long-fla x", "", "", unparsable},

		{"number negative", "-n -5 x", "x", "n=-5", ""},
		{"number too low", "-n -6 x", "", "", "-n failed: number must be within -5 - 100"},
		{"number too high", "-n 101 x", "", "", "-n failed: number must be within -5 - 100"},
		{"number huge", "-n 99999999999999999999 x", "", "", "-n failed: number must be within -5 - 100"},
		{"number octal", "-n 010 x", "x", "n=8", ""},
		{"number bad octal", "-n 08 x", "", "", "-n failed: number must be within -5 - 100"},
		{"number with plus", "-n +5 x", "", "", unparsable},
		{"number in hex", "-n 0x5 x", "", "", unparsable},
		{"number with junk", "-n 5a x", "", "", unparsable},
		{"number quoted", "-n '5' x", "", "", unparsable},
		{"number missing", "-n", "", "", unparsable},
		{"number missing after space", "-n ", "", "", unparsable},
		{"number minus alone", "-n - x", "", "", unparsable},
		{"number takes the operand", "-n 5", "", "", "expected address to sample"},

		{"string number hex", "-x 0x1F x", "x", "x=31", ""},
		{"string number hex quoted", "-x '0x1f' x", "x", "x=31", ""},
		{"string number junk", "-x 80x x", "", "", "-x failed: xray must be within 1 - 65535"},
		{"string number underscore", "-x 1_0 x", "", "", "-x failed: xray must be within 1 - 65535"},
		{"string number sign after sign", "-x --5 x", "", "", "-x failed: xray must be within 1 - 65535"},
		{"string number empty hex", "-x 0x x", "", "", "-x failed: xray must be within 1 - 65535"},
		{"string number empty", "-x '' x", "", "", "-x failed: xray must be within 1 - 65535"},
		{"string number zero", "-x 0 x", "", "", "-x failed: xray must be within 1 - 65535"},
		{"only certain numbers", "-o 95 x", "x", "o=95", ""},
		{"only certain numbers refused", "-o 96 x", "", "", "-o failed: one must be 95 or 99"},

		{"text plain", "-t a\"b\\c x", "x", `t=a"b\c`, ""},
		{"text may begin with a dash", "-t -F x", "x", "t=-F", ""},
		{"text double quotes", `-t "a 'b' c" x`, "x", "t=a 'b' c", ""},
		{"text single quotes", `-t 'a "b" c' x`, "x", `t=a "b" c`, ""},
		{"text escapes", `-t "a\"b\\c" x`, "x", `t=a"b\c`, ""},
		{"text begins with an escape", `-t "\"a" x`, "x", `t="a`, ""},
		{"text empty", `-t "" x`, "x", "t=", ""},
		{"text quoted white space", "-t ' ' x", "x", "t= ", ""},
		{"text escape of the other quote", `-t "a\'b" x`, "", "", unparsable},
		{"text escape of something", `-t "a\nb" x`, "", "", unparsable},
		{"text escape at the end", `-t "a\`, "", "", unparsable},
		{"text not closed", `-t "a x`, "", "", unparsable},
		{"text quote alone", `-t "`, "", "", unparsable},
		{"text next word at the quote", `-t 'a'-F x`, "x", "t=a F=1", ""},
		{"text operand at the quote", `-t 'a'x`, "x", "t=a", ""},
		{"text nested", `-t ' -P udp -i "192.0.2.1"' x`, "x", `t= -P udp -i "192.0.2.1"`, ""},
		{"text repeated", "-t a -t b x", "x", "t=a t=b", ""},

		{"enum in any case", "-e fIRST x", "x", "e=7/0", ""},
		{"enum unknown", "-e second x", "", "", "-e failed: unknown word"},
		{"enum prefix is not enough", "-e firs x", "", "", "-e failed: unknown word"},
		{"enum with argument", "-e ARG=20 x", "x", "e=9/20", ""},
		{"enum with bad argument", "-e arg=21 x", "", "", "-e failed: bad arg"},
		{"enum without argument", "-e arg= x", "", "", "-e failed: bad arg"},
		{"enum without equals sign", "-e arg x", "", "", "-e failed: unknown word"},
		{"enum unavailable parses", "-e off x", "x", "e=8/0", ""},

		{"time in its unit", "-d 3 x", "x", "d=30ms", ""},
		{"time longest", "-d 200 x", "x", "d=2s", ""},
		{"time too long", "-d 201 x", "", "", "-d failed: time too long"},
		{"time far too long", "-d 99999999999999999999 x", "", "", "-d failed: time too long"},
		{"time too fine", "-d 15ms x", "", "", "-d failed: time too fine"},
		{"time malformed", "-d -1 x", "", "", "-d failed: malformed time"},

		{"hex", "-h 0aFf x", "x", "h=0aff", ""},
		{"hex odd", "-h 0af x", "", "", "-h failed: odd"},
		{"hex odd and allowed", "-i 123 x", "x", "i=0123", ""},
		{"hex longest", "-h 01234567 x", "x", "h=01234567", ""},
		{"hex too long", "-h 0123456789 x", "", "", "-h failed: too long"},
		{"hex odd and too long", "-i 012345678 x", "", "", "-i failed: too long"},
		{"hex not hex", "-h 0g x", "", "", "-h failed: not hex"},
		{"hex not hex and odd", "-h 0x1 x", "", "", "-h failed: not hex"},
		{"hex control character", "-h '\x10\x11' x", "", "", "-h failed: not hex"},
		{"hex empty", "-h '' x", "", "", "-h failed: not hex"},

		{"address", "-a 2001:db8::1 x", "x", "a=2001:db8::1", ""},
		{"address is no name", "-a localhost x", "", "", "-a failed: bad address"},

		{"no operand", "-F", "", "", "expected address to sample"},
		{"nothing", "", "", "", "expected address to sample"},
		{"repeated", "-n 1 -F -n 2 x", "", "", "repeated option -n"},
		{"repeated flag", "-FF x", "", "", "repeated option -F"},
		{"repeated long", "--long-flag --long-flag x", "", "", "repeated option --long-flag"},

		{"syntax before operand", "-n 500 -Q", "", "", unparsable},
		{"operand before value", "-n 500", "", "", "expected address to sample"},
		{"first value in order", "-o 1 -n 500 x", "", "", "-o failed: one must be 95 or 99"},
		{"value before repeat", "-n 500 -n 1 x", "", "", "-n failed: number must be within -5 - 100"},
		{"repeat before value", "-n 1 -n 500 x", "", "", "repeated option -n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got sample
			operand, _, err := sampleTable.Parse(tt.text, &got)
			if gotErr := errText(err); gotErr != tt.err {
				t.Fatalf("Parse(%q) error %q, want %q", tt.text, gotErr, tt.err)
			}
			if err != nil {
				return
			}
			if operand != tt.operand {
				t.Errorf("operand %q, want %q", operand, tt.operand)
			}
			if s := strings.Join(got.Set, " "); s != tt.set {
				t.Errorf("set %q, want %q", s, tt.set)
			}
		})
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestParseOptions(t *testing.T) {
	var got sample
	rest, given, err := sampleTable.ParseOptions("-F -n 3", &got)
	if rest != "" || err != nil {
		t.Fatalf("rest %q, error %v", rest, err)
	}
	if !given.Has('F') || !given.Has('n') || given.Has('N') || given.Has('f') || !given.HasAny("zF") || given.HasAny("zZ") {
		t.Errorf("given = %b", given)
	}
	rest, _, err = sampleTable.ParseOptions("-F x ", &got)
	if rest != "x " || err != nil {
		t.Errorf("rest %q, error %v", rest, err)
	}
}

func TestAvailable(t *testing.T) {
	tests := []struct{ text, want string }{
		{"-F x", ""},
		{"-e first x", ""},
		{"-u 1 x", "sample: -u (a feature) is not available in this version"},
		{"-F -e OFF -u 1 x", "sample: -e OFF (a thing) is not available in this version"},
		{"-Q x", "could not parse sample command"},
	}
	for _, tt := range tests {
		if got := errText(sampleTable.Available(tt.text)); got != tt.want {
			t.Errorf("Available(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestErrorReason(t *testing.T) {
	_, _, err := sampleTable.Parse("-n 500 x", new(sample))
	if !errors.Is(err, &Error{Reason: BadValue}) || !errors.Is(err, &Error{Letter: 'n'}) {
		t.Errorf("%#v is no bad value of -n", err)
	}
	if errors.Is(err, &Error{Reason: Syntax}) || errors.Is(err, &Error{Letter: 'x'}) ||
		errors.Is(err, &Error{Text: "other"}) || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%#v is too many things", err)
	}
}

func TestSplitCommand(t *testing.T) {
	const unknown = "could not determine command type"
	tests := []struct{ text, word, rest, err string }{
		{"trace 192.0.2.1", "trace", "192.0.2.1", ""},
		{"tracelb 192.0.2.1", "tracelb", "192.0.2.1", ""},
		{"PiNg\t -c 1 x ", "ping", "-c 1 x ", ""},
		{"  ping x", "ping", "x", ""},
		{"udpprobe x", "udpprobe", "x", ""},
		{"ping ", "ping", "", ""},
		{"ping", "", "", unknown},
		{"pingx y", "", "", unknown},
		{"", "", "", unknown},
		{" ", "", "", unknown},
		{"foo x", "", "", unknown},
	}
	for _, tt := range tests {
		word, rest, err := SplitCommand(tt.text)
		if word != tt.word || rest != tt.rest || errText(err) != tt.err {
			t.Errorf("SplitCommand(%q) = %q, %q, %v", tt.text, word, rest, err)
		}
	}
}

func TestParseDuration(t *testing.T) {
	tests := []struct {
		text string
		unit time.Duration
		want time.Duration
		ok   bool
	}{
		{"1", time.Second, time.Second, true},
		{"0.05", time.Second, 50 * time.Millisecond, true},
		{"0.000001", time.Second, time.Microsecond, true},
		{"0.0000010", time.Second, time.Microsecond, true},
		{"0.0000001", time.Second, 0, false},
		{"1.5s", time.Millisecond, 1500 * time.Millisecond, true},
		{"1.5ms", time.Second, 1500 * time.Microsecond, true},
		{"1.0005ms", time.Second, 0, false},
		{"7us", time.Second, 7 * time.Microsecond, true},
		{"7.0us", time.Second, 0, false},
		{"2", 10 * time.Millisecond, 20 * time.Millisecond, true},
		{"2.5", 10 * time.Millisecond, 25 * time.Millisecond, true},
		{"007", time.Second, 7 * time.Second, true},
		{"", time.Second, 0, false},
		{"s", time.Second, 0, false},
		{".5", time.Second, 0, false},
		{"5.", time.Second, 0, false},
		{"-1", time.Second, 0, false},
		{"+1", time.Second, 0, false},
		{"1e3", time.Second, 0, false},
		{"1 s", time.Second, 0, false},
		{"1m", time.Second, 0, false},
		{"1.2.3", time.Second, 0, false},
		{"0x10", time.Second, 0, false},
		{"0.12345678901234567890", time.Second, 0, false},
		{"9223372036", time.Second, 9223372036 * time.Second, true},
		{"9223372037", time.Second, 9223372036 * time.Second, true},
		{"99999999999999999999999", time.Second, 9223372036 * time.Second, true},
	}
	for _, tt := range tests {
		got, ok := ParseDuration(tt.text, tt.unit)
		if got != tt.want || ok != tt.ok {
			t.Errorf("ParseDuration(%q, %v) = %v, %v; want %v, %v", tt.text, tt.unit, got, ok, tt.want, tt.ok)
		}
	}
}

func TestParseAddr(t *testing.T) {
	for _, text := range []string{
		"", "127.1", "0x7f.1", "2130706433", "localhost", "fe80::1%eth0", "127.0.0.1 ", " 127.0.0.1", "127.0.0.1.",
		"127.0.0.01", "127.0.0.256", "[::1]", "::1/128",
	} {
		if a, ok := ParseAddr(text); ok {
			t.Errorf("ParseAddr(%q) = %v", text, a)
		}
	}
	for _, text := range []string{"127.0.0.1", "::1", "2001:DB8::1", "::ffff:192.0.2.1"} {
		if a, ok := ParseAddr(text); !ok || a != netip.MustParseAddr(text) {
			t.Errorf("ParseAddr(%q) = %v, %v", text, a, ok)
		}
	}
	for text, family := range map[string]string{"192.0.2.1": "4", "2001:db8::1": "6", "192.0.2": ""} {
		_, ok4 := ParseAddrOf(text, false)
		_, ok6 := ParseAddrOf(text, true)
		if ok4 != (family == "4") || ok6 != (family == "6") {
			t.Errorf("ParseAddrOf(%q): IPv4 %v, IPv6 %v", text, ok4, ok6)
		}
	}
}

func TestUsage(t *testing.T) {
	// The first line has 80 columns.
	want := "usage: sample [-FG] [-n number] [-x hexa] [-o one] [-t text] [-e enum] [-d time]\n" +
		"              [-h hex] [-i hexodd] [-a addr] [--long-flag] [--long-arg text]\n" +
		"              target\n"
	if diff := cmp.Diff(want, Usage("usage: sample", append(Synopsis(sampleTable.Options()), "target")...)); diff != "" {
		t.Error(diff)
	}
	hidden := []Option{{Letter: 'O', Arg: "option", Kind: Enum, Class: String, Words: []Word{{Name: "a", Unavailable: "b"}}}}
	if got := Usage("usage: x", Synopsis(hidden)...); got != "usage: x\n" {
		t.Errorf("an option without available words is shown: %q", got)
	}
}

func TestRunChecks(t *testing.T) {
	checks := []Check[sample]{
		{Fails: func(*sample, Letters) bool { return false }, Text: "never"},
		{Fails: func(s *sample, given Letters) bool { s.Keep++; return given.Has('F') && s.Keep > 1 }, Text: "fixed"},
		{
			Fails: func(s *sample, given Letters) bool { return given.Has('n') },
			Textf: func(s *sample) string { return fmt.Sprintf("kept %d", s.Keep) },
		},
	}
	s := &sample{}
	if err := RunChecks(checks, s, bit('F')); err != nil {
		t.Errorf("first run: %v", err)
	}
	err := RunChecks(checks, s, bit('F')|bit('n'))
	if errText(err) != "fixed" || !errors.Is(err, &Error{Reason: Combination}) {
		t.Errorf("second run: %v", err)
	}
	if err := RunChecks(checks, s, bit('n')); errText(err) != "kept 3" {
		t.Errorf("third run: %v", err)
	}
}

func TestWords(t *testing.T) {
	rows := []WordRow[sample]{
		{Word: Word{Name: "a", Value: 5}, Set: note("a", number)},
		{Word: Word{Name: "b", Value: 5}, Set: note("b", number)},
	}
	want := []Word{{Name: "a"}, {Name: "b", Value: 1}}
	if diff := cmp.Diff(want, Words(rows)); diff != "" {
		t.Error(diff)
	}
}

func TestCutArgs(t *testing.T) {
	tests := []struct{ args, opts, rest []string }{
		{[]string{"a", "b"}, nil, []string{"a", "b"}},
		{[]string{"-F", "-n", "5", "a", "-F"}, []string{"-F", "-n", "5"}, []string{"a", "-F"}},
		{[]string{"-Fn", "5", "a"}, []string{"-Fn", "5"}, []string{"a"}},
		{[]string{"-t", "a b", "c"}, []string{"-t", `"a b"`}, []string{"c"}},
		{[]string{"-t", "'a b'", "c"}, []string{"-t", "'a b'"}, []string{"c"}},
		{[]string{"--long-arg", "v", "--long-flag", "c"}, []string{"--long-arg", "v", "--long-flag"}, []string{"c"}},
		{[]string{"-n"}, []string{"-n"}, nil},
		{[]string{"-", "--", "-Q", "c"}, []string{"-", "--", "-Q"}, []string{"c"}},
	}
	for _, tt := range tests {
		opts, rest := CutArgs(sampleTable.Options(), tt.args)
		if strings.Join(opts, "|") != strings.Join(tt.opts, "|") || strings.Join(rest, "|") != strings.Join(tt.rest, "|") {
			t.Errorf("CutArgs(%q) = %q, %q; want %q, %q", tt.args, opts, rest, tt.opts, tt.rest)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := benchTable.Parse("-F -n 5 -x 0x10 -h 0aff 192.0.2.1", new(int64)); err != nil {
			b.Fatal(err)
		}
	}
}

var benchTable = Table[int64]{
	Word: "sample", Missing: "no",
	Rows: []Row[int64]{
		{Option: Option{Letter: 'F'}},
		{Option: Option{Letter: 'n', Class: Number, Kind: Int, Max: 100}},
		{Option: Option{Letter: 'x', Class: String, Kind: Int, Max: 100}},
		{Option: Option{Letter: 'h', Class: String, Kind: Hex}},
	},
}
