// Package tracediff is the command sc_tracediff: it shows two files of traces side by side, pair by pair.
package tracediff

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"scamper/shared/warts"
	"scamper/tools/cli"
)

const usage = "usage: sc_tracediff [-an] [-m <match>] file1.warts file2.warts\n"

const explanation = `
Shows traces of the first file beside those of the second, where the paths
differ. A file that is called - is standard input.

  -a        show all pairs, not only those that differ
  -n        show names of addresses
  -m match  what makes two traces a pair: dst (default), userid or dstuserid
`

// key is what makes two traces a pair.
type key struct {
	dst    warts.Addr
	userID uint32
}

var matches = map[string]func(t *warts.Trace) key{
	"dst":       func(t *warts.Trace) key { return key{dst: t.Dst} },
	"userid":    func(t *warts.Trace) key { return key{userID: t.UserID} },
	"dstuserid": func(t *warts.Trace) key { return key{t.Dst, t.UserID} },
}

// Main runs the command.
func Main(env *cli.Env) int {
	if env.Standard(usage + explanation) {
		return cli.StatusOK
	}
	d := differ{env: env, out: bufio.NewWriter(env.Stdout), keyOf: matches["dst"], waiting: make(map[key]waiting)}
	opts, files := cli.Getopt(env.Name, env.Args, "am:n?", env.Stderr)
	for _, opt := range opts {
		switch opt.Letter {
		case 'a':
			d.all = true
		case 'n':
			d.names = newNames()
		case 'm':
			if d.keyOf = matches[strings.ToLower(opt.Value)]; d.keyOf == nil {
				env.Errorf("unknown match %s", opt.Value)
				return cli.StatusFailed
			}
		default:
			fmt.Fprint(env.Stderr, usage+explanation)
			return cli.StatusFailed
		}
	}
	if len(files) != 2 {
		fmt.Fprint(env.Stderr, usage+explanation)
		return cli.StatusFailed
	}
	status := d.run(files)
	if err := d.out.Flush(); err != nil {
		return env.WriteStatus(err)
	}
	return status
}

// waiting is a trace whose partner has not come yet.
type waiting struct {
	trace *warts.Trace
	file  int
}

type differ struct {
	env     *cli.Env
	out     *bufio.Writer
	keyOf   func(t *warts.Trace) key
	all     bool
	names   *names // nil if addresses are shown
	waiting map[key]waiting
	buf     []byte
}

// run reads the files in turn, one trace from each.
func (d *differ) run(files []string) int {
	var readers [2]*warts.Reader
	for i, name := range files {
		in, err := d.env.Open(name)
		if err != nil {
			d.env.Errorf("could not open %s: %v", name, err)
			return cli.StatusFailed
		}
		defer in.Close()
		readers[i] = in.Reader(warts.TypeTrace)
		readers[i].Reuse = false // traces are kept
	}
	for readers[0] != nil || readers[1] != nil {
		for i, r := range readers {
			if r == nil {
				continue
			}
			rec, err := r.Next()
			if err == io.EOF {
				readers[i] = nil
				continue
			}
			if err != nil {
				d.env.Errorf("could not read from %s: %s", files[i], cli.ReadErrorLine(files[i], err))
				return cli.StatusFailed
			}
			if t, ok := rec.(*warts.Trace); ok && !d.trace(i, t) {
				return cli.StatusFailed
			}
		}
	}
	return cli.StatusOK
}

// trace takes the next trace of a file. It returns false if the command must end.
func (d *differ) trace(file int, t *warts.Trace) bool {
	k := d.keyOf(t)
	other, ok := d.waiting[k]
	if !ok {
		d.waiting[k] = waiting{t, file}
		return true
	}
	if other.file == file {
		d.env.Errorf("repeated trace for %s", t.Dst)
		return false
	}
	delete(d.waiting, k)
	first, second := newColumn(other.trace), newColumn(t)
	if file == 0 {
		first, second = second, first
	}
	if !d.all && !pathsDiffer(first, second) {
		return true
	}
	d.buf = d.appendPair(d.buf[:0], first, second)
	_, err := d.out.Write(d.buf)
	return err == nil // Flush returns it again
}
