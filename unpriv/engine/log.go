package engine

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Log writes lines for people: errors to stderr and to the debug file, debug lines to the debug file only. It may be
// used by any goroutine.
type Log struct {
	mu     sync.Mutex
	stderr io.Writer
	debug  io.Writer // nil: none
	before func()    // clears what is on the line, nil: nothing to clear
	now    func() time.Time
}

// NewLog returns a log that writes to stderr; now is the clock of the lines.
func NewLog(stderr io.Writer, now func() time.Time) *Log {
	if now == nil {
		now = time.Now
	}
	return &Log{stderr: stderr, now: now}
}

// SetDebug makes the log write to a debug file as well.
func (l *Log) SetDebug(w io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.debug = w
}

// Error writes a line about something that went wrong.
func (l *Log) Error(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := l.line(text)
	if l.before != nil {
		l.before()
	}
	fmt.Fprint(l.stderr, line)
	if l.debug != nil {
		fmt.Fprint(l.debug, line)
	}
}

// Debug writes a line to the debug file, if there is one.
func (l *Log) Debug(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.debug != nil {
		fmt.Fprint(l.debug, l.line(fmt.Sprintf(format, args...)))
	}
}

// line has the shape of the lines that users know: local time with milliseconds after a colon, then who says it.
func (l *Log) line(text string) string {
	t := l.now()
	return fmt.Sprintf("[%s:%03d] scamper: %s\n", t.Format("15:04:05"), t.Nanosecond()/1_000_000, text)
}
