// Command scamper conducts many Internet measurements in parallel. See scamper(1).
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/term"

	"scamper/cmd/scamper/cmdline"
	"scamper/privsep/client"
	"scamper/privsep/launch"
	"scamper/shared/option"
	"scamper/unpriv/engine"
	"scamper/unpriv/technique/registry"
)

// Version is the date of the release whose behaviour this program follows, and by which users know it.
const Version = "20260420"

func main() {
	run := run{name: os.Args[0], args: os.Args[1:]}
	os.Exit(launch.Run(launch.Program{Plan: run.plan, Main: run.main, Complain: complain}))
}

// run is one run of the program.
type run struct {
	name string
	args []string
}

// parse checks the command line, with the measurements that it names: in the first process with the rights of the invoking
// user, so that what is wrong is told before anything is started, and in the main process once more.
func (r *run) parse() (*cmdline.Config, error) {
	env := cmdline.Env{
		Program: r.name, Version: Version, System: runtime.GOOS,
		Terminal: term.IsTerminal(int(os.Stdout.Fd())),
		Grammar: func(word string) []option.Option {
			if t, ok := registry.All.Find(word); ok {
				return t.Grammar()
			}
			return nil
		},
		Check: registry.All.Check,
	}
	_, env.Posix = os.LookupEnv("POSIXLY_CORRECT")
	return cmdline.Parse(r.args, env)
}

// plan reads the command line for the paths that it names.
func (r *run) plan() (launch.Plan, error) {
	c, err := r.parse()
	if err == nil {
		return planOf(c)
	}
	var exit *cmdline.Exit
	if errors.As(err, &exit) && exit.Status == 0 { // -v
		return launch.Plan{Unprivileged: true}, nil
	}
	r.say(err)
	return launch.Plan{}, launch.ErrPrinted
}

// main is the main process.
func (r *run) main(h client.Handles, s launch.State) int {
	c, err := r.parse()
	if err != nil {
		return r.say(err)
	}
	return measure(c, h, s)
}

// say prints what Parse had to say, and returns the exit status.
func (r *run) say(err error) int {
	exit := &cmdline.Exit{Status: launch.ExitFailure, Problem: err.Error()}
	errors.As(err, &exit)
	if exit.Problem != "" {
		complain(exit.Problem)
	}
	fmt.Fprint(os.Stdout, exit.Stdout)
	fmt.Fprint(os.Stderr, exit.Stderr)
	return exit.Status
}

// complain tells the user of an error while there is no log yet.
func complain(text string) { engine.NewLog(os.Stderr, time.Now).Error(text) }
