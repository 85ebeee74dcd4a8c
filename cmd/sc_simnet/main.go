// Command sc_simnet plays a simulated Internet to a command; see docs/simnet.md.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/term"

	"scamper/tools/cli"
	"scamper/tools/simnet"
	"scamper/tools/simnet/live"
)

const usage = `usage: sc_simnet -f TOPOLOGY [-j FILE] [-x NAME=COMMAND]... -- COMMAND [ARGUMENT]...
       sc_simnet -t TOPOLOGY...
       sc_simnet -g json|dot -f TOPOLOGY [-d ADDRESS]...

  -f TOPOLOGY      the file that describes the simulated Internet
  -j FILE          write the counters there as JSON when the command has ended; "-": standard error
  -x NAME=COMMAND  run a shell command in the namespace of attachment NAME meanwhile
  -t               check topology files, name every mistake with its line, and stop
  -g json|dot      print what is really there (paths, aliases, diamonds, MTUs) as JSON or for Graphviz, and stop
  -d ADDRESS       with -g: the destinations that paths are printed for; default: all hosts and attachments

The exit status is that of COMMAND; 125 if the simulation could not be set up, 126 or 127 if COMMAND could not be run.
`

// statusUsage is the status for wrong options and wrong topologies.
const statusUsage = 125

type options struct {
	topology string
	json     string
	graph    string
	check    bool
	version  bool
	in       [][2]string
	dst      []netip.Addr
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("sc_simnet", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.topology, "f", "", "")
	flags.StringVar(&o.json, "j", "", "")
	flags.StringVar(&o.graph, "g", "", "")
	flags.BoolVar(&o.check, "t", false, "")
	flags.BoolVar(&o.version, "version", false, "")
	flags.Func("x", "", func(s string) error {
		name, command, ok := strings.Cut(s, "=")
		if !ok || name == "" || command == "" {
			return errors.New("write NAME=COMMAND")
		}
		o.in = append(o.in, [2]string{name, command})
		return nil
	})
	flags.Func("d", "", func(s string) error {
		a, err := netip.ParseAddr(s)
		o.dst = append(o.dst, a)
		return err
	})
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stdout, usage)
			return 0
		}
		fmt.Fprintf(stderr, "sc_simnet: %v\n%s", err, usage)
		return statusUsage
	}
	if o.version {
		fmt.Fprintf(stdout, "sc_simnet (scamper in Go) %s\n", cli.Version())
		return 0
	}
	if o.check {
		return check(append(nonEmpty(o.topology), flags.Args()...), stderr)
	}
	if o.topology == "" || (o.graph == "") == (flags.NArg() == 0) {
		fmt.Fprint(stderr, usage)
		return statusUsage
	}
	topology, err := simnet.Load(o.topology)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return statusUsage
	}
	if o.graph != "" {
		return graph(topology, o, stdout, stderr)
	}
	status, counters, err := live.Run(topology, flags.Args(), o.in)
	if err != nil {
		fmt.Fprintf(stderr, "sc_simnet: %v\n", err)
	}
	if err := report(&counters, o.json); err != nil {
		fmt.Fprintf(stderr, "sc_simnet: writing counters: %v\n", err)
	}
	return status
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// check reports every mistake of every file.
func check(files []string, stderr io.Writer) int {
	if len(files) == 0 {
		fmt.Fprint(stderr, usage)
		return statusUsage
	}
	status := 0
	for _, file := range files {
		if _, err := simnet.Load(file); err != nil {
			fmt.Fprintln(stderr, err)
			status = 1
		}
	}
	return status
}

func graph(t *simnet.Topology, o options, stdout, stderr io.Writer) int {
	truth, err := t.Truth(o.dst...)
	if err == nil {
		switch o.graph {
		case "json":
			e := json.NewEncoder(stdout)
			e.SetIndent("", "  ")
			err = e.Encode(truth)
		case "dot":
			err = truth.WriteDOT(stdout)
		default:
			err = fmt.Errorf("-g %s: it is either json or dot", o.graph)
		}
	}
	if err != nil {
		fmt.Fprintf(stderr, "sc_simnet: %v\n", err)
		return statusUsage
	}
	return 0
}

// report writes the counters: JSON if asked for, else a table if somebody watches.
func report(c *simnet.Counters, where string) error {
	if where == "" {
		if term.IsTerminal(int(os.Stderr.Fd())) {
			return c.Print(os.Stderr)
		}
		return nil
	}
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if where == "-" {
		_, err = os.Stderr.Write(b)
		return err
	}
	return os.WriteFile(where, b, 0o666)
}
