// Command prog is the program with which package launch is tested. Its arguments:
//
//	-o FILE -f FILE -a FILE -U FILE -d DIR   grants: output, list, debug (append), socket, directory
//	-F FIREWALL -chroot DIR -user NAME -plain -daemon -nosandbox
//
// The main process reads commands, one a line, and answers each with one line: ok
// or error, and details. It ends at the end of its input, at an exit notice, or when
// the helper ends, with status 3, 0 and 4.
package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"scamper/privsep/client"
	"scamper/privsep/firewall"
	"scamper/privsep/helper"
	"scamper/privsep/launch"
	"scamper/privsep/message"
)

var (
	output  = flag.String("o", "", "")
	list    = flag.String("f", "", "")
	debug   = flag.String("a", "", "")
	control = flag.String("U", "", "")
	dir     = flag.String("d", "", "")
	fw      = flag.String("F", "", "")
	chroot  = flag.String("chroot", "", "")
	user    = flag.String("user", "", "")
	plain   = flag.Bool("plain", false, "")
	daemon  = flag.Bool("daemon", false, "")
	open    = flag.Bool("nosandbox", false, "")
	verbose = flag.Bool("v", false, "")
)

func main() {
	p := launch.Program{
		Plan: plan, Main: run,
		Complain: func(text string) { fmt.Fprintln(os.Stderr, "complaint:", text) },
	}
	for _, a := range os.Args {
		if a == "-v" {
			p.Debug = func(line string) { fmt.Fprintln(os.Stderr, "debug:", line) }
		}
	}
	os.Exit(launch.Run(p))
}

func plan() (launch.Plan, error) {
	flag.Parse()
	p := launch.Plan{
		Firewall: *fw, Chroot: *chroot, User: *user,
		Unprivileged: *plain, Daemon: *daemon, NoSandbox: *open,
	}
	grant := func(s message.Slot, path string, u helper.Use, again bool) {
		if path != "" {
			p.Grants = append(p.Grants, helper.Grant{Slot: s, Path: path, Use: u, Again: again})
		}
	}
	grant(message.SlotOutput, *output, helper.Write, false)
	grant(message.SlotList, *list, helper.Read, true)
	grant(message.SlotDebug, *debug, helper.Append, false)
	grant(message.SlotControl, *control, helper.Socket, false)
	if *dir != "" {
		p.Grants = append(p.Grants, helper.Grant{
			Slot: message.SlotDirectory, Path: *dir, Use: helper.Directory, In: helper.InAll,
		})
	}
	return p, nil
}

func run(h client.Handles, s launch.State) int {
	flag.Parse()
	fmt.Printf("main %d parent %d split %v raw %v argv0 %s sandbox %q nameservers %v\n",
		os.Getpid(), os.Getppid(), s.Split, s.Raw, os.Args[0], s.Sandbox, s.Nameservers)
	s.Ready()
	fds := []unix.PollFd{{Fd: 0, Events: unix.POLLIN}, {Fd: int32(h.NoticeFD()), Events: unix.POLLIN}}
	if *daemon {
		fmt.Println("nobody reads this any more")
		fds[0].Fd = -1 // which poll(2) ignores: it would be at its end
	}
	var input []byte
	for {
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
			return 5
		}
		if fds[1].Revents != 0 {
			notices, err := h.Notices()
			for _, n := range notices {
				fmt.Println("notice", n)
				if n == message.NoticeExit {
					return 0
				}
			}
			if errors.Is(err, client.ErrHelperGone) {
				fmt.Println("helper gone")
				return 4
			}
		}
		if fds[0].Revents == 0 {
			continue
		}
		var b [4096]byte
		n, err := unix.Read(0, b[:])
		if n <= 0 || err != nil {
			return 3
		}
		input = append(input, b[:n]...)
		for {
			line, rest, found := bytes.Cut(input, []byte("\n"))
			if !found {
				break
			}
			input = rest
			words := strings.Fields(string(line))
			if words[0] == "exit" {
				n, _ := strconv.Atoi(words[1])
				return n
			}
			answer, err := do(h, words)
			if err != nil {
				fmt.Println("error", err)
			} else {
				fmt.Println("ok", answer)
			}
		}
	}
}

// written opens, writes and closes.
func written(fd int, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte("written\n"))
	return "", err
}

func socket(s client.Socket, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer unix.Close(s.FD)
	return fmt.Sprintf("buffers %d %d", s.Buffers.Receive, s.Buffers.Send), nil
}

func do(h client.Handles, w []string) (string, error) {
	number := func(i int) int { n, _ := strconv.Atoi(w[i]); return n }
	big := message.Buffers{Receive: 8 << 20, Send: 4 << 20}
	switch w[0] {
	case "icmp":
		return socket(h.ICMP(message.Family(number(1)), big))
	case "udp":
		return socket(h.RawUDP(netip.MustParseAddr(w[1]), big))
	case "ip":
		return socket(h.RawIP(message.Buffers{}))
	case "route":
		return socket(h.Route(message.Buffers{}))
	case "datalink":
		return socket(h.Datalink(message.Datalink{Interface: uint32(number(1)), Accept: message.AcceptAll, Buffers: big}))
	case "file":
		return written(h.File(message.Slot(number(1))))
	case "in":
		return written(h.FileIn(message.SlotDirectory, w[1], message.Open(number(2))))
	case "read":
		fd, err := h.File(message.Slot(number(1)))
		if err != nil {
			return "", err
		}
		defer unix.Close(fd)
		var b [100]byte
		n, err := unix.Read(fd, b[:])
		return strings.TrimSpace(string(b[:max(n, 0)])), err
	case "listen":
		_, err := h.Unix(message.SlotControl)
		return "", err
	case "unlink":
		return "", h.Unlink(message.SlotControl)
	case "fw":
		if err := h.FirewallInit(); err != nil {
			return "", err
		}
		e, err := h.FirewallAdd(firewall.Rule{
			Protocol: firewall.TCP,
			Peer:     netip.MustParseAddrPort(w[1]), Local: netip.MustParseAddrPort(w[2]),
		})
		return fmt.Sprint(e), err
	case "packet": // bytes of one's own to the helper
		b, _ := hex.DecodeString(w[1])
		c := message.NewConn(3)
		if err := c.Send(b, -1); err != nil {
			return "", err
		}
		var r [64]byte
		n, fd, err := c.Receive(r[:], true)
		return fmt.Sprintf("%x fd %v", r[:n], fd >= 0), err
	case "huge":
		c := message.NewConn(3)
		if err := c.Send(make([]byte, 65536), -1); err != nil {
			return "", err
		}
		var r [64]byte
		n, _, err := c.Receive(r[:], true)
		return fmt.Sprintf("%x", r[:n]), err
	case "give": // a descriptor that nobody asked for
		c := message.NewConn(3)
		if err := c.Send([]byte{byte(message.KindFirewallCleanup)}, 0); err != nil {
			return "", err
		}
		var r [64]byte
		n, _, err := c.Receive(r[:], true)
		return fmt.Sprintf("%x", r[:n]), err
	case "try": // what must fail
		return "", try(w[1])
	case "zone":
		return time.Unix(0, 0).Format("-0700"), nil
	case "panic":
		panic("on command")
	case "die":
		return "", unix.Kill(os.Getpid(), unix.SIGKILL)
	}
	return "", errors.New("unknown command")
}

func try(what string) error {
	switch what {
	case "exec":
		return exec.Command("/proc/self/exe").Run()
	case "fork":
		_, _, e := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if e != 0 {
			return e
		}
		return nil
	case "open":
		_, err := os.ReadFile("/etc/passwd")
		return err
	case "raw":
		_, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
		return err
	case "packet":
		_, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
		return err
	case "setuid":
		return unix.Setuid(0)
	case "chroot":
		return unix.Chroot(".")
	case "mkdir":
		return os.Mkdir("/x", 0o755)
	case "ptrace":
		return unix.PtraceAttach(os.Getppid())
	case "kill":
		return unix.Kill(os.Getppid(), unix.SIGKILL)
	case "unshare":
		return unix.Unshare(unix.CLONE_NEWUSER)
	case "tiocsti":
		_, _, e := unix.Syscall(unix.SYS_IOCTL, 0, unix.TIOCSTI, 0)
		return e
	}
	return nil
}
