package message

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"scamper/privsep/firewall"
)

// Request is one of the request types below. A Request that Decode returned
// has every field in its range.
type Request interface {
	Kind() Kind
	// check returns an *Error for a field out of range.
	check() error
	// put appends the payload: everything after the kind.
	put(b []byte) []byte
}

// Accept is what a new capture handle queues until its owner sets a filter.
type Accept uint8

// The two first filters. The filter is in place before the handle is bound, so
// that no packet from elsewhere is ever in the queue.
const (
	AcceptNone Accept = 0 // nothing: the owner attaches its own filter first
	AcceptAll  Accept = 1 // every packet of the protocol
)

// Datalink asks for a capture handle. Reply: descriptor.
type Datalink struct {
	Interface uint32 // interface index, 0 to 1<<31-1; 0 is all interfaces, cooked (Linux only)
	// Protocol is an ethertype, or 0 for all. With one, Linux leaves out what this
	// host sends (packet(7)); systems without such a choice ignore it.
	Protocol uint16
	Accept   Accept
	Buffers  Buffers
}

// ICMP asks for a raw ICMP (header included) or ICMPv6 socket. Reply:
// descriptor.
type ICMP struct {
	Family  Family
	Buffers Buffers
}

// RawUDP asks for a raw IPv4 UDP socket, header included, bound to Source.
// Reply: descriptor.
type RawUDP struct {
	Source  netip.Addr // IPv4; 0.0.0.0 is any
	Buffers Buffers
}

// RawIP asks for a raw IPv4 socket, header included. Reply: descriptor.
type RawIP struct{ Buffers Buffers }

// Route asks for a routing socket (netlink or PF_ROUTE). Reply: descriptor.
type Route struct{ Buffers Buffers }

// File asks for the file of a slot, with the flags that the slot was filled
// with. Reply: descriptor.
type File struct{ Slot Slot }

// Open says how a file in a granted directory is opened.
type Open uint8

// Ways to open a file in a directory. Write creates or truncates, Append
// creates or appends, Exclusive fails with EEXIST if the name is taken.
const (
	OpenRead      Open = 0
	OpenWrite     Open = 1
	OpenAppend    Open = 2
	OpenExclusive Open = 3
)

// FileIn asks for a file in a granted directory. Reply: descriptor.
type FileIn struct {
	Directory Slot // SlotDirectory or above
	Open      Open
	Name      string // one path component of 1 to MaxName bytes; no slash, no NUL, not . or ..
}

// MaxName is the length in bytes of the longest file name that FileIn carries
// (NAME_MAX).
const MaxName = 255

// Unix asks for a listening unix stream socket at the path of a slot. Reply:
// descriptor.
type Unix struct{ Slot Slot }

// Unlink asks to remove that socket's path again.
type Unlink struct{ Slot Slot }

// FirewallInit asks to make the firewall that the command line named ready.
type FirewallInit struct{}

// FirewallAdd asks for one entry. Reply: its number in Value.
type FirewallAdd struct{ Rule firewall.Rule }

// FirewallDelete gives an entry back.
type FirewallDelete struct{ Entry firewall.Entry }

// FirewallCleanup removes all entries and what Init made.
type FirewallCleanup struct{}

// kinds is the table of requests: the name for people, the exact length of the
// payload in bytes, and how it is read. Every decode function gets a payload
// of exactly that length.
var kinds = [...]struct {
	name   string
	length int
	decode func(p []byte) (Request, error)
}{
	KindDatalink:        {"open-datalink", 7 + buffersLen, decodeDatalink},
	KindICMP:            {"open-icmp", 1 + buffersLen, decodeICMP},
	KindRawUDP:          {"open-rawudp", 4 + buffersLen, decodeRawUDP},
	KindRawIP:           {"open-rawip", buffersLen, decodeRawIP},
	KindRoute:           {"open-route", buffersLen, decodeRoute},
	KindFile:            {"open-file", 2, decodeFile},
	KindFileIn:          {"open-file-in", 2 + 1 + 1 + MaxName, decodeFileIn},
	KindUnix:            {"open-unix", 2, decodeUnix},
	KindUnlink:          {"unlink", 2, decodeUnlink},
	KindFirewallInit:    {"firewall-init", 0, decodeFirewallInit},
	KindFirewallAdd:     {"firewall-add", 2 + 2*flowEndLen, decodeFirewallAdd},
	KindFirewallDelete:  {"firewall-delete", 4, decodeFirewallDelete},
	KindFirewallCleanup: {"firewall-cleanup", 0, decodeFirewallCleanup},
}

const (
	buffersLen = 8      // two sizes
	flowEndLen = 16 + 2 // address, IPv4 in the first four bytes, and port

	// MaxRequest is the length in bytes of the longest request.
	MaxRequest = 1 + 2 + 1 + 1 + MaxName
)

// String returns the name of the request, for debug lines.
func (k Kind) String() string {
	if k.known() {
		return kinds[k].name
	}
	return fmt.Sprintf("request %d", uint8(k))
}

func (k Kind) known() bool { return int(k) < len(kinds) && kinds[k].decode != nil }

// Handle reports whether the answer to this kind of request is a descriptor.
func (k Kind) Handle() bool { return k >= KindDatalink && k <= KindUnix }

// Append appends the encoding of r to b. A field out of its range is an
// *Error, and nothing is appended.
func Append(b []byte, r Request) ([]byte, error) {
	if err := r.check(); err != nil {
		return b, err
	}
	return r.put(append(b, byte(r.Kind()))), nil
}

// Decode reads one request. The error is an *Error: EPROTO for an unknown kind
// or a wrong length, EINVAL for a field out of range.
func Decode(b []byte) (Request, error) {
	if len(b) == 0 {
		return nil, protocol("empty request")
	}
	k := Kind(b[0])
	if !k.known() {
		return nil, protocol("unknown %v", k)
	}
	if p := b[1:]; len(p) != kinds[k].length {
		return nil, protocol("%v: payload of %d bytes, want %d", k, len(p), kinds[k].length)
	}
	r, err := kinds[k].decode(b[1:])
	if err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r, nil
}

// Kind of each request.
func (Datalink) Kind() Kind        { return KindDatalink }
func (ICMP) Kind() Kind            { return KindICMP }
func (RawUDP) Kind() Kind          { return KindRawUDP }
func (RawIP) Kind() Kind           { return KindRawIP }
func (Route) Kind() Kind           { return KindRoute }
func (File) Kind() Kind            { return KindFile }
func (FileIn) Kind() Kind          { return KindFileIn }
func (Unix) Kind() Kind            { return KindUnix }
func (Unlink) Kind() Kind          { return KindUnlink }
func (FirewallInit) Kind() Kind    { return KindFirewallInit }
func (FirewallAdd) Kind() Kind     { return KindFirewallAdd }
func (FirewallDelete) Kind() Kind  { return KindFirewallDelete }
func (FirewallCleanup) Kind() Kind { return KindFirewallCleanup }

var be = binary.BigEndian
