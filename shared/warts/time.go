package warts

import "time"

// Time is a moment as the format stores it: seconds since 1970-01-01 UTC and microseconds, both unsigned (good until
// 2106). The zero Time means that the moment is unknown. A file may hold 1,000,000 microseconds or more; they are kept
// as they are.
type Time struct {
	Sec  uint32
	Usec uint32
}

// TimeOf converts t, cut to microseconds. The zero time.Time gives the zero Time; seconds wrap modulo 2^32.
func TimeOf(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{Sec: uint32(t.Unix()), Usec: uint32(t.Nanosecond() / 1000)}
}

// IsZero reports whether t is the zero Time, that is unknown.
func (t Time) IsZero() bool { return t == Time{} }

// Time returns t as a time.Time in the local time zone, also when it is zero (which is 1970).
func (t Time) Time() time.Time { return time.UnixMicro(t.UnixMicro()) }

// UnixMicro returns the microseconds since 1970-01-01 UTC.
func (t Time) UnixMicro() int64 { return int64(t.Sec)*1_000_000 + int64(t.Usec) }

// Sub returns the time from u to t; negative if t is before u.
func (t Time) Sub(u Time) time.Duration {
	return time.Duration(t.UnixMicro()-u.UnixMicro()) * time.Microsecond
}

// Add returns t+d, d cut to microseconds, with less than 1,000,000 microseconds.
func (t Time) Add(d time.Duration) Time {
	us := t.UnixMicro() + d.Microseconds()
	sec := us / 1_000_000
	if us%1_000_000 < 0 {
		sec--
	}
	return Time{Sec: uint32(sec), Usec: uint32(us - sec*1_000_000)}
}

// Compare returns -1, 0 or 1 as t is before, equal to or after u.
func (t Time) Compare(u Time) int {
	a, b := t.UnixMicro(), u.UnixMicro()
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
