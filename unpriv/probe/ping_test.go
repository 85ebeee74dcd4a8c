package probe

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"scamper/shared/packet"
	"scamper/shared/warts"
)

// TestPingObserved are probes as seen on the wire.
func TestPingObserved(t *testing.T) {
	src, dst := addr("10.77.0.1"), addr("10.77.4.2")
	tests := []struct {
		name  string
		probe PingProbe
		size  int
		hlen  int
		bytes string // the beginning of what is behind the fixed IPv4 header; checksums as ....
	}{
		{"icmp-echo", PingProbe{SrcPort: 6028, PayloadLen: 56}, 84, 20, "0800 .... 178c 0000 00000000"},
		{"udp", PingProbe{Method: warts.PingUDP, SrcPort: 39419, DstPort: 33435, PayloadLen: 12}, 40, 20, "99fb 829b 0014 .... 00000000 00000000 00000000"},
		{"tcp-syn", PingProbe{Method: warts.PingTCPSyn, SrcPort: 39003, DstPort: 33435, TCPSeq: 0x52f7f3af, TCPAck: 9}, 40, 20, "985b 829b 52f7f3af 00000000 5002 ffff .... 0000"},
		// The original sends 12 bytes less than it records; the record is right here.
		{"icmp-time", PingProbe{Method: warts.PingICMPTime, SrcPort: 6095, Originate: 0x01c98cfd, PayloadLen: 44}, 84, 20, "0d00 .... 17cf 0000 01c98cfd 00000000 00000000 00000000"},
		{"mss", PingProbe{Method: warts.PingTCPSynAck, SrcPort: 1, DstPort: 2, TCPSeq: 3, TCPAck: 4, MSS: 1460}, 44, 20, "0001 0002 00000003 00000004 6012 ffff .... 0000 020405b4"},
		{"tcp-rst", PingProbe{Method: warts.PingTCPRst, TCPSeq: 3, TCPAck: 4}, 40, 20, "0000 0000 00000003 00000000 5004 ffff .... 0000"},
		{"pattern 123", PingProbe{Pattern: []byte{0x01, 0x23}, PayloadLen: 7}, 35, 20, "0800 .... 0000 0000 01230123012301"},
		{"pattern abcd12", PingProbe{Pattern: []byte{0xab, 0xcd, 0x12}, PayloadLen: 8}, 36, 20, "0800 .... 0000 0000 abcd12abcd12abcd"},
		{"payload once", PingProbe{Payload: []byte{1, 2}, Pattern: []byte{9}, PayloadLen: 6}, 34, 20, "0800 .... 0000 0000 010200000000"},
		{"payload cut", PingProbe{Payload: []byte{1, 2, 3}, PayloadLen: 2}, 30, 20, "0800 .... 0000 0000 0102"},
		{"record route", PingProbe{RecordRoute: true, PayloadLen: 56}, 124, 60, "07 27 04" + zeros(36) + "00 0800"},
		{"tsonly", PingProbe{Timestamp: TimestampOnly, PayloadLen: 56}, 124, 60, "44 28 05 00" + zeros(36) + "0800"},
		{"tsandaddr", PingProbe{Timestamp: TimestampAndAddr, PayloadLen: 56}, 120, 56, "44 24 05 01" + zeros(32) + "0800"},
		{
			"tsprespec",
			PingProbe{Timestamp: TimestampPrespec, Prespec: []netip.Addr{addr("10.77.0.2"), addr("10.77.1.2")}, PayloadLen: 56},
			104, 40, "44 14 05 03 0a4d0002 00000000 0a4d0102 00000000 0800",
		},
		{"spoof", PingProbe{Embed: addr("10.77.0.1"), PayloadLen: 56}, 88, 20, "0800 .... 0000 0000 0a4d0001 00000000"},
		{"spoof and forced checksum", PingProbe{Embed: addr("10.77.0.1"), Force: true, Checksum: 0x1234, Pattern: []byte{7}, PayloadLen: 4}, 36, 20, "0800 1234 0000 0000 0a4d0001 .... 0707"},
		{"spoofed SYN/ACK", PingProbe{Method: warts.PingTCPSynAck, Embed: addr("10.77.0.1")}, 40, 20, "0000 0000"},
		{"time and forced checksum", PingProbe{Method: warts.PingICMPTime, Force: true, Checksum: 0xabcd, PayloadLen: 2}, 42, 20, "0d00 abcd 0000 0000 00000000 00000000 00000000 ...."},
		{"forced 0", PingProbe{Force: true, Checksum: 0, PayloadLen: 2}, 30, 20, "0800 0000"},
		{"forced 65535", PingProbe{Force: true, Checksum: 65535, PayloadLen: 2}, 30, 20, "0800 0000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := tt.probe
			p.Src, p.Dst, p.ID, p.TTL, p.TOS = src, dst, 5906, 64, 3
			b, err := p.AppendPacket(nil)
			h, err2 := packet.ParseIPv4(must(t, b, err))
			if err2 != nil {
				t.Fatal(err2)
			}
			if len(b) != tt.size || p.Size() != tt.size || h.HeaderLen() != tt.hlen {
				t.Errorf("%d bytes, Size %d, IP header %d", len(b), p.Size(), h.HeaderLen())
			}
			if h.ID() != 5906 || h.TTL() != 64 || h.TOS() != 3 || !h.DF() || !h.ChecksumOK() || h.TotalLen() != len(b) {
				t.Errorf("header % x", b[:20])
			}
			checkTransport(t, h.Src(), h.Dst(), h.Protocol(), h.Payload())
			if got := b[20:]; !like(got, tt.bytes) {
				t.Errorf("\n got %x\nwant %s", got, tt.bytes)
			}
		})
	}
}

func zeros(n int) string { return fmt.Sprintf("%0*d", 2*n, 0) }

// like compares bytes with a beginning in hexadecimal, in which a dot is any digit.
func like(b []byte, want string) bool {
	got := fmt.Sprintf("%x", b)
	i := 0
	for _, c := range want {
		if c == ' ' {
			continue
		}
		if i >= len(got) || c != '.' && rune(got[i]) != c {
			return false
		}
		i++
	}
	return true
}

// checkTransport checks the checksum of a transport header.
func checkTransport(t *testing.T, src, dst netip.Addr, proto uint8, b []byte) {
	t.Helper()
	pseudo := packet.PseudoSum(src, dst, proto, len(b))
	if proto == packet.ProtoICMP {
		pseudo = 0
	}
	if proto == packet.ProtoUDP && packet.UDP(b).Checksum() == 0 || pseudo.Bytes(b).Checksum() != 0 {
		t.Errorf("protocol %d: checksum is wrong", proto)
	}
}

// TestPingCaptured builds the probes of the captures again, byte for byte. What is
// random, or the time of day, is taken from the capture.
func TestPingCaptured(t *testing.T) {
	tests := []struct {
		capture string
		probe   PingProbe
		sent    int
		cut     int // bytes that the original sends less (or more, if negative) than it records
	}{
		{"ping4", PingProbe{SrcPort: 5001, PayloadLen: 56}, 2, 0},
		{"ping4", PingProbe{SrcPort: 5002, PayloadLen: 56, RecordRoute: true}, 2, 0},
		{"ping4", PingProbe{SrcPort: 5003, PayloadLen: 56, Timestamp: TimestampOnly}, 2, 0},
		{"ping4", PingProbe{SrcPort: 5004, PayloadLen: 56, Timestamp: TimestampAndAddr}, 2, 0},
		{"ping4", PingProbe{SrcPort: 5005, PayloadLen: 56, Timestamp: TimestampPrespec, Prespec: []netip.Addr{addr("10.77.0.2"), addr("10.77.1.2")}}, 2, -20},
		{"ping4", PingProbe{SrcPort: 5006, PayloadLen: 44, Method: warts.PingICMPTime}, 2, 12},
		{"ping4", PingProbe{SrcPort: 5007, PayloadLen: 56, Force: true, Checksum: 4660, Pattern: []byte{0xab, 0xcd, 0x12}}, 2, 0},
		{"ping4", PingProbe{SrcPort: 5008, PayloadLen: 5, Payload: []byte{1, 2, 3, 4, 5}}, 2, 0},
		{"ping4", PingProbe{SrcPort: 45001, DstPort: 33435, PayloadLen: 12, Method: warts.PingUDP}, 2, 0},
		{"ping4", PingProbe{SrcPort: 45002, DstPort: 33435, PayloadLen: 12, Method: warts.PingUDPDport}, 2, 0},
		{"ping4", PingProbe{SrcPort: 45003, DstPort: 80, Method: warts.PingTCPSyn}, 2, 0},
		{"ping4", PingProbe{SrcPort: 45004, DstPort: 80, Method: warts.PingTCPAck}, 2, 0},
		{"ping4", PingProbe{SrcPort: 45005, DstPort: 80, Method: warts.PingTCPAckSport}, 1, 0},
		{"ping4", PingProbe{SrcPort: 45006, DstPort: 80, Method: warts.PingTCPAckSport, Seq: 1}, 1, 0},
		{"ping4", PingProbe{SrcPort: 45007, DstPort: 80, Method: warts.PingTCPSynAck}, 2, 0},
		{"ping4", PingProbe{SrcPort: 45008, DstPort: 80, Method: warts.PingTCPRst}, 2, 0},
		{"ping4", PingProbe{SrcPort: 5009, PayloadLen: 56, TTL: 2}, 1, 0},
		{"ping4", PingProbe{SrcPort: 5010, PayloadLen: 56, TTL: 2, RecordRoute: true}, 1, 0},
		{"ping4", PingProbe{SrcPort: 5011, PayloadLen: 56, Src: spoof4, Embed: host4}, 1, 0},
		{"ping4", PingProbe{SrcPort: 45009, DstPort: 7, PayloadLen: 12, Method: warts.PingUDP}, 1, 0},
		{"ping6", PingProbe{SrcPort: 5001, PayloadLen: 56}, 2, 0},
		{"ping6", PingProbe{SrcPort: 5007, PayloadLen: 58, Force: true, Checksum: 4660}, 2, 0},
		{"ping6", PingProbe{SrcPort: 45001, DstPort: 33435, PayloadLen: 12, Method: warts.PingUDP}, 2, 0},
		{"ping6", PingProbe{SrcPort: 45002, DstPort: 33435, PayloadLen: 12, Method: warts.PingUDPDport}, 2, 0},
		{"ping6", PingProbe{SrcPort: 45003, DstPort: 80, Method: warts.PingTCPSyn}, 2, 0},
		{"ping6", PingProbe{SrcPort: 5009, PayloadLen: 1352}, 2, 0},
		{"ping6", PingProbe{SrcPort: 5011, PayloadLen: 56, Src: spoof6, Embed: host6}, 1, 0},
	}
	for _, tt := range tests {
		name := fmt.Sprintf("%s %s from %d", tt.capture, tt.probe.Method, tt.probe.SrcPort)
		list := sent(t, tt.capture, byID(tt.probe.SrcPort))
		if len(list) != tt.sent {
			t.Errorf("%s: %d probes in the capture, want %d", name, len(list), tt.sent)
		}
		for i, want := range list {
			p := tt.probe
			p.Seq += i
			var m []byte // transport header
			if want[0]>>4 == 4 {
				h := packet.IPv4(want)
				p.Dst, p.ID, m = target4, h.ID(), h.Payload()
				if !p.Src.IsValid() {
					p.Src = host4
				}
			} else {
				p.Dst, m = target6, want[40:]
				if !p.Src.IsValid() {
					p.Src = host6
				}
			}
			if p.TTL == 0 {
				p.TTL = 64
			}
			if p.Method.IsTCP() {
				p.TCPSeq, p.TCPAck = packet.TCP(m).Seq(), packet.TCP(m).Ack()
			}
			if p.Method == warts.PingICMPTime {
				p.Originate, _, _, _ = packet.ICMP(m).Timestamps()
			}
			recorded := p.Size()
			p.PayloadLen -= tt.cut
			b, err := p.AppendPacket(nil)
			compareSent(t, fmt.Sprintf("%s, probe %d", name, i), must(t, b, err), want)
			if recorded-tt.cut != len(want) {
				t.Errorf("%s: Size %d, sent %d", name, recorded, len(want))
			}
			var tail []byte
			if p.Method.IsUDP() {
				tail, err = p.AppendPayload(nil)
			} else {
				tail, err = p.AppendMessage(nil)
			}
			if tail = must(t, tail, err); !bytes.HasSuffix(want, tail) {
				t.Errorf("%s: for a socket % x", name, tail)
			}
		}
	}
}

func TestPingErrors(t *testing.T) {
	v4 := PingProbe{Src: host4, Dst: target4}
	v6 := PingProbe{Src: host6, Dst: target6}
	with := func(p PingProbe, change func(p *PingProbe)) *PingProbe {
		change(&p)
		return &p
	}
	for name, tt := range map[string]struct {
		probe *PingProbe
		want  error
	}{
		"icmp-time to IPv6":     {with(v6, func(p *PingProbe) { p.Method = warts.PingICMPTime }), ErrMethod},
		"record route in IPv6":  {with(v6, func(p *PingProbe) { p.RecordRoute = true }), ErrMethod},
		"timestamp in IPv6":     {with(v6, func(p *PingProbe) { p.Timestamp = TimestampOnly }), ErrMethod},
		"both options":          {with(v4, func(p *PingProbe) { p.Timestamp, p.RecordRoute = TimestampOnly, true }), ErrMethod},
		"no method":             {with(v4, func(p *PingProbe) { p.Method = 11 }), ErrMethod},
		"checksum of UDP":       {with(v4, func(p *PingProbe) { p.Method, p.Force, p.PayloadLen = warts.PingUDP, true, 9 }), ErrMethod},
		"checksum without room": {with(v4, func(p *PingProbe) { p.Force, p.PayloadLen = true, 1 }), ErrSize},
		"negative payload":      {with(v4, func(p *PingProbe) { p.PayloadLen = -1 }), ErrSize},
		"embedded family":       {with(v4, func(p *PingProbe) { p.Embed = host6 }), packet.ErrFamily},
		"no addresses":          {with(v4, func(p *PingProbe) { p.Timestamp = TimestampPrespec }), packet.ErrTooLong},
		"too long":              {with(v4, func(p *PingProbe) { p.PayloadLen = 65508 }), packet.ErrTooLong},
		"far too long":          {with(v6, func(p *PingProbe) { p.PayloadLen = 1 << 30 }), packet.ErrTooLong},
		"families":              {with(v4, func(p *PingProbe) { p.Dst = target6 }), packet.ErrFamily},
		"no source":             {with(v6, func(p *PingProbe) { p.Src = netip.Addr{} }), packet.ErrFamily},
	} {
		b, err := tt.probe.AppendPacket([]byte{1})
		if !errors.Is(err, tt.want) || len(b) != 1 {
			t.Errorf("%s: %v (%d bytes), want %v", name, err, len(b), tt.want)
		}
		if b, err := tt.probe.AppendMessage([]byte{1}); name != "too long" && !errors.Is(err, tt.want) || len(b) == 0 {
			t.Errorf("%s: message: %v", name, err)
		}
	}
	if _, err := v4.AppendPayload(nil); !errors.Is(err, ErrMethod) {
		t.Errorf("payload of ICMP: %v", err)
	}
	sizes := map[warts.PingMethod]int{warts.PingICMPEcho: 84, warts.PingICMPTime: 84, warts.PingUDP: 40, warts.PingUDPDport: 40, warts.PingUDPSport: 40, warts.PingTCPSyn: 40}
	for m, want := range sizes {
		p := PingProbe{Method: m, Src: host4, Dst: target4, PayloadLen: PingPayloadLen(m)}
		if p.Size() != want {
			t.Errorf("%s: default size %d, want %d", m, p.Size(), want)
		}
	}
	p := PingProbe{Src: host6, Dst: target6, PayloadLen: PingPayloadLen(warts.PingICMPEcho)}
	if p.Size() != 104 {
		t.Errorf("IPv6 default size %d, want 104", p.Size())
	}
}

func TestProbeErrors(t *testing.T) {
	base := Probe{Src: host4, Dst: target4, Protocol: packet.ProtoUDP, Payload: Payload{Len: 4}}
	for name, tt := range map[string]struct {
		change func(p *Probe)
		want   error
	}{
		"odd":         {func(p *Probe) { p.Craft, p.CraftAt = true, 1 }, ErrSize},
		"beyond":      {func(p *Probe) { p.Craft, p.CraftAt = true, 4 }, ErrSize},
		"negative":    {func(p *Probe) { p.Craft, p.CraftAt = true, -2 }, ErrSize},
		"protocol":    {func(p *Probe) { p.Protocol = 47 }, ErrMethod},
		"ICMPv6":      {func(p *Probe) { p.Protocol = packet.ProtoICMPv6 }, ErrMethod},
		"TCP options": {func(p *Probe) { p.Protocol, p.TCPOptions = packet.ProtoTCP, make([]byte, 44) }, packet.ErrTooLong},
		"options":     {func(p *Probe) { p.Options = make([]byte, 44) }, packet.ErrTooLong},
	} {
		p := base
		tt.change(&p)
		if b, err := p.AppendPacket([]byte{1}); !errors.Is(err, tt.want) || len(b) != 1 {
			t.Errorf("%s: %v (%d bytes), want %v", name, err, len(b), tt.want)
		}
	}
	// A UDP checksum of 0 would say that there is none.
	p := base
	p.Craft, p.Want = true, 0
	b, err := p.AppendMessage(nil)
	if u := packet.UDP(must(t, b, err)); u.Checksum() != 0xffff {
		t.Errorf("wanted UDP checksum 0: %#x", u.Checksum())
	}
	p = base
	p.NoDF, p.ID, p.Protocol, p.TCPOptions = true, 0xffff, packet.ProtoTCP, []byte{1}
	b, err = p.AppendPacket(nil)
	if h := packet.IPv4(must(t, b, err)); h.DF() || h.ID() != 0xffff || len(b) != 48 || p.Size() != 48 {
		t.Errorf("% x", b)
	}
}

// TestTooBig compares with the message in the capture, and with the description for
// IPv4.
func TestTooBig(t *testing.T) {
	var reply []byte
	found := false
	for _, b := range frames(t, "ping6") {
		var r Reply
		if ParseFrame(packet.LinkEthernet, b, &r) != Accepted {
			continue
		}
		if r.Kind == KindEchoReply && r.ICMP.ID == 5009 && reply == nil {
			reply = bytes.Clone(r.Packet)
		}
		if r.IsTooBig() {
			found = true
			m := TooBig{Src: host6, Dst: target6, MTU: 1280, Packet: reply}
			got, err := m.AppendPacket(nil)
			got = must(t, got, err)
			// The original quotes header and 8 bytes more; what follows in it is no part of the
			// reply, so the rest and the checksum differ.
			want := r.Packet
			if len(got) != len(want) || !bytes.Equal(got[:42], want[:42]) || !bytes.Equal(got[44:96], want[44:96]) {
				t.Errorf("packet too big\n got % x\nsent % x", got[:96], want[:96])
			}
			checkTransport(t, host6, target6, packet.ProtoICMPv6, got[40:])
			if !bytes.Equal(got[48:], reply[:1232]) {
				t.Error("the quote isn't the reply")
			}
		}
	}
	if !found {
		t.Error("no packet too big in the capture")
	}

	big := Probe{Src: target4, Dst: host4, TTL: 60, Protocol: packet.ProtoICMP, Payload: Payload{Len: 1400}}
	b, err := big.AppendPacket(nil)
	m := TooBig{Src: host4, Dst: target4, MTU: 70000, Packet: must(t, b, err)}
	got, err := m.AppendPacket(nil)
	h := packet.IPv4(must(t, got, err))
	if len(got) != 56 || h.ID() != 0 || h.DF() || h.TTL() != 255 || h.TOS() != 0 || !like(got[20:], "0304 .... 0000 ffff 4500") {
		t.Errorf("% x", got)
	}
	for _, dst := range []netip.Addr{target4, target6} {
		m := TooBig{Src: host4, Dst: dst, Packet: []byte{0x45, 0x60}}
		if b, err := m.AppendPacket([]byte{1}); !errors.Is(err, packet.ErrShort) || len(b) != 1 {
			t.Errorf("short quote: %v", err)
		}
	}
}
