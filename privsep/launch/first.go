//go:build unix

package launch

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"scamper/privsep/client"
	"scamper/privsep/firewall"
	"scamper/privsep/helper"
	"scamper/privsep/sandbox"
)

// stageVar is the environment variable that tells a process which one it is. It is
// removed as soon as it is read.
const stageVar = "SCAMPER_STAGE"

// The stages; the first process has none.
const (
	stageChild  = "main"   // the main process of a split program
	stageDaemon = "daemon" // the first process again, in the background
)

// ErrPrinted is what Plan returns when it has told the user already.
var ErrPrinted = errors.New("the error was printed")

// Run starts the program and returns its exit status.
func Run(p Program) int {
	stage := os.Getenv(stageVar)
	os.Unsetenv(stageVar)
	var err error
	status := ExitFailure
	switch stage {
	case stageChild:
		status, err = runChild(p)
	case stageDaemon:
		status, err = runFirst(p, true)
	default:
		status, err = runFirst(p, false)
	}
	if err != nil && !errors.Is(err, ErrPrinted) {
		p.Complain(err.Error())
	}
	return status
}

// errRights tells what to do, in one line.
var errRights = errors.New("no right to open raw sockets: run it as root, or let root run " +
	"`setcap cap_net_raw+ep` on the program file")

func runFirst(p Program, background bool) (int, error) {
	ready := noPipe
	if background {
		var err error
		if ready, err = inheritedReadyPipe(); err != nil {
			return ExitFailure, err
		}
	}
	isRoot := os.Geteuid() == 0
	invoker := helper.FindInvoker()
	if err := lower(); err != nil {
		return ExitFailure, err
	}
	plan, err := p.Plan()
	if err != nil {
		return ExitFailure, err
	}
	config := helper.Config{Grants: plan.Grants, Invoker: invoker, Log: p.Debug}
	if plan.Firewall != "" {
		fc, err := firewall.Parse(plan.Firewall)
		if err != nil {
			return ExitFailure, err
		}
		if config.Firewall, err = firewall.Open(fc); err != nil {
			return ExitFailure, err
		}
	}
	if plan.Unprivileged {
		if err := forget(); err != nil {
			return ExitFailure, err
		}
		config.Invoker.Switch = false
		return runHere(p, config, ready, nil)
	}
	if !isRoot && !sandbox.HasRaw() {
		return ExitFailure, errRights
	}
	if plan.Daemon && !background {
		return startDaemon()
	}
	config.Raw = true
	if isRoot {
		return split(p, plan, config, ready)
	}
	applied, err := sandbox.KeepRaw(!plan.NoSandbox, p.Debug)
	if err != nil {
		return ExitFailure, err
	}
	return runHere(p, config, ready, applied)
}

// runHere runs the main process in this one.
func runHere(p Program, config helper.Config, ready readyPipe, applied []string) (int, error) {
	h, err := helper.New(config)
	if err != nil {
		return ExitFailure, err
	}
	handles := client.Direct(h.Serve, h.End)
	status := p.Main(handles, State{
		Raw:         config.Raw,
		Sandbox:     applied,
		Nameservers: nameservers(resolvConf),
		Ready:       ready.function(),
	})
	return status, handles.Close()
}

// lower makes the real user and group the effective ones. The saved ones of a setuid
// program stay what they were, for raise.
func lower() error {
	if err := syscall.Setregid(-1, os.Getgid()); err != nil {
		return fmt.Errorf("effective group: %w", err)
	}
	if os.Geteuid() == os.Getuid() {
		return nil
	}
	if err := seteuid(os.Getuid()); err != nil {
		return fmt.Errorf("effective user: %w", err)
	}
	return nil
}

// raise makes root the effective user again.
func raise() error {
	if os.Geteuid() == 0 {
		return nil
	}
	if err := seteuid(0); err != nil {
		return fmt.Errorf("effective user: %w", err)
	}
	return nil
}

// forget gives up what a setuid program could get back.
func forget() error {
	uid := os.Getuid()
	if uid == 0 {
		return nil
	}
	_ = raise() // so that the saved user changes as well
	if err := setAllUIDs(uid); err != nil {
		return fmt.Errorf("user %d: %w", uid, err)
	}
	return nil
}

// exitStatus is that of a process that has ended: 128 and the signal's number if one
// ended it, as shells have it.
func exitStatus(ws syscall.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// helperSignals are relayed to the main process.
func helperSignals() chan os.Signal {
	ch := make(chan os.Signal, 8)
	signal.Notify(ch, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	// The terminal's quit ends the main process, and the helper thereby, after
	// it has cleaned up.
	signal.Ignore(unix.SIGQUIT, unix.SIGPIPE)
	return ch
}
