package route

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"scamper/unpriv/loop"
)

// Messages of rtnetlink(7), taken apart. All integers are in host order.

var errCut = errors.New("message is cut short")

// message is one netlink message without its header.
type message struct {
	kind  uint16 // nlmsg_type
	flags uint16
	seq   uint32
	port  uint32 // nlmsg_pid
	body  []byte
}

// nextMessage splits the first message off a datagram.
func nextMessage(b []byte) (m message, rest []byte, err error) {
	if len(b) < unix.SizeofNlMsghdr {
		return message{}, nil, fmt.Errorf("netlink header of %d bytes: %w", len(b), errCut)
	}
	size := uint64(binary.NativeEndian.Uint32(b))
	if size < unix.SizeofNlMsghdr || size > uint64(len(b)) {
		return message{}, nil, fmt.Errorf("netlink message of %d bytes, %d are there: %w", size, len(b), errCut)
	}
	m = message{
		kind:  binary.NativeEndian.Uint16(b[4:]),
		flags: binary.NativeEndian.Uint16(b[6:]),
		seq:   binary.NativeEndian.Uint32(b[8:]),
		port:  binary.NativeEndian.Uint32(b[12:]),
		body:  b[unix.SizeofNlMsghdr:size],
	}
	return m, b[min(align4(size), uint64(len(b))):], nil
}

// errno returns what an NLMSG_ERROR or NLMSG_DONE says; nil is success.
func (m *message) errno() error {
	if len(m.body) < 4 {
		return fmt.Errorf("error message: %w", errCut)
	}
	code := int32(binary.NativeEndian.Uint32(m.body))
	switch {
	case code == 0:
		return nil
	case code > 0 || code < -4095:
		return unix.EPROTO
	}
	return unix.Errno(-code)
}

// attrs yields the attributes of a list by kind, until its end or where it goes on with something that is none.
func attrs(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(kind uint16, value []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			size := uint64(binary.NativeEndian.Uint16(b))
			if size < unix.SizeofRtAttr || size > uint64(len(b)) {
				return
			}
			kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
			if !yield(kind, b[unix.SizeofRtAttr:size]) {
				return
			}
			b = b[min(align4(size), uint64(len(b))):]
		}
	}
}

func align4(n uint64) uint64 { return (n + 3) &^ 3 }

// appendMessage appends a message whose length is filled in by endMessage.
func appendMessage(b []byte, kind, flags uint16, seq uint32, body ...byte) []byte {
	b = append(b, 0, 0, 0, 0)
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = append(b, 0, 0, 0, 0)
	return append(b, body...)
}

func appendAttr(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func endMessage(b []byte) []byte {
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	return b
}

func u32of(value []byte) uint32 {
	if len(value) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(value)
}

// routeMessage is an RTM_NEWROUTE or RTM_DELROUTE.
type routeMessage struct {
	family  uint8
	dstBits uint8
	srcBits uint8
	tos     uint8
	proto   uint8 // RTPROT_KERNEL, ...
	kind    uint8 // RTN_UNICAST, ...
	table   uint32
	flags   uint32
	dst     netip.Addr // invalid if the prefix is empty
	gateway netip.Addr
	prefSrc netip.Addr
	oif     uint32
	metric  uint32
	expires int32 // hundredths of a second until it is void, negative if it is; 0 if it stays, or if it ends right now
	other   bool  // it has attributes that aren't above: several next hops, encapsulation...
}

func parseRoute(b []byte) (routeMessage, error) {
	if len(b) < unix.SizeofRtMsg {
		return routeMessage{}, fmt.Errorf("route of %d bytes: %w", len(b), errCut)
	}
	r := routeMessage{
		family: b[0], dstBits: b[1], srcBits: b[2], tos: b[3],
		table: uint32(b[4]), proto: b[5], kind: b[7], flags: binary.NativeEndian.Uint32(b[8:]),
	}
	for kind, value := range attrs(b[unix.SizeofRtMsg:]) {
		switch kind {
		case unix.RTA_DST:
			r.dst, _ = netip.AddrFromSlice(value)
		case unix.RTA_GATEWAY:
			r.gateway, _ = netip.AddrFromSlice(value)
		case unix.RTA_VIA: // struct rtvia: family, address
			if len(value) > 2 {
				r.gateway, _ = netip.AddrFromSlice(value[2:])
			}
			r.other = true
		case unix.RTA_PREFSRC:
			r.prefSrc, _ = netip.AddrFromSlice(value)
		case unix.RTA_OIF:
			r.oif = u32of(value)
		case unix.RTA_PRIORITY:
			r.metric = u32of(value)
		case unix.RTA_TABLE:
			r.table = u32of(value)
		case unix.RTA_CACHEINFO: // struct rta_cacheinfo
			if len(value) >= 12 {
				r.expires = int32(u32of(value[8:]))
			}
		case unix.RTA_METRICS, unix.RTA_PREF, unix.RTA_UID, unix.RTA_FLOW, unix.RTA_PAD:
		default:
			r.other = true
		}
	}
	return r, nil
}

// Flags of a route under which its source is as constant as without (linux/rtnetlink.h):
// RTNH_F_ONLINK, RTNH_F_OFFLOAD, RTNH_F_TRAP, and RTM_F_OFFLOAD, RTM_F_TRAP,
// RTM_F_OFFLOAD_FAILED.
const harmlessFlags = unix.RTNH_F_ONLINK | unix.RTNH_F_OFFLOAD | unix.RTNH_F_TRAP |
	unix.RTM_F_OFFLOAD | unix.RTM_F_TRAP | unix.RTM_F_OFFLOAD_FAILED

// fibRoute returns the route as an entry of the copy of its family. It was read after the
// time read. ok is false if it belongs to neither table.
func (r *routeMessage) fibRoute(read loop.Mono) (f fibRoute, ok bool) {
	longest := uint8(32)
	if r.family == unix.AF_INET6 {
		longest = 128
	} else if r.family != unix.AF_INET {
		return fibRoute{}, false
	}
	if r.flags&unix.RTM_F_CLONED != 0 || r.dstBits > longest ||
		r.table != unix.RT_TABLE_LOCAL && r.table != unix.RT_TABLE_MAIN {
		return fibRoute{}, false
	}
	f = fibRoute{
		bits: min(r.dstBits, 64), local: r.table == unix.RT_TABLE_LOCAL,
		metric: r.metric, prefSrc: r.prefSrc,
		ifIndex: int(r.oif), gateway: r.gateway,
	}
	if r.dst.IsValid() && r.dst.BitLen() == int(longest) {
		f.addr = place(r.dst) &^ hostMask(f.bits)
	}
	odd := r.other || r.tos != 0 || r.srcBits != 0 || r.flags&^harmlessFlags != 0 || r.dstBits > 64
	switch {
	case odd:
	case r.family == unix.AF_INET6 && f.local:
		// What the kernel may fall back on would have to be among the routes of that table.
	case r.kind == unix.RTN_UNICAST && r.oif != 0:
		f.kind = kindOne
	case r.kind == unix.RTN_LOCAL && r.family == unix.AF_INET:
		f.kind = kindSelf
	}
	if r.family == unix.AF_INET6 {
		f.yields = r.gateway.IsValid()
		left, ends := r.left()
		switch {
		case ends && left <= 0:
			f.kind = kindVaries
		case ends:
			f.until = read.Add(left)
		}
	}
	return f, true
}

// The time that routes are believed to stay, which the kernel doesn't tell of, is shortened by leftMargin: what it says
// is rounded. Router advertisements may change it, without a word, to any whole number of seconds.
const (
	leftMargin   = 20 * time.Millisecond
	leastRenewed = time.Second
)

// left returns how long an IPv6 route stays for sure, if it may end without a word from the kernel. When its time has
// come, the route is passed over at once, but the kernel removes it, and tells so, up to half a minute later.
func (r *routeMessage) left() (d time.Duration, ends bool) {
	// The kernel's own routes to the prefixes of a link may be of router advertisements.
	if r.expires == 0 && r.proto != unix.RTPROT_RA && r.proto != unix.RTPROT_KERNEL {
		return 0, false
	}
	d = leastRenewed
	if r.expires != 0 {
		d = min(d, time.Duration(r.expires)*(time.Second/100))
	}
	return d - leftMargin, true
}

// rule is what matters of an RTM_NEWRULE.
type rule struct {
	priority uint32
	table    uint32
	plain    bool // it selects nothing and looks a table up
}

// Layout of struct fib_rule_hdr (linux/fib_rules.h).
const (
	ruleLen           = 12
	rulePermanent     = 1
	ruleNoSuppression = 0xffffffff
)

func parseRule(b []byte) (rule, error) {
	if len(b) < ruleLen {
		return rule{}, fmt.Errorf("rule of %d bytes: %w", len(b), errCut)
	}
	dstBits, srcBits, tos, action := b[1], b[2], b[3], b[7]
	flags := binary.NativeEndian.Uint32(b[8:])
	r := rule{
		table: uint32(b[4]),
		plain: dstBits == 0 && srcBits == 0 && tos == 0 &&
			action == unix.FR_ACT_TO_TBL && flags&^rulePermanent == 0,
	}
	for kind, value := range attrs(b[ruleLen:]) {
		switch kind {
		case unix.FRA_TABLE:
			r.table = u32of(value)
		case unix.FRA_PRIORITY:
			r.priority = u32of(value)
		case unix.FRA_SUPPRESS_PREFIXLEN, unix.FRA_SUPPRESS_IFGROUP:
			r.plain = r.plain && u32of(value) == ruleNoSuppression
		case unix.FRA_PROTOCOL, unix.FRA_PAD:
		default:
			r.plain = false
		}
	}
	return r, nil
}

// defaultRules is what a kernel starts with for IPv4 (ip-rule(8)). IPv6 is without the last.
var defaultRules = [3]rule{
	{0, unix.RT_TABLE_LOCAL, true},
	{32766, unix.RT_TABLE_MAIN, true},
	{32767, unix.RT_TABLE_DEFAULT, true},
}

// linkMessage is an RTM_NEWLINK or RTM_DELLINK.
type linkMessage struct {
	link  Link
	flags uint32
}

func parseLink(b []byte) (linkMessage, error) {
	if len(b) < unix.SizeofIfInfomsg {
		return linkMessage{}, fmt.Errorf("link of %d bytes: %w", len(b), errCut)
	}
	m := linkMessage{
		link:  Link{Index: int(int32(binary.NativeEndian.Uint32(b[4:])))},
		flags: binary.NativeEndian.Uint32(b[8:]),
	}
	m.link.Up = m.flags&unix.IFF_UP != 0 && m.flags&unix.IFF_RUNNING != 0
	m.link.Loopback = m.flags&unix.IFF_LOOPBACK != 0
	for kind, value := range attrs(b[unix.SizeofIfInfomsg:]) {
		switch kind {
		case unix.IFLA_IFNAME:
			m.link.Name = unix.ByteSliceToString(value)
		case unix.IFLA_MTU:
			m.link.MTU = int(u32of(value))
		case unix.IFLA_ADDRESS:
			m.link.MAC = net.HardwareAddr(append([]byte(nil), value...))
		}
	}
	return m, nil
}

func u32bytes(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }
