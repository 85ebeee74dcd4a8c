package virtual

import (
	"iter"
	"slices"

	"scamper/shared/warts"
	"scamper/unpriv/sched"
)

// feed is where the scheduler takes tasks from and puts them when they have ended.
type feed struct{ w *World }

func (f feed) Ready() bool                         { return len(f.w.waiting) > 0 }
func (f feed) Finished() bool                      { return len(f.w.waiting) == 0 && f.w.Sched.Running() == 0 }
func (f feed) Full() bool                          { return false }
func (f feed) Ended(*sched.Task)                   {}
func (f feed) Put(m sched.Machine, o sched.Origin) { f.w.Put(m, o) }

func (f feed) Stream() (*warts.List, *warts.Cycle) { return nil, nil }

func (f feed) Take() (sched.Machine, sched.Origin, bool) {
	for len(f.w.waiting) > 0 {
		m := f.w.waiting[0]
		f.w.waiting = slices.Delete(f.w.waiting, 0, 1) // keeps its memory
		if !f.w.Sched.Hold(m, f) {
			return m, f, true
		}
	}
	return nil, nil, false
}

func (f feed) Restore(held iter.Seq2[sched.Machine, sched.Origin]) {
	var back []sched.Machine
	for m := range held {
		back = append(back, m)
	}
	f.w.waiting = append(back, f.w.waiting...)
}
