package engine

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"scamper/privsep/client"
	"scamper/privsep/message"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/output"
)

// How a run ends whose output is not taken, as by a pipe that nobody reads.
const (
	// again is how long after one signal another one means impatience: some programs send each signal twice at once.
	again = time.Second
	// orphaned is how long results may still be written when the helper has ended.
	orphaned = 5 * time.Second
	// lookEvery is how often the helper's notices are read while the last results are written.
	lookEvery = 100 * time.Millisecond
)

// ending is why and how far the run has come to its end.
type ending struct {
	stopped bool // of the loop's goroutine
	orphan  bool // of the loop's goroutine: the helper has ended

	mu  sync.Mutex
	err error // the first failure
}

// fail ends the run because of an error. It may be called on any goroutine.
func (e *Engine) fail(err error) {
	e.ending.mu.Lock()
	if e.ending.err == nil {
		e.ending.err = err
	}
	e.ending.mu.Unlock()
	e.loop.Post(e.Stop)
}

// unwritten is the error of an output file.
func unwritten(f *output.File, err error) error {
	return fmt.Errorf("could not write %s: %w", f.Name(), netio.InC(err))
}

func (e *Engine) failure() error {
	e.ending.mu.Lock()
	defer e.ending.mu.Unlock()
	return e.ending.err
}

// Stop ends the run in good order: running tasks are halted, their partial results and the stops of their cycles
// written.
func (e *Engine) Stop() {
	if e.ending.stopped {
		return
	}
	e.ending.stopped = true
	e.sched.Close()
	e.feed.mixer.Flush()
	e.loop.Stop()
}

// Run runs until the sources are exhausted and all is written, or until a signal, or until the output cannot be written:
// then it returns why. Another signal, a second or more after the first one, gives up what is not written yet, which is
// an error too.
func (e *Engine) Run() error {
	signal.Ignore(syscall.SIGPIPE) // a closed pipe is an error of the write
	impatient := make(chan struct{})
	go e.obey(impatient)
	if e.config.Progress != nil {
		e.config.Progress.start(e)
	}
	err := e.loop.Run()
	if !e.close(impatient) {
		e.fail(unwritten(e.file, fmt.Errorf("gave up, with %d results not written", e.queue.Pending())))
	} else if cerr := e.file.Close(); cerr != nil {
		e.fail(unwritten(e.file, cerr))
	}
	if e.config.Progress != nil {
		e.config.Progress.finish(e)
	}
	e.sched.Shut()
	e.names.Close()
	e.reportLosses()
	e.account()
	_ = e.sockets.Close()
	_ = e.routes.Close()
	_ = e.config.Handles.Close()
	return errors.Join(e.failure(), err)
}

// obey ends the run when a signal comes, and says so when one comes again.
func (e *Engine) obey(impatient chan<- struct{}) {
	var first time.Time
	for range e.config.Signals {
		switch {
		case first.IsZero():
			first = time.Now()
			e.loop.Post(e.Stop)
		case time.Since(first) >= again:
			close(impatient)
			return
		}
	}
}

// close has the last results written. It reports false if that takes longer than anybody wants to wait.
func (e *Engine) close(impatient <-chan struct{}) bool {
	closed := make(chan struct{})
	go func() {
		e.queue.Close()
		close(closed)
	}()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	began, last := time.Now(), time.Time{} // of notices of signals
	for {
		select {
		case <-closed:
			return true
		case <-impatient:
			return false
		case <-look.C:
		}
		exit, gone := e.notices()
		if exit && time.Since(began) >= again && time.Since(last) >= again {
			return false
		}
		if exit {
			last = time.Now()
		}
		e.ending.orphan = e.ending.orphan || gone
		if e.ending.orphan && time.Since(began) >= orphaned {
			return false
		}
	}
}

// notices reads what the helper says without being asked: that a signal has come, or that it has ended.
func (e *Engine) notices() (exit, gone bool) {
	if e.ending.orphan {
		return false, true
	}
	list, err := e.config.Handles.Notices()
	for _, n := range list {
		exit = exit || n == message.NoticeExit
	}
	if err != nil && !errors.Is(err, client.ErrHelperGone) {
		e.log.Error(err.Error())
	}
	return exit, err != nil
}

// noticesReady hears the helper while the loop runs.
type noticesReady struct{ e *Engine }

func (n noticesReady) Serve(loop.Events) {
	exit, gone := n.e.notices()
	if gone {
		n.e.ending.orphan = true
		_ = n.e.loop.Unwatch(n.e.config.Handles.NoticeFD())
	}
	if exit || gone {
		n.e.Stop()
	}
}

// routesReady hears of changes of routes.
type routesReady struct{ e *Engine }

func (r routesReady) Serve(loop.Events) {
	if err := r.e.routes.Ready(); err != nil {
		r.e.log.Error(err.Error())
		_ = r.e.loop.Unwatch(r.e.routes.FD())
	}
}

// socketError tells of what went wrong with a socket. A small buffer is worth a word only when something was lost in it,
// and then that is told.
func (e *Engine) socketError(err error) {
	if errors.As(err, new(*netio.SmallBuffer)) {
		e.log.Debug("%v", err)
		return
	}
	e.log.Error(err.Error())
}

// Signals begins to catch the signals that end a run, for Config.Signals. Until there is an engine they wait. SIGHUP, which
// also comes when a terminal is closed, ends none.
func Signals() <-chan os.Signal {
	c := make(chan os.Signal, 4)
	signal.Ignore(syscall.SIGHUP)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM)
	return c
}
