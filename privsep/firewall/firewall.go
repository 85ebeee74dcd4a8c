// Package firewall keeps the kernel's own TCP away from the answers to our
// probes: an entry drops the incoming packets of exactly one flow, before the
// kernel would answer them with a reset. Capture happens earlier, so the main
// process still sees them.
//
// One interface, a file per system: nftables (Linux), and a Recorder for tests.
// ipfw and pf (BSD) can be named in a Config, and are not available yet. It runs in the helper; of the main process's bytes it
// only ever sees a checked Rule.
package firewall

import (
	"errors"
	"fmt"
	"net/netip"
)

// Protocol is an IP protocol number; TCP and UDP are the ones with a firewall
// entry.
type Protocol uint8

// The protocols that a rule may have.
const (
	TCP Protocol = 6
	UDP Protocol = 17
)

// Rule drops incoming packets from Peer to Local.
type Rule struct {
	Protocol Protocol
	Peer     netip.AddrPort // source of the packets: who is probed
	Local    netip.AddrPort // destination of the packets: our address and port
}

// Check returns an error unless the rule names one flow: protocol TCP or UDP,
// both ports non-zero, both addresses given, of one family, without zone, not
// IPv4 in IPv6.
func (r Rule) Check() error {
	if r.Protocol != TCP && r.Protocol != UDP {
		return fmt.Errorf("protocol %d is neither TCP nor UDP", r.Protocol)
	}
	for _, e := range [...]struct {
		name string
		ap   netip.AddrPort
	}{{"peer", r.Peer}, {"local", r.Local}} {
		a := e.ap.Addr()
		if !a.IsValid() || a.IsUnspecified() || a.Is4In6() || a.Zone() != "" {
			return fmt.Errorf("%s address %v", e.name, a)
		}
		if e.ap.Port() == 0 {
			return fmt.Errorf("%s port 0", e.name)
		}
	}
	if r.Peer.Addr().Is4() != r.Local.Addr().Is4() {
		return errors.New("addresses of two families")
	}
	return nil
}

// String returns the rule in the words of pf.
func (r Rule) String() string {
	p := map[Protocol]string{TCP: "tcp", UDP: "udp"}[r.Protocol]
	return fmt.Sprintf("drop in %s from %v to %v", p, r.Peer, r.Local)
}

// Entry is the number of a rule in place. 0 is none.
type Entry uint32

// Firewall is one of the kernel's packet filters. It is used by one goroutine.
type Firewall interface {
	// Init makes the filter ready; it fails if the kernel has none or it is
	// disabled.
	Init() error
	// Set puts rule number e in place. The Table has checked the rule.
	Set(e Entry, r Rule) error
	// Clear removes it.
	Clear(e Entry, r Rule) error
	// Close removes everything that Init made.
	Close() error
}
