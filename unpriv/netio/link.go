package netio

import "fmt"

// LinkType says what the packets of a datalink port begin with.
type LinkType uint8

const (
	// LinkNone: not a datalink port.
	LinkNone LinkType = iota
	// LinkEthernet: the 14-byte Ethernet header.
	LinkEthernet
	// LinkLoopback: Linux loopback, an Ethernet header with zero addresses.
	LinkLoopback
	// LinkNull: BSD loopback, a 4-byte address family in host order.
	LinkNull
	// LinkRaw: the IP header itself (tunnels, PPP, and all interfaces at once).
	LinkRaw
	// LinkFirewire: the 18-byte header of IP over IEEE 1394; receive only.
	LinkFirewire
	// LinkVoid: IP headers of an interface that can not send; receive only.
	LinkVoid
)

var linkNames = [...]string{"none", "ethernet", "loopback", "null", "raw", "firewire", "void"}

// String returns the name of the link type.
func (t LinkType) String() string {
	if int(t) < len(linkNames) {
		return linkNames[t]
	}
	return fmt.Sprintf("link type %d", uint8(t))
}

// HeaderLen returns the length of the link header in bytes.
func (t LinkType) HeaderLen() int {
	switch t {
	case LinkEthernet, LinkLoopback:
		return 14
	case LinkNull:
		return 4
	case LinkFirewire:
		return 18
	default:
		return 0
	}
}

// CanSend reports whether frames can be sent on such a link.
func (t LinkType) CanSend() bool {
	switch t {
	case LinkEthernet, LinkLoopback, LinkNull, LinkRaw:
		return true
	default:
		return false
	}
}
