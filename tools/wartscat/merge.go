package wartscat

import (
	"cmp"
	"container/heap"

	"scamper/shared/warts"
)

// merge copies the records in the order of their times, as far as each file is in order.
func (c *cat) merge() error {
	var q queue
	for i, in := range c.inputs {
		if err := c.next(in); err != nil {
			return err
		}
		if in.rec != nil {
			q = append(q, head{in, i, moment(in.rec), rank(in.rec)})
		}
	}
	heap.Init(&q)
	for len(q) > 0 {
		first := &q[0]
		if err := c.copy(first.input); err != nil {
			return err
		}
		if err := c.next(first.input); err != nil {
			return err
		}
		if first.rec == nil {
			heap.Pop(&q)
			continue
		}
		first.at, first.rank = moment(first.rec), rank(first.rec)
		heap.Fix(&q, 0)
	}
	return nil
}

// head is an input with the time of its record at hand.
type head struct {
	*input
	place int   // among the operands
	at    int64 // microseconds since 1970
	rank  int
}

// moment is the time of a record: when the measurement began, when the cycle began, or the end of the second in which it
// ended, so that it comes after all that began in it.
func moment(rec warts.Record) int64 {
	if c, ok := rec.(*warts.Cycle); ok {
		if c.Kind == warts.CycleStop {
			return (int64(c.Stop) + 1) * 1e6
		}
		return int64(c.Start) * 1e6
	}
	return started(rec).UnixMicro()
}

// rank orders records of the same time: starts of cycles, stops, all others.
func rank(rec warts.Record) int {
	switch rec.Type() {
	case warts.TypeCycleStart:
		return 0
	case warts.TypeCycleStop:
		return 1
	}
	return 2
}

// started is when a measurement began.
func started(rec warts.Record) warts.Time {
	switch r := rec.(type) {
	case *warts.Trace:
		return r.Start
	case *warts.Ping:
		return r.Start
	case *warts.Tracelb:
		return r.Start
	case *warts.Dealias:
		return r.Start
	case *warts.Neighbourdisc:
		return r.Start
	case *warts.Tbit:
		return r.Start
	case *warts.Sting:
		return r.Start
	case *warts.Sniff:
		return r.Start
	case *warts.Host:
		return r.Start
	case *warts.HTTP:
		return r.Start
	case *warts.UDPProbe:
		return r.Start
	case *warts.OWAMP:
		return r.Start
	}
	return warts.Time{}
}

// queue is a heap of inputs, the earliest record first. Equal ones are in the order of the operands.
type queue []head

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	a, b := &q[i], &q[j]
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rank, b.rank), cmp.Compare(a.place, b.place)) < 0
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(head)) }
func (q *queue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}
