// Package option is the grammar of measurement commands.
//
// A command is one line of text, a word and what follows it:
//
//	trace -P udp-paris -q 3 -Q 192.0.2.1
//	ping -O spoof -S "198.51.100.1" 192.0.2.1
//
// It travels in this order. [SplitCommand] cuts off the word. [Table.Parse] cuts the rest into options and an operand
// (lex.go), converts each value (value.go) and stores it through the row of its option. [RunChecks] then holds the
// rules between options. All of it is data: a technique writes a [Table] and two lists of [Check], and usage texts and
// manual pages are made from, or compared with, the same rows.
package option

import (
	"net/netip"
	"time"
)

// A Class says which characters the parameter of an option may have. It is looked at while a command is cut into
// words, before any value is converted: a parameter outside its class makes the whole command unparsable.
type Class uint8

const (
	// Flag is an option without parameter. Flags may share a word with others (-MQT).
	Flag Class = iota
	// Number is a parameter of an optional minus sign and decimal digits.
	Number
	// String is a parameter of one word, or of anything between two quotes of a kind.
	String
)

// A Kind says what the parameter of an option means.
type Kind uint8

const (
	// None is the kind of flags.
	None Kind = iota
	// Int is an integer from Option.Min to Option.Max. A leading 0x makes it hexadecimal (class [String] only), a
	// leading 0 octal.
	Int
	// Enum is one of Option.Words, matched without regard to case.
	Enum
	// Text is any text. Its meaning is checked later, usually against the destination.
	Text
	// Duration is a decimal number with an optional fraction and an optional unit s, ms or us.
	Duration
	// Hex is a string of bytes in hexadecimal.
	Hex
	// Address is a numeric IPv4 or IPv6 address, see [ParseAddr].
	Address
)

// Since says which programs know an option.
type Since uint8

const (
	// Core options are in the manual page of 2017.
	Core Since = iota
	// Later options came after it.
	Later
)

// Option describes one option of a command.
type Option struct {
	Letter byte   // the letter after the dash; 0 for an option that has a long name only
	Long   string // the long name, after two dashes and matched exactly; usually empty
	Arg    string // what the manual page calls the parameter; empty for flags
	Name   string // what range errors call it; Arg when empty
	Class  Class
	Kind   Kind

	// Min and Max bound an Int (inclusive), and a Duration in microseconds. For Hex, Max is the largest number of
	// digits, 0 for no limit.
	Min, Max int64

	Only  []int64       // Int: nothing but these values
	Words []Word        // Enum: the values
	Unit  time.Duration // Duration: unit of a number without suffix
	Step  time.Duration // Duration: must be a multiple of this; 0 is no rule
	Odd   bool          // Hex: an odd number of digits is fine, a zero digit is put in front

	// Texts replaces the error texts. The range text of an Int has a sensible default; others of the kinds used
	// must be given.
	Texts Texts

	Default    string // for usage and manual pages, in the option's own notation; empty when computed
	Repeatable bool   // may be given more than once
	Since      Since

	// Unavailable marks an option that this version can parse and check but not carry out: it says what the option
	// is, and the command is refused with [Unavailable]. Empty: the option works.
	Unavailable string

	Help string // one sentence without full stop, lower case
}

// Available reports whether this version can carry out the option, with one of its words at least.
func (o *Option) Available() bool {
	if o.Unavailable != "" {
		return false
	}
	for i := range o.Words {
		if o.Words[i].Unavailable == "" {
			return true
		}
	}
	return o.Kind != Enum
}

// Word is one value of an [Enum].
type Word struct {
	Name  string // a name ending in '=' takes a decimal number glued to it, bounded by Min and Max
	Value int    // what Value.Int becomes

	Min, Max  int64  // for name=number
	Malformed string // error text for a bad number

	Alias       bool // another spelling, left out of usage texts and manual pages
	Since       Since
	Unavailable string // see Option.Unavailable
	Help        string // one sentence without full stop, lower case
}

// Texts are the error texts of an option where they differ from the general ones.
type Texts struct {
	Malformed string // not a number, time, word or hexadecimal string
	Range     string // outside Min and Max, or longer than Max digits
	Step      string // not a multiple of Step
	Odd       string // odd number of hexadecimal digits
}

// Value is the converted parameter of an option.
type Value struct {
	Text     string        // the parameter as given, quotes and escapes removed; empty for flags
	Int      int64         // Int: the number. Enum: Word.Value. Flag: 1
	Arg      int64         // Enum with name=number: the number
	Duration time.Duration // Duration
	Bytes    []byte        // Hex; nil when the string is empty
	Addr     netip.Addr    // Address
}

// Row ties an option to the place where its value is kept.
type Row[T any] struct {
	Option
	// Set stores a checked value. It is called once for each time the option is given, in the order given.
	Set func(into *T, v Value)
}

// WordRow ties a word of an [Enum] to what it switches on.
type WordRow[T any] struct {
	Word
	// Set stores that the word was given.
	Set func(into *T, v Value)
}

// Words returns the words of rows for Option.Words, each with its index as Value, so that Option's row can call
// rows[v.Int].Set.
func Words[T any](rows []WordRow[T]) []Word {
	out := make([]Word, len(rows))
	for i := range rows {
		out[i] = rows[i].Word
		out[i].Value = i
	}
	return out
}

// Table is the grammar of one command whose options are kept in a T.
type Table[T any] struct {
	Word    string   // the command word in lower case: "trace"
	Missing string   // error text when there is no operand; empty when the operand may be missing
	Rows    []Row[T] // in the order of the manual page
}

// Options returns the descriptions of all options in the order of the table.
func (t *Table[T]) Options() []Option {
	out := make([]Option, len(t.Rows))
	for i := range t.Rows {
		out[i] = t.Rows[i].Option
	}
	return out
}

// Letters is a set of option letters.
type Letters uint64

// Has reports whether a letter is in the set. Letters other than A-Z and a-z never are.
func (l Letters) Has(letter byte) bool { return l&bit(letter) != 0 }

// HasAny reports whether any of the letters is in the set.
func (l Letters) HasAny(letters string) bool {
	for i := range len(letters) {
		if l.Has(letters[i]) {
			return true
		}
	}
	return false
}

// bit gives A-Z the bits 0 to 25 and a-z the bits 32 to 57.
func bit(letter byte) Letters {
	switch {
	case 'A' <= letter && letter <= 'Z':
		return 1 << (letter - 'A')
	case 'a' <= letter && letter <= 'z':
		return 1 << (letter - 'a' + 32)
	}
	return 0
}

// Check is a rule between options, or between options and the destination.
type Check[T any] struct {
	// Fails reports whether the rule is broken. It may complete into, for example parse an address whose family is
	// known only now.
	Fails func(into *T, given Letters) bool
	Text  string // the error text
	// Textf makes the error text where it has numbers in it; used when Text is empty.
	Textf func(into *T) string
}

// RunChecks applies the checks in their order and returns the first broken rule as an [*Error] of reason Combination,
// or nil.
func RunChecks[T any](checks []Check[T], into *T, given Letters) error {
	for i := range checks {
		c := &checks[i]
		if !c.Fails(into, given) {
			continue
		}
		text := c.Text
		if text == "" && c.Textf != nil {
			text = c.Textf(into)
		}
		return &Error{Reason: Combination, Text: text}
	}
	return nil
}
