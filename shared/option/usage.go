package option

import "strings"

// Synopsis returns the options as the first line of a manual page shows them, each in brackets: the flags together,
// then the others in the order given. Options that are not available are left out.
func Synopsis(options []Option) []string {
	var flags string
	var out []string
	for i := range options {
		o := &options[i]
		switch {
		case o.Unavailable != "":
		case o.Class == Flag && o.Letter != 0:
			flags += string(rune(o.Letter))
		case o.Class == Flag:
			out = append(out, "["+o.dashed()+"]")
		default:
			out = append(out, "["+o.dashed()+" "+o.Arg+"]")
		}
	}
	if flags != "" {
		out = append([]string{"[-" + flags + "]"}, out...)
	}
	return out
}

// Usage returns a usage text of lines no longer than 80 columns, each ended by a newline: prefix, the synopsis of the
// options, then tail. Lines after the first are indented to the end of the prefix.
//
//	Usage("usage: scamper-trace", trace.Options(), "<ip list>")
func Usage(prefix string, options []Option, tail string) string {
	const columns = 80
	items := Synopsis(options)
	if tail != "" {
		items = append(items, tail)
	}
	var b strings.Builder
	b.WriteString(prefix)
	at := len(prefix)
	for _, item := range items {
		if at+1+len(item) > columns {
			b.WriteString("\n" + strings.Repeat(" ", len(prefix)))
			at = len(prefix)
		}
		b.WriteString(" " + item)
		at += 1 + len(item)
	}
	b.WriteByte('\n')
	return b.String()
}

// Usage returns the usage text of the command under its own name, "usage: trace [...] target".
func (t *Table[T]) Usage() string { return Usage("usage: "+t.Word, t.Options(), t.Operand) }
