package loop

// The 4-ary heap of a timer queue: shallower than a binary heap, and the four
// children of a node lie beside each other.

const arity = 4

// up puts e at i or above, where it belongs; i is a free place.
func (q *Timers) up(i int, e entry) {
	for i > 0 {
		parent := (i - 1) / arity
		if !e.before(q.heap[parent]) {
			break
		}
		q.place(i, q.heap[parent])
		i = parent
	}
	q.place(i, e)
}

// down puts e at i or below, where it belongs; i is a free place.
func (q *Timers) down(i int, e entry) {
	for {
		first := i*arity + 1
		if first >= len(q.heap) {
			break
		}
		least := first
		for child := first + 1; child < min(first+arity, len(q.heap)); child++ {
			if q.heap[child].before(q.heap[least]) {
				least = child
			}
		}
		if !q.heap[least].before(e) {
			break
		}
		q.place(i, q.heap[least])
		i = least
	}
	q.place(i, e)
}

func (q *Timers) place(i int, e entry) {
	q.heap[i] = e
	e.timer.pos = inHeap + int32(i)
}

// remove takes out the entry at i.
func (q *Timers) remove(i int) {
	last := len(q.heap) - 1
	e := q.heap[last]
	q.heap[last] = entry{}
	q.heap = q.heap[:last]
	if i == last {
		return
	}
	if i > 0 && e.before(q.heap[(i-1)/arity]) {
		q.up(i, e)
	} else {
		q.down(i, e)
	}
}
