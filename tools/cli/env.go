// Package cli holds what the commands that read warts files have in common: where their arguments, input and output
// come from (Env), options (Getopt), opening inputs (Inputs), and the pipeline from records to rendered bytes (Convert).
package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"syscall"

	"golang.org/x/term"
)

// Exit statuses. The C tools know 0 and 255 only: there a file that is damaged in the middle still ends with 0.
const (
	StatusOK      = 0
	StatusDamaged = 1   // everything was processed, but an input could not be read to its end
	StatusFailed  = 255 // wrong usage, an input that cannot be opened, an output that cannot be written
)

// Env is what a command gets from its surroundings. Commands use nothing else of the process, so that a test can run
// them in its own process.
type Env struct {
	Name   string   // the command's name, for messages
	Args   []string // its arguments without the name
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// Process returns the surroundings of the running process, for the command of that name.
func Process(name string) *Env {
	return &Env{Name: name, Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
}

// Errorf writes one line of diagnosis to standard error. Like the C tools it does not put the command's name in front.
func (e *Env) Errorf(format string, args ...any) {
	fmt.Fprintf(e.Stderr, format+"\n", args...)
}

// StdoutIsTerminal tells whether standard output is a terminal, where binary formats are refused.
func (e *Env) StdoutIsTerminal() bool {
	f, ok := e.Stdout.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Standard answers --help and --version, which every command takes beside its historical options wherever they stand
// before "--". It returns true when it did, and the command ends with StatusOK.
func (e *Env) Standard(help string) bool {
	for _, arg := range e.Args {
		switch arg {
		case "--":
			return false
		case "--help":
			fmt.Fprint(e.Stdout, help)
			return true
		case "--version":
			fmt.Fprintf(e.Stdout, "%s (scamper in Go) %s\n", e.Name, Version())
			return true
		}
	}
	return false
}

// Version is the version of this build: that of the module when it was built as one, else "devel".
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// WriteStatus is the exit status after writing to standard output failed with err. A reader that went away (a closed
// pipe) is no error worth a message: the command just ends.
func (e *Env) WriteStatus(err error) int {
	if err == nil {
		return StatusOK
	}
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, io.ErrClosedPipe) {
		e.Errorf("%s: could not write: %v", e.Name, err)
	}
	return StatusFailed
}

// Reason is an error without the operation and the path that the os package puts in front of it, for messages that
// name the file already.
func Reason(err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
