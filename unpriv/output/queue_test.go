package output

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
)

// pings are the numbers of the pings in a warts file.
func pings(t testing.TB, b []byte) (list []uint32) {
	t.Helper()
	for r, err := range warts.NewReader(bytes.NewReader(b)).All() {
		if err != nil {
			t.Fatalf("after %d pings: %v", len(list), err)
		}
		if p, ok := r.(*warts.Ping); ok {
			list = append(list, p.UserID)
		}
	}
	return list
}

func upTo(n int) []uint32 {
	var list []uint32
	for i := range n {
		list = append(list, uint32(i))
	}
	return list
}

// Everything that is put comes out, in order, once, and every machine comes back.
func TestQueueOrder(t *testing.T) {
	for _, n := range []int{0, 1, batchLen - 1, batchLen, batchLen + 1, 10_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var w sink
			f := newFile(t, Warts, &w)
			var said reports
			q := NewQueue(func() {}, said.fail)
			var all []*result
			for i := range n {
				r := &result{n: uint32(i)}
				all = append(all, r)
				q.Put(r, origin{f})
				if i%1000 == 999 {
					q.Flush()
				}
			}
			q.Close()
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(upTo(n), pings(t, w.contents())); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, r := range all {
				if r.recorded.Load() != 1 || r.recycled > 1 {
					t.Fatalf("result %d: %d records, %d times recycled", r.n, r.recorded.Load(), r.recycled)
				}
			}
			if q.Pending() != 0 || q.Written.Load() != uint64(n) || len(said.get()) != 0 || !w.closed {
				t.Errorf("%d pending, %d written, reports %v, closed %v", q.Pending(), q.Written.Load(), said.get(), w.closed)
			}
		})
	}
}

// Cycle records keep their place among results, in all formats.
func TestQueueCycles(t *testing.T) {
	stop := *testCycle
	stop.Kind, stop.Stop = warts.CycleStop, testCycle.Start+5
	for _, format := range []Format{Warts, JSON, Text} {
		t.Run(format.String(), func(t *testing.T) {
			var w sink
			f := newFile(t, format, &w)
			q := NewQueue(func() {}, func(_ *File, err error) { t.Error(err) })
			q.Cycle(f, testCycle)
			for i := range 300 {
				q.Put(&result{n: uint32(i)}, origin{f})
			}
			q.Cycle(f, &stop)
			q.Close()
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			got := w.contents()
			switch format {
			case Warts:
				var kinds []string
				for r, err := range warts.NewReader(bytes.NewReader(got)).All() {
					if err != nil {
						t.Fatal(err)
					}
					kinds = append(kinds, r.Type().String())
				}
				want := append([]string{"list", "cycle-start"}, slices.Repeat([]string{"ping"}, 300)...)
				if diff := cmp.Diff(append(want, "cycle-stop"), kinds); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			case JSON:
				lines := bytes.Split(bytes.TrimSuffix(got, []byte("\n")), []byte("\n"))
				if len(lines) != 302 || !bytes.Contains(lines[0], []byte(`"cycle-start"`)) || !bytes.Contains(lines[301], []byte(`"cycle-stop"`)) {
					t.Errorf("%d lines, %s ... %s", len(lines), lines[0], lines[len(lines)-1])
				}
			case Text:
				if n := bytes.Count(got, []byte("ping statistics")); n != 300 || bytes.Contains(got, []byte("default")) {
					t.Errorf("%d pings in\n%s", n, got[:min(400, len(got))])
				}
			}
		})
	}
}

// A writer that is held up makes the queue full; nothing is lost, and the loop is woken when there is room again.
func TestQueueFull(t *testing.T) {
	w := sink{gate: make(chan struct{})}
	f := newFile(t, Warts, &w)
	var woken atomic.Int32
	q := NewQueue(func() { woken.Add(1) }, func(_ *File, err error) { t.Error(err) })
	n := 0
	for !q.Full() {
		q.Put(&result{n: uint32(n)}, origin{f})
		n++
		if n > 10*batchLen*maxBatches {
			t.Fatal("the queue is never full")
		}
	}
	if n < batchLen*maxBatches {
		t.Errorf("full after %d results", n)
	}
	if woken.Load() != 0 {
		t.Error("woken while it is full")
	}
	// What running tasks still deliver is kept.
	for range 3*batchLen + 1 {
		q.Put(&result{n: uint32(n)}, origin{f})
		n++
	}
	if next := q.Turn(loop.Mono(1)); next == loop.Never {
		t.Error("the queue does not look again at what it could not hand over")
	}
	if q.Pending() < batchLen*maxBatches {
		t.Errorf("%d pending", q.Pending())
	}
	close(w.gate)
	eventually(t, "woken", func() bool { return woken.Load() > 0 })
	eventually(t, "not full", func() bool { q.Flush(); return !q.Full() })
	q.Close()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(upTo(n), pings(t, w.contents())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if q.Pending() != 0 {
		t.Errorf("%d pending", q.Pending())
	}
}

// Close with a full queue and a slow writer writes everything.
func TestQueueCloseFull(t *testing.T) {
	w := sink{gate: make(chan struct{})}
	f := newFile(t, Warts, &w)
	q := NewQueue(func() {}, func(_ *File, err error) { t.Error(err) })
	n := batchLen * (maxBatches + 7)
	for i := range n {
		q.Put(&result{n: uint32(i)}, origin{f})
	}
	closed := make(chan struct{})
	go func() {
		q.Close()
		close(closed)
	}()
	select {
	case <-closed:
		t.Error("closed although nothing could be written")
	case <-time.After(20 * time.Millisecond):
	}
	close(w.gate)
	<-closed
	if got := len(pings(t, w.contents())); got != n {
		t.Errorf("%d of %d results written", got, n)
	}
}

// A failure is reported once, whatever comes after it, and machines come back all the same.
func TestQueueFailure(t *testing.T) {
	w := sink{fail: errDisk}
	f := newFile(t, Warts, &w)
	var said reports
	q := NewQueue(func() {}, said.fail)
	var all []*result
	put := func(n int) {
		for range n {
			r := &result{n: uint32(len(all))}
			all = append(all, r)
			q.Put(r, origin{f})
		}
		q.Flush()
	}
	put(batchLen)
	eventually(t, "the failure is reported", func() bool { return len(said.get()) > 0 })
	put(5000)
	eventually(t, "nothing is pending", func() bool { q.Flush(); return q.Pending() == 0 })
	q.Close()
	if err := f.Close(); !errors.Is(err, errDisk) {
		t.Errorf("Close: %v", err)
	}
	if diff := cmp.Diff([]string{"out: no space left on device"}, said.get()); diff != "" {
		t.Errorf("reports, -want +got:\n%s", diff)
	}
	if w.writes != 1 {
		t.Errorf("%d writes after a failure", w.writes-1)
	}
	for _, r := range all {
		if r.recorded.Load() != 1 {
			t.Fatalf("result %d: %d records", r.n, r.recorded.Load())
		}
	}
}

// When one file fails, the others get nothing more either: the run is about to end.
func TestQueueOtherFile(t *testing.T) {
	bad, good := sink{fail: errDisk}, sink{}
	badFile, goodFile := newFile(t, Warts, &bad), newFile(t, Warts, &good)
	var said reports
	q := NewQueue(func() {}, said.fail)
	q.Put(&result{n: 0}, origin{goodFile})
	q.Put(&result{n: 0}, origin{badFile})
	q.Flush()
	eventually(t, "the failure is reported", func() bool { return len(said.get()) > 0 })
	q.Put(&result{n: 1}, origin{goodFile})
	q.Close()
	if err := goodFile.Close(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(upTo(1), pings(t, good.contents())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A record that cannot be encoded is reported; what was before it is in the file, and none of its bytes.
func TestQueueBadRecord(t *testing.T) {
	var w sink
	f := newFile(t, Warts, &w)
	var said reports
	q := NewQueue(func() {}, said.fail)
	for i := range 3 {
		q.Put(&result{n: uint32(i)}, origin{f})
	}
	q.Put(&result{n: 3, broken: true}, origin{f})
	q.Close()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if got := said.get(); len(got) != 1 {
		t.Errorf("reports %q", got)
	}
	if diff := cmp.Diff(upTo(3), pings(t, w.contents())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A machine without a record leaves no trace; one whose source has no file neither.
func TestQueueNothing(t *testing.T) {
	var w sink
	f := newFile(t, Warts, &w)
	q := NewQueue(func() {}, func(_ *File, err error) { t.Error(err) })
	q.Put(&result{nothing: true}, origin{f})
	q.Put(&result{n: 0}, origin{f})
	q.Put(&result{n: 9}, origin{nil})
	q.Close()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(upTo(1), pings(t, w.contents())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A few results wait for others for a moment, and are handed over then; a reader sees them without more to come.
func TestQueueTurn(t *testing.T) {
	var w sink
	f := newFile(t, Warts, &w)
	q := NewQueue(func() {}, func(_ *File, err error) { t.Error(err) })
	now := loop.Mono(time.Second)
	if next := q.Turn(now); next != loop.Never {
		t.Errorf("an empty queue wants to be called at %v", next)
	}
	r := &result{}
	q.Put(r, origin{f})
	next := q.Turn(now)
	if next <= now || next > now.Add(time.Second) {
		t.Errorf("to be called at %v, it is %v", next, now)
	}
	if again := q.Turn(now + 1); again != next {
		t.Errorf("the time was %v, now %v", next, again)
	}
	if len(w.contents()) != 0 {
		t.Error("handed over too early")
	}
	if later := q.Turn(next); later != loop.Never {
		t.Errorf("to be called at %v after handing over", later)
	}
	eventually(t, "it is in the file", func() bool { return len(pings(t, w.contents())) == 1 })
	eventually(t, "it comes back", func() bool { q.Flush(); return r.recycled == 1 })
	q.Close()
}

// Nothing is allocated per result once there are enough batches.
func TestQueueAllocations(t *testing.T) {
	var w sink
	f := newFile(t, Text, &w)
	q := NewQueue(func() {}, func(_ *File, err error) { t.Error(err) })
	r := &result{nothing: true}
	o := Destination(origin{f})
	cycle := func() {
		for range 10 * batchLen {
			q.Put(r, o)
		}
		eventually(t, "empty", func() bool { q.Flush(); return q.Pending() == 0 })
	}
	for range 20 {
		cycle()
	}
	least := math.Inf(1)
	for range 5 {
		least = min(least, testing.AllocsPerRun(1, cycle))
	}
	if per := least / (10 * batchLen); per > 0.05 {
		t.Errorf("%.2f allocations per result", per)
	}
	q.Close()
}
