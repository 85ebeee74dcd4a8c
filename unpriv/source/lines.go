package source

import (
	"bytes"
	"errors"

	"scamper/shared/option"
)

// Form says what the lines of a file are.
type Form uint8

// The forms of files.
const (
	// Targets are addresses, one a line, to which the default command is applied.
	Targets Form = iota
	// Commands are whole commands.
	Commands
	// Timestamps are a target and up to four addresses for the IP timestamp option.
	Timestamps
)

// MaxLine is how long a line may be, in bytes without its end.
const MaxLine = 1 << 20

// What is wrong with a line.
var (
	errUnprintable = errors.New("contains unprintable characters")
	errTooLong     = errors.New("line longer than 1048576 bytes")
	errTimestamps  = errors.New("expected one to five IPv4 addresses with single spaces between them")
)

// cutLine returns the part of a line that counts, nil for a line to be ignored. line has no newline at its end; a
// carriage return there is not part of it.
//
// A byte outside the printable ones of ASCII spoils the line, and a tab is such a byte. A '#' begins a comment. The text
// of a target ends at the first space, so that a line that begins with one has no text. Spaces in a command stay, also
// those before a comment: there they make the target invalid.
func (f Form) cutLine(line []byte) (text []byte, err error) {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	for _, c := range line {
		if c < 0x20 || c > 0x7e {
			return nil, errUnprintable
		}
	}
	if f == Timestamps {
		if len(line) == 0 || line[0] == '#' {
			return nil, nil
		}
		return line, nil
	}
	if i := bytes.IndexByte(line, '#'); i >= 0 {
		line = line[:i]
	}
	if f == Targets {
		if i := bytes.IndexByte(line, ' '); i >= 0 {
			line = line[:i]
		}
	}
	if len(line) == 0 {
		return nil, nil
	}
	return line, nil
}

// appendTimestamps appends the command that a line of a Timestamps file stands for: ping with the first address as target
// and the others as the addresses that are asked for their time.
func appendTimestamps(to, line []byte) ([]byte, error) {
	var words [5][]byte
	n := 0
	for rest := line; ; n++ {
		if n == len(words) {
			return to, errTimestamps
		}
		word, tail, more := bytes.Cut(rest, []byte{' '})
		if a, ok := option.ParseAddr(string(word)); !ok || !a.Is4() {
			return to, errTimestamps
		}
		words[n] = word
		if rest = tail; !more {
			break
		}
	}
	to = append(to, "ping "...)
	for i, word := range words[1 : n+1] {
		if i == 0 {
			to = append(to, "-T tsprespec="...)
		} else {
			to = append(to, ',')
		}
		to = append(to, word...)
	}
	if n > 0 {
		to = append(to, ' ')
	}
	return append(to, words[0]...), nil
}
