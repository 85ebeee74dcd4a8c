package engine

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"scamper/shared/option"
	"scamper/shared/warts"
	"scamper/unpriv/output"
	"scamper/unpriv/sched"
	"scamper/unpriv/source"
	"scamper/unpriv/technique"
)

// origin is a cycle of a source as tasks know it: where they came from and where their results go.
type origin struct {
	feed  *feed
	cycle *source.Cycle
	file  *output.File
}

func (o *origin) Stream() (*warts.List, *warts.Cycle) { return o.cycle.Record.List, o.cycle.Record }
func (o *origin) File() *output.File                  { return o.file }
func (o *origin) Ended(*sched.Task)                   { o.feed.mixer.Done(o.cycle) }

// feed is the mixer of all sources as the scheduler knows it.
type feed struct {
	engine *Engine
	mixer  *source.Mixer[sched.Machine]
	// templates are the parsed default commands of sources, by their text: nearly always one.
	templates map[string]template
}

// template is a default command, parsed once for all targets that it will be joined to.
type template struct {
	technique technique.Technique
	options   string
	parsed    technique.Template
	err       error
}

func newFeed(e *Engine) *feed {
	f := &feed{engine: e, templates: make(map[string]template)}
	f.mixer = source.NewMixer(source.Hooks[sched.Machine]{
		Build: f.build,
		Start: func(c *source.Cycle, m sched.Machine) bool {
			return e.sched.Hold(m, c.Data.(*origin))
		},
		CycleStart: func(c *source.Cycle) {
			o := &origin{feed: f, cycle: c, file: e.file}
			c.Data = o
			e.queue.Cycle(o.file, c.Record)
		},
		CycleStop: func(c *source.Cycle, stop *warts.Cycle) {
			e.queue.Cycle(c.Data.(*origin).file, stop)
		},
		Report:   func(p *source.Problem) { e.log.Error(p.Error()) },
		Wake:     func() { e.loop.Post(func() { f.mixer.Refill() }) },
		Now:      e.loop.Clock().Wall,
		HostName: e.config.HostName,
	})
	return f
}

func (f *feed) Ready() bool    { return f.mixer.Ready() }
func (f *feed) Finished() bool { return f.mixer.Finished() }

func (f *feed) Take() (sched.Machine, sched.Origin, bool) {
	m, c, ok := f.mixer.Take()
	if !ok {
		return nil, nil, false
	}
	return m, c.Data.(*origin), true
}

func (f *feed) Restore(held iter.Seq2[sched.Machine, sched.Origin]) {
	f.mixer.Release(func(yield func(*source.Cycle, sched.Machine) bool) {
		for m, o := range held {
			if !yield(o.(*origin).cycle, m) {
				return
			}
		}
	})
}

// build makes the task of a command.
func (f *feed) build(c *source.Cycle, cmd *source.Command) (sched.Machine, error) {
	if cmd.Target {
		command := c.Source.Config().Command
		m, err := f.target(command, cmd)
		if err != nil && !errors.Is(err, &option.Error{Reason: option.Operand}) {
			err = fmt.Errorf("%s: %w", command, err) // the line, which will be named too, is not what is wrong
		}
		return m, err
	}
	return f.command(cmd.Text)
}

// command makes the task of a whole command.
func (f *feed) command(text string) (sched.Machine, error) {
	t, rest, err := f.technique(text)
	if err != nil {
		return nil, err
	}
	return t.Parse(f.engine.env, rest)
}

// technique returns the technique of a command, and what follows its word.
func (f *feed) technique(command string) (t technique.Technique, rest string, err error) {
	t, rest, err = f.engine.config.Techniques.Command(command)
	if err == nil && !f.engine.config.Commands.Enabled(t.Name) {
		err = fmt.Errorf("%s disabled", t.Name)
	}
	return t, rest, err
}

// target makes the task of a target that is joined to a default command.
func (f *feed) target(command string, cmd *source.Command) (sched.Machine, error) {
	t, ok := f.templates[command]
	if !ok {
		t = f.parse(command)
		f.templates[command] = t
	}
	switch {
	case t.err != nil:
		return nil, t.err
	case t.parsed == nil || !cmd.Addr.IsValid():
		// Not an address, or options that cannot stand alone: the whole command says what is wrong with it.
		return t.technique.Parse(f.engine.env, strings.TrimSpace(t.options)+" "+cmd.Text)
	}
	return t.parsed.Machine(cmd.Addr)
}

func (f *feed) parse(command string) (t template) {
	if t.technique, t.options, t.err = f.technique(command + " "); t.err != nil {
		return t
	}
	if parsed, err := t.technique.Template(f.engine.env, strings.TrimRight(t.options, " \t")); err == nil {
		t.parsed = parsed
	}
	return t
}
