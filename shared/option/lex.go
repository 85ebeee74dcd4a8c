package option

import "strings"

// commandWords are all words that begin a measurement command.
var commandWords = [...]string{
	"trace", "ping", "tracelb", "dealias", "neighbourdisc", "tbit", "sting", "sniff",
	"host", "http", "udpprobe", "owamp",
}

// CommandWords returns the words that begin a measurement command, in lower case.
func CommandWords() []string { return commandWords[:] }

// SplitCommand cuts a command into its word, in lower case, and everything after the white space that follows the
// word. White space before the word is skipped, and case does not matter. An unknown word, and a word alone, is refused
// with reason [Syntax].
func SplitCommand(text string) (word, rest string, err error) {
	text = skipSpace(text)
	for _, w := range commandWords {
		if len(text) > len(w) && isSpace(text[len(w)]) && strings.EqualFold(text[:len(w)], w) {
			return w, skipSpace(text[len(w):]), nil
		}
	}
	return "", "", &Error{Reason: Syntax, Text: "could not determine command type"}
}

// isSpace is what the C locale calls white space.
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func skipSpace(s string) string {
	i := 0
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return s[i:]
}

// cutWord returns s up to its first white space and what follows, beginning with that white space.
func cutWord(s string) (word, rest string) {
	i := 0
	for i < len(s) && !isSpace(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

// given is one option as found in the text.
type given struct {
	row  int // index into Table.Rows
	text string
}

// lex cuts text into options, appended to found, and operand. The operand is everything from the first word that does
// not begin with a dash to the end of the text, unmodified. ok is false when an option is unknown, lacks its parameter
// or has one outside its class.
//
// A word of short options may hold several flags, and at its end one option with a parameter, which is the next word. A
// dash alone is a word without options.
func (t *Table[T]) lex(text string, found []given) (_ []given, operand string, ok bool) {
	text = skipSpace(text)
	for text != "" && text[0] == '-' {
		var word string
		word, text = cutWord(text)
		text = skipSpace(text)
		row := -1
		switch {
		case strings.HasPrefix(word, "--"):
			if row = t.long(word[2:]); row < 0 {
				return nil, "", false
			}
			if t.Rows[row].Class == Flag {
				found = append(found, given{row: row})
				continue
			}
		default:
			for i := 1; i < len(word); i++ {
				if row = t.short(word[i]); row < 0 {
					return nil, "", false
				}
				if t.Rows[row].Class != Flag {
					if i != len(word)-1 {
						return nil, "", false
					}
					break
				}
				found = append(found, given{row: row})
				row = -1
			}
		}
		if row < 0 {
			continue
		}
		var param string
		if t.Rows[row].Class == Number {
			param, text, ok = cutNumber(text)
		} else {
			param, text, ok = Unquote(text)
		}
		if !ok {
			return nil, "", false
		}
		text = skipSpace(text)
		found = append(found, given{row, param})
	}
	return found, text, true
}

// short returns the row of a letter, or -1.
func (t *Table[T]) short(letter byte) int {
	for i := range t.Rows {
		if t.Rows[i].Letter == letter && letter != 0 {
			return i
		}
	}
	return -1
}

// long returns the row of a long name, or -1.
func (t *Table[T]) long(name string) int {
	for i := range t.Rows {
		if t.Rows[i].Long == name && name != "" {
			return i
		}
	}
	return -1
}

// cutNumber takes a parameter of class Number from the front of s.
func cutNumber(s string) (number, rest string, ok bool) {
	number, rest = cutWord(s)
	digits := strings.TrimPrefix(number, "-")
	if digits == "" {
		return "", "", false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return "", "", false
		}
	}
	return number, rest, true
}

// Unquote takes a parameter of class [String] from the front of s, which must not begin with white space, and returns
// what follows it.
//
// A parameter that begins with " or ' runs to the next quote of the same kind; inside it a backslash may stand before a
// backslash and before that quote, and nowhere else. The next word may follow the closing quote at once.
// Any other parameter runs to the next white space, quotes and backslashes in it being ordinary characters.
//
// ok is false when s is empty, the closing quote is missing, or a backslash stands before anything else.
func Unquote(s string) (param, rest string, ok bool) {
	if s == "" {
		return "", "", false
	}
	quote := s[0]
	if quote != '"' && quote != '\'' {
		param, rest = cutWord(s)
		return param, rest, param != ""
	}
	var b []byte // used from the first escape on
	escaped := false
	start := 1
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i+1 == len(s) || s[i+1] != '\\' && s[i+1] != quote {
				return "", "", false
			}
			b = append(b, s[start:i]...)
			escaped = true
			i++
			start = i
		case quote:
			rest = s[i+1:]
			if !escaped {
				return s[1:i], rest, true
			}
			return string(append(b, s[start:i]...)), rest, true
		}
	}
	return "", "", false
}

// Quote returns param in the shape in which [Unquote] gives it back: as it is when it is a plain word, between quotes
// otherwise.
func Quote(param string) string {
	plain := param != "" && param[0] != '"' && param[0] != '\''
	for i := 0; plain && i < len(param); i++ {
		plain = !isSpace(param[i])
	}
	if plain {
		return param
	}
	quote := byte('"')
	if strings.IndexByte(param, '"') >= 0 && strings.IndexByte(param, '\'') < 0 {
		quote = '\''
	}
	b := make([]byte, 0, len(param)+2)
	b = append(b, quote)
	for i := range len(param) {
		if param[i] == '\\' || param[i] == quote {
			b = append(b, '\\')
		}
		b = append(b, param[i])
	}
	return string(append(b, quote))
}
