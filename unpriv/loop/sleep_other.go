//go:build !linux

package loop

import "time"

func sleep(d time.Duration) { time.Sleep(d) }
