package testkit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// namespaceDir is where iproute2 keeps the names of network namespaces (ip-netns(8)).
const namespaceDir = "/run/netns"

// Net is the network of one test: its namespaces and the links between them. All
// methods fail the test when the system refuses something.
type Net struct {
	t     testing.TB
	links int // made so far; the next one's number is one more

	mu         sync.Mutex
	namespaces []*Namespace
}

// Namespace is one machine of the network. Its own network stack knows nothing of
// the others but what links and routes tell it.
type Namespace struct {
	Name string // as given to Net.Namespace
	Full string // as known to the system: `ip netns exec Full ...`

	t          testing.TB
	net        *Net
	file       *os.File // the namespace; keeps it alive and is what setns takes
	interfaces int      // eth0, eth1, ... made so far

	mu      sync.Mutex
	running []*Process
}

var namespaceCount atomic.Int64

// NewNet returns an empty network which is taken down when the test ends. It skips
// the test (see Skip) without root, without iproute2, or where the system forbids
// namespaces.
func NewNet(t testing.TB) *Net {
	t.Helper()
	NeedRoot(t)
	NeedProgram(t, "ip")
	if _, err := startReaper(); err != nil {
		t.Fatal(err)
	}
	removeStaleNamespaces()
	n := &Net{t: t}
	t.Cleanup(n.close)
	return n
}

// Namespace adds a machine called name (letters and digits, unique in this Net). Its
// loopback interface is up; nothing is connected to it; it does not forward.
func (n *Net) Namespace(name string) *Namespace {
	n.t.Helper()
	full := fmt.Sprintf("%s%s-%d-%s", namespacePrefix, identity(), namespaceCount.Add(1), name)
	if out, err := ip("netns", "add", full); err != nil {
		if strings.Contains(out, "not permitted") {
			Skip(n.t, "this system forbids network namespaces: "+out)
		}
		n.t.Fatalf("adding namespace %s: %v\n%s", full, err, out)
	}
	s := &Namespace{Name: name, Full: full, t: n.t, net: n}
	n.mu.Lock()
	n.namespaces = append(n.namespaces, s)
	n.mu.Unlock()
	file, err := os.Open(filepath.Join(namespaceDir, full))
	if err != nil {
		n.t.Fatalf("opening namespace: %v", err)
	}
	s.file = file
	s.applySysctls(quietSysctls)
	s.IP("link set lo up")
	return s
}

// Router adds a machine like Namespace does, that forwards IPv4 and IPv6.
func (n *Net) Router(name string) *Namespace {
	n.t.Helper()
	s := n.Namespace(name)
	s.applySysctls(routerSysctls)
	return s
}

// close ends all processes and removes all namespaces. It runs as the cleanup of a
// test that may have failed half-way, so it goes on after errors.
func (n *Net) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.namespaces {
		s.mu.Lock()
		running := s.running
		s.mu.Unlock()
		for _, p := range running {
			p.Stop()
		}
	}
	for _, s := range n.namespaces {
		if s.file != nil {
			s.file.Close()
		}
		if out, err := ip("netns", "del", s.Full); err != nil {
			n.t.Errorf("removing namespace %s: %v\n%s", s.Full, err, out)
		}
	}
}

// Do calls fn with the calling goroutine inside the namespace: sockets that fn opens
// belong to it, and stay there when used outside later. Goroutines that fn starts
// are outside, so open sockets in fn itself. (net.Listen and net.Dial with literal
// addresses are fine.) fn may end the test with t.Fatal.
func (s *Namespace) Do(fn func()) {
	s.t.Helper()
	runtime.LockOSThread()
	home, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
	if err != nil {
		runtime.UnlockOSThread()
		s.t.Fatalf("opening this thread's namespace: %v", err)
	}
	defer home.Close()
	if err := unix.Setns(int(s.file.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		s.t.Fatalf("entering namespace %s: %v", s.Name, err)
	}
	defer func() {
		// A thread that cannot go home stays locked, and dies with its goroutine.
		if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
			s.t.Errorf("leaving namespace %s: %v", s.Name, err)
			return
		}
		runtime.UnlockOSThread()
	}()
	fn()
}

// IP runs ip(8) in the namespace, once for each line: `link set eth0 mtu 1400`.
func (s *Namespace) IP(lines ...string) {
	s.t.Helper()
	cmd := exec.Command("ip", "-n", s.Full, "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("ip in %s: %v\n%s\nof:\n%s", s.Name, err, out, strings.Join(lines, "\n"))
	}
}

// NFT gives rules to nft(8) in the namespace, in the language of `nft -f`. It skips
// the test (see Skip) without that program.
func (s *Namespace) NFT(rules string) {
	s.t.Helper()
	NeedProgram(s.t, "nft")
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	var err error
	s.Do(func() { err = cmd.Run() })
	if err != nil {
		s.t.Fatalf("nft in %s: %v\n%s\nof:\n%s", s.Name, err, out.String(), rules)
	}
}

// Sysctl sets a kernel parameter of the namespace, such as net.ipv4.ip_default_ttl.
func (s *Namespace) Sysctl(name, value string) {
	s.t.Helper()
	if err := s.setSysctl(name, value); err != nil {
		s.t.Fatalf("sysctl in %s: %v", s.Name, err)
	}
}

func (s *Namespace) setSysctl(name, value string) (err error) {
	path := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
	s.Do(func() { err = os.WriteFile(path, []byte(value), 0) })
	return err
}

type sysctl struct{ name, value string }

// quietSysctls make addresses work at once and keep unasked-for packets few.
var quietSysctls = []sysctl{
	{"net.ipv4.icmp_ratelimit", "0"},
	{"net.ipv4.icmp_msgs_per_sec", "1000000"},
	{"net.ipv4.icmp_msgs_burst", "1000000"},
	{"net.ipv6.icmp.ratelimit", "0"},
	{"net.ipv4.conf.all.rp_filter", "0"},
	{"net.ipv4.conf.default.rp_filter", "0"},
	{"net.ipv4.conf.all.send_redirects", "0"},
	{"net.ipv4.conf.default.send_redirects", "0"},
	{"net.ipv4.conf.all.accept_redirects", "0"},
	{"net.ipv4.conf.default.accept_redirects", "0"},
	{"net.ipv6.conf.all.accept_redirects", "0"},
	{"net.ipv6.conf.default.accept_redirects", "0"},
	{"net.ipv6.conf.all.accept_dad", "0"},
	{"net.ipv6.conf.default.accept_dad", "0"},
	{"net.ipv6.conf.default.dad_transmits", "0"},
	{"net.ipv6.conf.default.accept_ra", "0"},
	{"net.ipv6.conf.default.router_solicitations", "0"},
	{"net.ipv4.fib_multipath_hash_policy", "1"},
	{"net.ipv6.fib_multipath_hash_policy", "1"},
}

var routerSysctls = []sysctl{
	{"net.ipv4.ip_forward", "1"},
	{"net.ipv6.conf.all.forwarding", "1"},
	{"net.ipv6.conf.default.forwarding", "1"},
}

// applySysctls sets parameters of which older kernels have some for the whole machine
// only, where they are not for a test to change.
func (s *Namespace) applySysctls(list []sysctl) {
	s.t.Helper()
	for _, c := range list {
		if err := s.setSysctl(c.name, c.value); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.t.Fatalf("sysctl in %s: %v", s.Name, err)
		}
	}
}

// removeStaleNamespaces removes what test processes that are gone left behind, with
// the processes in there. Failures are left for the next one: somebody else may be
// removing the same.
var removeStaleNamespaces = sync.OnceFunc(func() {
	entries, err := os.ReadDir(namespaceDir)
	if err != nil {
		return // no namespace has ever been made
	}
	for _, entry := range entries {
		if !isStale(entry.Name(), namespacePrefix) {
			continue
		}
		if out, err := exec.Command("ip", "netns", "pids", entry.Name()).Output(); err == nil {
			for _, field := range strings.Fields(string(out)) {
				var pid int
				if _, err := fmt.Sscan(field, &pid); err == nil && pid > 1 && pid != os.Getpid() {
					_ = unix.Kill(pid, unix.SIGKILL)
				}
			}
		}
		_, _ = ip("netns", "del", entry.Name())
	}
})

// ip runs ip(8) outside of all namespaces and returns what it printed.
func ip(args ...string) (string, error) {
	out, err := exec.Command("ip", args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// eventually asks until every few milliseconds, and tells whether it became true
// within the limit.
func eventually(limit time.Duration, until func() bool) bool {
	for deadline := time.Now().Add(limit); ; time.Sleep(2 * time.Millisecond) {
		if until() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}
