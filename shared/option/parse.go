package option

// Parse parses what follows the command word: options, then the operand. Values are stored in into through the rows of
// the table, defaults being whatever into held before. It returns the operand text, unmodified, and which options were
// given.
//
// When several things are wrong the error is about the first of these: the text as a whole (reason [Syntax]), the
// missing operand (Operand), then the options in the order given (BadValue or Repeated). An option that is marked as
// unavailable is no error here; see [Table.Available].
func (t *Table[T]) Parse(text string, into *T) (operand string, present Letters, err error) {
	return t.parse(text, into, t.Missing)
}

// ParseOptions is Parse for a text that holds options alone, to which an operand will be added later. What it returns as
// rest is empty for such a text.
func (t *Table[T]) ParseOptions(text string, into *T) (rest string, present Letters, err error) {
	return t.parse(text, into, "")
}

func (t *Table[T]) parse(text string, into *T, missing string) (string, Letters, error) {
	var room [24]given
	found, operand, ok := t.lex(text, room[:0])
	if !ok {
		return "", 0, Unparsable(t.Word)
	}
	if operand == "" && missing != "" {
		return "", 0, &Error{Reason: Operand, Text: missing}
	}
	var present Letters
	for i, g := range found {
		r := &t.Rows[g.row]
		if !r.Repeatable && repeated(found[:i], g.row) {
			return "", 0, &Error{Reason: Repeated, Letter: r.Letter, Text: "repeated option " + r.dashed()}
		}
		v, text := r.convert(g.text)
		if text != "" {
			return "", 0, &Error{Reason: BadValue, Letter: r.Letter, Text: text}
		}
		if r.Set != nil {
			r.Set(into, v)
		}
		present |= bit(r.Letter)
	}
	return operand, present, nil
}

func repeated(before []given, row int) bool {
	for _, b := range before {
		if b.row == row {
			return true
		}
	}
	return false
}

// Available returns the first option of a text that parses, in the order given, that this version cannot carry out, as
// an [*Error] of reason NotAvailable; nil when there is none. It stands apart from Parse so that a command that is wrong
// in itself is told so first.
func (t *Table[T]) Available(text string) error {
	var room [24]given
	found, _, ok := t.lex(text, room[:0])
	if !ok {
		return Unparsable(t.Word)
	}
	for _, g := range found {
		r := &t.Rows[g.row]
		if r.Unavailable != "" {
			return Unavailable(t.Word, r.dashed(), r.Unavailable)
		}
		if r.Kind != Enum {
			continue
		}
		if w, _, _ := findWord(r.Words, g.text); w != nil && w.Unavailable != "" {
			return Unavailable(t.Word, r.dashed()+" "+g.text, w.Unavailable)
		}
	}
	return nil
}

// dashed is the option as a user writes it.
func (o *Option) dashed() string {
	if o.Letter == 0 {
		return "--" + o.Long
	}
	return "-" + string(rune(o.Letter))
}
