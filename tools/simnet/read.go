package simnet

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Mistake is one thing that is wrong in a topology file.
type Mistake struct {
	File string // name as given to Parse
	Line int    // 1-based; 0 if the mistake has no place (something is missing altogether)
	Text string // what is wrong, in words
}

func (m Mistake) Error() string {
	if m.Line == 0 {
		return m.File + ": " + m.Text
	}
	return fmt.Sprintf("%s:%d: %s", m.File, m.Line, m.Text)
}

// Mistakes are all mistakes of a file in the order of their lines. It is the error that Parse returns.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, one := range m {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// reader collects mistakes while a file is read.
type reader struct {
	file     string
	pos      positions
	mistakes Mistakes
}

// maxMistakes bounds what is reported of one file.
const maxMistakes = 200

func (r *reader) mistake(path, format string, args ...any) {
	if len(r.mistakes) >= maxMistakes {
		return
	}
	line := 0
	for p := path; p != ""; {
		if l, known := r.pos[p]; known {
			line = l
			break
		}
		cut := strings.LastIndexAny(p, ".[")
		if cut < 0 {
			break
		}
		p = p[:cut]
	}
	r.mistakes = append(r.mistakes, Mistake{File: r.file, Line: line, Text: fmt.Sprintf(format, args...)})
}

func (r *reader) err() error {
	if len(r.mistakes) == 0 {
		return nil
	}
	sort.SliceStable(r.mistakes, func(i, j int) bool { return r.mistakes[i].Line < r.mistakes[j].Line })
	return r.mistakes
}

// syntax turns an error of the TOML parser into mistakes.
func syntax(file string, data []byte, err error) error {
	var parse toml.ParseError
	if errors.As(err, &parse) {
		// The parser counts a line end that it did not expect to the line that follows.
		// For bytes that are no UTF-8 it gives no offset.
		line := parse.Position.Line
		if at := parse.Position.Start; at >= 0 && at <= len(data) {
			line = 1 + bytes.Count(data[:at], []byte("\n"))
		}
		text := parse.Message
		if text == "" {
			text = parse.Error()
		}
		return Mistakes{{File: file, Line: line, Text: text}}
	}
	return Mistakes{{File: file, Text: err.Error()}}
}

// table is a TOML table being read: typed values with their defaults, mistakes with their lines.
type table struct {
	r    *reader
	path string
	what string // for messages: router "r1"
	m    map[string]any
	used map[string]bool
}

func (r *reader) table(path, what string, m map[string]any) *table {
	return &table{r: r, path: path, what: what, m: m, used: map[string]bool{}}
}

// plain is a key without the index of an element.
func plain(key string) string {
	name, _, _ := strings.Cut(key, "[")
	return name
}

func (t *table) at(key string) string { return join(t.path, key) }

func (t *table) wrong(key, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if t.what != "" {
		text = t.what + ": " + text
	}
	t.r.mistake(t.at(key), "%s", text)
}

func (t *table) get(key string) (any, bool) {
	t.used[key] = true
	v, ok := t.m[key]
	return v, ok
}

func (t *table) has(key string) bool { _, ok := t.m[key]; return ok }

// done reports keys that nobody asked for.
func (t *table) done() {
	unknown := make([]string, 0, len(t.m))
	for key := range t.m {
		if !t.used[key] {
			unknown = append(unknown, key)
		}
	}
	slices.Sort(unknown)
	for _, key := range unknown {
		near := nearest(key, t.used)
		if near != "" {
			t.wrong(key, "there is no key %q; did you mean %q?", key, near)
		} else {
			t.wrong(key, "there is no key %q", key)
		}
	}
}

func nearest(word string, among map[string]bool) string {
	best, bestDistance := "", 3
	for _, candidate := range sortedKeys(among) {
		if d := distance(word, candidate); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// distance is the Levenshtein distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

func (t *table) str(key, def string) string {
	v, ok := t.get(key)
	if !ok {
		return def
	}
	s, ok := v.(string)
	if !ok {
		t.wrong(key, "%s must be a string", key)
		return def
	}
	return s
}

func (t *table) boolean(key string, def bool) bool {
	v, ok := t.get(key)
	if !ok {
		return def
	}
	b, ok := v.(bool)
	if !ok {
		t.wrong(key, "%s must be true or false", key)
		return def
	}
	return b
}

func (t *table) integer(key string, least, most, def int64) int64 {
	v, ok := t.get(key)
	if !ok {
		return def
	}
	i, ok := v.(int64)
	if !ok {
		t.wrong(key, "%s must be a whole number", key)
		return def
	}
	if i < least || i > most {
		t.wrong(key, "%s must be within %d - %d", key, least, most)
		return def
	}
	return i
}

func (t *table) number(key string, least, most, def float64) float64 {
	v, ok := t.get(key)
	if !ok {
		return def
	}
	var f float64
	switch x := v.(type) {
	case int64:
		f = float64(x)
	case float64:
		f = x
	default:
		t.wrong(key, "%s must be a number", key)
		return def
	}
	if !(f >= least && f <= most) { // also refuses NaN
		t.wrong(key, "%s must be within %v - %v", key, least, most)
		return def
	}
	return f
}

func (t *table) duration(key string, def time.Duration) time.Duration {
	v, ok := t.get(key)
	if !ok {
		return def
	}
	s, ok := v.(string)
	if !ok {
		t.wrong(key, "%s must be a duration in quotes, such as \"20ms\"", key)
		return def
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.wrong(key, "%s: %q is not a duration such as \"20ms\" or \"1.5s\"", key, s)
		return def
	}
	if d < 0 || d > maxDelay {
		t.wrong(key, "%s must be within 0s - %v", key, maxDelay)
		return def
	}
	return d
}

// maxDelay bounds every delay in a file.
const maxDelay = 10 * time.Minute

// strs reads one string or a list of them.
func (t *table) strs(key string) []string {
	v, ok := t.get(key)
	if !ok {
		return nil
	}
	switch x := v.(type) {
	case string:
		return []string{x}
	case []any:
		list := make([]string, 0, len(x))
		for _, one := range x {
			s, ok := one.(string)
			if !ok {
				t.wrong(key, "%s must be a string or a list of strings", key)
				return nil
			}
			list = append(list, s)
		}
		return list
	}
	t.wrong(key, "%s must be a string or a list of strings", key)
	return nil
}

// word reads one of a set of words and returns its value.
func word[V any](t *table, key string, def V, words map[string]V) V {
	v, ok := t.get(key)
	if !ok {
		return def
	}
	s, ok := v.(string)
	if ok {
		if value, known := words[s]; known {
			return value
		}
	}
	t.wrong(key, "%s: %v is none of %s", key, quoteAny(v), strings.Join(sortedKeys(words), ", "))
	return def
}

func quoteAny(v any) string {
	if s, ok := v.(string); ok {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprint(v)
}

// addrs reads addresses; at most one of each family unless many.
func (t *table) addrs(key string, many bool) []netip.Addr {
	var list []netip.Addr
	var families [2]int
	for i, s := range t.strs(key) {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" || a.Is4In6() {
			t.wrong(fmt.Sprintf("%s[%d]", key, i), "%s: %q is not an address", key, s)
			continue
		}
		f := family(a)
		families[f]++
		if !many && families[f] == 2 {
			t.wrong(fmt.Sprintf("%s[%d]", key, i), "%s: more than one address of a family", key)
			continue
		}
		list = append(list, a)
	}
	return list
}

// prefixes reads prefixes. With host bits allowed ("192.0.2.2/24") the address part is kept.
func (t *table) prefixes(key string, hostBits bool) []netip.Prefix {
	var list []netip.Prefix
	for i, s := range t.strs(key) {
		p, err := netip.ParsePrefix(s)
		switch {
		case err != nil || p.Addr().Is4In6():
			t.wrong(fmt.Sprintf("%s[%d]", key, i), "%s: %q is not a prefix such as 192.0.2.0/24", key, s)
		case !hostBits && p != p.Masked():
			t.wrong(fmt.Sprintf("%s[%d]", key, i), "%s: %q has bits beyond its length; did you mean %v?", key, s, p.Masked())
		default:
			list = append(list, p)
		}
	}
	return list
}

// sub reads an inline table.
func (t *table) sub(key string) (map[string]any, bool) {
	v, ok := t.get(key)
	if !ok {
		return nil, false
	}
	m, ok := v.(map[string]any)
	if !ok {
		t.wrong(key, "%s must be a table", key)
	}
	return m, ok
}

// family is 0 for IPv4 and 1 for IPv6.
func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// weights reads a table of name = weight, in the order of names.
func (t *table) weights(key string) ([]string, []float64) {
	m, ok := t.sub(key)
	if !ok {
		return nil, nil
	}
	names := sortedKeys(m)
	list := make([]float64, len(names))
	inner := t.r.table(t.at(key), t.what+": "+key, m)
	total := 0.0
	for i, name := range names {
		list[i] = inner.number(name, 0, math.MaxInt32, 0)
		total += list[i]
	}
	if total == 0 {
		t.wrong(key, "%s: the weights are all zero", key)
		return nil, nil
	}
	return names, list
}
