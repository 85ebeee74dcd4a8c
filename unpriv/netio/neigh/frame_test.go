package neigh

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"scamper/shared/packet"
)

func TestAppendQuery(t *testing.T) {
	for _, c := range []struct{ name, addr, src, want string }{
		{
			"ARP", "192.0.2.2", "192.0.2.1",
			"ffffffffffff 020000000001 0806" +
				"0001 0800 06 04 0001 020000000001 c0000201 000000000000 c0000202",
		},
		// Laid out as captured from scamper; the checksum was computed by other means.
		{
			"solicitation", "fd33::2", "fd33::1",
			"3333ff000002 020000000001 86dd" +
				"60000000 0020 3a ff fd330000000000000000000000000001 ff0200000000000000000001ff000002" +
				"87 00 7d31 00000000 fd330000000000000000000000000002 0101 020000000001",
		},
	} {
		q := &Query{Key{3, netip.MustParseAddr(c.addr)}, netip.MustParseAddr(c.src), ownMAC}
		got, err := AppendQuery([]byte("before"), q)
		want := hex.EncodeToString([]byte("before")) + strings.ReplaceAll(c.want, " ", "")
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: %v\n got %x\nwant %s", c.name, err, got, want)
		}
	}
	for _, q := range []*Query{{Key{3, other4}, own6, ownMAC}, {Key{3, other6}, own4, ownMAC}, {}} {
		got, err := AppendQuery([]byte("before"), q)
		if !errors.Is(err, packet.ErrFamily) || string(got) != "before" {
			t.Errorf("%v: %q, %v", q, got, err)
		}
	}
}

// reply4 and reply6 are what other4 and other6 answer.
func reply4() []byte {
	eth := packet.EthernetFields{Dst: ownMAC, Src: otherMAC, Type: packet.EtherARP}
	arp := packet.ARPFields{
		Op: packet.ARPReply, SenderMAC: otherMAC, SenderIP: other4, TargetMAC: ownMAC, TargetIP: own4,
	}
	b, _ := arp.Append(eth.Append(nil))
	return b
}

func reply6() []byte { return advert(255, packet.NDTargetLinkAddr) }

func advert(hopLimit, option uint8) []byte {
	eth := packet.EthernetFields{Dst: ownMAC, Src: otherMAC, Type: packet.EtherIPv6}
	ip := packet.IPv6Fields{NextHeader: packet.ProtoICMPv6, HopLimit: hopLimit, Src: other6, Dst: own6}
	nd := packet.NDFields{
		Type: packet.ICMP6NeighbourAdvert, Flags: packet.NDSolicited, Target: other6, Option: option, MAC: otherMAC,
	}
	size := 24
	if option != 0 {
		size = 32
	}
	b, _ := ip.Append(eth.Append(nil), size)
	b, _ = nd.Append(b, other6, own6)
	return b
}

func TestParseReply(t *testing.T) {
	change := func(b []byte, at int, to byte) []byte {
		b[at] = to
		return b
	}
	// fix makes the checksum of an ICMPv6 message right, so that it is not that for which it is refused.
	fix := func(b []byte) []byte {
		m := b[14+packet.IPv6HeaderLen:]
		m[2], m[3] = 0, 0
		binary.BigEndian.PutUint16(m[2:], packet.PseudoSum(other6, own6, packet.ProtoICMPv6, len(m)).Bytes(m).Checksum())
		return b
	}
	padded := append(reply6(), make([]byte, 20)...) // as on a wire
	for _, c := range []struct {
		name  string
		frame []byte
		addr  netip.Addr
	}{
		{"ARP", reply4(), other4},
		{"ARP with padding", append(reply4(), make([]byte, 18)...), other4},
		{"advertisement", reply6(), other6},
		{"advertisement with padding", padded, other6},
		{"ARP request", change(reply4(), 21, packet.ARPRequest), netip.Addr{}},
		{"ARP for other hardware", change(reply4(), 15, 6), netip.Addr{}},
		{"ARP for another protocol", change(reply4(), 16, 0x86), netip.Addr{}},
		{"ARP cut", reply4()[:41], netip.Addr{}},
		{"advertisement, changed", fix(change(reply6(), 58, 0)), other6},
		{"solicitation", fix(change(reply6(), 54, packet.ICMP6NeighbourSolicit)), netip.Addr{}},
		{"advertisement with a code", fix(change(reply6(), 55, 1)), netip.Addr{}},
		{"advertisement with an option of no length", fix(change(reply6(), 79, 0)), netip.Addr{}},
		{"advertisement without address", advert(255, 0), netip.Addr{}},
		{"advertisement with the source's address", advert(255, packet.NDSourceLinkAddr), netip.Addr{}},
		{"advertisement that was forwarded", advert(254, packet.NDTargetLinkAddr), netip.Addr{}},
		{"advertisement with a wrong checksum", change(reply6(), 57, 0x55), netip.Addr{}},
		{"advertisement cut", reply6()[:85], netip.Addr{}},
		{"another protocol", change(reply6(), 20, packet.ProtoUDP), netip.Addr{}},
		{"another type of frame", change(reply4(), 13, 0x07), netip.Addr{}},
		{"nothing", nil, netip.Addr{}},
	} {
		addr, mac, ok := parseReply(c.frame)
		if ok != c.addr.IsValid() || addr != c.addr || ok && mac != otherMAC {
			t.Errorf("%s: %v %v %v", c.name, addr, mac, ok)
		}
	}
}

// Probes and their replies, of which there may be 100,000 a second, cost no more than a look.
func TestTells(t *testing.T) {
	frame := func(size int, etherType uint16, next, kind byte) []byte {
		b := make([]byte, size)
		binary.BigEndian.PutUint16(b[12:], etherType)
		if size > 20 {
			b[20] = next
		}
		if size > 54 {
			b[54] = kind
		}
		return b
	}
	const advert, echo = packet.ICMP6NeighbourAdvert, packet.ICMP6EchoReply
	for _, c := range []struct {
		name  string
		frame []byte
		want  bool
	}{
		{"ARP", frame(42, packet.EtherARP, 0, 0), true},
		{"ARP cut", frame(41, packet.EtherARP, 0, 0), false},
		{"IPv4", frame(60, packet.EtherIPv4, packet.ProtoICMPv6, advert), false},
		{"advertisement", frame(86, packet.EtherIPv6, packet.ProtoICMPv6, advert), true},
		{"advertisement of one byte", frame(55, packet.EtherIPv6, packet.ProtoICMPv6, advert), true},
		{"advertisement of no byte", frame(54, packet.EtherIPv6, packet.ProtoICMPv6, advert), false},
		{"echo reply", frame(86, packet.EtherIPv6, packet.ProtoICMPv6, echo), false},
		{"TCP over IPv6", frame(86, packet.EtherIPv6, packet.ProtoTCP, advert), false},
		{"TCP over IPv6, cut", frame(54, packet.EtherIPv6, packet.ProtoTCP, advert), false},
	} {
		if got := tells(c.frame); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestFrame(t *testing.T) {
	b := newBench()
	if b.Frame(3, reply4()) {
		t.Error("used, though nobody asked")
	}
	b.ask("v4", query4(3))
	b.ask("v6", Query{Key{3, other6}, own6, ownMAC})
	if b.Frame(4, reply4()) || b.Frame(3, reply4()[:20]) {
		t.Error("used, though it answers no question")
	}
	if !b.Frame(3, reply4()) || !b.Frame(3, reply6()) {
		t.Error("not used")
	}
	b.expect(t, 2, "v4: 02:00:00:00:00:02", "v6: 02:00:00:00:00:02")
}

// A neighbour that tells another address is forgotten, by which kind of packet so ever, and asked anew.
func TestMoved(t *testing.T) {
	request := reply4()
	request[21] = packet.ARPRequest
	for _, c := range []struct {
		name    string
		ifindex int
		frame   []byte
		q       Query
		known   packet.MAC
		moved   bool
	}{
		{"ARP reply", 3, reply4(), query4(3), ownMAC, true},
		{"ARP request", 3, request, query4(3), ownMAC, true},
		{"advertisement", 3, reply6(), Query{Key{3, other6}, own6, ownMAC}, ownMAC, true},
		{"the same", 3, reply4(), query4(3), otherMAC, false},
		{"on another link", 4, reply4(), query4(3), ownMAC, false},
		{"of another neighbour", 3, reply6(), query4(3), ownMAC, false},
		{"not to be believed", 3, advert(64, packet.NDTargetLinkAddr), Query{Key{3, other6}, own6, ownMAC}, ownMAC, false},
		{"cut", 3, reply4()[:30], query4(3), ownMAC, false},
	} {
		b := newBench()
		b.Preload(3, c.q.Addr, c.known)
		if b.Frame(c.ifindex, c.frame) {
			t.Errorf("%s: used, though nobody asked", c.name)
		}
		if _, ok := b.Lookup(c.q.Key); ok == c.moved || b.Stats.Moved != btoi(c.moved) {
			t.Errorf("%s: still known %v, %+v", c.name, ok, b.Stats)
		}
		if !c.moved {
			continue
		}
		b.ask("anew", c.q)
		if b.Frame(3, request) {
			t.Errorf("%s: a request was taken for an answer", c.name)
		}
		b.Reply(3, c.q.Addr, otherMAC)
		b.expect(t, 1, "anew: "+otherMAC.String())
	}
}

func btoi(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func TestFrameDoesNotAllocate(t *testing.T) {
	b := newBench()
	b.ask("", Query{Key{3, own4}, other4, ownMAC}) // something is being asked, but not that
	for name, frame := range map[string][]byte{"ARP": reply4(), "advertisement": reply6()} {
		if n := testing.AllocsPerRun(100, func() { b.Frame(3, frame) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestAppendHeader(t *testing.T) {
	for _, c := range []struct {
		link packet.LinkType
		v6   bool
		want string
		ok   bool
	}{
		{packet.LinkEthernet, false, "020000000002 020000000001 0800", true},
		{packet.LinkEthernet, true, "020000000002 020000000001 86dd", true},
		{packet.LinkLoopback, false, "000000000000 000000000000 0800", true},
		{packet.LinkLoopback, true, "000000000000 000000000000 86dd", true},
		{packet.LinkRaw, false, "", true},
		{packet.LinkRaw, true, "", true},
		{packet.LinkFirewire, false, "", false},
		{packet.LinkVoid, false, "", false},
		{packet.LinkUnknown, false, "", false},
		{packet.LinkType(99), false, "", false},
	} {
		got, err := AppendHeader([]byte{0xaa}, c.link, ownMAC, otherMAC, c.v6)
		if want := "aa" + strings.ReplaceAll(c.want, " ", ""); hex.EncodeToString(got) != want || (err == nil) != c.ok {
			t.Errorf("%v, IPv6 %v: %x, %v", c.link, c.v6, got, err)
		}
		if err == nil && len(got)-1 != c.link.HeaderLen() {
			t.Errorf("%v: %d bytes, want %d", c.link, len(got)-1, c.link.HeaderLen())
		}
	}
	got, err := AppendHeader(nil, packet.LinkNull, ownMAC, otherMAC, false)
	if err != nil || len(got) != 4 || got[0]+got[3] != 2 {
		t.Errorf("null: %x, %v", got, err)
	}
}

// parseReply is parse for replies.
func parseReply(frame []byte) (addr netip.Addr, mac packet.MAC, ok bool) {
	addr, mac, reply, ok := parse(frame)
	if !ok || !reply {
		return netip.Addr{}, packet.MAC{}, false
	}
	return addr, mac, true
}

// Whatever comes from a wire is refused or is what it was built as.
func FuzzParseReply(f *testing.F) {
	f.Add(reply4())
	f.Add(reply6())
	f.Add(advert(255, 0))
	f.Fuzz(func(t *testing.T, frame []byte) {
		addr, mac, ok := parseReply(frame)
		if !ok {
			if addr.IsValid() || mac != (packet.MAC{}) {
				t.Fatalf("refused, but %v %v", addr, mac)
			}
			return
		}
		b := newBench()
		own := own4
		if addr.Is6() {
			own = own6
		}
		b.ask("x", Query{Key{3, addr}, own, ownMAC})
		if used := b.Frame(3, frame); used != (mac != packet.MAC{}) {
			t.Fatalf("used %v: %v %v", used, addr, mac)
		}
	})
}
