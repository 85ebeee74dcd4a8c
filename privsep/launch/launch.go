// Package launch starts scamper: it makes two processes of one that has root,
// or takes what rights there are when it has not.
//
//	started as       becomes
//	root             the helper; its child, without any right, is the main process
//	setuid root      the same, once the effective user is the real one again
//	cap_net_raw      one process that keeps that capability and no other
//	none of these    an error that says what to do
//
// cmd/scamper calls Run once, first thing in main.
package launch

import (
	"scamper/privsep/client"
	"scamper/privsep/helper"
)

// ExitFailure is the exit status for whatever goes wrong before the main
// process runs (the C program's -1).
const ExitFailure = 255

// Program is what is to be started.
type Program struct {
	// Plan reads the command line far enough to know which paths it names.
	// It runs in the first process, with the rights of the invoking user,
	// and must not open or read anything. In the child it is not called. On an
	// error, Main is not run; print it in Plan, Run only returns
	// ExitFailure.
	Plan func() (Plan, error)

	// Main is the main process, entered when no right is left and that has
	// been verified. It parses the command line again, in full. What it
	// returns is the exit status of both processes.
	Main func(h client.Handles, s State) int

	// Debug gets one line, without newline, for what is worth knowing (a
	// sandbox that the kernel lacks). nil: nobody wants to know.
	Debug func(line string)
}

// Plan is what the first process has to know.
type Plan struct {
	Grants []helper.Grant

	// Firewall is the argument of -F, "" for none. It is checked in Run.
	Firewall string

	// User is the user name of the main process, "" for nobody. Chroot is
	// its root directory, "" for /var/empty. Both matter with root only.
	// Whoever fills them must take them from a file that only root can
	// write (conf.Trusted), or the invoker of a setuid scamper could choose.
	User, Chroot string

	// Unprivileged runs Main at once with the rights of the invoking user and
	// handles that open nothing but granted files: -v, -?, command lines in
	// error.
	Unprivileged bool

	// NoSandbox leaves out seccomp, Landlock and their like, not the dropping
	// of rights.
	NoSandbox bool

	// Daemon makes the processes a session of their own, without terminal,
	// in the background. The first process waits until State.Ready is called
	// and then ends with 0, or with Main's status if that returned before.
	Daemon bool
}

// State tells Main how it was started.
type State struct {
	// Split: there is a helper, and this process has no right. Otherwise this is
	// the only process.
	Split bool
	// Raw: raw and capture handles can be had. False only with
	// Plan.Unprivileged.
	Raw bool
	// Sandbox lists what was applied, for the debug file: "seccomp",
	// "landlock 6", "chroot /var/empty".
	Sandbox []string
	// Ready says that all files and sockets of the command line are open. With
	// Plan.Daemon, stderr goes to /dev/null from then on. It may be called in
	// any mode, more than once.
	Ready func()
}
