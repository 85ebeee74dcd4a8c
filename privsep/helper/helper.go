// Package helper is the process that keeps root when scamper starts with it. It
// opens handles and keeps firewall rules for the main process, which has no rights.
// It reads nothing but requests (package message), one at a time, each of a fixed
// length; and it opens nothing but what a grant names, sockets apart.
//
// Where to look: Serve is the dispatcher; files.go, sockets.go, datalink_*.go and
// route_*.go open the kinds of handle; rights_*.go becomes the invoking user for
// the time of opening a file. That is all.
package helper

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"scamper/privsep/firewall"
	"scamper/privsep/message"
)

// Config is what the helper may do.
type Config struct {
	Grants   []Grant
	Firewall *firewall.Table // nil: none, every firewall request is refused
	Invoker  Invoker         // whose rights files are opened with
	Raw      bool            // false: no socket is opened, only files
	Log      func(line string)
}

// Helper answers requests. It is used by one goroutine, save Stop.
type Helper struct {
	grants   map[message.Slot]*grant
	fw       *firewall.Table
	invoker  Invoker
	raw      bool
	log      func(line string)
	stopping atomic.Bool
	refused  int // requests, to keep a main process gone wrong from filling the log
}

// maxRefusals is the number of refused requests that are logged.
const maxRefusals = 100

// New checks the grants and opens the directories among them. An error names the
// grant.
func New(c Config) (*Helper, error) {
	h := &Helper{
		grants:  make(map[message.Slot]*grant, len(c.Grants)),
		fw:      c.Firewall,
		invoker: c.Invoker,
		raw:     c.Raw,
		log:     c.Log,
	}
	for _, g := range c.Grants {
		if err := g.check(); err != nil {
			return nil, err
		}
		if h.grants[g.Slot] != nil {
			return nil, fmt.Errorf("grant %q: slot %d is taken", g.Path, g.Slot)
		}
		granted := &grant{Grant: g, dir: -1}
		if g.Use == Directory {
			err := h.invoker.as(func() (err error) {
				granted.dir, err = openDirectory(g.Path)
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("directory %s: %w", g.Path, err)
			}
		}
		h.grants[g.Slot] = granted
	}
	return h, nil
}

// Stop has a request that waits for another program, at the far end of a FIFO, fail with EINTR, now and later. It may be
// called on any goroutine.
func (h *Helper) Stop() { h.stopping.Store(true) }

// Serve answers one encoded request. fd is the descriptor that goes with the reply,
// the caller's to send and close, or -1.
func (h *Helper) Serve(packet []byte) (r message.Reply, fd int) {
	fd = -1
	req, err := message.Decode(packet)
	if err != nil {
		return h.refuse(0, err), -1
	}
	r.Kind = req.Kind()
	switch q := req.(type) {
	case message.Datalink:
		fd, r.Buffers, err = h.socket(q.Buffers, func() (int, error) { return openDatalink(q) })
	case message.ICMP:
		fd, r.Buffers, err = h.socket(q.Buffers, func() (int, error) { return openICMP(q.Family) })
	case message.RawUDP:
		fd, r.Buffers, err = h.socket(q.Buffers, func() (int, error) { return openRawUDP(q.Source) })
	case message.RawIP:
		fd, r.Buffers, err = h.socket(q.Buffers, openRawIP)
	case message.Route:
		fd, r.Buffers, err = h.socket(q.Buffers, openRoute)
	case message.File:
		fd, err = h.file(q.Slot)
	case message.FileIn:
		fd, err = h.fileIn(q)
	case message.Unix:
		fd, err = h.listen(q.Slot)
	case message.Unlink:
		err = h.unlink(q.Slot)
	case message.FirewallInit:
		err = h.firewall(func() error { return h.fw.Init() })
	case message.FirewallAdd:
		err = h.firewall(func() error {
			e, err := h.fw.Add(q.Rule)
			r.Value = uint32(e)
			return err
		})
	case message.FirewallDelete:
		err = h.firewall(func() error { return h.fw.Delete(q.Entry) })
	case message.FirewallCleanup:
		err = h.firewall(func() error { return h.fw.Cleanup() })
	default:
		err = unix.EPROTO
	}
	if err != nil {
		return h.refuse(r.Kind, err), -1
	}
	return r, fd
}

// refuse returns the reply of a request that failed.
func (h *Helper) refuse(k message.Kind, err error) message.Reply {
	if h.refused++; h.log != nil && h.refused <= maxRefusals {
		h.log(fmt.Sprintf("%v: %v", k, err))
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) || errno == 0 {
		errno = unix.EIO
	}
	return message.Reply{Kind: k, Errno: errno}
}

func (h *Helper) firewall(do func() error) error {
	if h.fw == nil {
		return fmt.Errorf("no firewall on the command line: %w", unix.ENOTSUP)
	}
	return do()
}

// Run answers the requests that arrive on c until its other end is closed; that
// is no error. It does not close c.
func (h *Helper) Run(c message.Conn) error {
	var packet [message.MaxRequest]byte
	var reply [message.ReplyLen]byte
	for {
		n, _, err := c.Receive(packet[:], false)
		if errors.Is(err, io.EOF) {
			return nil
		}
		var bad *message.Error
		if err != nil && !errors.As(err, &bad) {
			return fmt.Errorf("receiving a request: %w", err)
		}
		r, fd := message.Reply{}, -1
		if bad != nil {
			r = h.refuse(0, bad)
		} else {
			r, fd = h.Serve(packet[:n])
		}
		err = c.Send(message.AppendReply(reply[:0], r), fd)
		if fd >= 0 {
			unix.Close(fd)
		}
		if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("answering %v: %w", r.Kind, err)
		}
	}
}

// End removes what the main process left behind: firewall rules and unix sockets.
func (h *Helper) End() error {
	var errs []error
	if h.fw != nil {
		errs = append(errs, h.fw.Cleanup())
	}
	for s := range message.SlotDirectory {
		if g := h.grants[s]; g != nil && g.Use == Socket && g.bound != nil {
			errs = append(errs, h.unlink(s))
		}
	}
	return errors.Join(errs...)
}
