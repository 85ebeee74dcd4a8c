package sched

import (
	"errors"
	"fmt"

	"scamper/unpriv/netio"
)

// Outbox collects the packets that tasks send through one port during a turn, in buffers that stay until the kernel has
// them, and hands them over in one call. It belongs to the loop's goroutine.
type Outbox struct {
	port   netio.Port
	sched  *Scheduler
	batch  []netio.Packet
	owner  []owner
	stamps []netio.Stamp
	bufs   [][]byte
	dirty  bool // in the scheduler's list of outboxes to flush
	busy   bool // flush is on the stack: a machine may not send in Sent
}

// owner is who hears that the packet was sent.
type owner struct {
	task *Task
	id   uint32
}

// NewOutbox returns the outbox of a port. Packets wait in it until the scheduler's turn ends or the batch is full.
func (s *Scheduler) NewOutbox(port netio.Port) *Outbox {
	n := s.batch
	return &Outbox{
		port: port, sched: s,
		batch: make([]netio.Packet, 0, n), owner: make([]owner, 0, n),
		stamps: make([]netio.Stamp, n), bufs: make([][]byte, n),
	}
}

// Port returns the port that the outbox sends through.
func (o *Outbox) Port() netio.Port { return o.port }

// Buffer returns the empty buffer of the next packet, to be appended to and passed to Add.
func (o *Outbox) Buffer() []byte {
	if len(o.batch) == cap(o.batch) && !o.busy {
		o.flush()
	}
	if len(o.batch) == cap(o.batch) || o.busy {
		return nil // the kernel takes nothing at the moment; Add refuses
	}
	b := o.bufs[len(o.batch)]
	if b == nil {
		b = make([]byte, 0, 256)
	}
	return b[:0]
}

// errNoRoom is what a packet meets that is sent although the port is stuck: only a task that sends outside its turn.
var errNoRoom = fmt.Errorf("packet not sent: %w", netio.ErrFull)

// Add puts p into the batch. p.Data was appended to what Buffer returned last. Machine.Sent is called for it with id
// before the scheduler's turn is over, or later if the kernel's buffer is full.
func (o *Outbox) Add(t *Task, id uint32, p netio.Packet) {
	n := len(o.batch)
	if n == cap(o.batch) || o.busy {
		t.machine.Sent(t, id, 0, errNoRoom)
		return
	}
	o.bufs[n] = p.Data // it may have grown
	p.Sent = &o.stamps[n]
	o.batch = append(o.batch, p)
	o.owner = append(o.owner, owner{t, id})
	t.unsent++
	if !o.dirty {
		o.dirty = true
		o.sched.dirty = append(o.sched.dirty, o)
	}
}

// flush hands the batch to the kernel. It returns false if the kernel's buffer is full and packets are left.
func (o *Outbox) flush() bool {
	o.busy = true
	defer func() { o.busy = false }()
	rest := 0 // index of the first packet that is not settled
	for rest < len(o.batch) {
		n, err := o.port.Send(o.batch[rest:])
		for i := rest; i < rest+n; i++ {
			o.settle(i, o.stamps[i], nil)
		}
		rest += n
		o.sched.Stats.Sent += uint64(n)
		if err == nil {
			continue
		}
		if errors.Is(err, netio.ErrFull) {
			o.sched.Stats.Full++
			o.keep(rest)
			return false
		}
		if rest < len(o.batch) {
			o.sched.Stats.Refused++
			o.settle(rest, 0, err)
			rest++
		}
	}
	o.batch, o.owner = o.batch[:0], o.owner[:0]
	return true
}

func (o *Outbox) settle(i int, at netio.Stamp, err error) {
	t := o.owner[i].task
	t.unsent--
	if t.state == taskDone {
		o.sched.release(t)
		return
	}
	t.machine.Sent(t, o.owner[i].id, at, err)
}

// keep moves the packets from index rest on to the front; buffers move along so that each stays with its packet.
func (o *Outbox) keep(rest int) {
	if rest == 0 {
		return
	}
	n := copy(o.owner, o.owner[rest:])
	for i := range n {
		o.bufs[i], o.bufs[rest+i] = o.bufs[rest+i], o.bufs[i]
		o.batch[i] = o.batch[rest+i]
		o.batch[i].Sent = &o.stamps[i]
	}
	o.batch, o.owner = o.batch[:n], o.owner[:n]
}
