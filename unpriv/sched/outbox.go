package sched

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
)

// Outbox collects the packets that tasks send through one port during a turn, in buffers that stay until the kernel has
// them, and hands them over together at the end of the turn: to the port itself, or at high rates to a goroutine that
// sends (see relay). It belongs to the loop's goroutine.
type Outbox struct {
	port  netio.Port
	sched *Scheduler
	relay *relay // nil: Flush calls the port itself

	// A ring: packets from settled to handed are the kernel's or the relay's, from handed to next are being collected.
	// Without a relay, it is empty after each flush unless the kernel's send buffer is full, and it grows: a task may have
	// thousands of ports, and send a packet through each.
	packets []netio.Packet
	stamps  []netio.Stamp
	owner   []owner
	bufs    [][]byte
	settled uint64
	handed  uint64
	next    uint64

	dirty   bool   // in the scheduler's list of outboxes to flush
	busy    bool   // owners are being told: a machine may not send in Sent
	fulls   uint64 // what the relay counted so far
	losts   uint64
	blocked loop.Mono // since when the device drops what it is given; 0: it doesn't
	closed  bool
}

// firstLen is how many packets an outbox without a relay holds at first, a power of two.
const firstLen = 2

// usualPacket is the room that each buffer begins with, in bytes; larger packets make theirs grow.
const usualPacket = 256

// owner is who hears that the packet was sent.
type owner struct {
	task   *Task // nil: no task's, see Post
	id     uint32
	failed func(error) // of Post
}

// NewOutbox returns the outbox of a port. Packets wait in it until the scheduler's turn ends.
func (s *Scheduler) NewOutbox(port netio.Port) *Outbox {
	o := &Outbox{port: port, sched: s}
	if half, ok := port.(interface{ Split() bool }); ok && s.relays && s.relaying < maxRelays && half.Split() {
		s.relaying++
		o.relay = newRelay(port)
		o.packets, o.stamps = o.relay.packets, o.relay.stamps
	} else {
		o.packets, o.stamps = make([]netio.Packet, firstLen), make([]netio.Stamp, firstLen)
	}
	n := len(o.packets)
	o.owner, o.bufs = make([]owner, n), newBuffers(n)
	s.outboxes[o] = struct{}{}
	return o
}

// newBuffers returns empty buffers for n packets of usual size.
func newBuffers(n int) [][]byte {
	bufs, room := make([][]byte, n), make([]byte, n*usualPacket)
	for i := range bufs {
		bufs[i] = room[i*usualPacket : i*usualPacket : (i+1)*usualPacket]
	}
	return bufs
}

// grow doubles a full ring, if it has not room for the packets of two turns yet.
func (o *Outbox) grow() bool {
	n := len(o.packets)
	if o.relay != nil || n >= 2*o.sched.batch {
		return false
	}
	packets, stamps, owners := make([]netio.Packet, 2*n), make([]netio.Stamp, 2*n), make([]owner, 2*n)
	bufs := newBuffers(2 * n)
	for i := o.settled; i < o.next; i++ {
		from, to := i%uint64(n), i%uint64(2*n)
		packets[to], stamps[to], owners[to], bufs[to] = o.packets[from], o.stamps[from], o.owner[from], o.bufs[from]
		packets[to].Sent = &stamps[to]
	}
	o.packets, o.stamps, o.owner, o.bufs = packets, stamps, owners, bufs
	return true
}

// makeRoom makes room for a packet, if that is possible now.
func (o *Outbox) makeRoom() bool {
	if o.room() == 0 && !o.busy && !o.closed && !o.grow() {
		o.flush()
	}
	return o.room() > 0 && !o.closed
}

// Port returns the port that the outbox sends through.
func (o *Outbox) Port() netio.Port { return o.port }

// Close ends the outbox. Packets that are still in it are not sent: their owners hear of that.
func (o *Outbox) Close() {
	if o.closed {
		return
	}
	o.closed = true
	if o.relay != nil {
		o.relay.stop()
		o.collect()
		o.relay = nil
		o.sched.relaying--
	}
	for o.settled < o.next {
		o.settle(o.settled+1, errClosed)
	}
	o.handed = o.next
	delete(o.sched.outboxes, o)
	if i := slices.Index(o.sched.dirty, o); i >= 0 {
		o.sched.dirty = slices.Delete(o.sched.dirty, i, i+1)
	}
}

func (o *Outbox) size() uint64 { return uint64(len(o.packets)) }

// room is how many packets can be added.
func (o *Outbox) room() int { return int(o.size() - (o.next - o.settled)) }

// Buffer returns the empty buffer of the next packet, to be appended to and passed to Add; nil if there is no room, which
// happens only to tasks that send outside their turn.
func (o *Outbox) Buffer() []byte {
	if !o.makeRoom() || o.busy {
		return nil
	}
	return o.bufs[o.next%o.size()][:0]
}

// errNoRoom is what a packet meets that is sent outside a turn although the port is stuck.
var errNoRoom = fmt.Errorf("packet not sent: %w", netio.ErrFull)

// errClosed is what a packet meets that was not sent when its outbox was closed.
var errClosed = errors.New("packet not sent: its outbox was closed")

// refuse counts a packet that could not be added, and says why.
func (o *Outbox) refuse() error {
	if o.closed {
		o.sched.Stats.Unsent++
		return errClosed
	}
	o.sched.Stats.NoRoom++
	return errNoRoom
}

// Post puts a packet into the batch that belongs to no task and takes no slot of the packet rate, as a question for a
// neighbour. Others may have begun to send on the port on a goroutine of its own, so this is the only way through it. data
// is copied; it may not come between a task's Buffer and Add. failed is called if the packet is not sent after all, in the
// middle of the scheduler's work: it may not send or touch tasks. An error, which wraps netio.ErrFull if there is no room,
// says that the packet was not taken and that failed will not be called. Neither is counted in Stats.
func (o *Outbox) Post(data []byte, failed func(error)) error {
	if o.closed {
		return errClosed
	}
	if !o.makeRoom() {
		return errNoRoom
	}
	at := o.next % o.size()
	o.bufs[at] = append(o.bufs[at][:0], data...)
	o.put(netio.Packet{Data: o.bufs[at]}, owner{failed: failed})
	return nil
}

// put takes a packet whose data is in the next buffer.
func (o *Outbox) put(p netio.Packet, by owner) {
	at := o.next % o.size()
	p.Sent = &o.stamps[at]
	o.packets[at], o.owner[at] = p, by
	o.next++
	if !o.dirty {
		o.dirty = true
		o.sched.dirty = append(o.sched.dirty, o)
	}
}

// Add puts p into the batch. p.Data was appended to what Buffer returned last. Machine.Sent is called for it with id
// before the scheduler's turn is over, or later if the kernel's buffer is full or a relay sends.
func (o *Outbox) Add(t *Task, id uint32, p netio.Packet) {
	if o.room() == 0 || o.busy || o.closed {
		t.machine.Sent(t, id, 0, o.refuse())
		return
	}
	o.bufs[o.next%o.size()] = p.Data // it may have grown
	t.unsent++
	o.put(p, owner{task: t, id: id})
}

// flush hands over what was collected and tells the owners what became of it. It returns false if there may be no room
// for the packets of another turn.
func (o *Outbox) flush() bool {
	if o.relay != nil {
		o.handed = o.next
		o.relay.publish(o.next)
		o.collect()
		return o.room() >= o.sched.batch
	}
	for o.handed < o.next {
		from := o.handed % o.size()
		to := min(from+o.next-o.handed, o.size())
		n, err := o.port.Send(o.packets[from:to])
		if n > 0 || err == nil {
			o.blocked = 0
		}
		o.handed += uint64(n)
		o.settle(o.handed, nil)
		switch {
		case err == nil:
		case errors.Is(err, netio.ErrFull):
			o.sched.Stats.Full++
			if !o.hopeless(err) {
				return false
			}
			o.sched.Stats.Lost++
			o.stamps[o.handed%o.size()] = netio.StampOf(o.sched.loop.Clock().Wall())
			o.handed++
			o.settle(o.handed, nil)
		case o.handed < o.next:
			o.handed++
			o.settle(o.handed, err)
		}
	}
	return true
}

// devicePatience is for how long a packet is offered to a device that drops it: a queue of a slow link has room again by
// then. A device that never takes it does to it what a network can do to any packet, so it counts as sent, and nobody else
// is held up.
const devicePatience = 100 * time.Millisecond

// hopeless reports that a packet was offered long enough. As long as no other was sent, the next ones have no hope either.
func (o *Outbox) hopeless(err error) bool {
	now := o.sched.loop.Clock().Mono()
	switch {
	case !errors.Is(err, netio.ErrDevice):
		o.blocked = 0
	case o.blocked == 0:
		o.blocked = now
	}
	return o.blocked != 0 && now.Sub(o.blocked) >= devicePatience
}

// collect takes over what the relay has done.
func (o *Outbox) collect() {
	if o.relay == nil || o.busy {
		return
	}
	full := o.relay.full.Load()
	o.sched.Stats.Full += full - o.fulls
	o.fulls = full
	lost := o.relay.lost.Load()
	o.sched.Stats.Lost += lost - o.losts
	o.losts = lost
	for done := o.relay.done.Load(); o.settled < done; {
		o.settle(o.settled+1, o.relay.errs[o.settled%o.size()])
	}
}

// settle tells the owners of the packets before end, err being about the last of them.
func (o *Outbox) settle(end uint64, err error) {
	o.busy = true
	defer func() { o.busy = false }()
	for o.settled < end {
		at := o.settled % o.size()
		by, stamp := o.owner[at], o.stamps[at]
		o.owner[at] = owner{}
		o.settled++
		t := by.task
		if t == nil {
			if err != nil && by.failed != nil {
				by.failed(err)
			}
			continue
		}
		t.unsent--
		switch {
		case err == nil:
			o.sched.Stats.Sent++
		case o.closed && errors.Is(err, errClosed):
			o.sched.Stats.Unsent++
			stamp = 0
		default:
			o.sched.Stats.Refused++
			stamp = 0
		}
		if t.state == taskDone {
			o.sched.release(t)
			continue
		}
		t.machine.Sent(t, by.id, stamp, err)
	}
}

// unsettled reports whether owners are still to be told.
func (o *Outbox) unsettled() bool { return o.settled != o.next }
