package live_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"scamper/testkit"
	"scamper/tools/simnet"
	"scamper/tools/simnet/live"
)

func start(t *testing.T, topology string) *live.Bed {
	t.Helper()
	testkit.NeedRoot(t)
	topo, err := simnet.Load("../topologies/" + topology + ".toml")
	if err != nil {
		t.Fatal(err)
	}
	bed, err := live.Start(topo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bed.Close(); err != nil {
			t.Error(err)
		}
	})
	return bed
}

// output runs a program in the monitor's namespace.
func output(t *testing.T, bed *live.Bed, program string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(testkit.NeedProgram(t, program), args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := bed.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s %s: %v", program, strings.Join(args, " "), err)
	}
	return out.String()
}

// Programs that know nothing of the simulation see what the topology says.
func TestPing(t *testing.T) {
	bed := start(t, "chain")
	for _, dst := range []string{"198.51.100.10", "2001:db8:100::10"} {
		out := output(t, bed, "ping", "-n", "-c", "3", "-i", "0.05", dst)
		if strings.Count(out, "ttl=59") != 3 || !strings.Contains(out, " 0% packet loss") {
			t.Errorf("%s", out)
		}
		// In fragments, there and back.
		out = output(t, bed, "ping", "-n", "-c", "1", "-s", "5000", dst)
		if !strings.Contains(out, "5008 bytes from "+dst) {
			t.Errorf("%s", out)
		}
	}
	out := output(t, bed, "ping", "-n", "-R", "-c", "1", "198.51.100.10")
	for _, a := range []string{"10.0.0.1", "10.0.0.5", "10.0.0.9", "10.0.0.13", "198.51.100.1", "198.51.100.10"} {
		if !strings.Contains(out, "\t"+a+"\n") {
			t.Errorf("record route lacks %s:\n%s", a, out)
		}
	}
}

var hopLine = regexp.MustCompile(`(?m)^ *(\d+) +(\S+)`)

func hops(out string) (list []string) {
	for _, m := range hopLine.FindAllStringSubmatch(out, -1) {
		list = append(list, m[1]+" "+m[2])
	}
	return list
}

var chain4 = []string{"1 192.0.2.1", "2 10.0.0.2", "3 10.0.0.6", "4 10.0.0.10", "5 10.0.0.14", "6 198.51.100.10"}

var chain6 = []string{
	"1 2001:db8:0:1::1", "2 2001:db8:10::2", "3 2001:db8:10:1::2", "4 2001:db8:10:2::2", "5 2001:db8:10:3::2", "6 2001:db8:100::10",
}

func TestTraceroute(t *testing.T) {
	bed := start(t, "chain")
	for _, kind := range []string{"-U", "-I", "-T"} {
		for dst, want := range map[string][]string{"198.51.100.10": chain4, "2001:db8:100::10": chain6} {
			if diff := cmp.Diff(want, hops(output(t, bed, "traceroute", "-n", "-q", "1", kind, dst))); diff != "" {
				t.Errorf("traceroute %s %s (-want +got):\n%s", kind, dst, diff)
			}
		}
	}
}

// scamper is Debian's, an independent program.
func TestScamperTrace(t *testing.T) {
	bed := start(t, "chain")
	for _, method := range []string{"udp", "udp-paris", "icmp", "icmp-paris", "tcp", "tcp-ack"} {
		for dst, want := range map[string][]string{"198.51.100.10": chain4, "2001:db8:100::10": chain6} {
			out := output(t, bed, "scamper", "-p", "1000", "-I", "trace -P "+method+" "+dst)
			if diff := cmp.Diff(want, hops(out)); diff != "" {
				t.Errorf("trace -P %s %s (-want +got):\n%s", method, dst, diff)
			}
		}
	}
}

func TestScamperNeighbourdisc(t *testing.T) {
	bed := start(t, "neighbours")
	for dst, want := range map[string]string{
		"192.0.2.10": "\x02\x00\x5e\x00\x00\x10", "2001:db8:0:1::10": "\x02\x00\x5e\x00\x00\x10",
		"192.0.2.11": "\x02\x00\x5e\x00\x00\x11", "192.0.2.13": "\x02\x00\x5e\x00\x02\x13",
	} {
		// The record holds the Ethernet addresses; that version prints no text for it.
		out := output(t, bed, "scamper", "-O", "warts", "-o", "-", "-I", "neighbourdisc -i "+live.Interface+" "+dst)
		if !strings.Contains(out, want) {
			t.Errorf("%s: no % x in % x", dst, want, out)
		}
	}
}

func TestRealServers(t *testing.T) {
	bed := start(t, "server")
	for _, dst := range []string{"198.51.100.10", "[2001:db8:100::10]", "20.9.8.7", "[2a00::4]", "198.51.101.10", "[2001:db8:101::10]"} {
		var body []byte
		err := bed.Do(func() error {
			conn, err := net.DialTimeout("tcp", dst+":80", 5*time.Second)
			if err != nil {
				return err
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			fmt.Fprintf(conn, "GET / HTTP/1.0\r\n\r\n")
			body, err = io.ReadAll(conn)
			return err
		})
		if err != nil || !bytes.HasPrefix(body, []byte("HTTP/1.0 200 OK\r\n")) || len(body) < 20000 {
			t.Errorf("%s: %d bytes: %v", dst, len(body), err)
		}
	}
	// Behind the black hole the connection stands, but no page comes.
	err := bed.Do(func() error {
		conn, err := net.DialTimeout("tcp", "198.51.102.10:80", 5*time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(700 * time.Millisecond))
		fmt.Fprintf(conn, "GET / HTTP/1.0\r\n\r\n")
		if b, err := io.ReadAll(conn); err == nil || len(b) > 3000 {
			t.Errorf("%d bytes came through the black hole: %v", len(b), err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, network := range []string{"tcp", "udp"} {
		err := bed.Do(func() error {
			conn, err := net.DialTimeout(network, "198.51.100.10:7", 5*time.Second)
			if err != nil {
				return err
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			fmt.Fprint(conn, "hello")
			b := make([]byte, 5)
			if _, err := io.ReadFull(conn, b); err != nil || string(b) != "hello" {
				t.Errorf("%s echo: %q, %v", network, b, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if c := bed.Counters(); c.TooBig == 0 || c.ToAttached == 0 || c.Dropped[7] == 0 {
		t.Errorf("counters %+v", c.Rows())
	}
	cmd := exec.Command("cat", "/proc/net/fib_trie")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := bed.StartIn("small", cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "198.51.101.10") {
		t.Errorf("the command did not run in the attachment: %v\n%s", err, out.String())
	}
	if err := bed.StartIn("nowhere", exec.Command("true")); err == nil {
		t.Error("a command was started in an attachment that is not there")
	}
}

// The DNS server knows every simulated router by name.
func TestNames(t *testing.T) {
	bed := start(t, "server")
	for _, tt := range []struct {
		name  string
		qtype uint16
		class uint16
		want  string
	}{
		{"6.0.0.10.in-addr.arpa.", dns.TypePTR, dns.ClassINET, "ge-0-0-1.r3.sim."},
		{"ge-0-0-1.R3.sim.", dns.TypeA, dns.ClassINET, "10.0.0.6"},
		{"ge-0-0-1.r3.sim.", dns.TypeAAAA, dns.ClassINET, "2001:db8:10:1::2"},
		{"host-20-1-1-1.server.sim.", dns.TypeA, dns.ClassINET, "20.1.1.1"},
		{"id.server.", dns.TypeTXT, dns.ClassCHAOS, `"server"`},
		{"sim.", dns.TypeNS, dns.ClassINET, "server.sim."},
		{"sim.", dns.TypeMX, dns.ClassINET, "10 server.sim."},
	} {
		for _, network := range []string{"udp", "tcp"} {
			q := new(dns.Msg)
			q.SetQuestion(tt.name, tt.qtype)
			q.Question[0].Qclass = tt.class
			var answer *dns.Msg
			err := bed.Do(func() error {
				conn, err := net.DialTimeout(network, "198.51.100.10:53", 5*time.Second)
				if err != nil {
					return err
				}
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(5 * time.Second))
				c := dns.Conn{Conn: conn}
				if err := c.WriteMsg(q); err != nil {
					return err
				}
				answer, err = c.ReadMsg()
				return err
			})
			if err != nil || len(answer.Answer) != 1 || !strings.HasSuffix(answer.Answer[0].String(), "\t"+tt.want) {
				t.Errorf("%s %s: %v, want %s: %v", network, tt.name, answer, tt.want, err)
			}
		}
	}
}

// command runs sc_simnet.
func command(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(testkit.BuildCommand(t, "scamper/cmd/sc_simnet"), args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func namespaces(t *testing.T) string {
	t.Helper()
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	return own
}

func TestCommandStatus(t *testing.T) {
	testkit.NeedRoot(t)
	const f = "../topologies/chain.toml"
	for _, tt := range []struct {
		args   []string
		status int
		out    string
	}{
		{[]string{"-f", f, "--", "true"}, 0, ""},
		{[]string{"-f", f, "--", "sh", "-c", "echo $SIMNET; exit 7"}, 7, f + "\n"},
		{[]string{"-f", f, "sh", "-c", "kill -TERM $$"}, 128 + 15, ""},
		{[]string{"-f", f, "--", "/nonexistent/program"}, 127, ""},
		{[]string{"-f", f, "--", "/etc/passwd"}, 126, ""},
		{[]string{"-f", "nonexistent.toml", "--", "true"}, 125, ""},
	} {
		if out, _, status := command(t, tt.args...); status != tt.status || out != tt.out {
			t.Errorf("%v: status %d, output %q; want %d, %q", tt.args, status, out, tt.status, tt.out)
		}
	}
	// What -x starts runs in the attachment, and ends with the command.
	marker := filepath.Join(t.TempDir(), "ran")
	wait := "while ! [ -s " + marker + " ]; do sleep 0.05; done"
	if _, errs, status := command(t, "-f", "../topologies/server.toml", "-x", "small=cat /proc/net/fib_trie > "+marker+"; sleep 600", "--", "sh", "-c", wait); status != 0 {
		t.Errorf("status %d: %s", status, errs)
	}
	if b, err := os.ReadFile(marker); err != nil || !bytes.Contains(b, []byte("198.51.101.10")) {
		t.Errorf("-x ran elsewhere: %v\n%s", err, b)
	}
	if _, _, status := command(t, "-f", "../topologies/server.toml", "-x", "nowhere=true", "--", "true"); status != 125 {
		t.Errorf("an attachment that is not there: status %d", status)
	}
	file := filepath.Join(t.TempDir(), "counters.json")
	_, _, status := command(t, "-f", f, "-j", file, "--", "ping", "-c", "1", "198.51.100.10")
	var counters map[string]uint64
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, &counters)
	}
	if err != nil || status != 0 || counters["made.echo"] != 1 || counters["to-monitor"] != 1 {
		t.Errorf("status %d, counters %v: %v", status, counters, err)
	}
}

// Nothing is left: not the command's children, not the namespaces.
func TestCommandCleansUp(t *testing.T) {
	testkit.NeedRoot(t)
	dir := t.TempDir()
	// A child that would live on, and one that does not listen to SIGTERM.
	script := `readlink /proc/self/ns/net; (sleep 600 & echo $! > ` + dir + `/a); (trap "" TERM; sleep 600 & echo $! > ` + dir + `/b)`
	out, errs, status := command(t, "-f", "../topologies/server.toml", "--", "sh", "-c", script)
	if status != 0 || errs != "" {
		t.Errorf("status %d: %s", status, errs)
	}
	if out == namespaces(t)+"\n" {
		t.Error("the command ran in this namespace")
	}
	for _, name := range []string{"a", "b"} {
		b, _ := os.ReadFile(dir + "/" + name)
		pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
		if err != nil {
			t.Fatal(err)
		}
		if state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && !strings.Contains(string(state), ") Z ") {
			t.Errorf("process %s is still there: %s", name, state)
		}
	}
}

func TestSignals(t *testing.T) {
	testkit.NeedRoot(t)
	for _, sig := range []unix.Signal{unix.SIGINT, unix.SIGTERM} {
		cmd := exec.Command(testkit.BuildCommand(t, "scamper/cmd/sc_simnet"), "-f", "../topologies/chain.toml", "--",
			"sh", "-c", `trap 'echo got it; exit 3' INT TERM; echo ready; while :; do sleep 0.05; done`)
		cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true} // no terminal
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 6)
		if _, err := io.ReadFull(out, b); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		rest, _ := io.ReadAll(out)
		cmd.Wait()
		if cmd.ProcessState.ExitCode() != 3 || string(rest) != "got it\n" {
			t.Errorf("%v: status %v, output %q", sig, cmd.ProcessState, rest)
		}
	}
}

func TestSideBySide(t *testing.T) {
	testkit.NeedRoot(t)
	var group sync.WaitGroup
	for range 4 {
		group.Add(1)
		go func() {
			defer group.Done()
			if out, errs, status := command(t, "-f", "../topologies/chain.toml", "--", "ping", "-c", "2", "-i", "0.1", "198.51.100.10"); status != 0 {
				t.Errorf("status %d\n%s%s", status, out, errs)
			}
		}()
	}
	group.Wait()
}
