package option

import (
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// convert makes a value of a parameter. The second result is an error text, empty when the value is fine.
func (o *Option) convert(text string) (Value, string) {
	v := Value{Text: text}
	switch o.Kind {
	case None:
		v.Int = 1
	case Int:
		n, ok := parseInt(text)
		if !ok || n < o.Min || n > o.Max || o.Only != nil && !contains(o.Only, n) {
			return v, o.rangeText()
		}
		v.Int = n
	case Enum:
		w, arg, bad := findWord(o.Words, text)
		if bad != "" {
			return v, bad
		}
		if w == nil {
			return v, o.Texts.Malformed
		}
		v.Int, v.Arg = int64(w.Value), arg
	case Duration:
		d, ok := ParseDuration(text, o.Unit)
		switch {
		case !ok:
			return v, o.Texts.Malformed
		case o.Step != 0 && d%o.Step != 0:
			return v, o.Texts.Step
		case d.Microseconds() < o.Min || d.Microseconds() > o.Max:
			return v, o.Texts.Range
		}
		v.Duration = d
	case Hex:
		b, bad := o.hexBytes(text)
		if bad != "" {
			return v, bad
		}
		v.Bytes = b
	case Address:
		a, ok := ParseAddr(text)
		if !ok {
			return v, o.Texts.Malformed
		}
		v.Addr = a
	case Text:
	}
	return v, ""
}

func contains(list []int64, n int64) bool {
	for _, x := range list {
		if x == n {
			return true
		}
	}
	return false
}

// rangeText is the error text of an Int.
func (o *Option) rangeText() string {
	if o.Texts.Range != "" {
		return o.Texts.Range
	}
	name := o.Name
	if name == "" {
		name = o.Arg
	}
	return fmt.Sprintf("%s must be within %d - %d", name, o.Min, o.Max)
}

// parseInt reads an integer the way C's strtol does with base 0: 0x for hexadecimal, a leading 0 for octal. Unlike
// there, anything left over makes it no number, and so does a number that does not fit.
func parseInt(s string) (int64, bool) {
	digits, negative := strings.CutPrefix(s, "-")
	base := 10
	switch {
	case len(digits) > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'):
		base, digits = 16, digits[2:]
	case len(digits) > 1 && digits[0] == '0':
		base, digits = 8, digits[1:]
	}
	// ParseUint takes no sign, and underscores with base 0 only.
	n, err := strconv.ParseUint(digits, base, 63)
	if err != nil {
		return 0, false
	}
	if negative {
		return -int64(n), true
	}
	return int64(n), true
}

// findWord returns the word that text names, and the number of a name=number. bad is an error text. A word that is not
// there gives nil.
func findWord(words []Word, text string) (w *Word, arg int64, bad string) {
	for i := range words {
		w := &words[i]
		if !strings.HasSuffix(w.Name, "=") {
			if strings.EqualFold(w.Name, text) {
				return w, 0, ""
			}
			continue
		}
		if len(text) < len(w.Name) || !strings.EqualFold(text[:len(w.Name)], w.Name) {
			continue
		}
		n, ok := parseInt(text[len(w.Name):])
		if !ok || n < w.Min || n > w.Max {
			return nil, 0, w.Malformed
		}
		return w, n, ""
	}
	return nil, 0, ""
}

// longest is the longest time that ParseDuration returns.
const longest = math.MaxInt64 / time.Second * time.Second

// ParseDuration reads a time: decimal digits, optionally a point and more digits, optionally one of the units s, ms and
// us. Without unit the number counts in unit. The result is a whole number of microseconds: a finer fraction, and any
// fraction of microseconds, is refused. A time too long for the type is cut to the longest one of whole seconds.
func ParseDuration(text string, unit time.Duration) (d time.Duration, ok bool) {
	switch {
	case strings.HasSuffix(text, "us"):
		unit, text = time.Microsecond, text[:len(text)-2]
	case strings.HasSuffix(text, "ms"):
		unit, text = time.Millisecond, text[:len(text)-2]
	case strings.HasSuffix(text, "s"):
		unit, text = time.Second, text[:len(text)-1]
	}
	whole, fraction, point := strings.Cut(text, ".")
	if !allDigits(whole) || point && !allDigits(fraction) || point && unit == time.Microsecond {
		return 0, false
	}
	rest, ok := fractionOf(fraction, unit)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n >= int64(longest/unit) {
		return longest, true
	}
	return time.Duration(n)*unit + rest, true
}

// fractionOf returns the digits after a point as a part of unit; ok is false when that is no whole number of
// microseconds.
func fractionOf(digits string, unit time.Duration) (part time.Duration, ok bool) {
	digits = strings.TrimRight(digits, "0")
	if len(digits) > 9 { // finer than a nanosecond of any unit in use
		return 0, false
	}
	scale := int64(1)
	n := int64(0)
	for i := range len(digits) {
		n = n*10 + int64(digits[i]-'0')
		scale *= 10
	}
	us := n * unit.Microseconds() // below 1e9 * 1e6
	if us%scale != 0 {
		return 0, false
	}
	return time.Duration(us/scale) * time.Microsecond, true
}

func allDigits(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// hexBytes decodes a hexadecimal string. The second result is an error text.
func (o *Option) hexBytes(text string) ([]byte, string) {
	for i := range len(text) {
		c := text[i] | 0x20
		if (c < '0' || c > '9' || text[i] != c) && (c < 'a' || c > 'f') {
			return nil, o.Texts.Malformed
		}
	}
	if len(text)%2 != 0 {
		if !o.Odd {
			return nil, o.Texts.Odd
		}
		text = "0" + text
	}
	if o.Max != 0 && int64(len(text)) > o.Max {
		return nil, o.Texts.Range
	}
	if text == "" {
		return nil, o.Texts.Malformed
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		return nil, o.Texts.Malformed
	}
	return b, ""
}

// ParseAddr reads a numeric address: an IPv4 address of four decimal parts, or an IPv6 address without zone. Nothing is
// looked up, and the shorter and other notations that some programs take for IPv4 are refused.
func ParseAddr(text string) (addr netip.Addr, ok bool) {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, false
	}
	return a, true
}

// ParseAddrOf is ParseAddr for an address that must be of one family: that of a command's destination.
func ParseAddrOf(text string, v6 bool) (addr netip.Addr, ok bool) {
	addr, ok = ParseAddr(text)
	return addr, ok && addr.Is6() == v6
}
