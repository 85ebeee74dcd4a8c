package render

import (
	"time"

	"scamper/shared/warts"
)

// AppendCTime appends the local time of a count of seconds since 1970 in the layout of C's ctime without its newline:
// "Mon Nov 23 08:19:40 2026", the day of the month padded with a space.
func AppendCTime(b []byte, seconds uint32) []byte {
	t := time.Unix(int64(seconds), 0)
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = append(b, t.Weekday().String()[:3]...)
	b = append(b, ' ')
	b = append(b, month.String()[:3]...)
	b = append(b, ' ')
	b = AppendSpacePadded(b, int64(day), 2)
	b = append(b, ' ')
	b = appendClock(b, hour, minute, second)
	b = append(b, ' ')
	return AppendInt(b, int64(year))
}

// AppendDateTime appends the local time of a count of seconds since 1970 as "2026-11-23 08:19:40".
func AppendDateTime(b []byte, seconds uint32) []byte {
	t := time.Unix(int64(seconds), 0)
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = AppendZeroPadded(b, uint64(year), 4)
	b = append(b, '-')
	b = appendTwo(b, int(month))
	b = append(b, '-')
	b = appendTwo(b, day)
	b = append(b, ' ')
	return appendClock(b, hour, minute, second)
}

// AppendClock appends the local time of day of a count of seconds since 1970 as "08:19:40".
func AppendClock(b []byte, seconds uint32) []byte {
	hour, minute, second := time.Unix(int64(seconds), 0).Clock()
	return appendClock(b, hour, minute, second)
}

func appendClock(b []byte, hour, minute, second int) []byte {
	b = appendTwo(b, hour)
	b = append(b, ':')
	b = appendTwo(b, minute)
	b = append(b, ':')
	return appendTwo(b, second)
}

func appendTwo(b []byte, v int) []byte {
	return append(b, byte('0'+v/10), byte('0'+v%10))
}

// AppendWait appends a duration as the dump shows waits: whole seconds, then the microseconds as a fraction without
// its trailing zeros, then "s": 5s, 0.05s, 1.5s.
func AppendWait(b []byte, d time.Duration) []byte {
	us := d.Microseconds()
	b = AppendInt(b, us/1e6)
	if frac := us % 1e6; frac != 0 {
		b = append(b, '.')
		b = AppendZeroPadded(b, uint64(frac), 6)
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return append(b, 's')
}

// AppendSigned6 appends a duration as %d.%06d of its seconds, rounded down, and the microseconds above them, so that
// -1 µs is "-1.999999".
func AppendSigned6(b []byte, d time.Duration) []byte {
	sec, us := SplitMicros(d)
	b = AppendInt(b, sec)
	b = append(b, '.')
	return AppendZeroPadded(b, uint64(us), 6)
}

// SplitMicros splits a duration into whole seconds, rounded down, and the microseconds (0 to 999999) above them.
func SplitMicros(d time.Duration) (sec int64, us uint32) {
	micros := d.Microseconds()
	sec = micros / 1e6
	rest := micros % 1e6
	if rest < 0 {
		sec--
		rest += 1e6
	}
	return sec, uint32(rest)
}

// AppendMidnight appends an ICMP timestamp, milliseconds since midnight UTC, as HH:MM:SS.mmm. Values with the
// non-standard bit (RFC 792) have more hours than a day.
func AppendMidnight(b []byte, ms uint32) []byte {
	s := ms / 1000
	b = AppendZeroPadded(b, uint64(s/3600), 2)
	b = append(b, ':')
	b = appendTwo(b, int(s/60%60))
	b = append(b, ':')
	b = appendTwo(b, int(s%60))
	b = append(b, '.')
	return AppendZeroPadded(b, uint64(ms%1000), 3)
}

// Since returns the seconds and microseconds from one moment to another one, the microseconds not negative. Moments in
// files can have a million microseconds or more; then the difference has as many.
func Since(t, from warts.Time) (sec int64, us uint32) {
	sec = int64(t.Sec) - int64(from.Sec)
	if t.Usec < from.Usec {
		return sec - 1, t.Usec + 1e6 - from.Usec
	}
	return sec, t.Usec - from.Usec
}

// AppendSince appends the time from one moment to another one as %d.%06d, see [Since].
func AppendSince(b []byte, t, from warts.Time) []byte {
	sec, us := Since(t, from)
	b = AppendInt(b, sec)
	b = append(b, '.')
	return AppendMicros6(b, us)
}

// After returns the moment a round-trip time after another one, carrying at most one second.
func After(t warts.Time, rtt time.Duration) warts.Time {
	sec, us := SplitMicros(rtt)
	sum := warts.Time{Sec: t.Sec + uint32(sec), Usec: t.Usec + us}
	if sum.Usec >= 1e6 {
		sum.Sec++
		sum.Usec -= 1e6
	}
	return sum
}
