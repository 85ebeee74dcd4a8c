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
		case !o.Available():
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

// Usage returns a usage text of lines no longer than 80 columns, each ended by a newline: prefix, then the items. Lines
// after the first are indented to the end of the prefix.
//
//	Usage("usage: scamper-trace", append(Synopsis(options), "<ip list>")...)
func Usage(prefix string, items ...string) string {
	const columns = 80
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

// CutArgs cuts the arguments of a program such as scamper-ping into options of a command and what follows them. Words
// are taken as in a command: the parameter of an option is the next argument. A parameter with white space in it is put
// between quotes, unless it begins with one, so that joining the options with spaces makes a command again.
func CutArgs(options []Option, args []string) (opts, rest []string) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		word := args[0]
		args = args[1:]
		opts = append(opts, word)
		if !takesParameter(options, word) || len(args) == 0 {
			continue
		}
		param := args[0]
		args = args[1:]
		if strings.ContainsFunc(param, func(r rune) bool { return r < 0x80 && isSpace(byte(r)) }) &&
			param[0] != '"' && param[0] != '\'' {
			param = Quote(param)
		}
		opts = append(opts, param)
	}
	return opts, args
}

// takesParameter reports whether the last option of a word has a parameter.
func takesParameter(options []Option, word string) bool {
	long, isLong := strings.CutPrefix(word, "--")
	for i := range options {
		o := &options[i]
		if isLong && o.Long == long && long != "" || !isLong && o.Letter == word[len(word)-1] && o.Letter != '-' {
			return o.Class != Flag
		}
	}
	return false
}
