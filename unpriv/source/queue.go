package source

// entryKind says what an entry of a source's queue is.
type entryKind uint8

const (
	isCommand entryKind = iota
	isMarker            // a cycle starts here
	isTask              // a task that had to wait
)

// entry is one thing in the queue of a source.
type entry struct {
	kind    entryKind
	command Command
	cycle   *Cycle // of a marker or a task
	task    any    // of isTask: the mixer's T
}

// queue is a first-in first-out queue in one slice that is used round and round.
type queue struct {
	ring []entry // its length is a power of 2
	head int     // index of the first entry
	n    int
}

func (q *queue) push(e entry) {
	if q.n == len(q.ring) {
		grown := make([]entry, max(4, 2*len(q.ring)))
		for i := range q.n {
			grown[i] = q.ring[(q.head+i)&(len(q.ring)-1)]
		}
		q.ring, q.head = grown, 0
	}
	q.ring[(q.head+q.n)&(len(q.ring)-1)] = e
	q.n++
}

// pop moves the first entry to *e; it reports false if there is none.
func (q *queue) pop(e *entry) bool {
	if q.n == 0 {
		return false
	}
	*e = q.ring[q.head]
	q.ring[q.head] = entry{}
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
	return true
}

// remove takes out all entries for which match is true, and returns how many those were.
func (q *queue) remove(match func(*entry) bool) int {
	kept := 0
	for i := range q.n {
		at := (q.head + i) & (len(q.ring) - 1)
		if match(&q.ring[at]) {
			continue
		}
		to := (q.head + kept) & (len(q.ring) - 1)
		if to != at {
			q.ring[to] = q.ring[at]
		}
		kept++
	}
	for i := kept; i < q.n; i++ {
		q.ring[(q.head+i)&(len(q.ring)-1)] = entry{}
	}
	removed := q.n - kept
	q.n = kept
	return removed
}
