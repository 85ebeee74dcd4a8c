package loop

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// What a poller must supply
//
// Each system's poller is one file, poller_KIND.go, with one type:
//
//   - Add, Modify, Remove change the set of descriptors. They take effect for
//     the next Wait. Adding a descriptor twice, or modifying or removing one
//     that is not there, is an error.
//   - Wait is level triggered: what is still ready is reported by each Wait.
//     It reports each descriptor at most once per call, never one that was
//     removed, and always sets Readable and Writable for a failed descriptor
//     that was watched for them, so that the next read or write gets the error.
//   - Wait never sleeps less than the timeout because of rounding and no
//     longer than the system's resolution requires: microseconds where the
//     system call takes a timespec, else rounded up to its unit. A signal that
//     interrupts it is not an error; it returns early with 0.
//   - Wake may be called from any goroutine at any time before Close. The Wait
//     under way or else the next one returns at once, with 0 if nothing is
//     ready. A wake that is already under way is not repeated: any number of
//     calls before that Wait cost one system call.
//   - Close frees what New opened; watched descriptors stay open.
//   - Nothing but Wake is called from two goroutines.
//   - Wait allocates nothing.

// Poller waits for descriptors. See "What a poller must supply" above for
// what an implementation owes.
type Poller interface {
	// Add starts watching fd, a non-negative descriptor, for what is set in
	// want. Zero watches for nothing yet.
	Add(fd int, want Events) error
	// Modify replaces what fd is watched for.
	Modify(fd int, want Events) error
	// Remove stops watching fd.
	Remove(fd int) error
	// Wait waits until a descriptor is ready, timeout has passed or Wake is
	// called, and fills into with what is ready, as far as it has room.
	// A negative timeout does not end, zero does not wait.
	Wait(into []Ready, timeout time.Duration) (n int, err error)
	// Wake ends the Wait under way, or else the next one.
	Wake()
	// Kind returns which poll function this is.
	Kind() Kind
	// Close frees the poller.
	Close() error
}

// Events is a set of what a descriptor can be ready for.
type Events uint8

const (
	// Readable: reading will not block (data, a connection, end of file or an error).
	Readable Events = 1 << iota
	// Writable: writing will not block.
	Writable
)

// String returns the names of the events in the set.
func (e Events) String() string {
	switch e & (Readable | Writable) {
	case Readable:
		return "readable"
	case Writable:
		return "writable"
	case Readable | Writable:
		return "readable+writable"
	default:
		return "nothing"
	}
}

// Ready is a descriptor that is ready.
type Ready struct {
	FD     int
	Events Events
}

// Kind names a poll function.
type Kind uint8

const (
	// Default is the first that the system has of kqueue, epoll, poll and
	// select, in this order (as scamper 20260420 chooses).
	Default Kind = iota
	Kqueue
	Epoll
	Poll
	Select
	// Simulated is FakePoller; New does not make one.
	Simulated
)

var kindNames = [...]string{"default", "kqueue", "epoll", "poll", "select", "simulated"}

// String returns the word that -O takes for the kind.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// ErrNoPoller is wrapped by the errors for a poll function that is unknown or
// that this system does not have.
var ErrNoPoller = errors.New("no such poll function on this system")

// ParseKind returns the kind that the -O word names: kqueue, epoll, poll or
// select, in any case of letters. A word that is unknown on this system is an
// error that wraps ErrNoPoller.
func ParseKind(word string) (Kind, error) {
	for _, k := range Kinds() {
		if strings.EqualFold(word, k.String()) {
			return k, nil
		}
	}
	return Default, fmt.Errorf("poll function %q: %w", word, ErrNoPoller)
}

// Kinds returns what New can make on this system, the default first.
func Kinds() []Kind {
	kinds := make([]Kind, len(makers))
	for i, m := range makers {
		kinds[i] = m.kind
	}
	return kinds
}

// New returns a poller of the given kind. The error wraps ErrNoPoller if the
// system does not have it.
func New(kind Kind) (Poller, error) {
	for _, m := range makers {
		if m.kind == kind || kind == Default {
			return m.make()
		}
	}
	return nil, fmt.Errorf("poll function %v: %w", kind, ErrNoPoller)
}

// maker makes pollers of one kind. Each system lists its own in makers, in
// the order of preference.
type maker struct {
	kind Kind
	make func() (Poller, error)
}

var (
	errAdded   = errors.New("descriptor is already watched")
	errUnknown = errors.New("descriptor is not watched")
)
