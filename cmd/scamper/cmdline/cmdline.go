// Package cmdline parses the arguments of scamper itself: everything that can be found wrong without opening a file or
// a socket.
//
// [Parse] goes through the arguments as getopt(3) does (getopt.go), then checks values and their combinations in the
// order in which a user is told about them (check.go). What the options are and what is said about them are two tables
// (options.go, words.go). A program name such as scamper-ping is a short way to run one command (shortcut.go).
package cmdline

import (
	"net/netip"
	"strings"
	"time"

	"scamper/shared/option"
	"scamper/unpriv/source"
)

// Mode says where commands come from.
type Mode uint8

// The modes.
const (
	Targets  Mode = iota + 1 // -i: Operands are targets of the default command
	Commands                 // -I: Operands are commands
	ListFile                 // -f: Operands has one element, the name of a file; "-" is standard input
	Control                  // any of -P, -R and -U
)

// Config is a command line that was checked.
type Config struct {
	Mode     Mode
	Operands []string

	Command  string      // -c: the default command
	ListForm source.Form // what the lines of the list file are: -O cmdfile, -O tsps

	PPS    int // packets per second; 0 is unpaced, and then Window is not 0
	Window int // tasks at once; 0 is no limit

	Monitor  string // -M; empty is none
	ListName string // -l
	ListID   uint32 // -L
	CycleID  uint32 // -C

	Output  string // -o; "-" is standard output
	Format  string // "text", "warts", "json", or "warts." and "gz", "bz2" or "xz"
	OutCopy bool   // -O outcopy

	DebugFile   string // -d; empty is none
	DebugAppend bool   // -O debugfileappend
	PIDFile     string // -e; empty is none
	Daemon      bool   // -D
	Firewall    string // -F; empty is none
	Hold        time.Duration

	ControlTCP  netip.AddrPort // -P; invalid is none
	ControlUnix string         // -U; empty is none
	RemoteHost  string         // -R; empty is none
	RemotePort  uint16
	TLS         TLS

	Nameserver netip.Addr // -n; invalid is none, and the system's are asked

	Poller    string // "select", "epoll", "kqueue" or "poll"; empty is the system's best one
	RawTCP    bool   // -O rawtcp or planetlab: IPv4 TCP through a raw socket
	NoInitNDC bool   // -O noinitndc: do not load the neighbour cache at start

	// Shortcut is the command word when the program's name called for one, as scamper-ping does; else empty. Format is
	// then text and Mode Targets.
	Shortcut string
}

// TLS says where TLS is used.
type TLS uint8

// The uses of TLS.
const (
	TLSDefault TLS = iota // wherever a measurement or a remote controller asks for it
	TLSRemote             // -O tls: no remote controller without it
	TLSNever              // -O notls
)

// Env is what the meaning of a command line depends on.
type Env struct {
	Program string // the name that the program was called by, a path perhaps
	Version string // what -v prints
	System  string // runtime.GOOS
	// Posix ends the options at the first operand, as the variable POSIXLY_CORRECT asks for.
	Posix bool
	// Terminal says that standard output is a terminal.
	Terminal bool
	// Grammar returns the options of a measurement command, nil for a command that the program lacks.
	Grammar func(word string) []option.Option
	// Check, if not nil, is asked about each command of the command line. The error's text is fit for a user.
	Check func(command string) error
}

// Exit says that the program is to end now. It is the error of Parse.
type Exit struct {
	Status  int    // for exit(2)
	Stdout  string // to be written to standard output
	Stderr  string // to be written to standard error
	Problem string // to be said as an error, in a line with the time
}

// Error returns what is to be said.
func (e *Exit) Error() string {
	return strings.TrimSpace(e.Problem + e.Stderr + e.Stdout)
}

// failure is the status of everything that is wrong, -1 as an exit status has it.
const failure = 255

// Parse checks a command line without the program's name. The error, if any, is an [*Exit].
func Parse(args []string, env Env) (*Config, error) {
	if word := shortcut(env.Program); word != "" {
		return parseShortcut(word, args, env)
	}
	g, exit := gather(args, env)
	if exit != nil {
		return nil, exit
	}
	c, exit := g.check(env)
	if exit != nil {
		return nil, exit
	}
	return c, nil
}
