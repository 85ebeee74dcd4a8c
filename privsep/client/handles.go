//go:build unix

package client

import (
	"errors"
	"fmt"
	"io"
	"net/netip"

	"golang.org/x/sys/unix"

	"scamper/privsep/firewall"
	"scamper/privsep/message"
)

// exchange sends an encoded request and returns its reply and, if one came, a
// descriptor, else -1.
type exchange interface {
	do(k message.Kind, packet []byte) (message.Reply, int, error)
	noticeFD() int
	notices() ([]message.Notice, error)
	close() error
}

// handles makes requests of calls, whatever carries them.
type handles struct {
	ex     exchange
	packet []byte // the request being sent; its space is used again
}

var _ Handles = (*handles)(nil)

// New returns the handles of a main process that has a helper: requests travel on
// one packet socket, notices arrive on another. Both descriptors belong to the
// result.
func New(requests, notices int) Handles {
	return &handles{ex: &overSocket{
		requests: message.NewConn(requests),
		notice:   message.NewConn(notices),
	}}
}

// Serve answers one encoded request in this process: the helper's dispatcher.
// fd is -1 if no descriptor belongs to the reply.
type Serve func(packet []byte) (r message.Reply, fd int)

// Direct returns the handles of a program that is one process. Each request is
// encoded and checked just as if it travelled. done is called by Close.
func Direct(serve Serve, done func() error) Handles {
	return &handles{ex: &inProcess{serve: serve, done: done}}
}

// ask makes the request and returns its reply. A reply without the descriptor
// that its kind has, or with one that it has not, is an error (EPROTO).
func (h *handles) ask(r message.Request) (message.Reply, int, error) {
	var err error
	if h.packet, err = message.Append(h.packet[:0], r); err != nil {
		return message.Reply{}, -1, err
	}
	k := r.Kind()
	reply, fd, err := h.ex.do(k, h.packet)
	if err == nil && reply.Errno != 0 {
		err = reply.Errno
	}
	if err == nil && (fd >= 0) != k.Handle() {
		err = unix.EPROTO
	}
	if err != nil {
		if fd >= 0 {
			unix.Close(fd)
		}
		return message.Reply{}, -1, fmt.Errorf("%v: %w", k, err)
	}
	return reply, fd, nil
}

func (h *handles) socket(r message.Request) (Socket, error) {
	reply, fd, err := h.ask(r)
	return Socket{fd, reply.Buffers}, err
}

func (h *handles) descriptor(r message.Request) (int, error) {
	_, fd, err := h.ask(r)
	return fd, err
}

func (h *handles) act(r message.Request) error {
	_, _, err := h.ask(r)
	return err
}

func (h *handles) ICMP(f message.Family, b message.Buffers) (Socket, error) {
	return h.socket(message.ICMP{Family: f, Buffers: b})
}

func (h *handles) RawUDP(src netip.Addr, b message.Buffers) (Socket, error) {
	return h.socket(message.RawUDP{Source: src, Buffers: b})
}

func (h *handles) RawIP(b message.Buffers) (Socket, error) {
	return h.socket(message.RawIP{Buffers: b})
}

func (h *handles) Datalink(q message.Datalink) (Socket, error) { return h.socket(q) }

func (h *handles) Route(b message.Buffers) (Socket, error) {
	return h.socket(message.Route{Buffers: b})
}

func (h *handles) File(s message.Slot) (int, error) {
	return h.descriptor(message.File{Slot: s})
}

func (h *handles) FileIn(dir message.Slot, name string, how message.Open) (int, error) {
	return h.descriptor(message.FileIn{Directory: dir, Open: how, Name: name})
}

func (h *handles) Unix(s message.Slot) (int, error) {
	return h.descriptor(message.Unix{Slot: s})
}

func (h *handles) Unlink(s message.Slot) error { return h.act(message.Unlink{Slot: s}) }

func (h *handles) FirewallInit() error { return h.act(message.FirewallInit{}) }

func (h *handles) FirewallAdd(r firewall.Rule) (firewall.Entry, error) {
	reply, _, err := h.ask(message.FirewallAdd{Rule: r})
	return firewall.Entry(reply.Value), err
}

func (h *handles) FirewallDelete(e firewall.Entry) error {
	return h.act(message.FirewallDelete{Entry: e})
}

func (h *handles) FirewallCleanup() error { return h.act(message.FirewallCleanup{}) }

func (h *handles) NoticeFD() int                      { return h.ex.noticeFD() }
func (h *handles) Notices() ([]message.Notice, error) { return h.ex.notices() }
func (h *handles) Close() error                       { return h.ex.close() }

// overSocket is the way to a helper.
type overSocket struct {
	requests, notice message.Conn
	gone             bool // the helper has ended, or the conversation
	closed           bool
	reply            [message.ReplyLen]byte
}

func (s *overSocket) do(k message.Kind, packet []byte) (message.Reply, int, error) {
	if s.gone {
		return message.Reply{}, -1, ErrHelperGone
	}
	if err := s.requests.Send(packet, -1); err != nil {
		return message.Reply{}, -1, s.ended(err)
	}
	n, fd, err := s.requests.Receive(s.reply[:], true)
	if err != nil {
		return message.Reply{}, -1, s.ended(err)
	}
	r, err := message.DecodeReply(s.reply[:n], k)
	if err != nil {
		// Whatever comes next could be the answer to something else.
		s.gone = true
	}
	return r, fd, err
}

// ended makes ErrHelperGone of what a socket says when its other end is closed.
func (s *overSocket) ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) ||
		errors.Is(err, unix.ENOTCONN) {
		s.gone = true
		return ErrHelperGone
	}
	return err
}

func (s *overSocket) noticeFD() int { return s.notice.FD() }

func (s *overSocket) notices() ([]message.Notice, error) {
	if s.closed {
		return nil, ErrHelperGone
	}
	var got []message.Notice
	// There are two kinds of notice; a helper that sends them faster than
	// they are read must not keep us here.
	for range 16 {
		var b [1]byte
		_, err := s.notice.TryReceive(b[:])
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil {
			return got, s.ended(err)
		}
		if n := message.Notice(b[0]); n.Valid() {
			got = append(got, n)
		}
	}
	return got, nil
}

func (s *overSocket) close() error {
	if s.closed {
		return nil
	}
	s.gone, s.closed = true, true
	return errors.Join(s.requests.Close(), s.notice.Close())
}

// inProcess is the way when there is no helper.
type inProcess struct {
	serve Serve
	done  func() error
}

func (p *inProcess) do(_ message.Kind, packet []byte) (message.Reply, int, error) {
	r, fd := p.serve(packet)
	return r, fd, nil
}

func (p *inProcess) noticeFD() int                      { return -1 }
func (p *inProcess) notices() ([]message.Notice, error) { return nil, nil }
func (p *inProcess) close() error                       { return p.done() }
