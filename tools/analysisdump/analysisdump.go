// Package analysisdump is the command sc_analysis_dump: it prints traces as tab-separated paths, one on a line, in the
// format of CAIDA's sk_analysis_dump.
package analysisdump

import (
	"bufio"
	"fmt"

	"scamper/shared/warts"
	"scamper/tools/cli"
)

const usage = `usage: sc_analysis_dump [-oeCsdlctrHpihUQMT]
                        [-S skip count] [-D debug count]
                        [file1 file2 ... fileN]
`

const explanation = `
Prints the traces of warts and arts files, one on a line, as tab-separated
columns. Comments before the first line say what the columns are. Reads standard
input if there is no file, or where a file is called -.

  -C        no comments
  -s        hide the source
  -d        hide the destination
  -l        hide the list id
  -c        hide the cycle id
  -U        show the user id
  -t        hide the timestamp
  -r        hide the fields about the reply of the destination
  -H        hide the fields about why probing halted
  -p        hide the path
  -i        hide RTT and number of tries of hops
  -Q        show the TTL in what a reply quotes
  -T        show the IP TTL of replies
  -M        show MPLS labels
  -e        add the destination at the end of the path
  -o        old format, without addresses of hops
  -S count  skip that many traces at the beginning of each file
  -D count  read only that many traces at the beginning of each file
  -h, -?    this text
`

// Main runs the command.
func Main(env *cli.Env) int {
	if env.Standard(usage + explanation) {
		return cli.StatusOK
	}
	c := standardColumns()
	switches := map[byte]func(){
		'C': func() { c.comments = false },
		's': func() { c.source = false },
		'd': func() { c.destination = false },
		'l': func() { c.list = false },
		'c': func() { c.cycle = false },
		'U': func() { c.user = true },
		't': func() { c.time = false },
		'r': func() { c.reply = false },
		'H': func() { c.halt = false },
		'p': func() { c.path = false },
		'i': func() { c.rtt = false },
		'Q': func() { c.quoted = true },
		'T': func() { c.replyTTL = true },
		'M': func() { c.mpls = true },
		'e': func() { c.dstAtEnd = true },
		'o': func() { c.old = true },
	}
	skip, limit := 0, -1
	opts, files := cli.Getopt(env.Name, env.Args, "CsdlcUtrHpiQTMeohS:D:?", env.Stderr)
	for _, opt := range opts {
		switch {
		case opt.Letter == 'S':
			skip = leadingNumber(opt.Value)
		case opt.Letter == 'D':
			limit = max(0, leadingNumber(opt.Value))
		case switches[opt.Letter] != nil:
			switches[opt.Letter]()
		default:
			fmt.Fprint(env.Stderr, usage+explanation)
			return cli.StatusOK
		}
	}

	out := bufio.NewWriterSize(env.Stdout, 64<<10)
	if c.comments {
		c.describe(out)
	}
	var writeErr error
	var line []byte
	seen := map[int]int{} // traces by file
	status := env.Walk(cli.Walk{
		Files: files, Want: []warts.Type{warts.TypeTrace},
		Waiting: func() { writeErr = out.Flush() },
		Record: func(file int, rec warts.Record) bool {
			t, ok := rec.(*warts.Trace)
			if !ok {
				return true
			}
			if limit >= 0 && seen[file] >= limit {
				return false
			}
			seen[file]++
			if seen[file] <= skip {
				return true
			}
			line = appendLine(line[:0], t, &c)
			_, writeErr = out.Write(line)
			return writeErr == nil
		},
		OpenFailed: func(name string, err error) bool {
			env.Errorf("unable to open %s: %v", name, err)
			if c.comments {
				fmt.Fprintf(out, "# unable to open %s\n", name)
			}
			return true
		},
	})
	if writeErr == nil {
		writeErr = out.Flush()
	}
	if writeErr != nil {
		return env.WriteStatus(writeErr)
	}
	return status
}

// leadingNumber is the number that s begins with, 0 if it begins with none.
func leadingNumber(s string) int {
	n := 0
	_, _ = fmt.Sscanf(s, "%d", &n)
	return n
}
