// Package technique is what all measurement techniques share: the environment that they run in and the row by which the
// program knows each of them. A technique itself is a package below this one.
package technique

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"

	"scamper/shared/option"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/sched"
)

// Technique is the row of the registry by which the program knows a technique.
type Technique struct {
	// Name is the command word, in lower case.
	Name string
	// Grammar returns the options in the order of the manual.
	Grammar func() []option.Option
	// Check says what is wrong with a command, of which text is what follows the word. The error's text is fit for a user.
	Check func(text string) error
	// Parse makes the task of a command: text is what follows the word. The error's text is fit for a user.
	Parse func(env *Env, text string) (sched.Machine, error)
	// Template parses the options of a command to which targets will be added. The error's text is fit for a user.
	Template func(env *Env, options string) (Template, error)
}

// Template makes tasks of one command for many targets. It must be cheap: it is called for each address of a list.
type Template interface {
	// Machine returns the task of a target, or why the options don't fit it.
	Machine(dst netip.Addr) (sched.Machine, error)
}

// Registry is all techniques that the program has.
type Registry []Technique

// Find returns the technique of a command word, in any case.
func (r Registry) Find(word string) (Technique, bool) {
	for _, t := range r {
		if strings.EqualFold(t.Name, word) {
			return t, true
		}
	}
	return Technique{}, false
}

// Check says what is wrong with a whole command; the error's text is fit for a user.
func (r Registry) Check(command string) error {
	t, rest, err := r.Command(command)
	if err != nil {
		return err
	}
	return t.Check(rest)
}

// Command returns the technique of a whole command, and what follows its word. The error tells a user whether the word is
// known at all.
func (r Registry) Command(text string) (t Technique, rest string, err error) {
	word, rest, err := option.SplitCommand(text)
	if err != nil {
		return Technique{}, "", err
	}
	t, ok := r.Find(word)
	if !ok {
		return Technique{}, "", fmt.Errorf("the %s command is not available in this version", word)
	}
	return t, rest, nil
}

// Router answers where packets to a destination go and from which address. See netio/route.
type Router interface {
	// Source returns the source address that routing chooses towards dst.
	Source(dst netip.Addr) (netip.Addr, error)
}

// Namer finds the names of addresses. See resolve.
type Namer interface {
	// Name calls done once with the name of an address, empty if it has none, perhaps before it returns.
	Name(addr netip.Addr, done func(name string))
}

// Env is what a technique finds around it. Everything in it belongs to the loop's goroutine.
type Env struct {
	Sched   *sched.Scheduler
	Sockets *netio.Sockets
	Routes  Router
	Links   *Links
	Names   Namer
	// RawTCP sends TCP over IPv4 through a raw socket, not the datalink (-O rawtcp).
	RawTCP bool
	// PID is the number of the process, from which default ports and identifiers come.
	PID int
	// Log is given lines for the user: errors of single measurements.
	Log func(line string)

	outboxes map[*netio.Socket]*sched.Outbox
	names    interfaceNames
}

// Clock returns the clock of the loop.
func (e *Env) Clock() loop.Clock { return e.Sched.Loop().Clock() }

// Report gives the user a line.
func (e *Env) Report(format string, args ...any) {
	if e.Log != nil {
		e.Log(fmt.Sprintf(format, args...))
	}
}

// Outbox returns the outbox of an open socket. It lives as long as the socket.
func (e *Env) Outbox(s *netio.Socket) *sched.Outbox {
	if o, ok := e.outboxes[s]; ok {
		return o
	}
	if e.outboxes == nil {
		e.outboxes = make(map[*netio.Socket]*sched.Outbox)
	}
	o := e.Sched.NewOutbox(s)
	e.outboxes[s] = o
	return o
}

// SocketClosed ends the outbox of a socket that is about to be closed. See netio.Config.OnClose.
func (e *Env) SocketClosed(s *netio.Socket) {
	if o, ok := e.outboxes[s]; ok {
		o.Close()
		delete(e.outboxes, s)
	}
}

// Source returns the source address of probes to dst: the one that is given, or, if that is invalid or unspecified (0.0.0.0,
// ::), the one that routing chooses. There is none towards an IPv4 address written as IPv6, as it is never on the wire (RFC
// 4291, section 2.5.5.2): routing would choose an IPv4 one.
func (e *Env) Source(dst, given netip.Addr) (netip.Addr, error) {
	switch {
	case dst.Is4In6():
		return netip.Addr{}, fmt.Errorf("no source address for %s, which is an IPv4 address: %w", dst, syscall.EADDRNOTAVAIL)
	case given.IsValid() && !given.IsUnspecified():
		return given, nil
	}
	return e.Routes.Source(dst)
}

// Errno returns the low byte of the system's error number behind err, 0 if there is none.
func Errno(err error) uint8 {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return uint8(errno)
	}
	return 0
}
