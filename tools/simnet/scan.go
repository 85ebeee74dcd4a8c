package simnet

import (
	"strconv"
	"strings"
)

// positions says on which line of a TOML file each key and each array element begins. Keys are paths such as
// router[2].delay or gateway[0].address[1].
type positions map[string]int

// scan finds the line of every key. It expects text that a TOML parser has accepted; on other text it returns what it
// found and never fails, because positions only decorate messages.
func scan(text string) positions {
	s := &scanner{text: text, line: 1, pos: positions{}, arrays: map[string]int{}}
	s.document()
	return s.pos
}

type scanner struct {
	text   string
	at     int
	line   int
	pos    positions
	arrays map[string]int // path of an array of tables -> index of its newest element
}

func (s *scanner) peek() byte {
	if s.at >= len(s.text) {
		return 0
	}
	return s.text[s.at]
}

func (s *scanner) next() byte {
	c := s.peek()
	if s.at < len(s.text) {
		s.at++
	}
	if c == '\n' {
		s.line++
	}
	return c
}

// space skips blanks, and with lines also line ends and comments.
func (s *scanner) space(lines bool) {
	for s.at < len(s.text) {
		switch c := s.peek(); {
		case c == ' ' || c == '\t' || c == '\r':
			s.next()
		case lines && c == '\n':
			s.next()
		case lines && c == '#':
			s.restOfLine()
		default:
			return
		}
	}
}

func (s *scanner) restOfLine() {
	for s.at < len(s.text) && s.peek() != '\n' {
		s.next()
	}
}

func (s *scanner) document() {
	prefix := ""
	for {
		s.space(true)
		if s.at >= len(s.text) {
			return
		}
		if s.peek() == '[' {
			prefix = s.header()
		} else {
			s.assignment(prefix)
		}
		s.restOfLine()
	}
}

// header reads [a.b] or [[a.b]] and returns the path that following keys belong to.
func (s *scanner) header() string {
	line := s.line
	s.next()
	array := s.peek() == '['
	if array {
		s.next()
	}
	path := ""
	parts := s.key()
	for i, part := range parts {
		path = join(path, part)
		last := i == len(parts)-1
		if last && array {
			if n, known := s.arrays[path]; known {
				s.arrays[path] = n + 1
			} else {
				s.arrays[path] = 0
			}
		}
		if n, known := s.arrays[path]; known {
			path += "[" + strconv.Itoa(n) + "]"
		}
	}
	s.record(path, line)
	return path
}

func (s *scanner) record(path string, line int) {
	if _, known := s.pos[path]; !known {
		s.pos[path] = line
	}
}

func join(prefix, part string) string {
	if prefix == "" {
		return part
	}
	return prefix + "." + part
}

// key reads a dotted key up to '=' or ']'.
func (s *scanner) key() []string {
	var parts []string
	for {
		s.space(false)
		switch c := s.peek(); {
		case c == '"' || c == '\'':
			parts = append(parts, s.quoted())
		default:
			begin := s.at
			for s.at < len(s.text) && !strings.ContainsRune(" \t\r\n.=]#,}", rune(s.peek())) {
				s.next()
			}
			parts = append(parts, s.text[begin:s.at])
		}
		s.space(false)
		if s.peek() != '.' {
			return parts
		}
		s.next()
	}
}

func (s *scanner) assignment(prefix string) {
	line := s.line
	path := prefix
	for _, part := range s.key() {
		path = join(path, part)
	}
	s.record(path, line)
	if s.peek() != '=' {
		s.next() // not TOML; move on
		return
	}
	s.next()
	s.value(path)
}

func (s *scanner) value(path string) {
	s.space(false)
	switch s.peek() {
	case '"', '\'':
		s.quoted()
	case '[':
		s.next()
		for i := 0; ; {
			s.space(true)
			switch s.peek() {
			case ']', 0:
				s.next()
				return
			case ',':
				s.next()
			default:
				element := path + "[" + strconv.Itoa(i) + "]"
				s.record(element, s.line)
				before := s.at
				s.value(element)
				if s.at == before {
					s.next()
				}
				i++
			}
		}
	case '{':
		s.next()
		for {
			s.space(true)
			switch s.peek() {
			case '}', 0:
				s.next()
				return
			case ',':
				s.next()
			default:
				before := s.at
				s.assignment(path)
				if s.at == before {
					s.next()
				}
			}
		}
	default:
		for s.at < len(s.text) && !strings.ContainsRune(",]}#\n", rune(s.peek())) {
			s.next()
		}
	}
}

// quoted skips a string of any of the four kinds and returns what is between its quotes, escapes left as they are.
func (s *scanner) quoted() string {
	q := s.peek()
	long := strings.Repeat(string(q), 3)
	if strings.HasPrefix(s.text[s.at:], long) {
		s.at += 3
		begin := s.at
		for s.at < len(s.text) && !strings.HasPrefix(s.text[s.at:], long) {
			if s.next() == '\\' && q == '"' {
				s.next()
			}
		}
		content := s.text[begin:s.at]
		for i := 0; i < 5 && s.peek() == q; i++ { // up to two quotes may stand before the closing three
			s.next()
		}
		return content
	}
	s.next()
	begin := s.at
	for s.at < len(s.text) && s.peek() != q && s.peek() != '\n' {
		if s.next() == '\\' && q == '"' {
			s.next()
		}
	}
	content := s.text[begin:s.at]
	s.next()
	return content
}
