package packet

import "encoding/binary"

// LinkType is the kind of header in front of the IP packet on a datalink.
type LinkType uint8

// Link types.
const (
	LinkUnknown  LinkType = iota // none, or one that we do not know
	LinkEthernet                 // 14 byte header (Linux ARPHRD_ETHER, DLT_EN10MB)
	LinkLoopback                 // Linux loopback: an Ethernet header of zero addresses (ARPHRD_LOOPBACK)
	LinkNull                     // BSD loopback: 4 bytes address family in host order (DLT_NULL)
	LinkRaw                      // the IP packet itself (DLT_RAW; Linux tunnels, PPP, ARPHRD_NONE)
	LinkFirewire                 // 18 byte header (ARPHRD_IEEE1394, DLT_APPLE_IP_OVER_IEEE1394)
	LinkVoid                     // the IP packet itself, of an interface that cannot send (ARPHRD_VOID)
)

// String returns the name of the link type.
func (t LinkType) String() string {
	switch t {
	case LinkEthernet:
		return "ethernet"
	case LinkLoopback:
		return "loopback"
	case LinkNull:
		return "null"
	case LinkRaw:
		return "raw"
	case LinkFirewire:
		return "firewire"
	case LinkVoid:
		return "void"
	default:
		return "unknown"
	}
}

// HeaderLen returns the length of the link header in bytes, without VLAN tags.
func (t LinkType) HeaderLen() int {
	switch t {
	case LinkEthernet, LinkLoopback:
		return EthernetHeaderLen
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

// EtherTypes (IEEE 802 numbers).
const (
	EtherIPv4 = 0x0800
	EtherARP  = 0x0806
	EtherIPv6 = 0x86dd
	EtherVLAN = 0x8100
	EtherQinQ = 0x88a8
)

// EthernetHeaderLen is the length of an Ethernet header without tags, in bytes.
const EthernetHeaderLen = 14

// EthernetFields is an Ethernet header to be built. With zero addresses it is the
// header of a frame on the Linux loopback.
type EthernetFields struct {
	Dst, Src MAC
	Type     uint16 // EtherIPv4, ...
}

// Append appends the header.
func (f *EthernetFields) Append(b []byte) []byte {
	b = append(b, f.Dst[:]...)
	b = append(b, f.Src[:]...)
	return append16(b, f.Type)
}

// AppendNull appends the header of a BSD loopback frame: the address family, as
// that system numbers it, in the byte order of this machine.
func AppendNull(b []byte, family uint32) []byte {
	return binary.NativeEndian.AppendUint32(b, family)
}

// ParseLink steps over the header of a frame. It returns the EtherType of what
// follows (made up from the IP version where the link has none) and the bytes that
// follow. VLAN tags are stepped over. It is not ok for an unknown link type, a
// frame that is too short, or one without IP version where that decides.
func ParseLink(t LinkType, frame []byte) (etherType uint16, payload []byte, ok bool) {
	switch t {
	case LinkEthernet, LinkLoopback:
		n := EthernetHeaderLen
		etherType = u16(frame, 12)
		for range 2 { // at most a service and a customer tag (IEEE 802.1ad)
			if etherType != EtherVLAN && etherType != EtherQinQ {
				break
			}
			etherType = u16(frame, n+2)
			n += 4
		}
		if len(frame) < n {
			return 0, nil, false
		}
		return etherType, tail(frame, n), true
	case LinkFirewire:
		if len(frame) < 18 {
			return 0, nil, false
		}
		return u16(frame, 16), tail(frame, 18), true
	case LinkNull:
		if len(frame) < 4 {
			return 0, nil, false
		}
		// Family numbers of IPv6 differ from system to system, the version doesn't.
		return versionType(tail(frame, 4))
	case LinkRaw, LinkVoid:
		return versionType(frame)
	default:
		return 0, nil, false
	}
}

// versionType tells by the IP version what a packet is.
func versionType(b []byte) (uint16, []byte, bool) {
	switch u8(b, 0) >> 4 {
	case 4:
		return EtherIPv4, b, true
	case 6:
		return EtherIPv6, b, true
	}
	return 0, nil, false
}

// Ethernet is an Ethernet frame as a view.
type Ethernet []byte

// ParseEthernet is the gate: the header is there. Error: [ErrShort].
func ParseEthernet(b []byte) (Ethernet, error) {
	if len(b) < EthernetHeaderLen {
		return nil, ErrShort
	}
	return Ethernet(b), nil
}

// Dst returns the destination address.
func (e Ethernet) Dst() MAC { return mac(e, 0) }

// Src returns the source address.
func (e Ethernet) Src() MAC { return mac(e, 6) }

// Type returns the EtherType, that of the tag if there is one.
func (e Ethernet) Type() uint16 { return u16(e, 12) }

// Payload returns what follows the header.
func (e Ethernet) Payload() []byte { return tail(e, EthernetHeaderLen) }
