package message

import (
	"bytes"
	"net/netip"
	"strings"

	"scamper/privsep/firewall"
)

// This file has, per request in the order of the kinds: how its payload is
// written, how it is read, and which values its fields may have.

func (q Buffers) put(b []byte) []byte {
	return be.AppendUint32(be.AppendUint32(b, q.Receive), q.Send)
}

func buffersAt(p []byte) Buffers { return Buffers{be.Uint32(p), be.Uint32(p[4:])} }

func (q Buffers) check(k Kind) error {
	if q.Receive > MaxBuffer || q.Send > MaxBuffer {
		return invalid("%v: buffers of %d and %d bytes, the most is %d", k, q.Receive, q.Send, MaxBuffer)
	}
	return nil
}

func (r Datalink) put(b []byte) []byte {
	b = be.AppendUint32(b, r.Interface)
	b = be.AppendUint16(b, r.Protocol)
	return r.Buffers.put(append(b, byte(r.Accept)))
}

func decodeDatalink(p []byte) (Request, error) {
	return Datalink{be.Uint32(p), be.Uint16(p[4:]), Accept(p[6]), buffersAt(p[7:])}, nil
}

func (r Datalink) check() error {
	if r.Interface > 1<<31-1 {
		return invalid("open-datalink: interface %d", r.Interface)
	}
	if r.Accept > AcceptAll {
		return invalid("open-datalink: filter choice %d", r.Accept)
	}
	return r.Buffers.check(r.Kind())
}

func (r ICMP) put(b []byte) []byte { return r.Buffers.put(append(b, byte(r.Family))) }

func decodeICMP(p []byte) (Request, error) { return ICMP{Family(p[0]), buffersAt(p[1:])}, nil }

func (r ICMP) check() error {
	if r.Family != IPv4 && r.Family != IPv6 {
		return invalid("open-icmp: family %d", r.Family)
	}
	return r.Buffers.check(r.Kind())
}

func (r RawUDP) put(b []byte) []byte { return r.Buffers.put(append(b, r.Source.AsSlice()...)) }

func decodeRawUDP(p []byte) (Request, error) {
	return RawUDP{netip.AddrFrom4([4]byte(p[:4])), buffersAt(p[4:])}, nil
}

func (r RawUDP) check() error {
	if !r.Source.Is4() {
		return invalid("open-rawudp: source %v is not IPv4", r.Source)
	}
	return r.Buffers.check(r.Kind())
}

func (r RawIP) put(b []byte) []byte { return r.Buffers.put(b) }

func decodeRawIP(p []byte) (Request, error) { return RawIP{buffersAt(p)}, nil }

func (r RawIP) check() error { return r.Buffers.check(r.Kind()) }

func (r Route) put(b []byte) []byte { return r.Buffers.put(b) }

func decodeRoute(p []byte) (Request, error) { return Route{buffersAt(p)}, nil }

func (r Route) check() error { return r.Buffers.check(r.Kind()) }

// plain checks a slot that stands for a single path.
func (s Slot) plain(k Kind) error {
	if s == 0 || s >= SlotDirectory {
		return invalid("%v: slot %d", k, s)
	}
	return nil
}

func (r File) put(b []byte) []byte { return be.AppendUint16(b, uint16(r.Slot)) }

func decodeFile(p []byte) (Request, error) { return File{Slot(be.Uint16(p))}, nil }

func (r File) check() error { return r.Slot.plain(r.Kind()) }

// A name is sent as its length and MaxName bytes; those after it are zero.
func (r FileIn) put(b []byte) []byte {
	b = append(be.AppendUint16(b, uint16(r.Directory)), byte(r.Open), byte(len(r.Name)))
	b = append(b, r.Name...)
	return append(b, make([]byte, MaxName-len(r.Name))...)
}

func decodeFileIn(p []byte) (Request, error) {
	n := int(p[3])
	name, rest := p[4:4+n], p[4+n:]
	if len(bytes.TrimLeft(rest, "\x00")) != 0 {
		return nil, invalid("open-file-in: bytes after the name")
	}
	return FileIn{Slot(be.Uint16(p)), Open(p[2]), string(name)}, nil
}

func (r FileIn) check() error {
	if r.Directory < SlotDirectory || r.Directory > MaxSlot {
		return invalid("open-file-in: directory slot %d", r.Directory)
	}
	if r.Open > OpenExclusive {
		return invalid("open-file-in: way to open %d", r.Open)
	}
	if len(r.Name) == 0 || len(r.Name) > MaxName || r.Name == "." || r.Name == ".." ||
		strings.ContainsAny(r.Name, "/\x00") {
		return invalid("open-file-in: name %.64q", r.Name)
	}
	return nil
}

func (r Unix) put(b []byte) []byte { return be.AppendUint16(b, uint16(r.Slot)) }

func decodeUnix(p []byte) (Request, error) { return Unix{Slot(be.Uint16(p))}, nil }

func (r Unix) check() error { return r.Slot.plain(r.Kind()) }

func (r Unlink) put(b []byte) []byte { return be.AppendUint16(b, uint16(r.Slot)) }

func decodeUnlink(p []byte) (Request, error) { return Unlink{Slot(be.Uint16(p))}, nil }

func (r Unlink) check() error { return r.Slot.plain(r.Kind()) }

func (FirewallInit) put(b []byte) []byte { return b }

func decodeFirewallInit([]byte) (Request, error) { return FirewallInit{}, nil }

func (FirewallInit) check() error { return nil }

func (r FirewallAdd) put(b []byte) []byte {
	fam := IPv6
	if r.Rule.Peer.Addr().Is4() {
		fam = IPv4
	}
	b = append(b, byte(r.Rule.Protocol), byte(fam))
	return putFlowEnd(putFlowEnd(b, r.Rule.Peer), r.Rule.Local)
}

func putFlowEnd(b []byte, e netip.AddrPort) []byte {
	var a [16]byte
	copy(a[:], e.Addr().AsSlice())
	return be.AppendUint16(append(b, a[:]...), e.Port())
}

func decodeFirewallAdd(p []byte) (Request, error) {
	fam := Family(p[1])
	if fam != IPv4 && fam != IPv6 {
		return nil, invalid("firewall-add: family %d", fam)
	}
	r := FirewallAdd{firewall.Rule{Protocol: firewall.Protocol(p[0])}}
	var err error
	if r.Rule.Peer, err = flowEndAt(p[2:], fam); err != nil {
		return nil, err
	}
	if r.Rule.Local, err = flowEndAt(p[2+flowEndLen:], fam); err != nil {
		return nil, err
	}
	return r, nil
}

func flowEndAt(p []byte, fam Family) (netip.AddrPort, error) {
	port := be.Uint16(p[16:])
	if fam == IPv6 {
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(p[:16])), port), nil
	}
	if [12]byte(p[4:16]) != [12]byte{} {
		return netip.AddrPort{}, invalid("firewall-add: bytes after the IPv4 address")
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(p[:4])), port), nil
}

func (r FirewallAdd) check() error {
	if err := r.Rule.Check(); err != nil {
		return invalid("firewall-add: %v", err)
	}
	return nil
}

func (r FirewallDelete) put(b []byte) []byte { return be.AppendUint32(b, uint32(r.Entry)) }

func decodeFirewallDelete(p []byte) (Request, error) {
	return FirewallDelete{firewall.Entry(be.Uint32(p))}, nil
}

func (r FirewallDelete) check() error {
	if r.Entry == 0 {
		return invalid("firewall-delete: entry 0")
	}
	return nil
}

func (FirewallCleanup) put(b []byte) []byte { return b }

func decodeFirewallCleanup([]byte) (Request, error) { return FirewallCleanup{}, nil }

func (FirewallCleanup) check() error { return nil }
