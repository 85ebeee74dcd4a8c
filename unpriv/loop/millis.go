package loop

import (
	"math"
	"time"
)

// millis returns the timeout in milliseconds, rounded up so that no wait ends
// early, for system calls that count in them; -1 if it has no end.
func millis(timeout time.Duration) int {
	if timeout < 0 {
		return -1
	}
	ms := timeout / time.Millisecond
	if timeout%time.Millisecond != 0 {
		ms++
	}
	return int(min(ms, math.MaxInt32))
}
