package option

import (
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"
)

// FuzzParse holds that any text is parsed without a panic, that the operand is the end of the text, and that putting a
// command together again from what was found gives the same values.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"-FG -n 5 -x 0x10 192.0.2.1", `-t "a\"b" -t 'c d'x`, "-e arg=5 -d 1.5ms -h 00 -i 1 -a ::1 y", "--long-arg ' ' z",
		"- -F x", "-n -5 - x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var a sample
		operand, given, err := sampleTable.Parse(text, &a)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without text")
			}
			return
		}
		if operand == "" || operand[0] == '-' || isSpace(operand[0]) || !strings.HasSuffix(text, operand) {
			t.Fatalf("operand %q of %q", operand, text)
		}
		found, _, ok := sampleTable.lex(text, nil)
		if !ok {
			t.Fatal("Parse and lex do not agree")
		}
		var words []string
		for _, g := range found {
			r := &sampleTable.Rows[g.row]
			words = append(words, r.dashed())
			switch r.Class {
			case Number:
				words = append(words, g.text)
			case String:
				words = append(words, Quote(g.text))
			case Flag:
			}
		}
		again := strings.Join(append(words, operand), " ")
		var b sample
		operandB, givenB, err := sampleTable.Parse(again, &b)
		if err != nil || operandB != operand || givenB != given || strings.Join(a.Set, "\x00") != strings.Join(b.Set, "\x00") {
			t.Fatalf("%q became %q: %q, %v, %q and %q", text, again, operandB, err, a.Set, b.Set)
		}
	})
}

// FuzzQuote holds that Unquote undoes Quote, whatever follows.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a", "a b", `"`, `'`, `"'\`, `a\`, "\t", "-x"} {
		f.Add(s, " rest")
	}
	f.Fuzz(func(t *testing.T, param, after string) {
		quoted := Quote(param)
		got, rest, ok := Unquote(quoted + " " + after)
		if !ok || got != param || rest != " "+after {
			t.Fatalf("Quote(%q) = %q, Unquote gives %q, %q, %v", param, quoted, got, rest, ok)
		}
	})
}

// FuzzSplitCommand holds that the word is known and the rest is the end of the text.
func FuzzSplitCommand(f *testing.F) {
	f.Add("ping -c 1 192.0.2.1")
	f.Add(" TRACE\tx")
	f.Fuzz(func(t *testing.T, text string) {
		word, rest, err := SplitCommand(text)
		if err != nil {
			return
		}
		if !strings.HasSuffix(text, rest) || rest != "" && isSpace(rest[0]) {
			t.Fatalf("rest %q of %q", rest, text)
		}
		again, restAgain, err := SplitCommand(word + " " + rest)
		if err != nil || again != word || restAgain != rest {
			t.Fatalf("%q: %q, %q, %v", text, again, restAgain, err)
		}
	})
}

// FuzzDuration compares ParseDuration with a slow way over exact fractions.
func FuzzDuration(f *testing.F) {
	for _, s := range []string{"1", "0.5s", "1.000001", "3us", "2.5ms", "1.", ".1", "00.10ms"} {
		f.Add(s)
	}
	for _, s := range []string{"10000000000.9", "9223372035.9", "9223372036", "9223372036853ms", "9223372035999.5ms"} {
		f.Add(s) // about the longest
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := ParseDuration(text, time.Second)
		want, wantOK := exactDuration(text)
		if got != want || ok != wantOK {
			t.Fatalf("ParseDuration(%q) = %v, %v; want %v, %v", text, got, ok, want, wantOK)
		}
	})
}

// exactDuration reads a duration as a fraction without bounds.
func exactDuration(text string) (time.Duration, bool) {
	m := durationText.FindStringSubmatch(text)
	if m == nil || m[2] != "" && m[3] == "us" {
		return 0, false
	}
	number, ok := new(big.Rat).SetString(m[1] + m[2])
	if !ok {
		return 0, false
	}
	unit := map[string]int64{"us": 1, "ms": 1e3, "s": 1e6, "": 1e6}[m[3]]
	us := number.Mul(number, new(big.Rat).SetInt64(unit))
	if !us.IsInt() {
		return 0, false
	}
	if us.Cmp(new(big.Rat).SetInt64(longest.Microseconds())) > 0 {
		return longest, true
	}
	return time.Duration(us.Num().Int64()) * time.Microsecond, true
}

var durationText = regexp.MustCompile(`^([0-9]+)(\.[0-9]+)?(us|ms|s|)$`)
