package option

import "fmt"

// A Reason sorts the ways in which a command is refused.
type Reason uint8

const (
	// Syntax means that the text could not be cut into options and operand.
	Syntax Reason = iota + 1
	// Operand means that the operand is missing or invalid.
	Operand
	// BadValue means that the parameter of one option is not acceptable.
	BadValue
	// Repeated means that an option was given twice which may be given once.
	Repeated
	// Combination means that options do not go together, or not with the destination.
	Combination
	// NotAvailable means that the command is correct and this version cannot carry it out.
	NotAvailable
)

// Error says why a command was refused. Its text is what a person at the terminal, or a client in an ERR reply, sees.
type Error struct {
	Reason Reason
	Letter byte   // the option concerned; 0 when there is none
	Text   string // without the option
}

// Error returns the text, preceded by "-X failed: " for a bad value of option X.
func (e *Error) Error() string {
	if e.Reason == BadValue {
		return fmt.Sprintf("-%c failed: %s", e.Letter, e.Text)
	}
	return e.Text
}

// Is reports whether target is an *Error of the same reason that names no other text or letter, so that
// errors.Is(err, &Error{Reason: Syntax}) asks for the reason alone.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	if !ok {
		return false
	}
	return (t.Reason == 0 || t.Reason == e.Reason) && (t.Letter == 0 || t.Letter == e.Letter) &&
		(t.Text == "" || t.Text == e.Text)
}

// Unparsable is the error for a text that is not a command of the given word.
func Unparsable(word string) *Error {
	return &Error{Reason: Syntax, Text: "could not parse " + word + " command"}
}

// Unavailable is the error for an option that this version knows and cannot carry out. The option is given as written
// ("-M", "-O dl"), what is the text of its mark.
func Unavailable(word, option, what string) *Error {
	return &Error{
		Reason: NotAvailable,
		Text:   fmt.Sprintf("%s: %s (%s) is not available in this version", word, option, what),
	}
}

// InvalidDestination is the error for an operand that is not a numeric address.
func InvalidDestination() *Error {
	return &Error{Reason: Operand, Text: "invalid destination address"}
}
