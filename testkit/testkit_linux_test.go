package testkit_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"scamper/testkit"
)

const limit = 20 * time.Second

func ping(s *testkit.Namespace, t *testing.T, dst netip.Addr, more ...string) testkit.Result {
	t.Helper()
	testkit.NeedProgram(t, "ping")
	args := append([]string{"-n", "-c", "1", "-W", "2"}, more...)
	return s.Run(limit, "ping", append(args, dst.String())...)
}

func TestChain(t *testing.T) {
	c := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 3, MTU: map[int]int{3: 1400}})
	for _, dst := range []netip.Addr{c.Target4(), c.Target6()} {
		if r := ping(c.Prober, t, dst); r.Err != nil {
			t.Errorf("ping %s: %v\n%s%s", dst, r.Err, r.Stdout, r.Stderr)
		}
	}

	// One TTL after the other, each router answers from where Hops4 and Hops6 say.
	// Twenty in a row meet no limit on ICMP errors.
	for family, hops := range map[string][]netip.Addr{"4": c.Hops4(), "6": c.Hops6()} {
		dst := hops[len(hops)-1]
		for i, hop := range hops[:len(hops)-1] {
			r := c.Prober.Run(limit, "ping", "-n", "-i", "0.002", "-c", "20", "-W", "1", "-t", fmt.Sprint(i+1), dst.String())
			if got := strings.Count(r.Stdout, "From "+hop.String()+" "); got != 20 {
				t.Errorf("IPv%s TTL %d: %d answers from %s, want 20\n%s", family, i+1, got, hop, r.Stdout)
			}
		}
	}

	if r := ping(c.Prober, t, c.Target4(), "-M", "do", "-s", "1420"); !strings.Contains(r.Stdout, "1400") {
		t.Errorf("no word of an MTU of 1400:\n%s", r.Stdout)
	}
}

func TestAnswerPrefix(t *testing.T) {
	c := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 1})
	for _, text := range []string{"192.0.2.0/24", "2001:db8:5::/48"} {
		prefix := netip.MustParsePrefix(text)
		c.RoutePrefix(prefix)
		dst := prefix.Addr().Next().Next()
		if r := ping(c.Prober, t, dst, "-W", "0.3"); r.Err == nil {
			t.Errorf("%s answers before it is told to", dst)
		}
		c.Target.AnswerPrefix(prefix)
		if r := ping(c.Prober, t, dst); r.Err != nil {
			t.Errorf("ping %s: %v\n%s%s", dst, r.Err, r.Stdout, r.Stderr)
		}
	}
}

func TestDiamond(t *testing.T) {
	d := testkit.NewNet(t).Diamond(3)
	for _, prefix := range []string{"198.51.100.0/24", "2001:db8:6::/48"} {
		p := netip.MustParsePrefix(prefix)
		d.RoutePrefix(p)
		d.Target.AnswerPrefix(p)
	}
	d.Target.EchoUDP(7)
	var captures []*testkit.Capture
	for _, m := range d.Middle {
		captures = append(captures, m.Capture("eth0"))
	}
	for _, dst := range []string{"198.51.100.1", "2001:db8:6::1", d.TargetLink.B.Addr4.String(), d.TargetLink.B.Addr6.String()} {
		for range 24 {
			conn, err := d.Prober.Dial("udp", net.JoinHostPort(dst, "7"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write([]byte("to all sides")); err != nil {
				t.Fatal(err)
			}
			conn.Close()
		}
	}
	for i, c := range captures {
		c.Wait(limit, func(packets []testkit.Packet) bool {
			var v4, v6 bool
			for _, p := range packets {
				if bytes.Contains(p.Data, []byte("to all sides")) {
					v4 = v4 || p.EtherType() == unix.ETH_P_IP
					v6 = v6 || p.EtherType() == unix.ETH_P_IPV6
				}
			}
			return v4 && v6
		})
		t.Logf("middle router %d saw both", i+1)
	}
}

func TestServers(t *testing.T) {
	c := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 1})
	c.Target.EchoTCP(7)
	c.Target.EchoUDP(7)
	for _, network := range []string{"tcp", "udp"} {
		for _, dst := range []netip.Addr{c.Target4(), c.Target6()} {
			conn, err := c.Prober.Dial(network, netip.AddrPortFrom(dst, 7).String())
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
				t.Fatal(err)
			}
			sent := []byte("are you there")
			if _, err := conn.Write(sent); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(sent))
			if _, err := io.ReadFull(conn, got); err != nil {
				t.Fatalf("%s to %s: %v", network, dst, err)
			}
			if diff := cmp.Diff(sent, got); diff != "" {
				t.Errorf("%s to %s: %s", network, dst, diff)
			}
		}
	}
}

func TestCapture(t *testing.T) {
	c := testkit.NewNet(t).Chain(testkit.ChainConfig{})
	capture := c.Prober.Capture("eth0")
	before := time.Now()
	if r := ping(c.Prober, t, c.Target4()); r.Err != nil {
		t.Fatal(r.Err, r.Stdout, r.Stderr)
	}
	var seen []string
	for _, p := range capture.Stop() {
		ip := p.IP()
		if p.EtherType() != unix.ETH_P_IP || ip[9] != unix.IPPROTO_ICMP {
			continue
		}
		if p.Time.Before(before.Add(-time.Second)) || p.Time.After(time.Now()) {
			t.Errorf("stamp %v is not between %v and now", p.Time, before)
		}
		src, _ := netip.AddrFromSlice(ip[12:16])
		seen = append(seen, fmt.Sprintf("%v type %d outgoing %v", src, ip[20], p.Outgoing))
	}
	want := []string{"10.0.1.1 type 8 outgoing true", "10.0.1.2 type 0 outgoing false"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
	if again := capture.Stop(); len(again) < 2 {
		t.Errorf("the second Stop returned %d frames", len(again))
	}
}

// A checksum that hardware was meant to fill in would be wrong in a capture.
func TestCaptureSeesChecksums(t *testing.T) {
	c := testkit.NewNet(t).Chain(testkit.ChainConfig{})
	capture := c.Target.Capture("eth0")
	conn, err := c.Prober.Dial("udp4", netip.AddrPortFrom(c.Target4(), 9).String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("count on me.")); err != nil {
		t.Fatal(err)
	}
	packets := capture.Wait(limit, func(p []testkit.Packet) bool {
		return slices.ContainsFunc(p, func(p testkit.Packet) bool { return bytes.Contains(p.Data, []byte("count on me.")) })
	})
	for _, p := range packets {
		ip := p.IP()
		if p.EtherType() != unix.ETH_P_IP || ip[9] != unix.IPPROTO_UDP {
			continue
		}
		udp := ip[20:]
		sum := uint32(unix.IPPROTO_UDP) + uint32(len(udp))
		for _, part := range [][]byte{ip[12:20], udp} {
			for i := 0; i+1 < len(part); i += 2 {
				sum += uint32(binary.BigEndian.Uint16(part[i:]))
			}
		}
		for sum > 0xffff {
			sum = sum&0xffff + sum>>16
		}
		if sum != 0xffff {
			t.Errorf("checksum does not hold: sum %#x", sum)
		}
	}
}

func TestLoss(t *testing.T) {
	c := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 1})
	testkit.NeedProgram(t, "nft")
	c.Routers[0].Lose(testkit.Loss{Match: "icmp type echo-request", Drop: 1, Every: 4})
	r := c.Prober.Run(limit, "ping", "-n", "-i", "0.01", "-c", "12", "-W", "1", c.Target4().String())
	if got := strings.Count(r.Stdout, "bytes from"); got != 9 {
		t.Errorf("%d of 12 answered, want 9\n%s", got, r.Stdout)
	}
}

func TestSilence(t *testing.T) {
	c := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 2})
	c.Routers[0].Silence()
	for _, dst := range []netip.Addr{c.Target4(), c.Target6()} {
		if r := ping(c.Prober, t, dst, "-t", "1", "-W", "0.3"); strings.Contains(r.Stdout, "From") {
			t.Errorf("the silent router spoke:\n%s", r.Stdout)
		}
		if r := ping(c.Prober, t, dst, "-t", "2"); !strings.Contains(r.Stdout, "From") {
			t.Errorf("the router behind it did not:\n%s", r.Stdout)
		}
		if r := ping(c.Prober, t, dst); r.Err != nil {
			t.Errorf("the silent router does not forward: %v", r.Err)
		}
	}
}

func TestRun(t *testing.T) {
	s := testkit.NewNet(t).Namespace("one")
	r := s.Run(limit, "sh", "-c", "echo out; echo err >&2; exit 3")
	if r.Stdout != "out\n" || r.Stderr != "err\n" || r.Status != 3 || r.Err == nil {
		t.Errorf("got %+v", r)
	}
	if got := s.MustRun(limit, "ip", "-o", "link"); strings.Count(got, "\n") != 1 || !strings.Contains(got, " lo:") {
		t.Errorf("a new namespace has more than lo:\n%s", got)
	}
	start := time.Now()
	r = s.Run(100*time.Millisecond, "sleep", "60")
	if r.Err == nil || !strings.Contains(r.Err.Error(), "killed after") || time.Since(start) > limit {
		t.Errorf("after %v: %+v", time.Since(start), r)
	}
}

func TestProcess(t *testing.T) {
	s := testkit.NewNet(t).Namespace("one")
	p := s.Start(exec.Command("sh", "-c", "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done"))
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if out, _ := p.Output(); out == "ready\n" {
			break
		}
		if time.Since(start) > limit {
			t.Fatal("not ready")
		}
	}
	if !p.Running() {
		t.Error("not running")
	}
	if r := p.Stop(); r.Stdout != "ready\nbye\n" || r.Status != 0 || p.Running() {
		t.Errorf("got %+v", r)
	}
}

// Do enters the namespace and comes back, also when the function ends the goroutine.
func TestDoComesBack(t *testing.T) {
	home, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	s := testkit.NewNet(t).Namespace("one")
	for name, end := range map[string]func(){
		"returns": func() {},
		"ends":    runtime.Goexit,
	} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() {
				if now, _ := os.Readlink("/proc/thread-self/ns/net"); now != home {
					t.Errorf("%s: back in %s, home is %s", name, now, home)
				}
			}()
			s.Do(func() {
				if now, _ := os.Readlink("/proc/thread-self/ns/net"); now == home {
					t.Errorf("%s: did not enter", name)
				}
				end()
			})
		}()
		<-done
	}
}

// helper runs one of the tests below, which are meant to end badly, in a process of
// its own, and returns what it printed.
func helper(t *testing.T, name string, kill bool) string {
	t.Helper()
	testkit.NeedRoot(t)
	mark := filepath.Join(t.TempDir(), "mark")
	cmd := exec.Command(os.Args[0], "-test.run=^"+name+"$")
	cmd.Env = append(os.Environ(), "TESTKIT_HELPER="+mark)
	if !kill {
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); time.Since(start) < limit; time.Sleep(5 * time.Millisecond) {
		if out, err := os.ReadFile(mark); err == nil && len(out) > 0 {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			return string(out)
		}
	}
	_ = cmd.Process.Kill()
	t.Fatal("the helper did not get ready")
	return ""
}

func namespaceOf(t *testing.T, out string) string {
	t.Helper()
	_, after, ok := strings.Cut(out, "namespace=")
	if !ok {
		t.Fatalf("the helper named no namespace:\n%s", out)
	}
	name, _, _ := strings.Cut(after, ";")
	return name
}

func gone(name string) bool {
	_, err := os.Stat("/run/netns/" + name)
	return os.IsNotExist(err)
}

func TestCleanUpAfterPanic(t *testing.T) {
	name := namespaceOf(t, helper(t, "TestHelperPanics", false))
	if !gone(name) {
		t.Errorf("%s is still there", name)
	}
}

func TestCleanUpAfterKill(t *testing.T) {
	name := namespaceOf(t, helper(t, "TestHelperIsKilled", true))
	for start := time.Now(); !gone(name); time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > limit {
			t.Fatalf("%s is still there", name)
		}
	}
}

func TestHelperPanics(t *testing.T) {
	if os.Getenv("TESTKIT_HELPER") == "" {
		return // only as another test's helper
	}
	s := testkit.NewNet(t).Namespace("one")
	fmt.Printf("namespace=%s;\n", s.Full)
	s.Start(exec.Command("sleep", "60"))
	panic("on purpose")
}

func TestHelperIsKilled(t *testing.T) {
	mark := os.Getenv("TESTKIT_HELPER")
	if mark == "" {
		return // only as another test's helper
	}
	s := testkit.NewNet(t).Namespace("one")
	s.Start(exec.Command("sleep", "60"))
	if err := os.WriteFile(mark, []byte("namespace="+s.Full+";"), 0o644); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
}
