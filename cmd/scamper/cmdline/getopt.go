package cmdline

import "fmt"

// getopt goes through arguments as GNU getopt does: flags may share a word, a parameter is the rest of the word or the
// next word, operands may stand between options unless posix, "--" ends the options and "-" is an operand.
type getopt struct {
	args     []string
	takes    func(letter byte) (known, parameter bool)
	posix    bool
	operands []string

	word string // the rest of a word of options
	over bool   // no more options
}

// next returns the next option; done is true after the last one, and then all operands are known. complaint is getopt's
// own line, without the program's name, when the option is not known or lacks its parameter.
func (g *getopt) next() (letter byte, value, complaint string, done bool) {
	for g.word == "" {
		if g.over || len(g.args) == 0 {
			g.operands = append(g.operands, g.args...)
			g.args = nil
			return 0, "", "", true
		}
		word := g.args[0]
		g.args = g.args[1:]
		switch {
		case word == "--":
			g.over = true
		case len(word) > 1 && word[0] == '-':
			g.word = word[1:]
		default:
			g.operands = append(g.operands, word)
			g.over = g.posix
		}
	}
	letter, g.word = g.word[0], g.word[1:]
	known, parameter := g.takes(letter)
	switch {
	case !known:
		return letter, "", fmt.Sprintf("invalid option -- '%c'", letter), false
	case !parameter:
		return letter, "", "", false
	case g.word != "":
		value, g.word = g.word, ""
		return letter, value, "", false
	case len(g.args) == 0:
		return letter, "", fmt.Sprintf("option requires an argument -- '%c'", letter), false
	}
	value, g.args = g.args[0], g.args[1:]
	return letter, value, "", false
}
