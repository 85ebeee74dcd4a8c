package netio

import (
	"scamper/unpriv/loop"
)

// Memory is a port without a network, for tests and simulations in virtual
// time. What is sent goes to Transmit, what is to be received is given to
// Deliver. Like every port it belongs to one goroutine.
type Memory struct {
	// Transmit is the network: it is called for each packet sent, at the time
	// that is recorded for it. An error refuses the packet as the kernel
	// would; ErrFull asks for it later. The packet's data is only valid
	// during the call.
	Transmit func(pkt Packet, at Stamp) error

	clock  loop.Clock
	poller *loop.FakePoller
	fd     int
	queue  []Datagram // buf holds the data
	free   [][]byte
	room   int
	drops  uint64
	closed bool
}

// memoryRoom is how many datagrams wait in a Memory before more are dropped.
const memoryRoom = 1 << 16

// NewMemory returns a port whose descriptor becomes ready on the poller when a
// datagram was delivered.
func NewMemory(clock loop.Clock, poller *loop.FakePoller) *Memory {
	return &Memory{clock: clock, poller: poller, fd: poller.NewFD(), room: memoryRoom}
}

// Send hands the packets to Transmit, one by one.
func (m *Memory) Send(batch []Packet) (sent int, err error) {
	for i := range batch {
		at := StampOf(m.clock.Wall())
		if m.Transmit != nil {
			if err := m.Transmit(batch[i], at); err != nil {
				return i, err
			}
		}
		if batch[i].Sent != nil {
			*batch[i].Sent = at
		}
	}
	return len(batch), nil
}

// Deliver queues a copy of d, to be received next. Without a stamp it is
// stamped with the time of the clock, as the kernel would. It reports whether
// there was room.
func (m *Memory) Deliver(d Datagram) bool {
	if m.closed {
		return false
	}
	if len(m.queue) >= m.room {
		m.drops++
		return false
	}
	if d.Stamp == 0 {
		d.Stamp, d.Kernel = StampOf(m.clock.Wall()), true
	}
	if d.Size == 0 {
		d.Size = len(d.Data)
	}
	var room []byte
	if n := len(m.free); n > 0 {
		room, m.free = m.free[n-1], m.free[:n-1]
	}
	d.Data = append(room[:0], d.Data...)
	d.buf = nil
	m.queue = append(m.queue, d)
	m.poller.SetReady(m.fd, loop.Readable)
	return true
}

// Recv receives what was delivered, in order.
func (m *Memory) Recv(into []Datagram) (n int, err error) {
	for n < len(into) && n < len(m.queue) {
		if len(into[n].buf) == 0 {
			return n, errNoRoom
		}
		d := m.queue[n]
		buf := into[n].buf
		m.free = append(m.free, d.Data)
		d.Data = buf[:copy(buf, d.Data)]
		d.buf = buf
		into[n] = d
		n++
	}
	m.queue = m.queue[:copy(m.queue, m.queue[n:])]
	if len(m.queue) == 0 {
		m.poller.SetReady(m.fd, 0)
	}
	return n, nil
}

// Waiting returns how many datagrams have not been received yet.
func (m *Memory) Waiting() int { return len(m.queue) }

// FD returns the number that the port has on its poller.
func (m *Memory) FD() int { return m.fd }

// Drops returns how many datagrams found no room.
func (m *Memory) Drops() uint64 { return m.drops }

// Close forgets what was not received.
func (m *Memory) Close() error {
	m.closed, m.queue = true, nil
	m.poller.SetReady(m.fd, 0)
	return nil
}
