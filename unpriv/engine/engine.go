// Package engine is the main process: it puts loop, sockets, scheduler, sources and outputs together and runs them.
//
//	source -> feed -> sched -> technique -> probe -> netio -> the network
//	                    ^                              |
//	                    +---- receive: parse, match ---+
//	                    +-> output queue -> file
package engine

import (
	"fmt"
	"net/netip"
	"os"

	"scamper/conf"
	"scamper/privsep/client"
	"scamper/privsep/message"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/netio/route"
	"scamper/unpriv/output"
	"scamper/unpriv/probe"
	"scamper/unpriv/resolve"
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
	// Nameservers are asked for the names of addresses.
	Nameservers []netip.AddrPort
	// Commands says which of the techniques may be used.
	Commands conf.Commands

	// Signals ends the run with each signal that it hands over; see Engine.Run. Whoever notifies it begins with that
	// early, so that no signal ends the process before there is an engine.
	Signals <-chan os.Signal

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
	names   *resolve.Resolver
	links   *links
	env     *technique.Env
	feed    *feed
	queue   *output.Queue
	file    *output.File
	reply   probe.Reply
	ending  ending
}

// transmitPPS is the highest rate at which the kernel's transmit stamps are asked for. At more, those of the clock are
// some 2 us early, and each microsecond that a packet takes is one less for the rate.
const transmitPPS = 10_000

// New returns an engine that has opened what it needs to begin.
func New(c Config) (*Engine, error) {
	poller, err := loop.New(c.Poller)
	if err != nil {
		return nil, err
	}
	e := &Engine{config: c, log: c.Log, file: c.Output, loop: loop.NewLoop(poller, nil)}
	if e.sockets, err = netio.NewSockets(netio.Config{
		Loop: e.loop, Handles: c.Handles, Receiver: e, Batch: c.Batch, Receive: c.Receive, Ring: c.Ring, DynFilter: c.DynFilter,
		Transmit: c.PPS <= transmitPPS,
		OnError:  e.socketError, OnClose: func(s *netio.Socket) { e.env.SocketClosed(s) },
	}); err != nil {
		return nil, err
	}
	e.queue = output.NewQueue(e.loop.Wake, func(f *output.File, err error) { e.fail(unwritten(f, err)) })
	e.feed = newFeed(e)
	e.sched = sched.New(sched.Config{
		PPS: c.PPS, Window: c.Window, Batch: c.Batch, Loop: e.loop, Feed: e.feed, Sink: e.queue,
		OnPanic: e.panicked,
	})
	e.links = newLinks(e)
	e.sched.OnIdle(e.loop.Stop)
	e.loop.AddTurner(e.sched)
	e.loop.AddTurner(e.queue)

	socket, err := c.Handles.Route(message.Buffers{})
	if err != nil {
		return nil, fmt.Errorf("could not open a routing socket: %w", netio.InC(err))
	}
	if e.routes, err = route.New(route.Config{FD: socket.FD, Clock: e.loop.Clock(), OnLink: e.links.cache.Forget}); err != nil {
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
	e.names = resolve.New(resolve.Config{Servers: c.Nameservers, Loop: e.loop, Log: e.log.Error})
	e.env.Names = e.names
	if !c.NoNeighbours {
		if err := e.links.preload(); err != nil { // then neighbours are asked
			e.log.Debug("%v", err)
		}
	}
	e.env.Links = technique.NewLinks(e.links)
	if fd := c.Handles.NoticeFD(); fd >= 0 {
		if err := e.loop.Watch(fd, loop.Readable, noticesReady{e}); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// Add adds a source.
func (e *Engine) Add(s *source.Source) error { return e.feed.mixer.Add(s) }
