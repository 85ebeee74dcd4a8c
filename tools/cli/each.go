package cli

import (
	"io"

	"scamper/shared/warts"
)

// Walk is what a command does that needs the records in order, one at a time.
type Walk struct {
	Files []string // standard input if there are none
	Want  []warts.Type

	// Record gets each record, and the number of its file from 0. The record is valid during the call only. It returns
	// false to end the file.
	Record func(file int, rec warts.Record) (goOn bool)

	// Waiting, if not nil, is called before reading may have to wait for input: what was held back until then should be
	// written now.
	Waiting func()

	// OpenFailed reports that a file can't be opened and returns whether to go on with the next one.
	OpenFailed func(name string, err error) (goOn bool)

	// StopAtDamage ends the command with StatusFailed at the first damaged file.
	StopAtDamage bool
}

// Walk reads the files and returns the exit status of the command: StatusDamaged if a file was damaged, which ends that
// file only.
func (e *Env) Walk(w Walk) int {
	if len(w.Files) == 0 {
		w.Files = []string{"-"}
	}
	status := StatusOK
	for file, name := range w.Files {
		in, err := e.Open(name)
		if err != nil {
			if !w.OpenFailed(name, err) {
				return StatusFailed
			}
			continue
		}
		got := e.walk(in, &w, file)
		in.Close()
		if got != StatusOK {
			status = got
		}
		if got == StatusFailed {
			break
		}
	}
	return status
}

// WalkInput is Walk for an input that is open.
func (e *Env) WalkInput(in *Input, w Walk) int { return e.walk(in, &w, 0) }

func (e *Env) walk(in *Input, w *Walk, file int) int {
	if w.Waiting != nil {
		in.r = &flushingReader{in.r, w.Waiting}
	}
	r := in.Reader(w.Want...)
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return StatusOK
		}
		if err != nil {
			e.Errorf("%s", ReadErrorLine(in.Name, err))
			if w.StopAtDamage {
				return StatusFailed
			}
			return StatusDamaged
		}
		if !w.Record(file, rec) {
			return StatusOK
		}
	}
}
