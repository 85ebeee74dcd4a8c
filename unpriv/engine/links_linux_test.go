package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"iter"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scamper/privsep/client"
	"scamper/privsep/message"
	"scamper/shared/warts"
	"scamper/testkit"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
)

// datalinks opens packet sockets in a namespace, and nothing else.
type datalinks struct {
	netio.Handles
	in *testkit.Namespace
}

func (d datalinks) Datalink(q message.Datalink) (s client.Socket, err error) {
	d.in.Do(func() {
		s.FD, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Bind(s.FD, &unix.SockaddrLinklayer{
				Protocol: binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL)),
				Ifindex:  int(q.Interface),
			})
		}
	})
	return s, err
}

// flood is one measurement, and the only one, that sends a frame in each slot until all are sent.
type flood struct {
	out   *sched.Outbox
	frame []byte
	left  int
	taken bool
	sent  int
}

func (m *flood) Signatures(sigs []sched.Signature) []sched.Signature { return sigs }
func (m *flood) Begin(t *sched.Task)                                 { t.WantTurn() }
func (m *flood) Reply(*sched.Task, *probe.Reply)                     {}
func (m *flood) Expire(*sched.Task)                                  {}
func (m *flood) Halt(t *sched.Task)                                  { t.End() }
func (m *flood) Record(sched.Origin) warts.Record                    { return nil }
func (m *flood) Recycle()                                            {}

func (m *flood) Turn(t *sched.Task) {
	m.left--
	m.out.Add(t, 0, netio.Packet{Data: append(m.out.Buffer(), m.frame...)})
	if m.left > 0 {
		t.WantTurn()
	}
}

func (m *flood) Sent(t *sched.Task, _ uint32, _ netio.Stamp, err error) {
	if err == nil {
		m.sent++
	}
	if m.sent > 0 && m.left == 0 {
		t.End()
	}
}

func (m *flood) Ready() bool    { return !m.taken }
func (m *flood) Finished() bool { return m.taken }

func (m *flood) Take() (sched.Machine, sched.Origin, bool) {
	m.taken = true
	return m, nil, true
}

func (m *flood) Restore(iter.Seq2[sched.Machine, sched.Origin]) {}
func (m *flood) Full() bool                                     { return false }
func (m *flood) Put(sched.Machine, sched.Origin)                {}
func (m *flood) Receive(*netio.Socket, []netio.Datagram)        {}

// asks has a question sent in each turn of the loop while the flood lasts, and hears of those that were not.
type asks struct {
	t      *testing.T
	links  *links
	flood  *flood
	index  int
	frame  []byte
	asked  int
	failed []error
}

func (a *asks) Turn(loop.Mono) loop.Mono {
	if a.flood.left > 0 {
		err := a.links.SendFrame(a.index, a.frame, func(err error) { a.failed = append(a.failed, err) })
		switch {
		case err == nil:
			a.asked++
		case !errors.Is(err, netio.ErrFull): // the other goroutine gets no processor at the moment
			a.t.Errorf("question %d: %v", a.asked, err)
		}
	}
	return loop.Never
}

// testType is an EtherType for experiments (IEEE Std 802, local experimental Ethertype 1).
const testType = 0x88b5

func testFrame(fill byte) []byte {
	b := bytes.Repeat([]byte{fill}, 60)
	copy(b, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1})
	binary.BigEndian.PutUint16(b[12:], testType)
	return b
}

// At rates at which probes are sent on a goroutine of their own, so are the questions for neighbours on the same socket:
// each packet is sent, and whole. The race detector sees what the packets don't show.
func TestQuestionsAtHighRate(t *testing.T) {
	n := testkit.NewNet(t)
	host, other := n.Namespace("host"), n.Namespace("other")
	link := n.Link(host, other, testkit.LinkConfig{})
	seen := other.Capture(link.B.Interface)

	poller, err := loop.New(loop.Default)
	if err != nil {
		t.Fatal(err)
	}
	const frames = 5000
	m := &flood{frame: testFrame('p'), left: frames}
	e := &Engine{loop: loop.NewLoop(poller, nil)}
	if e.sockets, err = netio.NewSockets(netio.Config{
		Loop: e.loop, Handles: datalinks{in: host}, Receiver: m,
		OnError: func(err error) { t.Log(err) }, OnClose: func(s *netio.Socket) { e.env.SocketClosed(s) },
	}); err != nil {
		t.Fatal(err)
	}
	e.sched = sched.New(sched.Config{PPS: sched.RelayPPS, Loop: e.loop, Feed: m, Sink: m})
	e.env = &technique.Env{Sched: e.sched, Sockets: e.sockets}
	e.sched.OnIdle(e.loop.Stop)
	a := &asks{t: t, links: newLinks(e), flood: m, index: link.A.Index, frame: testFrame('q')}
	e.loop.AddTurner(a)
	e.loop.AddTurner(e.sched)
	socket, err := e.sockets.Datalink(link.A.Index)
	if err != nil {
		t.Fatal(err)
	}
	m.out = e.env.Outbox(socket)
	if err := e.loop.Run(); err != nil {
		t.Error(err)
	}
	// What is with the other goroutine yet is not sent, and those who asked are told.
	e.sched.Shut()
	e.loop.Post(e.loop.Stop)
	if err := e.loop.Run(); err != nil {
		t.Error(err)
	}
	stats, posted := e.sched.Stats, a.asked-len(a.failed)
	if err := e.sockets.Close(); err != nil {
		t.Error(err)
	}

	count := func(packets []testkit.Packet) (p, q int) {
		for _, pkt := range packets {
			switch {
			case pkt.EtherType() != testType:
			case bytes.Equal(pkt.Data, testFrame('p')):
				p++
			case bytes.Equal(pkt.Data, testFrame('q')):
				q++
			default:
				t.Fatalf("a mixture of two packets: %q", pkt.Data)
			}
		}
		return p, q
	}
	seen.Wait(10*time.Second, func(packets []testkit.Packet) bool {
		p, q := count(packets)
		return p > 0 && q > 0
	})
	p, q := count(seen.Stop()) // it may have missed some
	if uint64(p) > stats.Sent || stats.Sent+stats.Unsent != frames || q > posted {
		t.Errorf("%d probes and %d questions seen; %d asked, failed %v, %+v", p, q, a.asked, a.failed, stats)
	}
}
