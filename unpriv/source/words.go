package source

import "scamper/shared/option"

// feed is where the commands of a source that is not fed by a client come from.
type feed interface {
	// start begins reading; wake is called, on any goroutine, when there is something again after next returned
	// nothingNow.
	start(wake func())
	// next stores the next command in c. A problem with something is about one command, which is not in c; with
	// nothingEver it is about the whole.
	next(c *Command) (supply, *Problem)
	// more reports whether another cycle is to follow the one that ended, and counts it.
	more() bool
	// again begins another pass; called after next returned nothingEver.
	again()
	// close ends reading; nothing but close is called afterwards.
	close()
}

// words is the feed of a command line.
type words struct {
	list    []string
	targets bool
	total   int // how many there were in the beginning
}

// NewTargets returns a source of the operands of -i, to each of which the default command is applied.
func NewTargets(c Config, targets []string) *Source {
	return newSource(c, CommandLine, &words{targets, true, len(targets)})
}

// NewCommands returns a source of the operands of -I, which are whole commands.
func NewCommands(c Config, commands []string) *Source {
	return newSource(c, CommandLine, &words{commands, false, len(commands)})
}

func (w *words) start(func()) {}
func (w *words) more() bool   { return false }
func (w *words) again()       {}
func (w *words) close()       { w.list = nil }

func (w *words) next(c *Command) (supply, *Problem) {
	if len(w.list) == 0 {
		return nothingEver, nil
	}
	*c = Command{Text: w.list[0], Target: w.targets}
	if w.targets {
		c.Addr, _ = option.ParseAddr(c.Text)
	}
	w.list = w.list[1:]
	return something, nil
}
