package packet

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUDP(t *testing.T) {
	// Seen on the wire: UDP-paris probe 1.
	f := UDPFields{SrcPort: 37768, DstPort: 33435}
	payload := append([]byte{0xd0, 0xfc}, make([]byte, 14)...)
	pseudo := PseudoSum(addr(t, "10.77.0.1"), addr(t, "10.77.4.2"), ProtoUDP, 24)
	b, err := f.Append(nil, payload, pseudo)
	b = must(t, b, err)
	wantBytes(t, b[:10], unhex(t, "9388 829b 0018 0001 d0fc"))
	u, err := ParseUDP(append(b, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if u.SrcPort() != 37768 || u.DstPort() != 33435 || u.Length() != 24 || u.Checksum() != 1 || len(u.Payload()) != 16 {
		t.Errorf("parsed % x", []byte(u))
	}
	if !u.ChecksumOK(pseudo) || u.ChecksumOK(pseudo.Word(1)) {
		t.Error("checksum test")
	}
	put16(u, 4, 7) // a length below the header's
	if u.ChecksumOK(pseudo) || len(u.Payload()) != 18 {
		t.Errorf("bad length: %d bytes of payload", len(u.Payload()))
	}
	if _, err := ParseUDP(b[:7]); !errors.Is(err, ErrShort) {
		t.Errorf("short: %v", err)
	}
	if _, err := f.Append(nil, make([]byte, 65528), 0); !errors.Is(err, ErrTooLong) {
		t.Errorf("long: %v", err)
	}
	// A checksum of 0 is written as 0xffff.
	zero := Craft(Sum(0).Word(8+2), 0)
	b, err = UDPFields{}.Append(nil, []byte{byte(zero >> 8), byte(zero)}, 0)
	if b = must(t, b, err); UDP(b).Checksum() != 0xffff {
		t.Errorf("checksum %#x, want 0xffff", UDP(b).Checksum())
	}
}

func TestTCP(t *testing.T) {
	options := AppendMSS(nil, 1460)
	options = AppendWindowScale(options, 7)
	options = AppendSACKPermitted(options)
	options = AppendTCPTimestamps(options, 0x01020304, 0x0a0b0c0d)
	options = PadTCPOptions(options, 0)
	wantBytes(t, options, unhex(t, "020405b4 030307 0402 080a 01020304 0a0b0c0d 01"))
	f := TCPFields{
		SrcPort: 39003, DstPort: 33435, Seq: 0x52f7f3af, Ack: 1, Flags: SYN | ECE | CWR, Window: 65535, Urgent: 2,
		Options: options,
	}
	pseudo := PseudoSum(a6, b6, ProtoTCP, f.HeaderLen()+3)
	b, err := f.Append(nil, []byte("abc"), pseudo)
	b = must(t, b, err)
	wantBytes(t, b[:16], unhex(t, "985b 829b 52f7f3af 00000001 a0 c2 ffff"))
	s, err := ParseTCP(b)
	if err != nil {
		t.Fatal(err)
	}
	got := TCPFields{s.SrcPort(), s.DstPort(), s.Seq(), s.Ack(), s.Flags(), s.Window(), s.Urgent(), s.Options()}
	if diff := cmp.Diff(f, got); diff != "" {
		t.Errorf("parsed (-built +parsed):\n%s", diff)
	}
	if !s.ChecksumOK(pseudo) || string(s.Payload()) != "abc" || !s.OptionsOK() {
		t.Errorf("checksum %v, payload %q, options %v", s.ChecksumOK(pseudo), s.Payload(), s.OptionsOK())
	}
	if mss, ok := s.MSS(); mss != 1460 || !ok {
		t.Errorf("MSS %d %v", mss, ok)
	}
	if shift, ok := s.WindowScale(); shift != 7 || !ok {
		t.Errorf("window scale %d %v", shift, ok)
	}
	if v, e, ok := s.Timestamps(); v != 0x01020304 || e != 0x0a0b0c0d || !ok {
		t.Errorf("timestamps %#x %#x %v", v, e, ok)
	}
	if _, _, ok := s.SACK(); !s.SACKPermitted() || ok {
		t.Errorf("SACK permitted %v, blocks %v", s.SACKPermitted(), ok)
	}
}

func TestTCPOptions(t *testing.T) {
	with := func(options []byte) TCP {
		f := TCPFields{Options: options}
		b, err := f.Append(nil, nil, 0)
		return TCP(must(t, b, err))
	}
	blocks := []SACKBlock{{1, 2}, {0xfffffff0, 3}, {5, 6}, {7, 8}, {9, 10}}
	s := with(AppendSACK([]byte{1, 1}, blocks...))
	if got, n, ok := s.SACK(); !ok || n != 4 || got != [4]SACKBlock(blocks[:4]) {
		t.Errorf("SACK %v %d %v", got, n, ok)
	}
	for _, experimental := range []bool{false, true} {
		s = with(AppendFastOpen(nil, []byte("cookie!!"), experimental))
		if c, x, ok := s.FastOpen(); !ok || string(c) != "cookie!!" || x != experimental {
			t.Errorf("fast open %q %v %v, want %v", c, x, ok, experimental)
		}
		s = with(AppendFastOpen(nil, nil, experimental))
		if c, _, ok := s.FastOpen(); !ok || len(c) != 0 {
			t.Errorf("fast open request %q %v", c, ok)
		}
	}
	if got := len(AppendFastOpen(nil, make([]byte, 300), true)); got != 40 {
		t.Errorf("cookie of 300 bytes: option of %d", got)
	}
	for _, tt := range []struct {
		name, options string
		ok            bool
		mss           uint16
	}{
		{"none", "", true, 0},
		{"end hides the rest", "00020405b4", true, 0},
		{"length 0", "03000204", false, 0},
		{"length 1", "0301020405b4", false, 0},
		{"past the end", "01010204", false, 0},
		{"MSS of other length", "0203050101020405dc", true, 1500},
		{"after NOPs", "0101010101020405b4", true, 1460},
	} {
		s := with(unhex(t, tt.options))
		if mss, _ := s.MSS(); s.OptionsOK() != tt.ok || mss != tt.mss {
			t.Errorf("%s: ok %v, MSS %d", tt.name, s.OptionsOK(), mss)
		}
	}
	f := TCPFields{Options: make([]byte, 41)}
	if _, err := f.Append(nil, nil, 0); !errors.Is(err, ErrTooLong) {
		t.Errorf("41 bytes of options: %v", err)
	}
	for name, tt := range map[string]struct {
		b    []byte
		want error
	}{
		"short":          {make([]byte, 19), ErrShort},
		"data offset":    {make([]byte, 20), ErrLength},
		"options beyond": {append(make([]byte, 12), 0x60, 0, 0, 0, 0, 0, 0, 0), ErrShort},
	} {
		if _, err := ParseTCP(tt.b); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func TestARP(t *testing.T) {
	f := ARPFields{Op: ARPRequest, SenderMAC: MAC{2, 0, 0, 0, 0, 1}, SenderIP: a4, TargetIP: b4}
	b, err := f.Append(nil)
	b = must(t, b, err)
	wantBytes(t, b, unhex(t, "0001 0800 06 04 0001 020000000001 c0000201 000000000000 c6336409"))
	a, err := ParseARP(appendZeros(b, 18))
	if err != nil {
		t.Fatal(err)
	}
	got := ARPFields{a.Op(), a.SenderMAC(), a.TargetMAC(), a.SenderIP(), a.TargetIP()}
	if diff := cmp.Diff(f, got, cmpAddr); diff != "" {
		t.Errorf("parsed (-built +parsed):\n%s", diff)
	}
	if got := a.SenderMAC().String(); got != "02:00:00:00:00:01" {
		t.Errorf("MAC %s", got)
	}
	if _, err := ParseARP(b[:27]); !errors.Is(err, ErrShort) {
		t.Errorf("short: %v", err)
	}
	b[1] = 6
	if _, err := ParseARP(b); !errors.Is(err, ErrType) {
		t.Errorf("other hardware: %v", err)
	}
	f.TargetIP = b6
	if _, err := f.Append(nil); !errors.Is(err, ErrFamily) {
		t.Errorf("family: %v", err)
	}
}

func TestND(t *testing.T) {
	// Seen on the wire, all of the frame.
	src, target := addr(t, "fd33::1"), addr(t, "fd33::2")
	group, groupMAC := SolicitedNode(target)
	eth := EthernetFields{Dst: groupMAC, Src: MAC{0xa6, 7, 0x48, 0x67, 0xe2, 0x63}, Type: EtherIPv6}
	b := eth.Append(nil)
	ip := IPv6Fields{NextHeader: ProtoICMPv6, HopLimit: 255, Src: src, Dst: group}
	b, err := ip.Append(b, 32)
	b = must(t, b, err)
	f := NDFields{Type: ICMP6NeighbourSolicit, Target: target, Option: NDSourceLinkAddr, MAC: eth.Src}
	b, err = f.Append(b, src, group)
	b = must(t, b, err)
	wantBytes(t, b[:22], unhex(t, "3333 ff00 0002 a607 4867 e263 86dd 6000 0000 0020 3aff"))
	wantBytes(t, b[38:54], unhex(t, "ff02 0000 0000 0000 0000 0001 ff00 0002"))
	wantBytes(t, b[54:], unhex(t, `8700 `+hexOf(b[56:58])+` 0000 0000
		fd33 0000 0000 0000 0000 0000 0000 0002 0101 a607 4867 e263`))
	n, err := ParseND(b[54:])
	if err != nil {
		t.Fatal(err)
	}
	if !ICMP(n).ChecksumOK(PseudoSum(src, group, ProtoICMPv6, len(n))) {
		t.Error("checksum")
	}
	m, ok := n.LinkAddr(NDSourceLinkAddr)
	if n.Type() != ICMP6NeighbourSolicit || n.Target() != target || !ok || m != eth.Src {
		t.Errorf("target %v, MAC %v %v", n.Target(), m, ok)
	}
	if _, ok := n.LinkAddr(NDTargetLinkAddr); ok {
		t.Error("found an option that isn't there")
	}

	na := NDFields{Type: ICMP6NeighbourAdvert, Flags: NDSolicited | NDOverride, Target: target, Option: NDTargetLinkAddr, MAC: MAC{1}}
	ab, err := na.Append(nil, target, src)
	n, err2 := ParseND(must(t, ab, err))
	if m, ok := n.LinkAddr(NDTargetLinkAddr); err2 != nil || n.Flags() != NDSolicited|NDOverride || !ok || m != (MAC{1}) {
		t.Errorf("advertisement: %v flags %#x MAC %v %v", err2, n.Flags(), m, ok)
	}
	// An option of another length, one of length 0, and one beyond the end.
	for _, opts := range []string{"02 02 0102030405060708 090a0b0c0d0e", "02 00 010203040506", "02 01 01020304"} {
		n := ND(append(append([]byte{}, ab[:ndLen]...), unhex(t, opts)...))
		if m, ok := n.LinkAddr(NDTargetLinkAddr); ok {
			t.Errorf("options %s: MAC %v", opts, m)
		}
	}
	if _, err := ParseND(ab[:23]); !errors.Is(err, ErrShort) {
		t.Errorf("short: %v", err)
	}
	ab[0] = ICMP6Echo
	if _, err := ParseND(ab); !errors.Is(err, ErrType) {
		t.Errorf("other type: %v", err)
	}
}

func TestLink(t *testing.T) {
	ip4 := []byte{0x45, 0}
	ip6 := []byte{0x60, 0}
	eth := func(typ uint16, rest ...byte) []byte {
		f := EthernetFields{Type: typ}
		return append(f.Append(nil), rest...)
	}
	for _, tt := range []struct {
		name  string
		link  LinkType
		frame []byte
		typ   uint16
		n     int // bytes that follow, -1: not ok
	}{
		{"ethernet", LinkEthernet, eth(EtherIPv4, ip4...), EtherIPv4, 2},
		{"ethernet ARP", LinkEthernet, eth(EtherARP, 1), EtherARP, 1},
		{"ethernet other", LinkEthernet, eth(0x88cc), 0x88cc, 0},
		{"VLAN", LinkEthernet, eth(EtherVLAN, 0, 7, 0x86, 0xdd, 0x60), EtherIPv6, 1},
		{"two VLANs", LinkEthernet, eth(EtherQinQ, 0, 7, 0x81, 0, 0, 8, 8, 0, 0x45), EtherIPv4, 1},
		{"three VLANs", LinkEthernet, eth(EtherQinQ, 0, 7, 0x81, 0, 0, 8, 0x81, 0, 0x45), EtherVLAN, 1},
		{"VLAN cut", LinkEthernet, eth(EtherVLAN, 0, 7), 0, -1},
		{"short", LinkEthernet, make([]byte, 13), 0, -1},
		{"loopback", LinkLoopback, eth(EtherIPv6, ip6...), EtherIPv6, 2},
		{"null 4", LinkNull, AppendNull(nil, 2)[:4], 0, -1},
		{"null 6", LinkNull, append(AppendNull(nil, 30), ip6...), EtherIPv6, 2},
		{"null short", LinkNull, []byte{2, 0, 0}, 0, -1},
		{"raw 4", LinkRaw, ip4, EtherIPv4, 2},
		{"raw 6", LinkVoid, ip6, EtherIPv6, 2},
		{"raw other", LinkRaw, []byte{0x10}, 0, -1},
		{"raw empty", LinkRaw, nil, 0, -1},
		{"firewire", LinkFirewire, append(make([]byte, 16), 8, 0, 0x45), EtherIPv4, 1},
		{"firewire short", LinkFirewire, make([]byte, 17), 0, -1},
		{"unknown", LinkUnknown, eth(EtherIPv4), 0, -1},
	} {
		typ, payload, ok := ParseLink(tt.link, tt.frame)
		if ok != (tt.n >= 0) || typ != tt.typ || len(payload) != max(tt.n, 0) {
			t.Errorf("%s: type %#x, %d bytes, ok %v", tt.name, typ, len(payload), ok)
		}
	}
	e, err := ParseEthernet(eth(EtherARP, 5))
	if err != nil || e.Type() != EtherARP || e.Dst() != (MAC{}) || e.Src() != (MAC{}) || len(e.Payload()) != 1 {
		t.Errorf("ethernet view: %v % x", err, []byte(e))
	}
	if _, err := ParseEthernet(make([]byte, 13)); !errors.Is(err, ErrShort) {
		t.Errorf("short: %v", err)
	}
	for l := LinkUnknown; l <= LinkVoid; l++ {
		if l.String() == "" || l.HeaderLen() < 0 {
			t.Errorf("link type %d has no name", l)
		}
	}
	for l := LinkUnknown; l <= LinkVoid+1; l++ {
		if want := l >= LinkEthernet && l <= LinkRaw; l.CanSend() != want {
			t.Errorf("%v: CanSend is not %v", l, want)
		}
	}
}
