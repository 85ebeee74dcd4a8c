package live

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"

	"golang.org/x/sys/unix"

	"scamper/tools/simnet"
)

// Exit statuses of Run for what is not the command's own doing, as env(1) has them.
const (
	StatusSetup    = 125 // the simulation could not be set up
	StatusNotRun   = 126 // the command is there but could not be started
	StatusNotFound = 127 // there is no such command
)

// Run plays t while a command runs in it, with this process's standard input, output and error. In is what to run in
// the namespaces of attachments meanwhile: name of the attachment and a command for sh. The status is the command's own,
// 128 and the signal's number if a signal ended it, or one of the above together with an error.
//
// Signals that would end this process are passed on to the command; everything is removed after it has ended.
func Run(t *simnet.Topology, command []string, in [][2]string) (status int, counters simnet.Counters, err error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	defer signal.Stop(signals)
	bed, err := Start(t)
	if err != nil {
		return StatusSetup, counters, err
	}
	defer func() {
		counters = bed.Counters()
		if e := bed.Close(); e != nil && err == nil {
			err = e
		}
	}()
	for _, one := range in {
		cmd := exec.Command("/bin/sh", "-c", one[1])
		cmd.Stderr = os.Stderr
		cmd.Stdout = os.Stderr
		if err := bed.StartIn(one[0], cmd); err != nil {
			return StatusSetup, counters, fmt.Errorf("starting %q in %s: %w", one[1], one[0], err)
		}
		go cmd.Wait()
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "SIMNET="+t.Name)
	if err := bed.Start(cmd); err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			return StatusNotFound, counters, err
		}
		return StatusNotRun, counters, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	asked := 0
	for {
		select {
		case s := <-signals:
			asked++
			if asked == 1 && fromTerminal(s) {
				continue // the terminal has sent it to the command as well
			}
			if asked > 2 {
				s = unix.SIGKILL
			}
			if err := cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return StatusSetup, counters, fmt.Errorf("passing on %v: %w", s, err)
			}
		case <-ended:
			return exitStatus(cmd.ProcessState), counters, nil
		}
	}
}

// fromTerminal tells whether a signal reached the whole foreground process group, this process and the command.
func fromTerminal(s os.Signal) bool {
	if s != unix.SIGINT && s != unix.SIGQUIT {
		return false
	}
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

func exitStatus(state *os.ProcessState) int {
	if ws, ok := state.Sys().(interface {
		Signaled() bool
		Signal() unix.Signal
	}); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return state.ExitCode()
}
