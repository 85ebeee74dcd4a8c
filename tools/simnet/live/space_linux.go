package live

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"scamper/shared/packet"
	"scamper/tools/simnet"
)

// stackConfig is a real stack at the edge of the simulation.
type stackConfig struct {
	name      string
	mac       packet.MAC
	mtu       int
	addresses []netip.Prefix
	gateways  []netip.Addr
	local     []netip.Prefix // every address in these belongs to the namespace
	serve     []string
	sysctl    map[string]string
	topology  *simnet.Topology
}

// space is a network namespace and the thread that lives in it.
type space struct {
	name    string
	names   *simnet.Topology // what a DNS server answers from
	calls   chan func()
	ended   chan struct{}
	tap     int
	inode   string // of the namespace, as /proc spells it
	servers []io.Closer
}

// do calls fn on the namespace's thread.
func (s *space) do(fn func() error) error {
	result := make(chan error, 1)
	s.calls <- func() { result <- fn() }
	return <-result
}

func newSpace(c stackConfig) (*space, error) {
	s := &space{name: c.name, names: c.topology, calls: make(chan func()), ended: make(chan struct{}), tap: -1}
	entered := make(chan error, 1)
	go func() {
		// The thread is never unlocked, so that it ends together with the goroutine and nothing else ever runs in the
		// namespace.
		runtime.LockOSThread()
		defer close(s.ended)
		err := unix.Unshare(unix.CLONE_NEWNET)
		entered <- err
		if err != nil {
			return
		}
		for call := range s.calls {
			call()
		}
	}()
	if err := <-entered; err != nil {
		if errors.Is(err, unix.EPERM) {
			return nil, fmt.Errorf("leaving the current network namespace needs root: %w", err)
		}
		return nil, fmt.Errorf("leaving the current network namespace: %w", err)
	}
	if err := s.do(func() error { return s.configure(c) }); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// configure sets the namespace up; it runs in it.
func (s *space) configure(c stackConfig) error {
	link, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("naming the namespace: %w", err)
	}
	s.inode = link
	settings := []struct{ name, value string }{
		{"net.ipv6.conf.default.accept_dad", "0"},
		{"net.ipv6.conf.default.accept_ra", "0"},
		{"net.ipv6.conf.default.router_solicitations", "0"},
		{"net.ipv4.ping_group_range", "0 2147483647"},
		{"net.ipv4.icmp_ratelimit", "0"},
		{"net.ipv6.icmp.ratelimit", "0"},
		{"net.ipv4.neigh.default.unres_qlen", "1000"},
		{"net.ipv6.neigh.default.unres_qlen", "1000"},
	}
	for _, x := range settings {
		if err := sysctl(x.name, x.value); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if s.tap, err = openTAP(); err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("finding lo: %w", err)
	}
	tap, err := netlink.LinkByName(Interface)
	if err != nil {
		return fmt.Errorf("finding %s: %w", Interface, err)
	}
	for _, step := range []struct {
		what string
		err  error
	}{
		{"setting lo up", netlink.LinkSetUp(lo)},
		{"setting the Ethernet address", netlink.LinkSetHardwareAddr(tap, net.HardwareAddr(c.mac[:]))},
		{"setting the MTU", netlink.LinkSetMTU(tap, c.mtu)},
		{"setting the queue length", netlink.LinkSetTxQLen(tap, 16384)},
		{"setting " + Interface + " up", netlink.LinkSetUp(tap)},
	} {
		if step.err != nil {
			return fmt.Errorf("%s: %w", step.what, step.err)
		}
	}
	for _, a := range c.addresses {
		address := &netlink.Addr{IPNet: ipNet(a)}
		if a.Addr().Is6() {
			address.Flags = unix.IFA_F_NODAD
		}
		if err := netlink.AddrAdd(tap, address); err != nil {
			return fmt.Errorf("adding address %v: %w", a, err)
		}
	}
	for _, g := range c.gateways {
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: tap.Attrs().Index, Gw: g.AsSlice()}); err != nil {
			return fmt.Errorf("adding the default route by %v: %w", g, err)
		}
	}
	for _, p := range c.local {
		// The same as "ip route add local PREFIX dev lo": the whole prefix is this machine.
		route := &netlink.Route{
			LinkIndex: lo.Attrs().Index, Dst: ipNet(p), Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: netlink.SCOPE_HOST,
		}
		if err := netlink.RouteAdd(route); err != nil {
			return fmt.Errorf("making %v local: %w", p, err)
		}
	}
	for name, value := range c.sysctl {
		if err := sysctl(name, value); err != nil {
			return err
		}
	}
	for _, service := range c.serve {
		if err := s.serve(service); err != nil {
			return fmt.Errorf("serving %s: %w", service, err)
		}
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// sysctl sets a network setting of the namespace of the calling thread.
func sysctl(name, value string) error {
	path := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
	if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
		return fmt.Errorf("setting %s: %w", name, err)
	}
	return nil
}

// openTAP makes the TAP device in the namespace of the calling thread.
func openTAP() (int, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("opening /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(Interface)
	if err == nil {
		request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("making a TAP device: %w", err)
	}
	return fd, nil
}

// close ends everything that is in the namespace, and thereby the namespace.
func (s *space) close() error {
	for _, server := range s.servers {
		server.Close()
	}
	err := s.endProcesses()
	if s.tap >= 0 {
		unix.Close(s.tap)
	}
	close(s.calls)
	<-s.ended
	return err
}

// patience is how long processes that were asked to end may take before they are killed.
const patience = 2 * time.Second

// endProcesses ends the processes that were left in the namespace: only descendants of those that the Bed started can
// be there.
func (s *space) endProcesses() error {
	asked := false
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		left := s.processes()
		if len(left) == 0 {
			return nil
		}
		late := time.Now().After(deadline)
		for _, pid := range left {
			switch {
			case late:
				unix.Kill(pid, unix.SIGKILL)
			case !asked:
				unix.Kill(pid, unix.SIGTERM)
			}
		}
		asked = true
		if time.Now().After(deadline.Add(patience)) {
			return fmt.Errorf("processes %v are still in the namespace of %s", left, s.name)
		}
	}
}

func (s *space) processes() []int {
	if s.inode == "" {
		return nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if link, err := os.Readlink("/proc/" + e.Name() + "/ns/net"); err == nil && link == s.inode {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}
