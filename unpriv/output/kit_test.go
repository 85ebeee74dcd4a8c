package output

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
)

var (
	testList  = &warts.List{Name: "default", Description: "default"}
	testCycle = &warts.Cycle{Kind: warts.CycleStart, List: testList, ID: 1, Start: 1_700_000_000, HostName: "host"}
)

// result is a finished machine whose record is a ping with a number.
type result struct {
	n        uint32
	nothing  bool // its record is nil
	broken   bool // its record cannot be encoded
	recorded atomic.Int32
	recycled int // on the loop's goroutine
}

func (r *result) Signatures(s []sched.Signature) []sched.Signature { return s }
func (r *result) Begin(*sched.Task)                                {}
func (r *result) Turn(*sched.Task)                                 {}
func (r *result) Sent(*sched.Task, uint32, netio.Stamp, error)     {}
func (r *result) Reply(*sched.Task, *probe.Reply)                  {}
func (r *result) Expire(*sched.Task)                               {}
func (r *result) Halt(t *sched.Task)                               { t.End() }
func (r *result) Recycle()                                         { r.recycled++ }
func (r *result) Record(o sched.Origin) warts.Record {
	r.recorded.Add(1)
	if r.nothing {
		return nil
	}
	list, cycle := o.Stream()
	p := &warts.Ping{List: list, Cycle: cycle, UserID: r.n, Dst: warts.AddrFrom(netip.MustParseAddr("192.0.2.1"))}
	p.Data = make([]byte, r.n%37) // so that records differ in size
	if r.broken {
		p.Dst = warts.Addr{}
	}
	return p
}

// origin is where a result came from.
type origin struct{ file *File }

func (o origin) Stream() (*warts.List, *warts.Cycle) { return testList, testCycle }
func (o origin) Ended(*sched.Task)                   {}
func (o origin) File() *File                         { return o.file }

// sink is what files are written to. It can be held up, and can fail.
type sink struct {
	mu     sync.Mutex
	bytes  []byte
	writes int
	fail   error         // of every write from now on
	after  int           // bytes that a failing write takes nevertheless
	gate   chan struct{} // if not nil, a write takes something out of it first
	closed bool
}

func (s *sink) Write(p []byte) (int, error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if s.fail != nil {
		n := min(s.after, len(p))
		s.bytes = append(s.bytes, p[:n]...)
		return n, s.fail
	}
	s.bytes = append(s.bytes, p...)
	return len(p), nil
}

func (s *sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *sink) contents() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]byte(nil), s.bytes...)
}

func newFile(t testing.TB, format Format, w io.WriteCloser) *File {
	t.Helper()
	f, err := NewFile("out", format, w)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// reports collects what a queue says of failures.
type reports struct {
	mu   sync.Mutex
	list []string
	errs []error
}

func (r *reports) fail(f *File, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, fmt.Sprintf("%s: %v", f.Name(), err))
	r.errs = append(r.errs, err)
}

func (r *reports) get() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.list...)
}

// eventually waits for what happens on another goroutine.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not after a minute: %s", what)
		}
	}
}

var errDisk = errors.New("no space left on device")
