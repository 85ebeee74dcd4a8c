//go:build unix

// Package launch starts scamper: it makes two processes of one that has root,
// or takes what rights there are when it has not.
//
//	started as       becomes
//	root             the helper; its child, without any right, is the main process
//	setuid root      the same; files are opened with the rights of the real user
//	cap_net_raw      one process that keeps that capability and no other
//	none of these    an error that says what to do
//
// cmd/scamper calls Run first thing in main. What happens then:
//
//  1. A setuid process makes its real user the effective one (first.go).
//  2. Plan reads the command line for the paths that it names. With Plan.Daemon, the
//     program goes on in the background (daemon.go).
//  3. As root: two socket pairs, then the program starts itself again, as a child
//     (split.go). The parent gives up what the helper does not need, answers
//     requests until the child is gone, and ends with the child's exit status.
//  4. The child makes sure that it talks to such a parent, reads what it will need
//     from files, drops everything, verifies that, and enters Main (child.go).
//
// An environment variable tells the child that it is one. A user who sets it gains
// nothing: the child only ever gives rights away, and takes orders from a socket pair
// alone that was made by its parent process as root.
package launch

import (
	"net/netip"

	"scamper/privsep/client"
	"scamper/privsep/helper"
)

// ExitFailure is the exit status of everything that goes wrong (the C program's -1).
const ExitFailure = 255

// Program is what is to be started.
type Program struct {
	// Plan reads the command line far enough to know which paths it names.
	// It runs in the first process, with the rights of the invoking user (a
	// configuration file aside, it need not open anything). In the child it is
	// not called. On an error, Main is not run: Run complains of the error, unless
	// it is ErrPrinted, and returns ExitFailure.
	Plan func() (Plan, error)

	// Main is the main process, entered when no right is left and that has
	// been verified. It parses the command line again, in full. What it
	// returns is the exit status of both processes. It has to end when
	// Handles.Notices says that the helper has ended, and on SIGTERM, which the
	// kernel may send for the same reason (Linux).
	Main func(h client.Handles, s State) int

	// Complain tells the user of an error: a sentence, without newline.
	Complain func(text string)

	// Debug gets one line, without newline, for what is worth knowing (a
	// sandbox that the kernel lacks, a request that the helper refused). nil:
	// nobody wants to know.
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

	// Unprivileged runs Main at once, in this process, with the rights of the
	// invoking user and handles that open nothing but granted files: for -v and
	// -?.
	Unprivileged bool

	// Certificates makes the system's CA certificates known to crypto/x509
	// before the root directory changes: for -R with TLS and the like.
	Certificates bool

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
	// "chroot /var/empty".
	Sandbox []string
	// Nameservers are those of /etc/resolv.conf, which cannot be read any more
	// in the new root directory; with the port of DNS.
	Nameservers []netip.AddrPort
	// Ready says that all files and sockets of the command line are open. With
	// Plan.Daemon, stderr goes to /dev/null from then on. It may be called in
	// any mode, more than once.
	Ready func()
}
