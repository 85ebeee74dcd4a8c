package render

import "strconv"

const lowerHex = "0123456789abcdef"

// AppendInt appends v in decimal, as printf's %d.
func AppendInt(b []byte, v int64) []byte { return strconv.AppendInt(b, v, 10) }

// AppendUint appends v in decimal, as printf's %u.
func AppendUint(b []byte, v uint64) []byte { return strconv.AppendUint(b, v, 10) }

// AppendSigned32 appends a 32-bit identifier the way the tools show user, list and cycle ids: as a signed number, so
// that 0xffffffff is -1.
func AppendSigned32(b []byte, v uint32) []byte { return strconv.AppendInt(b, int64(int32(v)), 10) }

// AppendZeroPadded appends v in decimal with at least width digits, as printf's %0*u.
func AppendZeroPadded(b []byte, v uint64, width int) []byte {
	start := len(b)
	b = strconv.AppendUint(b, v, 10)
	missing := width - (len(b) - start)
	if missing <= 0 {
		return b
	}
	for range missing {
		b = append(b, '0')
	}
	copy(b[start+missing:], b[start:len(b)-missing])
	for i := range missing {
		b[start+i] = '0'
	}
	return b
}

// AppendSpacePadded appends v in decimal, right-justified in width columns, as printf's %*d.
func AppendSpacePadded(b []byte, v int64, width int) []byte {
	start := len(b)
	b = strconv.AppendInt(b, v, 10)
	return RightJustify(b, start, width)
}

// RightJustify moves what was appended since start to the right of a field of width columns.
func RightJustify(b []byte, start, width int) []byte {
	missing := width - (len(b) - start)
	if missing <= 0 {
		return b
	}
	b = Pad(b, len(b), missing)
	copy(b[start+missing:], b[start:len(b)-missing])
	for i := range missing {
		b[start+i] = ' '
	}
	return b
}

// Pad appends spaces until width columns are used since start.
func Pad(b []byte, start, width int) []byte {
	for len(b)-start < width {
		b = append(b, ' ')
	}
	return b
}

// AppendHex appends v as lower-case hexadecimal with at least digits digits, as printf's %0*x.
func AppendHex(b []byte, v uint64, digits int) []byte {
	for digits < 16 && v>>(4*uint(digits)) != 0 {
		digits++
	}
	for i := digits - 1; i >= 0; i-- {
		b = append(b, lowerHex[v>>(4*uint(i))&15])
	}
	return b
}

// AppendHexBytes appends data as lower-case hexadecimal, two digits a byte.
func AppendHexBytes(b, data []byte) []byte {
	for _, c := range data {
		b = append(b, lowerHex[c>>4], lowerHex[c&15])
	}
	return b
}

// AppendMillis appends a number of microseconds as milliseconds with three decimals: 1234 is 1.234. No rounding, no
// exponent, no unit.
func AppendMillis(b []byte, microseconds uint32) []byte {
	b = strconv.AppendUint(b, uint64(microseconds/1000), 10)
	f := microseconds % 1000
	return append(b, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10))
}

// AppendMicros6 appends the six digits of a number of microseconds below a second.
func AppendMicros6(b []byte, microseconds uint32) []byte {
	return AppendZeroPadded(b, uint64(microseconds), 6)
}

// AppendQuoted appends s as a JSON string by the rules of scamper 20260420: a backslash before the quotation mark and
// the backslash, the text cut before the first byte that is not printable ASCII, and at most limit bytes between the
// quotation marks. (The limit never parts a backslash from what it stands before, as it does in that version.)
func AppendQuoted(b []byte, s string, limit int) []byte {
	b = append(b, '"')
	start := len(b)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < 0x20 || c > 0x7e {
			break
		}
		if c == '"' || c == '\\' {
			if len(b)-start+2 > limit {
				break
			}
			b = append(b, '\\', c)
			continue
		}
		if len(b)-start+1 > limit {
			break
		}
		b = append(b, c)
	}
	return append(b, '"')
}

// Limits of the text between the quotation marks of a JSON string.
const (
	NameLimit = 127 // PTR names of hops
	TextLimit = 511 // error messages, monitor names and the like
)
