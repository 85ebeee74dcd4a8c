package sched

// Stats counts what happened. Sent + Refused + NoRoom + Unsent is what tasks asked for, once all outboxes are
// closed; Matched + Unmatched is what was parsed.
type Stats struct {
	Started   uint64 // tasks
	Ended     uint64 // tasks
	HeldBack  uint64 // times that a task had to wait for another one
	Sent      uint64 // packets taken by the kernel
	Refused   uint64 // packets that the kernel refused
	NoRoom    uint64 // packets sent outside a slot while the outbox was full
	Full      uint64 // times that the kernel's send buffer was full
	Lost      uint64 // packets among the sent ones that the device dropped, again and again
	Matched   uint64 // replies offered to at least one task
	Unmatched uint64 // replies that no signature asked for
	Waits     uint64 // times that new tasks had to wait because the output could not keep up
	LeftOut   uint64 // copies of work in progress that were not written because the output could not keep up
	Unsent    uint64 // packets that were still with us when their outbox was closed
	Dropped   uint64 // replies that a session could not take: too many while its packet waited for the kernel
	Panics    uint64 // techniques that panicked
}
