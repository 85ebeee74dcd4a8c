package firewall

import (
	"errors"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scamper/testkit"
)

func openNFT(t *testing.T) *Table {
	t.Helper()
	c, err := Parse("nft:fwtest")
	if err != nil {
		t.Fatal(err)
	}
	table, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Init(); errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPROTONOSUPPORT) {
		testkit.Skip(t, "the kernel has no nftables")
	} else if err != nil {
		t.Fatal(err)
	}
	return table
}

// answered sends from one address to another, where nothing listens, and reports
// whether an answer came.
func answered(t *testing.T, network string, from, to netip.AddrPort) bool {
	t.Helper()
	family := unix.AF_INET6
	sockaddr := func(a netip.AddrPort) unix.Sockaddr {
		return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	}
	if to.Addr().Is4() {
		family = unix.AF_INET
		sockaddr = func(a netip.AddrPort) unix.Sockaddr {
			return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
		}
	}
	kind := map[string]int{"tcp": unix.SOCK_STREAM, "udp": unix.SOCK_DGRAM}[network]
	s, err := unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err := unix.Bind(s, sockaddr(from)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(s, sockaddr(to)); err != nil && err != unix.EINPROGRESS {
		// A closed port on loopback answers with a reset at once.
		return true
	}
	if network == "udp" {
		unix.Write(s, []byte("x"))
	}
	// What is not dropped is answered: nothing listens.
	fds := []unix.PollFd{{Fd: int32(s), Events: unix.POLLIN}}
	deadline := time.Now().Add(300 * time.Millisecond)
	for time.Now().Before(deadline) {
		if n, err := unix.Poll(fds, 100); err == nil && n > 0 {
			return true
		}
	}
	return false
}

// Packets of a rule's flow are dropped, of all others they are not.
func TestNFT(t *testing.T) {
	testkit.NeedRoot(t)
	nft := testkit.NeedProgram(t, "nft")
	ns := testkit.NewNet(t).Namespace("fw")
	var table *Table
	ns.Do(func() { table = openNFT(t) })
	for _, test := range []struct {
		network string
		proto   Protocol
		peer    string
		local   string
		other   string // a peer that differs in one thing
	}{
		{"tcp", TCP, "127.0.0.1:4001", "127.0.0.1:4002", "127.0.0.1:4003"},
		{"tcp", TCP, "127.0.0.1:4001", "127.0.0.1:4002", "127.0.0.2:4001"},
		{"tcp", TCP, "[::1]:4001", "[::1]:4002", "[::1]:4003"},
		{"udp", UDP, "127.0.0.1:4001", "127.0.0.1:4002", "127.0.0.1:4003"},
		{"udp", UDP, "[::1]:4001", "[::1]:4002", "[::1]:4003"},
	} {
		t.Run(test.network+" "+test.peer+" "+test.other, func(t *testing.T) {
			peer, local, other := netip.MustParseAddrPort(test.peer), netip.MustParseAddrPort(test.local),
				netip.MustParseAddrPort(test.other)
			var e Entry
			var err error
			var before, during, different, after bool
			ns.Do(func() {
				before = answered(t, test.network, peer, local)
				e, err = table.Add(Rule{test.proto, peer, local})
				during = answered(t, test.network, peer, local)
				different = answered(t, test.network, other, local)
			})
			if err != nil {
				t.Fatal(err)
			}
			list := ns.MustRun(10*time.Second, nft, "list", "ruleset")
			ns.Do(func() {
				err = table.Delete(e)
				after = answered(t, test.network, peer, local)
			})
			if err != nil {
				t.Fatal(err)
			}
			if !before || during || !different || !after {
				t.Errorf("answered: before the rule %v, with it %v, another flow %v, without it %v\n%s",
					before, during, different, after, list)
			}
		})
	}
	if err := table.Cleanup(); err != nil {
		t.Error(err)
	}
	if out := ns.MustRun(10*time.Second, nft, "list", "ruleset"); out != "" {
		t.Errorf("left behind:\n%s", out)
	}
}

// A thousand entries, and the table of a process that was killed.
func TestNFTMany(t *testing.T) {
	testkit.NeedRoot(t)
	nft := testkit.NeedProgram(t, "nft")
	ns := testkit.NewNet(t).Namespace("fw")
	// No process has the number 4194305: it is above the kernel's limit (proc(5),
	// pid_max).
	ns.NFT(`
		table inet fwtest-4194305 {}
		table inet fwtest-1 {}
		table inet fwtest-x {}
		table ip fwtest-4194305 {}
	`)
	ns.Do(func() {
		table := openNFT(t)
		for i := range 1000 {
			peer := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), uint16(1+i/256))
			if _, err := table.Add(Rule{TCP, peer, netip.MustParseAddrPort("198.51.100.1:80")}); err != nil {
				t.Errorf("%v: %v", peer, err)
				return
			}
		}
	})
	list := ns.MustRun(10*time.Second, nft, "list", "ruleset")
	if n := strings.Count(list, "tcp . 192.0.2."); n != 1000 {
		t.Errorf("%d entries", n)
	}
	for _, want := range []string{
		"table inet fwtest-1 ", "table inet fwtest-x ", "table ip fwtest-4194305 ",
		"table inet fwtest-" + strconv.Itoa(os.Getpid()),
	} {
		if !strings.Contains(list, want) {
			t.Errorf("%s is gone", want)
		}
	}
	if strings.Contains(list, "table inet fwtest-4194305 ") {
		t.Error("the table of a process that does not exist is still there")
	}
}

func TestOpen(t *testing.T) {
	for _, typ := range []Type{PF, IPFW} {
		if _, err := Open(Config{Type: typ, First: 1, Last: 2}); !errors.Is(err, syscall.ENOTSUP) {
			t.Errorf("%s: error %v", typ, err)
		}
	}
}
