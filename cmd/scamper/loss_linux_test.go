package main_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"scamper/shared/packet"
	"scamper/shared/warts"
	"scamper/testkit"
)

// flood sends ICMP echo replies that nobody asked for.
func flood(t testing.TB, from *testkit.Namespace, to [4]byte, n int) {
	t.Helper()
	message := []byte{0, 0, 0, 0, 0xff, 0xfe, 0, 1} // an identifier that no ping of ours has
	sum := packet.Checksum(message)
	message[2], message[3] = byte(sum>>8), byte(sum)
	from.Do(func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		for range n {
			if err := unix.Sendto(fd, message, 0, &unix.SockaddrInet4{Addr: to}); err != nil && err != unix.ENOBUFS {
				t.Fatal(err)
			}
		}
	})
}

var dropped = regexp.MustCompile(`(?m)^\[.*\] scamper: (\d+) received packets? w(?:ere|as) dropped because our buffers were full$`)

// What is lost because the program did not read fast enough is told in the end; what is not for it does no harm.
func TestDropsTold(t *testing.T) {
	t.Parallel()
	chain := far(t)
	const packets = 80_000
	for _, paused := range []bool{false, true} {
		out := filepath.Join(testkit.OpenDir(t), "out.warts")
		p := chain.Prober.Start(command(program(t), "-p", "1000", "-o", out, "-I", quick+" 10.64.0.1", "ping -c 1000 -i 50ms 10.64.0.2"))
		pid := mainProcess(t, p.Cmd.Process.Pid)
		eventually(t, "the first result is written", func() bool { return fileSize(out) > 100 })
		if paused {
			if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			flood(t, chain.Target, chain.Source4().As4(), packets)
			if err := unix.Kill(pid, unix.SIGCONT); err != nil {
				t.Fatal(err)
			}
		} else {
			flood(t, chain.Target, chain.Source4().As4(), 1000)
		}
		p.Signal(unix.SIGTERM)
		r := p.Wait(limit)
		if r.Status != 0 {
			t.Errorf("status %d", r.Status)
		}
		m := dropped.FindStringSubmatch(r.Stderr)
		switch {
		case !paused && r.Stderr != "":
			t.Errorf("stderr %q", r.Stderr)
		case paused && m == nil:
			t.Errorf("nothing is said of drops: %q", r.Stderr)
		case paused:
			if n, _ := strconv.Atoi(m[1]); n < 1000 || n > packets {
				t.Errorf("%d drops of %d packets", n, packets)
			}
		}
		list := wholeWarts(t, out)
		if n := count(list, warts.TypePing); n != 2 || list[len(list)-1].Type() != warts.TypeCycleStop {
			t.Errorf("%d pings", n)
		}
	}
}

// A target that cannot be reached is an error of that measurement, and the others go on.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	chain := far(t)
	r := run(t, chain.Prober, "-p", "1000", "-O", "json", "-I", "trace 192.0.2.1", "trace -P tcp 192.0.2.1", "trace -P icmp 2001:db8::1",
		quick+" 192.0.2.2", quick+" -P tcp-syn 192.0.2.2", quick+" 2001:db8::1", quick+" 10.64.0.1", "trace 10.64.0.2")
	if r.Status != 0 {
		t.Errorf("status %d", r.Status)
	}
	list := jsonLines(t, r.Stdout)
	if n := len(list); n < 4 || list[0]["type"] != "cycle-start" || list[n-1]["type"] != "cycle-stop" {
		t.Fatalf("%s", r.Stdout)
	}
	good := 0
	for _, o := range list {
		dst, ok := o["dst"].(string)
		if !ok {
			continue
		}
		reached := strings.HasPrefix(dst, "10.")
		switch o["type"] {
		case "trace":
			if (o["stop_reason"] == "COMPLETED") != reached {
				t.Errorf("trace to %s: %v", dst, o["stop_reason"])
			}
		case "ping":
			if got := fmt.Sprint(o["statistics"].(object)["replies"]); (got == "1") != reached {
				t.Errorf("ping to %s: %s replies", dst, got)
			}
		}
		if reached {
			good++
		}
	}
	if good != 2 {
		t.Errorf("%d of 2 that can be reached have results", good)
	}
	for _, line := range complaints(t, r.Stderr) {
		if !strings.Contains(line, "192.0.2.") && !strings.Contains(line, "2001:db8::1") {
			t.Errorf("complaint %q", line)
		}
	}
}
