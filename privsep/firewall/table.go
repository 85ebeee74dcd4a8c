package firewall

import (
	"errors"
	"fmt"
	"syscall"
)

// Table gives out entry numbers, the lowest free one first, and counts how often
// a rule was asked for. It keeps what is in the kernel, so that all of it can be
// taken out again.
type Table struct {
	fw    Firewall
	first Entry
	used  []use // index i is entry first+i; grows to the highest entry in use
	size  int   // the most entries
	low   int   // no index below is free
	ready bool  // Init succeeded and Cleanup was not called since
	byKey map[Rule]Entry
}

type use struct {
	rule  Rule
	count int // 0: free
}

// NewTable returns a table of entries first to last (inclusive) on fw.
func NewTable(fw Firewall, first, last Entry) *Table {
	return &Table{fw: fw, first: first, size: int(last-first) + 1, byKey: make(map[Rule]Entry)}
}

// Init makes the firewall ready. A second call does nothing.
func (t *Table) Init() error {
	if t.ready {
		return nil
	}
	if err := t.fw.Init(); err != nil {
		return fmt.Errorf("firewall: %w", err)
	}
	t.ready = true
	return nil
}

// Add puts a rule in place, or counts it once more, and returns its entry. The error
// is ENOTCONN before Init, ENOSPC when no entry is free, EINVAL for a rule that
// fails Rule.Check.
func (t *Table) Add(r Rule) (Entry, error) {
	if !t.ready {
		return 0, syscall.ENOTCONN
	}
	if err := r.Check(); err != nil {
		return 0, fmt.Errorf("%w: %w", syscall.EINVAL, err)
	}
	if e := t.byKey[r]; e != 0 {
		t.used[e-t.first].count++
		return e, nil
	}
	i := t.low
	for i < len(t.used) && t.used[i].count > 0 {
		i++
	}
	t.low = i
	if i >= t.size {
		return 0, syscall.ENOSPC
	}
	e := t.first + Entry(i)
	if err := t.fw.Set(e, r); err != nil {
		return 0, fmt.Errorf("firewall: %v: %w", r, err)
	}
	if i == len(t.used) {
		t.used = append(t.used, use{})
	}
	t.used[i] = use{r, 1}
	t.byKey[r] = e
	return e, nil
}

// Delete gives an entry back; the last one to do so removes the rule. The error is
// ENOENT for an entry that is not in use. If the firewall fails to remove the rule,
// the entry stays in use, so that Cleanup tries again.
func (t *Table) Delete(e Entry) error {
	if e < t.first || int(e-t.first) >= len(t.used) || t.used[e-t.first].count == 0 {
		return syscall.ENOENT
	}
	u := &t.used[e-t.first]
	if u.count > 1 {
		u.count--
		return nil
	}
	return t.remove(e)
}

func (t *Table) remove(e Entry) error {
	i := int(e - t.first)
	r := t.used[i].rule
	if err := t.fw.Clear(e, r); err != nil {
		return fmt.Errorf("firewall: no longer %v: %w", r, err)
	}
	t.used[i] = use{}
	delete(t.byKey, r)
	t.low = min(t.low, i)
	return nil
}

// Cleanup removes every entry and what Init made. It goes on after an error and
// returns all of them.
func (t *Table) Cleanup() error {
	if !t.ready {
		return nil
	}
	var errs []error
	for i := range t.used {
		if t.used[i].count > 0 {
			errs = append(errs, t.remove(t.first+Entry(i)))
		}
	}
	t.ready = false
	return errors.Join(append(errs, t.fw.Close())...)
}
