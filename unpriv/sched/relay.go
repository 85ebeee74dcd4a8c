package sched

import (
	"errors"
	"sync/atomic"
	"time"

	"scamper/unpriv/netio"
)

// relay carries packets from the loop to a goroutine that does nothing but send them. At high rates the kernel's part of
// sending, which for a packet to this very machine includes its reply, is as much work as everything else together: it
// then has a processor of its own.
//
// It is a ring with one writer and one reader. What is between done and head belongs to the sender, everything else to the
// loop; the two counters hand slots over. A packet counts as done after the kernel has it, so a reply may be faster than
// that news: Scheduler.Deliver keeps such replies until it is there.
type relay struct {
	port    netio.Port
	packets []netio.Packet
	stamps  []netio.Stamp
	errs    []error

	head   atomic.Uint64 // packets handed to the sender so far
	done   atomic.Uint64 // of those, packets that were sent or refused
	parked atomic.Bool   // the sender waits for wake
	wake   chan struct{}
	full   atomic.Uint64 // times that the kernel's send buffer was full
	lost   atomic.Uint64 // packets that the device dropped
	quit   atomic.Bool
	exited chan struct{}
}

// maxRelays is how many outboxes have one: each has a goroutine and a ring of its own, and the first few sockets carry
// nearly everything.
const maxRelays = 16

// relayLen is the number of slots, a power of two: enough for what is sent while the sender is late by 10 ms at 100,000
// packets per second.
const relayLen = 1024

// fullPause is how long the sender waits when the kernel's send buffer is full.
const fullPause = 200 * time.Microsecond

func newRelay(port netio.Port) *relay {
	r := &relay{
		port: port, packets: make([]netio.Packet, relayLen), stamps: make([]netio.Stamp, relayLen),
		errs: make([]error, relayLen), wake: make(chan struct{}, 1), exited: make(chan struct{}),
	}
	go r.run()
	return r
}

// publish hands all packets before head to the sender.
func (r *relay) publish(head uint64) {
	r.head.Store(head)
	if r.parked.CompareAndSwap(true, false) {
		r.wake <- struct{}{}
	}
}

// run sends until stop.
func (r *relay) run() {
	defer close(r.exited)
	var blocked time.Time // since when the device drops what it is given
	for i := uint64(0); ; {
		if r.quit.Load() {
			return
		}
		if i == r.head.Load() {
			r.parked.Store(true)
			// What was published before the mark woke nobody: look again.
			if i != r.head.Load() || r.quit.Load() {
				if r.parked.CompareAndSwap(true, false) {
					continue
				}
			}
			<-r.wake
			continue
		}
		at := i % relayLen
		n, err := r.port.Send(r.packets[at : at+1])
		switch {
		case n > 0:
			blocked = time.Time{}
		case errors.Is(err, netio.ErrFull):
			r.full.Add(1)
			if blocked.IsZero() || !errors.Is(err, netio.ErrDevice) {
				blocked = time.Now()
			}
			if time.Since(blocked) < devicePatience {
				time.Sleep(fullPause)
				continue
			}
			r.lost.Add(1)
			r.stamps[at] = netio.StampOf(time.Now())
			n = 1
		}
		r.errs[at] = nil
		if n == 0 {
			r.errs[at] = err
		}
		i++
		r.done.Store(i)
	}
}

// stop ends the sender; what it has not sent is not sent any more. It may be called again.
func (r *relay) stop() {
	r.quit.Store(true)
	if r.parked.CompareAndSwap(true, false) {
		r.wake <- struct{}{}
	}
	<-r.exited
}
