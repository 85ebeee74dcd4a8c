package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Option is one option as it stood on a command line.
type Option struct {
	Letter byte   // '?' for an option that the specification lacks or whose argument is missing
	Value  string // its argument, if it takes one
}

// Getopt splits a command line the way GNU getopt does: options and operands may be mixed, letters may be joined
// (-sdC), an argument may be glued to its letter (-ofile), and "--" ends the options. A lone "-" is an operand.
//
// spec lists the letters; one that takes an argument is followed by a colon. For a letter that is not in spec, or a
// missing argument, getopt's own line goes to errw and the option '?' is returned; what that means is the tool's choice.
func Getopt(name string, args []string, spec string, errw io.Writer) (opts []Option, operands []string) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			return opts, append(operands, args...)
		}
		if len(arg) < 2 || arg[0] != '-' {
			operands = append(operands, arg)
			continue
		}
		for letters := arg[1:]; letters != ""; {
			letter := letters[0]
			letters = letters[1:]
			at := strings.IndexByte(spec, letter)
			switch {
			case at < 0 || letter == ':':
				// A question mark asks for the usage in every tool: it is no mistake to report.
				if letter != '?' {
					fmt.Fprintf(errw, "%s: invalid option -- '%c'\n", name, letter)
				}
				opts = append(opts, Option{Letter: '?'})
			case at+1 < len(spec) && spec[at+1] == ':':
				switch {
				case letters != "":
					opts = append(opts, Option{letter, letters})
					letters = ""
				case len(args) > 0:
					opts = append(opts, Option{letter, args[0]})
					args = args[1:]
				default:
					fmt.Fprintf(errw, "%s: option requires an argument -- '%c'\n", name, letter)
					opts = append(opts, Option{Letter: '?'})
				}
			default:
				opts = append(opts, Option{Letter: letter})
			}
		}
	}
	return opts, operands
}

// ParseNumber reads a number as C does, decimal, 0x… or 0…, within limits that belong to the range. What follows the
// number is an error.
func ParseNumber(s string, least, most int64) (int64, error) {
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%q is not a number from %d to %d", s, least, most)
	}
	return n, nil
}
