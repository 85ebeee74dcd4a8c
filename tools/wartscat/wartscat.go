// Package wartscat is the command sc_wartscat: it joins warts files.
package wartscat

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"syscall"

	"scamper/shared/warts"
	"scamper/tools/cli"
)

const usage = "usage: sc_wartscat [-?s] [-o outfile] <infile 1, 2, .. N>\n"

const explanation = `
Copies the records of warts files to one file, in the order of the files. Lists
and cycles are numbered anew; a cycle that several files have begins and ends
once. Records of unknown types are left out, as nobody knows what numbers are in
them. A file that is called - is standard input.

  -o outfile  file to append to; default: standard output. With a name that ends
              in .gz, .bz2, .xz or .zst it is compressed, and must not exist
  -s          merge: take the next record from the file whose next one is the
              earliest; the order in each file stays
  -?          this text
`

// copied are the types that are copied as records of their own; lists and cycle definitions come before the records
// that need them.
var copied = []warts.Type{
	warts.TypeCycleStart, warts.TypeCycleStop, warts.TypeTrace, warts.TypePing, warts.TypeTracelb, warts.TypeDealias,
	warts.TypeNeighbourdisc, warts.TypeTbit, warts.TypeSting, warts.TypeSniff, warts.TypeHost, warts.TypeHTTP,
	warts.TypeUDPProbe, warts.TypeOWAMP,
}

// Main runs the command.
func Main(env *cli.Env) int {
	if env.Standard(usage + explanation) {
		return cli.StatusOK
	}
	merge := false
	outName := ""
	opts, files := cli.Getopt(env.Name, env.Args, "o:s?", env.Stderr)
	for _, opt := range opts {
		switch opt.Letter {
		case 'o':
			outName = opt.Value
		case 's':
			merge = true
		default:
			fmt.Fprint(env.Stderr, usage+explanation)
			return cli.StatusFailed
		}
	}
	if len(files) == 0 {
		fmt.Fprint(env.Stderr, usage+explanation)
		return cli.StatusFailed
	}
	c := newCat(env)
	sequential := merge
	for _, name := range files {
		in, err := env.Open(name)
		if err != nil {
			fmt.Fprint(env.Stderr, usage)
			env.Errorf("check_options: could not open infile %s: %v", name, err)
			return cli.StatusFailed
		}
		defer in.Close()
		c.inputs = append(c.inputs, &input{in: in})
		// The records of arts files are not of a form that can be dealt out.
		sequential = sequential || in.Arts
		if len(files) > 1 {
			c.findCycles(name)
		}
	}
	out, err := env.CreateOutput(outName, cli.Append)
	if errors.Is(err, cli.ErrTerminal) {
		env.Errorf("not going to dump warts to a tty, sorry")
		return cli.StatusFailed
	}
	if err != nil {
		fmt.Fprint(env.Stderr, usage)
		env.Errorf("%v", err)
		return cli.StatusFailed
	}
	c.out = out
	status := c.run(merge, sequential)
	if err := out.Close(); err != nil && status == cli.StatusOK {
		return env.WriteStatus(err)
	}
	return status
}

func (c *cat) run(merge, sequential bool) int {
	if !sequential {
		return c.join()
	}
	copyAll := c.oneByOne
	if merge {
		copyAll = c.merge
	}
	err := copyAll()
	if err == nil {
		return cli.StatusOK
	}
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, io.ErrClosedPipe) {
		c.env.Errorf("%v", err)
	}
	return cli.StatusFailed
}

// cat copies records.
type cat struct {
	env    *cli.Env
	inputs []*input
	out    *cli.Output
	starts map[cycleKey]int // how many starts of the cycle are still to come
	stops  map[cycleKey]int // and how many stops
	begun  map[cycleKey]bool
}

// input is a file with the record that it has reached.
type input struct {
	in  *cli.Input
	r   *warts.Reader
	rec warts.Record // nil at the end
}

func newCat(env *cli.Env) *cat {
	return &cat{
		env: env, starts: make(map[cycleKey]int), stops: make(map[cycleKey]int), begun: make(map[cycleKey]bool),
	}
}

// cycleKey is what makes two cycles the same.
type cycleKey struct {
	list      warts.List
	id, start uint32
	hostName  string
	hasList   bool
}

func keyOf(c *warts.Cycle) cycleKey {
	k := cycleKey{id: c.ID, start: c.Start, hostName: c.HostName}
	if c.List != nil {
		k.hasList = true
		k.list = *c.List
		k.list.Kept = warts.Kept{}
	}
	return k
}

// findCycles counts the cycles that begin in a file, so that one which begins in several can be ended with the last of
// them. Standard input can't be read twice; its cycles are what they are when they come.
func (c *cat) findCycles(name string) {
	if name == "-" {
		return
	}
	f, err := warts.Open(name)
	if err != nil {
		return // reported when the file is copied
	}
	defer f.Close()
	f.Want = []warts.Type{warts.TypeCycleStart, warts.TypeCycleStop}
	for {
		rec, err := f.Next()
		if err != nil {
			return
		}
		if cycle, ok := rec.(*warts.Cycle); ok {
			if cycle.Kind == warts.CycleStart {
				c.starts[keyOf(cycle)]++
			} else {
				c.stops[keyOf(cycle)]++
			}
		}
	}
}

// next reads the next record of an input.
func (c *cat) next(in *input) error {
	if in.r == nil {
		in.r = in.in.Reader(copied...)
	}
	rec, err := in.r.Next()
	in.rec = rec
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return errors.New(cli.ReadErrorLine(in.in.Name, err))
	}
	return nil
}

// oneByOne copies one file after the other, one record after the other.
func (c *cat) oneByOne() error {
	for _, in := range c.inputs {
		for {
			if err := c.next(in); err != nil {
				return err
			}
			if in.rec == nil {
				break
			}
			if err := c.copy(in); err != nil {
				return err
			}
		}
	}
	return nil
}

// copy writes the record at hand of an input, if it is to be written.
func (c *cat) copy(in *input) error {
	if cycle, ok := in.rec.(*warts.Cycle); ok && !c.needed(cycle) {
		return nil
	}
	if t, ok := in.rec.(*warts.Trace); ok && in.in.Arts && t.List != nil && t.List.Name == "" {
		// Lists of arts files have a number only, and those of warts files must have a name.
		t.List.Name = strconv.FormatUint(uint64(t.List.ID), 10)
	}
	err := c.out.Record(in.rec)
	if errors.Is(err, warts.ErrDuplicateCycle) {
		return nil // the output file has it already
	}
	if err != nil {
		return fmt.Errorf("could not write %s record from %s: %w", in.rec.Type(), in.in.Name, err)
	}
	return nil
}

// needed tells whether the start or stop of a cycle is to be written: the first start and the last stop of those with
// the same identity.
func (c *cat) needed(cycle *warts.Cycle) bool {
	k := keyOf(cycle)
	if cycle.Kind == warts.CycleStart {
		first := !c.begun[k]
		c.begun[k] = true
		c.starts[k]--
		return first
	}
	c.stops[k]--
	return c.starts[k] <= 0 && c.stops[k] <= 0
}
