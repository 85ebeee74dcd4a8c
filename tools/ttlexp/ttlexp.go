// Package ttlexp is the command sc_ttlexp: it prints the addresses that sent a time exceeded to traces and tracelbs.
package ttlexp

import (
	"bufio"
	"fmt"

	"scamper/shared/warts"
	"scamper/tools/cli"
)

const help = `usage: sc_ttlexp [-O options] [file ...]

Prints every address that sent an ICMP time exceeded in the traces and tracelbs
of warts files, each once, in the order in which they first appear.
Reads standard input if there is no file, or where a file is called -.

  -O nodst       leave out the destination of the measurement
  -O noreserved  leave out addresses that are not of the public Internet
`

// collector prints addresses that it has not seen.
type collector struct {
	out        *bufio.Writer
	seen       map[warts.Addr]struct{}
	noDst      bool
	noReserved bool
	err        error
	buf        []byte
}

// Main runs the command.
func Main(env *cli.Env) int {
	if env.Standard(help) {
		return cli.StatusOK
	}
	c := &collector{out: bufio.NewWriterSize(env.Stdout, 64<<10), seen: make(map[warts.Addr]struct{})}
	opts, files := cli.Getopt(env.Name, env.Args, "O:?", env.Stderr)
	for _, opt := range opts {
		switch {
		case opt.Letter == 'O' && opt.Value == "nodst":
			c.noDst = true
		case opt.Letter == 'O' && opt.Value == "noreserved":
			c.noReserved = true
		default:
			if opt.Letter == 'O' {
				env.Errorf("unknown option -O %s", opt.Value)
			}
			fmt.Fprint(env.Stderr, help)
			return cli.StatusFailed
		}
	}
	status := env.Walk(cli.Walk{
		Files: files, Want: []warts.Type{warts.TypeTrace, warts.TypeTracelb},
		Waiting: c.flush,
		Record: func(_ int, rec warts.Record) bool {
			switch r := rec.(type) {
			case *warts.Trace:
				c.trace(r)
			case *warts.Tracelb:
				c.tracelb(r)
			}
			return c.err == nil
		},
		OpenFailed: func(name string, err error) bool {
			fmt.Fprint(env.Stderr, help)
			env.Errorf("could not open %s: %v", name, err)
			return false
		},
	})
	c.flush()
	if c.err != nil {
		return env.WriteStatus(c.err)
	}
	return status
}

func (c *collector) flush() {
	if c.err == nil {
		c.err = c.out.Flush()
	}
}

func (c *collector) trace(t *warts.Trace) {
	for i := range t.Probes {
		for j := range t.Probes[i].Replies {
			if r := &t.Probes[i].Replies[j]; r.IsICMP() && isTimeExceeded(r.Addr, r.ICMPType) {
				c.add(r.Addr, t.Dst)
			}
		}
	}
}

func (c *collector) tracelb(t *warts.Tracelb) {
	for node := range t.Nodes {
		for _, link := range t.LinksFrom(node) {
			for i := range link.Sets {
				for j := range link.Sets[i].Probes {
					for _, r := range link.Sets[i].Probes[j].Replies {
						if !r.IsTCP() && isTimeExceeded(r.Addr, r.ICMPType) {
							c.add(r.Addr, t.Dst)
						}
					}
				}
			}
		}
	}
}

func isTimeExceeded(a warts.Addr, icmpType uint8) bool {
	return a.Is4() && icmpType == 11 || a.Is6() && icmpType == 3
}

func (c *collector) add(a, dst warts.Addr) {
	if c.noDst && a == dst || c.noReserved && cli.IsReserved(a.IP()) {
		return
	}
	if _, ok := c.seen[a]; ok {
		return
	}
	c.seen[a] = struct{}{}
	c.buf = append(a.AppendTo(c.buf[:0]), '\n')
	if _, err := c.out.Write(c.buf); err != nil {
		c.err = err
	}
}
