package cmdline

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/option"
	"scamper/unpriv/technique/registry"
)

var update = flag.Bool("update", false, "write the parts of docs/scamper.1 that are made from the option tables")

const manual = "../../../docs/scamper.1"

// TestManual holds that the manual page describes the options as the tables have them, and only those that this version
// can carry out.
func TestManual(t *testing.T) {
	b, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	want := page
	parts := map[string]string{"synopsis": manualSynopsis(), "options": manualOptions()}
	for _, t := range registry.All {
		parts[t.Name+" synopsis"] = commandSynopsis(t.Name, t.Grammar())
		parts[t.Name+" options"] = commandOptions(t.Grammar())
	}
	for name, text := range parts {
		begin, end := `.\" begin `+name+"\n", `.\" end `+name+"\n"
		before, rest, ok := strings.Cut(want, begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("the page has no part %q", name)
		}
		want = before + begin + text + end + after
	}
	if *update && want != page {
		if err := os.WriteFile(manual, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		page = want
	}
	if diff := cmp.Diff(want, page); diff != "" {
		t.Errorf("the page and the tables do not agree; its first lines say how to make it again:\n%s", diff)
	}
	for i, line := range strings.Split(page, "\n") {
		switch {
		case len(line) > 120:
			t.Errorf("line %d has %d columns", i+1, len(line))
		case strings.TrimRight(line, " \t") != line:
			t.Errorf("line %d ends with a space", i+1)
		}
	}
}

// TestManualCommands holds that the page's list of commands is that of the techniques that there are.
func TestManualCommands(t *testing.T) {
	b, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range option.CommandWords() {
		has := strings.Contains(string(b), "\n.Ss "+word+"\n")
		if _, want := registry.All.Find(word); has != want {
			t.Errorf("section on %s: %v, want %v", word, has, want)
		}
	}
}

// escape makes text safe for mdoc.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`).Replace(s)
}

// sentence is a help text as a sentence.
func sentence(help string) string {
	help = strings.TrimSuffix(help, ":")
	return strings.ToUpper(help[:1]) + strings.ReplaceAll(help[1:], `\`, `\e`) + ".\n"
}

func manualSynopsis() string {
	var b, last strings.Builder
	b.WriteString(".Nm\n")
	var flags string
	for i := range options {
		o := &options[i]
		switch {
		case o.Unavailable != "":
		case strings.IndexByte(modes, o.Letter) >= 0:
			if last.Len() > 0 {
				last.WriteString(" |\n")
			}
			fmt.Fprintf(&last, ".Fl %c Ar %s", o.Letter, modeOperand(o))
		case o.Arg == "":
			flags += string(rune(o.Letter))
		default:
			fmt.Fprintf(&b, ".Op Fl %c Ar %s\n", o.Letter, escape(o.Arg))
		}
	}
	text := strings.Replace(b.String(), ".Nm\n", ".Nm\n.Op Fl "+flags+"\n", 1)
	return text + ".Oo\n" + last.String() + "\n.Oc\n"
}

func manualOptions() string {
	var b strings.Builder
	b.WriteString(".Bl -tag -width Ds\n")
	for i := range options {
		o := &options[i]
		if o.Unavailable != "" {
			continue
		}
		arg := o.Arg
		if arg == "" && strings.IndexByte(modes, o.Letter) >= 0 {
			arg = modeOperand(o)
		}
		if arg != "" {
			fmt.Fprintf(&b, ".It Fl %c Ar %s\n", o.Letter, escape(arg))
		} else {
			fmt.Fprintf(&b, ".It Fl %c\n", o.Letter)
		}
		b.WriteString(sentence(o.Help))
		if o.Letter != 'O' {
			continue
		}
		b.WriteString(".Bl -tag -width Ds\n")
		for _, w := range words {
			if w.Unavailable != "" {
				continue
			}
			fmt.Fprintf(&b, ".It Cm %s\n%s", escape(w.Name), sentence(w.Help))
			if w.Systems != "" {
				b.WriteString("Only where the system has it.\n")
			}
		}
		b.WriteString(".El\n")
	}
	return b.String() + ".El\n"
}

func commandSynopsis(word string, grammar []option.Option) string {
	var flags string
	var b strings.Builder
	for i := range grammar {
		o := &grammar[i]
		switch {
		case !o.Available():
		case o.Class == option.Flag:
			flags += string(rune(o.Letter))
		default:
			fmt.Fprintf(&b, ".Op Fl %c Ar %s\n", o.Letter, escape(o.Arg))
		}
	}
	if flags != "" {
		flags = ".Op Fl " + flags + "\n"
	}
	return ".Cm " + word + "\n" + flags + b.String() + ".Ar target\n"
}

func commandOptions(grammar []option.Option) string {
	var b strings.Builder
	b.WriteString(".Bl -tag -width Ds\n")
	for i := range grammar {
		o := &grammar[i]
		if !o.Available() {
			continue
		}
		if o.Class == option.Flag {
			fmt.Fprintf(&b, ".It Fl %c\n", o.Letter)
		} else {
			fmt.Fprintf(&b, ".It Fl %c Ar %s\n", o.Letter, escape(o.Arg))
		}
		b.WriteString(sentence(o.Help))
		if o.Repeatable {
			b.WriteString("May be given more than once.\n")
		}
		b.WriteString(allowed(o))
		if o.Default != "" {
			fmt.Fprintf(&b, "The default is %s.\n", escape(o.Default))
		}
	}
	return b.String() + ".El\n"
}

// allowed says which values an option takes.
func allowed(o *option.Option) string {
	switch o.Kind {
	case option.Int:
		if o.Only != nil { // the help says which
			return ""
		}
		hex := ""
		if o.Class == option.String {
			hex = ", also in hexadecimal"
		}
		return fmt.Sprintf("From %d to %d%s.\n", o.Min, o.Max, hex)
	case option.Duration:
		return fmt.Sprintf("From %s to %s; the unit is %s if none is given.\n", micros(o.Min), micros(o.Max),
			micros(o.Unit.Microseconds()))
	case option.Enum:
		return allowedWords(o.Words)
	case option.None, option.Text, option.Hex, option.Address:
	}
	return ""
}

// allowedWords is a list of words: with what they mean where that is known.
func allowedWords(all []option.Word) string {
	var names []string
	var b strings.Builder
	b.WriteString(".Bl -tag -width Ds\n")
	explained := false
	for _, w := range all {
		if w.Unavailable != "" || w.Alias {
			continue
		}
		name := escape(w.Name)
		if strings.HasSuffix(name, "=") {
			name += " Ns Ar number"
		}
		names = append(names, name)
		if w.Help != "" {
			explained = true
			fmt.Fprintf(&b, ".It Cm %s\n%s", name, sentence(w.Help))
		}
	}
	if explained {
		return b.String() + ".El\n"
	}
	b.Reset()
	b.WriteString("One of\n")
	for i, name := range names {
		switch {
		case i == len(names)-1:
			fmt.Fprintf(&b, ".Cm %s .\n", name)
		case i == len(names)-2:
			fmt.Fprintf(&b, ".Cm %s\nand\n", name)
		default:
			fmt.Fprintf(&b, ".Cm %s ,\n", name)
		}
	}
	return b.String()
}

// micros is a time in its largest whole unit.
func micros(us int64) string {
	d := time.Duration(us) * time.Microsecond
	if d%time.Second == 0 {
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return fmt.Sprintf("%d ms", d/time.Millisecond)
}
