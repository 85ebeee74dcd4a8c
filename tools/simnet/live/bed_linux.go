package live

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"scamper/tools/simnet"
)

// Bed is a simulated Internet that runs.
type Bed struct {
	spaces []*space // by port
	wake   int      // eventfd: the loop should end
	done   chan struct{}
	begin  time.Time
	closed sync.Once

	precise atomic.Bool

	mu       sync.Mutex
	net      *simnet.Net
	failures uint64 // frames that the kernel did not take
}

// Start makes the namespaces and begins to play t. Errors say what was being done; the cause can be matched (unix.EPERM
// without root).
func Start(t *simnet.Topology) (*Bed, error) {
	b := &Bed{wake: -1, done: make(chan struct{}), begin: time.Now()}
	b.net = simnet.New(t, simnet.Options{Start: b.begin})
	if err := b.setUp(t); err != nil {
		b.tearDown()
		return nil, err
	}
	go b.loop()
	return b, nil
}

func (b *Bed) setUp(t *simnet.Topology) error {
	var err error
	if b.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("making an eventfd: %w", err)
	}
	m := &t.Monitor
	stack := []stackConfig{{name: "monitor", mac: m.MAC, mtu: m.MTU, addresses: m.Addresses, gateways: m.Gateways}}
	for i := range t.Attached {
		a := &t.Attached[i]
		stack = append(stack, stackConfig{
			name: a.Name, mac: a.MAC, mtu: a.MTU, addresses: a.Addresses, gateways: a.Gateways,
			local: a.Prefixes, serve: a.Serve, sysctl: a.Sysctl, topology: t,
		})
	}
	for _, config := range stack {
		s, err := newSpace(config)
		if err != nil {
			return fmt.Errorf("making the namespace of %s: %w", config.name, err)
		}
		b.spaces = append(b.spaces, s)
	}
	return nil
}

// Start starts a command in the monitor's namespace, as exec.Cmd.Start does.
func (b *Bed) Start(cmd *exec.Cmd) error { return b.spaces[0].do(cmd.Start) }

// StartIn starts a command in the namespace of an attachment.
func (b *Bed) StartIn(attachment string, cmd *exec.Cmd) error {
	for _, s := range b.spaces[1:] {
		if s.name == attachment {
			return s.do(cmd.Start)
		}
	}
	return fmt.Errorf("the topology attaches no namespace %q", attachment)
}

// Precise makes the simulation look for frames without pause while any is under way, for measurements of time: frames
// then come a few microseconds late instead of up to some hundreds. It takes a processor.
func (b *Bed) Precise() { b.precise.Store(true) }

// Do calls fn on a thread that is in the monitor's namespace: sockets that fn opens belong to it. Goroutines that fn
// starts are elsewhere.
func (b *Bed) Do(fn func() error) error { return b.spaces[0].do(fn) }

// Counters returns what has been counted so far.
func (b *Bed) Counters() simnet.Counters {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.net.Counters()
	c.QueueFull += b.failures
	return c
}

// Close stops the simulation, ends the processes that are still in its namespaces, and removes everything. Closing a
// second time does nothing.
func (b *Bed) Close() error {
	var err error
	b.closed.Do(func() {
		one := [8]byte{1}
		if _, e := unix.Write(b.wake, one[:]); e != nil {
			err = fmt.Errorf("waking the simulation: %w", e)
		}
		<-b.done
		err = errors.Join(err, b.tearDown())
	})
	return err
}

func (b *Bed) tearDown() error {
	var err error
	for _, s := range b.spaces {
		err = errors.Join(err, s.close())
	}
	if b.wake >= 0 {
		unix.Close(b.wake)
	}
	return err
}

// readsPerTurn bounds how many frames are read from one device before frames are sent.
const readsPerTurn = 64

// loop moves frames between the devices and the simulation until Close.
func (b *Bed) loop() {
	defer close(b.done)
	// The thread ends with the loop, and with it the slack. Without it the kernel wakes up to 50 us late.
	runtime.LockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	buf := make([]byte, 1<<16+64)
	fds := make([]unix.PollFd, 0, len(b.spaces)+1)
	for _, s := range b.spaces {
		fds = append(fds, unix.PollFd{Fd: int32(s.tap), Events: unix.POLLIN})
	}
	fds = append(fds, unix.PollFd{Fd: int32(b.wake), Events: unix.POLLIN})
	send := func(port simnet.Port, frame []byte) {
		if _, err := unix.Write(b.spaces[port].tap, frame); err != nil {
			b.failures++
		}
	}
	for {
		busy := false
		b.mu.Lock()
		for port, s := range b.spaces {
			for range readsPerTurn {
				n, err := unix.Read(s.tap, buf)
				if err != nil || n <= 0 {
					break
				}
				busy = true
				b.net.Handle(simnet.Port(port), buf[:n], time.Since(b.begin))
			}
		}
		if b.net.Deliver(time.Since(b.begin), send) > 0 {
			busy = true
		}
		due, waiting := b.net.Next()
		b.mu.Unlock()
		if busy || waiting && b.precise.Load() {
			continue
		}
		var timeout *unix.Timespec
		if waiting {
			ts := unix.NsecToTimespec(int64(max(due-time.Since(b.begin), 0)))
			timeout = &ts
		}
		if _, err := unix.Ppoll(fds, timeout, nil); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if fds[len(fds)-1].Revents != 0 {
			return
		}
	}
}
