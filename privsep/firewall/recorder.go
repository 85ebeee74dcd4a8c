package firewall

import "fmt"

// Recorder is a Firewall without a kernel, for tests: it writes down what it was
// told, one line each.
type Recorder struct {
	Log []string
	// Fail, if not nil, is asked before each line is written down; its error is
	// returned instead.
	Fail func(line string) error
}

var _ Firewall = (*Recorder)(nil)

func (r *Recorder) note(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	if r.Fail != nil {
		if err := r.Fail(line); err != nil {
			return err
		}
	}
	r.Log = append(r.Log, line)
	return nil
}

// Init notes "init".
func (r *Recorder) Init() error { return r.note("init") }

// Set notes "set 1 drop in tcp from ...".
func (r *Recorder) Set(e Entry, rule Rule) error { return r.note("set %d %v", e, rule) }

// Clear notes "clear 1 drop in tcp from ...".
func (r *Recorder) Clear(e Entry, rule Rule) error { return r.note("clear %d %v", e, rule) }

// Close notes "close".
func (r *Recorder) Close() error { return r.note("close") }
