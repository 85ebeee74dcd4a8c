//go:build unix

package launch

import (
	"bufio"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"scamper/privsep/client"
	"scamper/privsep/message"
	"scamper/privsep/sandbox"
)

// The descriptors at which the child finds its ends of the pairs.
const (
	requestsFD   = firstInherit
	noticesFD    = firstInherit + 1
	childReadyFD = firstInherit + 2
)

// runChild is the main process from its first moment. It parses nothing before its
// rights are gone.
func runChild(p Program) (int, error) {
	for _, fd := range []int{requestsFD, noticesFD} {
		if err := message.PacketPair(fd); err != nil {
			return ExitFailure, fmt.Errorf("%s=%s is set, but not by scamper: %w", stageVar, stageChild, err)
		}
		if err := madeByParent(fd); err != nil {
			return ExitFailure, fmt.Errorf("%s=%s is set, but not by scamper: %w", stageVar, stageChild, err)
		}
		unix.CloseOnExec(fd)
	}
	ready := noPipe
	var st unix.Stat_t
	if unix.Fstat(childReadyFD, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO {
		unix.CloseOnExec(childReadyFD)
		ready = childReadyFD
	}
	var b [orderHead + maxChroot]byte
	n, _, err := message.NewConn(requestsFD).Receive(b[:], false)
	if errors.Is(err, io.EOF) {
		return ExitFailure, ErrPrinted // the helper has ended and said why
	}
	if err != nil {
		return ExitFailure, fmt.Errorf("waiting for the helper: %w", err)
	}
	order, err := decodeOrder(b[:n])
	if err != nil {
		return ExitFailure, err
	}
	s := State{Split: true, Raw: true, Nameservers: nameservers(resolvConf), Ready: ready.function()}
	preload(order)
	s.Sandbox, err = sandbox.Drop(sandbox.Options{
		UID: int(order.uid), GID: int(order.gid), Chroot: order.chroot,
		Sandbox: order.sandbox, Debug: p.Debug,
	})
	if err != nil {
		return ExitFailure, err
	}
	if err := sandbox.EndWithParent(); err != nil {
		return ExitFailure, fmt.Errorf("ending with the helper: %w", err)
	}
	h := client.New(requestsFD, noticesFD)
	status := p.Main(h, s)
	return status, h.Close()
}

// preload has the runtime read the files that it reads when they are first needed:
// there are none after the change of root directory.
func preload(o order) {
	_ = time.Now().Local().String() // the time zone
	if o.certificates {
		_, _ = x509.SystemCertPool() // an error is told to whoever verifies
	}
	nameProcess()
}

const (
	resolvConf    = "/etc/resolv.conf"
	maxResolvConf = 64 << 10 // bytes that are read of it
	dnsPort       = 53
)

// nameservers reads the servers of a resolv.conf(5); none if there is no such file.
func nameservers(path string) []netip.AddrPort {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var list []netip.AddrPort
	lines := bufio.NewScanner(io.LimitReader(f, maxResolvConf))
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(words[1]); err == nil {
			list = append(list, netip.AddrPortFrom(a, dnsPort))
		}
	}
	return list
}
