package engine

import (
	"fmt"
	"io"
	"strings"
	"time"

	"scamper/unpriv/loop"
)

// Progress is the line on a terminal that tells how a long run goes.
type Progress struct {
	// W is the terminal.
	W io.Writer

	engine *Engine
	timer  loop.Timer
	began  loop.Mono
	last   counters
	lastAt loop.Mono
	shown  int // columns on the line now
}

type counters struct{ ended, sent, matched uint64 }

// Nothing is shown for runs shorter than firstShown; then the line is renewed each showEvery.
const (
	firstShown = 2 * time.Second
	showEvery  = time.Second
)

func (p *Progress) start(e *Engine) {
	p.engine = e
	p.began, p.lastAt = e.loop.Now(), e.loop.Now()
	p.timer.Expirer = p
	e.log.mu.Lock()
	e.log.before = p.clear
	e.log.mu.Unlock()
	e.loop.Timers.Set(&p.timer, p.began.Add(firstShown))
}

// Expire implements loop.Expirer: it renews the line.
func (p *Progress) Expire(now loop.Mono) {
	p.engine.loop.Timers.Set(&p.timer, now.Add(showEvery))
	line := p.line(now)
	p.engine.log.mu.Lock()
	defer p.engine.log.mu.Unlock()
	pad := max(p.shown-len(line), 0)
	fmt.Fprintf(p.W, "\r%s%s", line, strings.Repeat(" ", pad))
	p.shown = len(line)
}

func (p *Progress) line(now loop.Mono) string {
	e := p.engine
	s := e.sched.Stats
	c := counters{s.Ended, s.Sent, s.Matched}
	elapsed := now.Sub(p.lastAt).Seconds()
	pps := 0.0
	if elapsed > 0 {
		pps = float64(c.sent-p.last.sent) / elapsed
	}
	p.last, p.lastAt = c, now
	line := fmt.Sprintf("%d done, %d in flight, %.0f pps, %d replies", c.ended, e.sched.Running(), pps, c.matched)
	if c.sent > 0 {
		answered := min(float64(c.matched)/float64(c.sent), 1)
		line += fmt.Sprintf(", %.1f%% loss", 100*(1-answered))
	}
	if eta, ok := p.eta(now); ok {
		line += ", " + eta.Round(time.Second).String() + " left"
	}
	return line
}

// eta extrapolates from how much of the sources was handed out.
func (p *Progress) eta(now loop.Mono) (time.Duration, bool) {
	done, known := 0.0, false
	for _, s := range p.engine.feed.mixer.All() {
		f, ok := s.Fraction()
		if _, endless := s.Cycles(); !ok || endless || f <= 0 {
			return 0, false
		}
		done, known = f, true
	}
	if !known || done >= 1 {
		return 0, false
	}
	elapsed := now.Sub(p.began).Seconds()
	return time.Duration(elapsed * (1 - done) / done * float64(time.Second)), true
}

// clear empties the line for something else; the log's lock is held.
func (p *Progress) clear() {
	if p.shown > 0 {
		fmt.Fprintf(p.W, "\r%s\r", strings.Repeat(" ", p.shown))
		p.shown = 0
	}
}

// finish removes the line.
func (p *Progress) finish(e *Engine) {
	e.log.mu.Lock()
	defer e.log.mu.Unlock()
	p.clear()
	e.log.before = nil
}
