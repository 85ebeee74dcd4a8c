// Package engine is the main process: it puts loop, sockets, scheduler, sources and outputs together and runs them.
//
//	source -> feed -> sched -> technique -> probe -> netio -> the network
//	                    ^                              |
//	                    +---- receive: parse, match ---+
//	                    +-> output queue -> file
package engine

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"scamper/privsep/client"
	"scamper/privsep/message"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/netio/route"
	"scamper/unpriv/output"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
	"scamper/unpriv/source"
	"scamper/unpriv/technique"
)

// Config is what to run.
type Config struct {
	Handles    client.Handles
	Techniques technique.Registry
	Log        *Log

	Poller loop.Kind
	PPS    int // packets per second
	Window int // tasks at once, 0 is no limit
	RawTCP bool
	// NoNeighbours leaves the neighbour cache empty at start (-O noinitndc).
	NoNeighbours bool
	// Receive is the size of receive buffers to ask for, in bytes; 0 is the default.
	Receive   int
	Ring      *netio.Ring
	DynFilter bool
	// Progress, if not nil, is told the state of the run every now and then, and how it ended.
	Progress *Progress
	HostName string
	// Disabled are the techniques that the configuration forbids.
	Disabled map[string]bool

	// Output is where results go.
	Output *output.File
	// Batch is how many packets are sent and received in one call; 0 is the default.
	Batch int
}

// Engine is the running program.
type Engine struct {
	// Received counts packets read from sockets, Unused what they were by reason.
	Received uint64
	Unused   probe.Counts

	config  Config
	log     *Log
	loop    *loop.Loop
	sched   *sched.Scheduler
	sockets *netio.Sockets
	routes  *route.Table
	links   *links
	env     *technique.Env
	feed    *feed
	queue   *output.Queue
	file    *output.File
	reply   probe.Reply
	err     error
	stopped bool
}

// New returns an engine that has opened what it needs to begin.
func New(c Config) (*Engine, error) {
	poller, err := loop.New(c.Poller)
	if err != nil {
		return nil, err
	}
	e := &Engine{config: c, log: c.Log, file: c.Output, loop: loop.NewLoop(poller, nil)}
	if e.sockets, err = netio.NewSockets(netio.Config{
		Loop: e.loop, Handles: c.Handles, Receiver: e, Batch: c.Batch, Receive: c.Receive, Ring: c.Ring, DynFilter: c.DynFilter,
		OnError: func(err error) { e.log.Error(err.Error()) },
	}); err != nil {
		return nil, err
	}
	e.queue = output.NewQueue(e.loop.Wake, func(err error) { e.loop.Post(func() { e.fail(err) }) })
	e.feed = newFeed(e)
	e.sched = sched.New(sched.Config{
		PPS: c.PPS, Window: c.Window, Batch: c.Batch, Loop: e.loop, Feed: e.feed, Sink: e.queue,
	})
	e.sched.OnIdle(e.loop.Stop)
	e.loop.AddTurner(e.sched)
	e.loop.AddTurner(e.queue)

	socket, err := c.Handles.Route(message.Buffers{})
	if err != nil {
		return nil, fmt.Errorf("could not open a routing socket: %w", route.InC(err))
	}
	if e.routes, err = route.New(route.Config{FD: socket.FD, Clock: e.loop.Clock()}); err != nil {
		return nil, err
	}
	if fd := e.routes.FD(); fd >= 0 {
		if err := e.loop.Watch(fd, loop.Readable, routesReady{e}); err != nil {
			return nil, err
		}
	}
	e.env = &technique.Env{
		Sched: e.sched, Sockets: e.sockets, Routes: e.routes, PID: os.Getpid(), RawTCP: c.RawTCP, Log: e.log.Error,
	}
	e.links = newLinks(e)
	e.env.Links = technique.NewLinks(e.links)
	if fd := c.Handles.NoticeFD(); fd >= 0 {
		if err := e.loop.Watch(fd, loop.Readable, noticesReady{e}); err != nil {
			return nil, err
		}
	}
	return e, nil
}

type routesReady struct{ e *Engine }

func (r routesReady) Serve(loop.Events) {
	if err := r.e.routes.Ready(); err != nil {
		r.e.log.Error(err.Error())
		_ = r.e.loop.Unwatch(r.e.routes.FD())
	}
}

// noticesReady hears what the helper says without being asked: that a signal has come, or that it has ended.
type noticesReady struct{ e *Engine }

func (n noticesReady) Serve(loop.Events) {
	list, err := n.e.config.Handles.Notices()
	for _, notice := range list {
		if notice == message.NoticeExit {
			n.e.Stop()
		}
	}
	if err != nil {
		if !errors.Is(err, client.ErrHelperGone) {
			n.e.log.Error(err.Error())
		}
		_ = n.e.loop.Unwatch(n.e.config.Handles.NoticeFD())
		n.e.Stop()
	}
}

// Add adds a source.
func (e *Engine) Add(s *source.Source) error { return e.feed.mixer.Add(s) }

// Stop ends the run in good order: running tasks are halted, their partial results and the stops of their cycles
// written.
func (e *Engine) Stop() {
	if e.stopped {
		return
	}
	e.stopped = true
	e.sched.Close()
	e.feed.mixer.Flush()
	e.loop.Stop()
}

func (e *Engine) fail(err error) {
	if e.err == nil {
		e.err = err
	}
	e.Stop()
}

// Run runs until the sources are exhausted and all is written, or until a signal, or until the output cannot be written:
// then it returns why.
func (e *Engine) Run() error {
	signal.Ignore(syscall.SIGPIPE) // a closed pipe is an error of the write
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	go func() {
		for range signals {
			e.loop.Post(e.Stop)
		}
	}()
	if e.config.Progress != nil {
		e.config.Progress.start(e)
	}
	err := e.loop.Run()
	e.queue.Close()
	if cerr := e.file.Close(); cerr != nil && e.err == nil {
		e.err = fmt.Errorf("could not write %s: %w", e.file.Name(), route.InC(cerr))
	}
	if e.config.Progress != nil {
		e.config.Progress.finish(e)
	}
	e.reportLosses()
	_ = e.sockets.Close()
	_ = e.routes.Close()
	_ = e.config.Handles.Close()
	return errors.Join(e.err, err)
}

// reportLosses says what was lost in our own buffers: a reply lost there is a defect, and the user must know.
func (e *Engine) reportLosses() {
	if n := e.sockets.Drops(); n > 0 {
		e.log.Error(fmt.Sprintf("%d received packets were dropped because our buffers were full", n))
	}
}
