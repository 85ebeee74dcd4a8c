package source

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/warts"
)

// bench is a mixer of tasks that are texts, with a log of everything that it tells its owner.
type bench struct {
	*Mixer[string]
	log  []string
	busy map[string]bool // texts of tasks that run: another one with the same text has to wait
	held map[string][]heldTask
	now  time.Time
	woke chan struct{}
}

type heldTask struct {
	cycle *Cycle
	text  string
}

func newBench() *bench {
	b := &bench{
		busy: make(map[string]bool), held: make(map[string][]heldTask), now: time.Unix(1000, 0),
		woke: make(chan struct{}, 1),
	}
	b.Mixer = NewMixer(Hooks[string]{
		Build: func(_ *Cycle, cmd *Command) (string, error) {
			if strings.HasPrefix(cmd.Text, "bad") {
				return "", errors.New("no good")
			}
			return cmd.Text, nil
		},
		Start: func(c *Cycle, task string) bool {
			if b.busy[task] {
				b.held[task] = append(b.held[task], heldTask{c, task})
				b.say("hold %s", task)
				return true
			}
			b.busy[task] = true
			return false
		},
		CycleStart: func(c *Cycle) {
			b.say("start %s %d at %d on %s", c.Source.Name(), c.Record.ID, c.Record.Start, c.Record.HostName)
		},
		CycleStop: func(c *Cycle, stop *warts.Cycle) {
			b.say("stop %s %d at %d", stop.List.Name, stop.ID, stop.Stop)
			if c.Record.Stop != 0 || stop.Kind != warts.CycleStop || c.Record.Kind != warts.CycleStart {
				b.say("the start record was changed")
			}
		},
		Finish:   func(s *Source) { b.say("finish %s", s.Name()) },
		Report:   func(p *Problem) { b.say("report %s: %v", p.Source.Name(), p) },
		Now:      func() time.Time { return b.now },
		HostName: "host",
		Wake: func() {
			select {
			case b.woke <- struct{}{}:
			default:
			}
		},
	})
	return b
}

func (b *bench) say(format string, args ...any) { b.log = append(b.log, fmt.Sprintf(format, args...)) }

// said returns the log and empties it.
func (b *bench) said() []string {
	l := b.log
	b.log = nil
	return l
}

// add adds a control source with commands given as words.
func (b *bench) add(t testing.TB, name string, priority uint32, commands string) *Source {
	t.Helper()
	s := NewControl(Config{Name: name, Priority: priority, CycleID: 1})
	push(s, commands)
	if err := b.Add(s); err != nil {
		t.Fatal(err)
	}
	return s
}

func push(s *Source, commands string) {
	for text := range strings.FieldsSeq(commands) {
		s.Push(Command{Text: text})
	}
}

// take takes n tasks, or as many as there are.
func (b *bench) take(n int) string {
	var got []string
	for range n {
		task, _, ok := b.Take()
		if !ok {
			got = append(got, "-")
			break
		}
		got = append(got, task)
	}
	return strings.Join(got, " ")
}

// end ends a task that runs and releases those that waited for it.
func (b *bench) end(c *Cycle, task string) {
	delete(b.busy, task)
	b.Done(c)
	held := b.held[task]
	delete(b.held, task)
	b.Release(func(yield func(*Cycle, string) bool) {
		for _, h := range held {
			if !yield(h.cycle, h.text) {
				return
			}
		}
	})
}

func TestRoundRobin(t *testing.T) {
	type src struct {
		name     string
		priority uint32
		commands string
	}
	tests := []struct {
		name    string
		sources []src
		want    string
	}{
		{"one", []src{{"a", 1, "a1 a2 a3"}}, "a1 a2 a3 -"},
		{"equal", []src{{"a", 1, "a1 a2 a3"}, {"b", 1, "b1 b2 b3"}}, "a1 b1 a2 b2 a3 b3 -"},
		{
			"weights",
			[]src{{"a", 1, "a1 a2 a3"}, {"b", 2, "b1 b2 b3 b4"}, {"c", 3, "c1 c2 c3 c4"}},
			"a1 b1 b2 c1 c2 c3 a2 b3 b4 c4 a3 -",
		},
		{"one runs out in its turn", []src{{"a", 3, "a1"}, {"b", 2, "b1 b2 b3"}}, "a1 b1 b2 b3 -"},
		{
			"the next one has its whole turn",
			[]src{{"a", 3, "a1"}, {"b", 2, "b1 b2 b3"}, {"c", 1, "c1 c2"}},
			"a1 b1 b2 c1 b3 c2 -",
		},
		{"huge weight", []src{{"a", 1<<32 - 1, "a1 a2 a3"}, {"b", 1, "b1 b2"}}, "a1 a2 a3 b1 b2 -"},
		{"weight 0", []src{{"a", 0, "a1 a2"}, {"b", 1, "b1 b2"}}, "b1 b2 -"},
		{"only weight 0", []src{{"a", 0, "a1"}}, "-"},
		{"empty", []src{{"a", 1, ""}, {"b", 1, "b1"}}, "b1 -"},
		{
			"bad commands take no turn",
			[]src{{"a", 1, "bad1 a1 bad2 a2"}, {"b", 1, "b1 bad3 bad4 b2"}},
			"a1 b1 a2 b2 -",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench()
			for _, s := range tt.sources {
				b.add(t, s.name, s.priority, s.commands)
			}
			if got := b.take(100); got != tt.want {
				t.Errorf("took %s, want %s", got, tt.want)
			}
			if b.Ready() {
				t.Error("ready with nothing left")
			}
		})
	}
}

func TestTail(t *testing.T) {
	b := newBench()
	b.add(t, "a", 1, "a1 a2 a3")
	second := b.add(t, "b", 1, "b1")
	b.add(t, "c", 1, "c1 c2")
	if got := b.take(2); got != "a1 b1" {
		t.Fatal(got)
	}
	b.add(t, "d", 1, "d1 d2") // behind c, before a
	if got := b.take(1); got != "c1" {
		t.Fatal(got)
	}
	if got := b.take(3); got != "d1 a2 c2" { // b has nothing
		t.Fatal(got)
	}
	push(second, "b2 b3") // goes to the tail, behind d
	if got := b.take(10); got != "d2 b2 a3 b3 -" {
		t.Error(got)
	}
}

func TestPriority(t *testing.T) {
	b := newBench()
	a := b.add(t, "a", 0, "a1 a2 a3 a4")
	if b.Ready() {
		t.Fatal("ready with nothing but priority 0")
	}
	push(a, "a5")
	if b.Ready() {
		t.Fatal("a command made a source of priority 0 active")
	}
	b.SetPriority(a, 1)
	other := b.add(t, "b", 1, "b1 b2 b3")
	if got := b.take(2); got != "a1 b1" {
		t.Fatal(got)
	}
	b.SetPriority(a, 2)
	if got := b.take(3); got != "a2 a3 b2" {
		t.Fatal(got)
	}
	b.SetPriority(a, 0)
	b.SetPriority(other, 5)
	if got := b.take(3); got != "b3 -" {
		t.Fatal(got)
	}
	b.SetPriority(a, 7)
	if got := b.take(3); got != "a4 a5 -" || a.Config().Priority != 7 {
		t.Error(got)
	}
}

func TestHeld(t *testing.T) {
	b := newBench()
	a := b.add(t, "a", 2, "x y x a1 x a2 a3")
	o := b.add(t, "b", 1, "x b1 b2 b3")
	x, cycle, ok := b.Take()
	if x != "x" || !ok {
		t.Fatal(x)
	}
	// A held task does not count in its source's turn: y is the second, then b's turn; b's x is held too.
	if got := b.take(6); got != "y b1 a1 a2 b2 a3" {
		t.Fatal(got)
	}
	want := []string{
		"start a 1 at 1000 on host", "start b 1 at 1000 on host", "hold x", "hold x", "hold x",
	}
	if diff := cmp.Diff(want, b.said()); diff != "" {
		t.Error(diff)
	}
	if a.Running() != 7 || o.Running() != 3 {
		t.Errorf("running %d and %d", a.Running(), o.Running())
	}
	// The end of the first x gives back all three, each to the front of its own source. One starts, two wait again.
	b.end(cycle, "x")
	if got := b.take(10); got != "x b3 -" {
		t.Errorf("after the release: %s", got)
	}
	if h := b.held["x"]; len(h) != 2 || h[0].cycle.Source != o || h[1].cycle.Source != a {
		t.Errorf("held: %+v", h)
	}
}

func TestHeldOrder(t *testing.T) {
	b := newBench()
	s := b.add(t, "a", 1, "q1 q2")
	var c *Cycle
	for range 2 {
		_, c, _ = b.Take()
	}
	push(s, "q3")
	c.refs += 3
	s.running += 3
	b.Release(func(yield func(*Cycle, string) bool) {
		_ = yield(c, "h1") && yield(c, "h2") && yield(c, "h3")
	})
	if got := b.take(10); got != "h1 h2 h3 q3 -" {
		t.Errorf("took %s", got)
	}
}

func TestCycles(t *testing.T) {
	b := newBench()
	s := b.add(t, "a", 1, "a1")
	b.now = time.Unix(1001, 0)
	_, first, _ := b.Take()
	push(s, "a2")
	if !s.PushCycle() || s.CycleID() != 2 {
		t.Fatalf("cycle %d", s.CycleID())
	}
	push(s, "a3")
	b.now = time.Unix(1002, 0)
	_, alsoFirst, _ := b.Take()
	_, second, _ := b.Take()
	if first != alsoFirst || second == first || second.Record.ID != 2 || first.Record.List != s.List() {
		t.Fatalf("cycles %p %p %p", first, alsoFirst, second)
	}
	b.now = time.Unix(1003, 0)
	b.end(first, "a1")
	b.end(second, "a3")
	b.now = time.Unix(1004, 0)
	b.end(first, "a2")
	s.Close()
	if got := b.take(1); got != "-" {
		t.Error(got)
	}
	want := []string{
		"start a 1 at 1001 on host", "start a 2 at 1002 on host", "stop a 1 at 1004", "stop a 2 at 1004", "finish a",
	}
	if diff := cmp.Diff(want, b.said()); diff != "" {
		t.Error(diff)
	}
	if !b.Finished() || s.Push(Command{}) || s.PushCycle() {
		t.Error("not finished")
	}
}

func TestFinishWaitsForTasks(t *testing.T) {
	b := newBench()
	if err := b.Add(NewTargets(Config{Name: "default", Priority: 1}, []string{"192.0.2.1", "x", "2001:db8::1"})); err != nil {
		t.Fatal(err)
	}
	_, cycle, _ := b.Take()
	if got := b.take(9); got != "x 2001:db8::1 -" || b.Finished() {
		t.Fatal(got)
	}
	s := b.All()[0]
	want := []string{"start default 0 at 1000 on host"}
	if diff := cmp.Diff(want, b.said()); diff != "" {
		t.Fatal(diff)
	}
	for range 3 {
		if s.Running() == 0 {
			t.Fatal("nothing runs")
		}
		b.Done(cycle)
	}
	want = []string{"stop default 0 at 1000", "finish default"}
	if diff := cmp.Diff(want, b.said()); diff != "" {
		t.Error(diff)
	}
	if !b.Finished() || len(b.All()) != 0 {
		t.Error("not finished")
	}
}

func TestRemove(t *testing.T) {
	b := newBench()
	s := b.add(t, "a", 1, "a1 a1 a2 a3")
	other := b.add(t, "b", 1, "b1 b2")
	_, c, _ := b.Take()
	if got := b.take(2); got != "b1 a2" {
		t.Fatal(got)
	}
	b.end(c, "a1") // the second a1 is at the front of a's queue now
	b.said()
	b.Remove(s)
	b.Remove(s)
	if got := b.take(5); got != "b2 -" {
		t.Errorf("took %s", got)
	}
	if diff := cmp.Diff([]string(nil), b.said()); diff != "" {
		t.Errorf("a is finished although a2 runs:\n%s", diff)
	}
	b.end(c, "a2")
	if diff := cmp.Diff([]string{"stop a 1 at 1000", "finish a"}, b.said()); diff != "" {
		t.Error(diff)
	}
	b.Remove(s)
	b.Release(iter.Seq2[*Cycle, string](func(yield func(*Cycle, string) bool) { yield(c, "late") }))
	if got := b.take(1); got != "-" || len(b.All()) != 1 || b.Find("B") != other || b.Find("a") != nil {
		t.Errorf("took %s", got)
	}
}

func TestRemoveBeforeStart(t *testing.T) {
	b := newBench()
	s := b.add(t, "a", 0, "a1")
	b.Remove(s)
	if diff := cmp.Diff([]string{"finish a"}, b.said()); diff != "" {
		t.Errorf("a cycle that never started was stopped:\n%s", diff)
	}
}

func TestFlush(t *testing.T) {
	b := newBench()
	b.add(t, "a", 1, "a1 a2")
	b.add(t, "b", 0, "b1")
	b.add(t, "c", 1, "c1 c2")
	_, c, _ := b.Take()
	b.said()
	b.Flush()
	if b.Ready() || b.Finished() || len(b.All()) != 1 {
		t.Errorf("after the flush: ready %v, %d sources", b.Ready(), len(b.All()))
	}
	b.end(c, "a1")
	if diff := cmp.Diff([]string{"finish b", "finish c", "stop a 1 at 1000", "finish a"}, b.said()); diff != "" {
		t.Error(diff)
	}
	if !b.Finished() {
		t.Error("not finished")
	}
}

func TestNames(t *testing.T) {
	b := newBench()
	s := b.add(t, "Foo", 1, "")
	if err := b.Add(NewControl(Config{Name: "fOO"})); err == nil || err.Error() != "source 'fOO' already exists" {
		t.Errorf("second source of a name: %v", err)
	}
	if err := b.Add(s); !errors.Is(err, errAdded) {
		t.Errorf("same source again: %v", err)
	}
	b.take(1)
	s.Close()
	b.take(1)
	if err := b.Add(NewControl(Config{Name: "foo"})); err != nil {
		t.Errorf("name of a finished source: %v", err)
	}
}

func TestTaken(t *testing.T) {
	b := newBench()
	var log []string
	s := NewControl(Config{
		Name: "a", Priority: 1,
		Taken: func(empty bool) { log = append(log, fmt.Sprintf("%d %v", len(b.log), empty)) },
	})
	if err := b.Add(s); err != nil {
		t.Fatal(err)
	}
	b.take(1)
	push(s, "a1 a2")
	b.take(2)
	// The marker is told of before the cycle starts, so that MORE comes before the cycle's record.
	if diff := cmp.Diff([]string{"0 true", "1 false", "1 true"}, log); diff != "" {
		t.Error(diff)
	}
}

func TestUnqueue(t *testing.T) {
	b := newBench()
	s := b.add(t, "a", 1, "a1 a2 a3 a2 a4")
	n := s.Unqueue(func(c *Command) bool { return c.Text == "a2" })
	if got := b.take(9); n != 2 || got != "a1 a3 a4 -" {
		t.Errorf("%d removed, took %s", n, got)
	}
}

func TestBudget(t *testing.T) {
	b := newBench()
	s := b.add(t, "a", 1, strings.Repeat("bad ", 600)+"a1")
	n := 0
	for ; n < 10; n++ {
		if task, _, ok := b.Take(); ok {
			if task != "a1" {
				t.Fatal(task)
			}
			break
		}
		if !b.Ready() {
			t.Fatal("not ready although commands are left")
		}
	}
	if n != 2 {
		t.Errorf("%d calls without a task, want 2", n)
	}
	if got := len(b.said()); got != 601 || s.Running() != 1 {
		t.Errorf("%d lines in the log", got)
	}
}

func TestQueue(t *testing.T) {
	var q queue
	var want []string
	next := 0
	pop := func() {
		t.Helper()
		var e entry
		ok := q.pop(&e)
		if ok != (len(want) > 0) {
			t.Fatalf("pop: %v with %d left", ok, len(want))
		}
		if ok && e.command.Text != want[0] {
			t.Fatalf("pop: %s, want %s", e.command.Text, want[0])
		}
		if ok {
			want = want[1:]
		}
	}
	for i := range 300 {
		for range i % 7 {
			text := fmt.Sprint(next)
			next++
			q.push(entry{command: Command{Text: text}})
			want = append(want, text)
		}
		if i%11 == 0 {
			odd := func(s string) bool { return strings.HasSuffix(s, "3") }
			q.remove(func(e *entry) bool { return odd(e.command.Text) })
			var kept []string
			for _, s := range want {
				if !odd(s) {
					kept = append(kept, s)
				}
			}
			want = kept
		}
		for range i % 5 {
			pop()
		}
	}
	for len(want) > 0 {
		pop()
	}
	pop()
}
