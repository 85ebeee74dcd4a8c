package probe

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"scamper/shared/packet"
	"scamper/shared/warts"
)

// TestTraceObserved are the first two probes of each method as seen on the wire.
func TestTraceObserved(t *testing.T) {
	src, dst := addr("10.77.0.1"), addr("10.77.4.2")
	tests := []struct {
		name  string
		probe TraceProbe
		want  [2]string // behind the IPv4 header
		size  int
		tos   uint8
	}{
		{
			"UDP",
			TraceProbe{Method: warts.TraceUDP, SrcPort: 37718, DstPort: 33435},
			[2]string{
				"9356 829b 0018 d12f 00000000 00000000 00000000 00000000",
				"9356 829c 0018 d12e 00000000 00000000 00000000 00000000",
			},
			44, 0,
		},
		{
			"UDP-paris",
			TraceProbe{Method: warts.TraceUDPParis, SrcPort: 37768, DstPort: 33435},
			[2]string{
				"9388 829b 0018 0001 d0fc0000 00000000 00000000 00000000",
				"9388 829b 0018 0002 d0fb0000 00000000 00000000 00000000",
			},
			44, 0,
		},
		{
			"ICMP",
			TraceProbe{Method: warts.TraceICMPEcho, SrcPort: 37818, DstPort: 33435},
			[2]string{
				"0800 6445 93ba 0000 00000000 00000000 00000000 00000000",
				"0800 6444 93ba 0001 00000000 00000000 00000000 00000000",
			},
			44, 0,
		},
		{
			"ICMP-paris",
			TraceProbe{Method: warts.TraceICMPEchoParis, SrcPort: 37868, DstPort: 37868},
			[2]string{
				"0800 93ec 93ec 0000 d0260000 00000000 00000000 00000000",
				"0800 93ec 93ec 0001 d0250000 00000000 00000000 00000000",
			},
			44, 0,
		},
		{
			// The identifier is not on record; it follows from the other bytes.
			"ICMP-paris with options",
			TraceProbe{Method: warts.TraceICMPEchoParis, SrcPort: 38631, DstPort: 4660, TOS: 40, Payload: []byte{1, 2, 3, 4, 5}},
			[2]string{"0800 1234 96e7 0000 46e0 030405", "0800 1234 96e7 0001 46df 030405"},
			33, 40,
		},
		{
			"TCP",
			TraceProbe{Method: warts.TraceTCP, SrcPort: 37939, DstPort: 33435},
			[2]string{
				"9433 829b 00000000 00000000 50 02 0000 4777 0000",
				"9433 829b 00000000 00000000 50 02 0000 4777 0000",
			},
			40, 0,
		},
		{
			"TCP-ack",
			TraceProbe{Method: warts.TraceTCPAck, SrcPort: 38004, DstPort: 33435},
			[2]string{
				"9474 829b 00000000 00000000 50 10 0000 4728 0000",
				"9474 829b 00000000 00000000 50 10 0000 4728 0000",
			},
			40, 0,
		},
	}
	for _, tt := range tests {
		for n := range 2 {
			p := tt.probe
			p.Src, p.Dst, p.N, p.TTL = src, dst, n, uint8(n+1)
			b, err := p.AppendPacket(nil)
			b = must(t, b, err)
			h, err := packet.ParseIPv4(b)
			if err != nil {
				t.Fatal(err)
			}
			if len(b) != tt.size || p.Size() != tt.size || h.TotalLen() != tt.size || h.ID() != uint16(n+1) ||
				!h.DF() || h.TTL() != uint8(n+1) || h.TOS() != tt.tos || !h.ChecksumOK() {
				t.Errorf("%s %d: %d bytes (Size %d), header % x", tt.name, n, len(b), p.Size(), b[:20])
			}
			want := unhex(t, tt.want[n])
			if tt.probe.Method.IsTCP() { // ports, numbers and flags are on record, the checksum is not
				copy(want[16:18], b[36:38])
				if !packet.TCP(h.Payload()).ChecksumOK(packet.PseudoSum(src, dst, packet.ProtoTCP, 20)) {
					t.Errorf("%s: checksum", tt.name)
				}
			}
			if !bytes.Equal(h.Payload(), want) {
				t.Errorf("%s %d\n got % x\nwant % x", tt.name, n, h.Payload(), want)
			}
		}
	}
}

// sent returns the packets in a capture that the host sent and pick wants, from the IP
// header on.
func sent(t *testing.T, name string, pick func(r *Reply) bool) [][]byte {
	t.Helper()
	var list [][]byte
	for _, b := range frames(t, name) {
		var r Reply
		if ParseFrame(packet.LinkEthernet, b, &r) == Accepted && outgoing(&r) && r.Kind != KindARPRequest && pick(&r) {
			list = append(list, bytes.Clone(r.Packet))
		}
	}
	return list
}

// byID picks what was sent from a port or with an ICMP identifier; not the RST of the
// host's own TCP.
func byID(id uint16) func(r *Reply) bool {
	return func(r *Reply) bool {
		switch r.Kind {
		case KindEcho, KindTimestamp:
			return r.ICMP.ID == id
		case KindUDP:
			return r.UDP.SrcPort == id
		case KindTCP:
			return r.TCP.SrcPort == id && (r.TCP.Flags != packet.RST || id == 45008)
		case KindFragment:
			return uint16(r.IP.ID>>16) == id
		}
		return false
	}
}

// compareSent compares a packet that we build with one that was sent. The kernel's flow
// label is taken over.
func compareSent(t *testing.T, name string, got, want []byte) {
	t.Helper()
	if want[0]>>4 == 6 && len(got) > 4 && got[0]>>4 == 6 && packet.IPv6(got).FlowLabel() == 0 {
		copy(got[1:4], want[1:4])
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s\n got % x\nsent % x", name, got, want)
	}
}

// TestTraceCaptured builds the probes of the captures again, byte for byte.
func TestTraceCaptured(t *testing.T) {
	user := []byte{1, 2, 3, 4, 5}
	tests := []struct {
		capture string
		probe   TraceProbe
		sent    int
	}{
		{"trace4", TraceProbe{Method: warts.TraceUDP, SrcPort: 40001, DstPort: 33435}, 4},
		{"trace4", TraceProbe{Method: warts.TraceUDPParis, SrcPort: 40002, DstPort: 33435}, 4},
		{"trace4", TraceProbe{Method: warts.TraceICMPEcho, SrcPort: 40003}, 4},
		{"trace4", TraceProbe{Method: warts.TraceICMPEchoParis, SrcPort: 40004, DstPort: 4660, TOS: 40, Payload: user}, 4},
		{"trace4", TraceProbe{Method: warts.TraceTCP, SrcPort: 40005, DstPort: 80}, 4},
		{"trace4", TraceProbe{Method: warts.TraceTCPAck, SrcPort: 40006, DstPort: 80}, 4},
		{"trace6", TraceProbe{Method: warts.TraceUDP, SrcPort: 40001, DstPort: 33435}, 4},
		{"trace6", TraceProbe{Method: warts.TraceUDPParis, SrcPort: 40002, DstPort: 33435}, 4},
		{"trace6", TraceProbe{Method: warts.TraceICMPEcho, SrcPort: 40003}, 4},
		{"trace6", TraceProbe{Method: warts.TraceICMPEchoParis, SrcPort: 40004}, 4}, // checksum: the writer's default
		{"trace6", TraceProbe{Method: warts.TraceTCP, SrcPort: 40005, DstPort: 80}, 4},
		{"trace6", TraceProbe{Method: warts.TraceTCPAck, SrcPort: 40006, DstPort: 80}, 4},
		// The original's fragments are 8 bytes longer than it records.
		{"trace6", TraceProbe{Method: warts.TraceUDPParis, SrcPort: 40007, FragOffset: 5, Payload: make([]byte, 8)}, 8},
		{"pmtud", TraceProbe{Method: warts.TraceUDPParis, SrcPort: 40010, DstPort: 33435}, 6},
		{"pmtud", TraceProbe{Method: warts.TraceUDPParis, SrcPort: 40011, DstPort: 33435}, 6},
	}
	for _, tt := range tests {
		name := fmt.Sprintf("%s %s from %d", tt.capture, tt.probe.Method, tt.probe.SrcPort)
		list := sent(t, tt.capture, byID(tt.probe.SrcPort))
		if len(list) != tt.sent {
			t.Errorf("%s: %d probes in the capture, want %d", name, len(list), tt.sent)
		}
		for n, want := range list {
			p := tt.probe
			p.N = n
			var ttl uint8
			if want[0]>>4 == 4 {
				p.Src, p.Dst, ttl = host4, target4, packet.IPv4(want).TTL()
			} else {
				p.Src, p.Dst, ttl = host6, target6, packet.IPv6(want).HopLimit()
			}
			if p.Method == warts.TraceICMPEchoParis && p.DstPort == 0 {
				p.DstPort = packet.ICMP(want[40:]).Checksum()
			}
			p.TTL = uint8(n + 1)
			if n >= 4 && tt.capture == "pmtud" { // two large ones at the end
				p.TTL, p.PacketSize = 255, len(want)
			}
			if p.TTL != ttl {
				t.Errorf("%s, probe %d: TTL %d in the capture", name, n, ttl)
			}
			b, err := p.AppendPacket(nil)
			compareSent(t, fmt.Sprintf("%s, probe %d", name, n), must(t, b, err), want)
			if p.Size() != len(want) {
				t.Errorf("%s: Size %d, sent %d", name, p.Size(), len(want))
			}
			switch {
			case p.FragOffset != 0:
			case p.Method.IsUDP():
				m, err := p.AppendPayload(nil)
				if m = must(t, m, err); !bytes.Equal(m, want[len(want)-len(m):]) {
					t.Errorf("%s, probe %d: payload % x", name, n, m)
				}
			default:
				m, err := p.AppendMessage(nil)
				if m = must(t, m, err); !bytes.Equal(m, want[len(want)-len(m):]) {
					t.Errorf("%s, probe %d: message % x", name, n, m)
				}
			}
		}
	}
}

func TestTraceSizes(t *testing.T) {
	tests := []struct {
		name  string
		probe TraceProbe
		size4 int // 0: not possible
		size6 int
	}{
		{"UDP", TraceProbe{Method: warts.TraceUDP}, 44, 60},
		{"UDP-paris", TraceProbe{Method: warts.TraceUDPParis}, 44, 60},
		{"ICMP", TraceProbe{Method: warts.TraceICMPEcho}, 44, 60},
		{"ICMP-paris", TraceProbe{Method: warts.TraceICMPEchoParis}, 44, 60},
		{"TCP", TraceProbe{Method: warts.TraceTCP}, 40, 60},
		{"TCP with payload", TraceProbe{Method: warts.TraceTCPAck, Payload: []byte{1}}, 40, 60},
		{"5 bytes", TraceProbe{Method: warts.TraceUDP, Payload: make([]byte, 5)}, 33, 53},
		{"1 byte", TraceProbe{Method: warts.TraceICMPEcho, Payload: make([]byte, 1)}, 29, 49},
		{"1 byte, paris", TraceProbe{Method: warts.TraceUDPParis, Payload: make([]byte, 1)}, 30, 50},
		{"1 byte, const payload", TraceProbe{Method: warts.TraceUDPParis, ConstPayload: true, Payload: make([]byte, 1)}, 29, 49},
		{"PMTUD", TraceProbe{Method: warts.TraceUDPParis, PacketSize: 1500, Payload: []byte{7}}, 1500, 1500},
		{"PMTUD TCP", TraceProbe{Method: warts.TraceTCPAck, PacketSize: 1500}, 1500, 1500},
		{"PMTUD too small", TraceProbe{Method: warts.TraceUDPParis, PacketSize: 29}, 0, 0},
		{"fragment", TraceProbe{Method: warts.TraceTCP, FragOffset: 1}, 0, 52},
		{"fragment with payload", TraceProbe{Method: warts.TraceICMPEcho, FragOffset: 8190, Payload: make([]byte, 10)}, 0, 62},
		{"fragment of a size", TraceProbe{Method: warts.TraceICMPEcho, FragOffset: 1, PacketSize: 1400, Payload: []byte{7}}, 0, 1400},
		{"fragment too small", TraceProbe{Method: warts.TraceICMPEcho, FragOffset: 1, PacketSize: 51}, 0, 0},
		{"fragment beyond", TraceProbe{Method: warts.TraceICMPEcho, FragOffset: 8192}, 0, 0},
		{"no method", TraceProbe{}, 0, 0},
		{"no method, fragment", TraceProbe{FragOffset: 1}, 0, 0},
	}
	for _, tt := range tests {
		for _, v4 := range []bool{true, false} {
			p, want := tt.probe, tt.size6
			p.Src, p.Dst, p.TTL = host6, target6, 1
			if v4 {
				p.Src, p.Dst, want = host4, target4, tt.size4
			}
			b, err := p.AppendPacket([]byte{1})
			if len(b)-1 != want || (err == nil) != (want != 0) {
				t.Errorf("%s, v4 %v: %d bytes, error %v, want %d", tt.name, v4, len(b)-1, err, want)
			}
			if want != 0 && p.Size() != want {
				t.Errorf("%s, v4 %v: Size %d, want %d", tt.name, v4, p.Size(), want)
			}
		}
	}
}

// TestTraceLeastSize: a probe of the least size can be made, one byte less is an error.
func TestTraceLeastSize(t *testing.T) {
	tests := []struct {
		probe TraceProbe
		want6 int // 20 less in IPv4
	}{
		{TraceProbe{Method: warts.TraceUDP}, 48},
		{TraceProbe{Method: warts.TraceUDPParis}, 50},
		{TraceProbe{Method: warts.TraceUDPParis, ConstPayload: true}, 48},
		{TraceProbe{Method: warts.TraceICMPEcho}, 48},
		{TraceProbe{Method: warts.TraceICMPEchoParis}, 50},
		{TraceProbe{Method: warts.TraceTCP}, 60},
		{TraceProbe{Method: warts.TraceTCPAck, PacketSize: 7}, 60},
		{TraceProbe{Method: warts.TraceUDPParis, FragOffset: 1}, 52},
	}
	for _, tt := range tests {
		p, want := tt.probe, tt.want6
		p.Src, p.Dst = host6, target6
		if v4 := p; p.FragOffset == 0 {
			v4.Src, v4.Dst = host4, target4
			if got := v4.LeastSize(); got != want-20 {
				t.Errorf("%+v: least size %d, want %d", v4, got, want-20)
			}
		}
		if got := p.LeastSize(); got != want {
			t.Errorf("%+v: least size %d, want %d", p, got, want)
		}
		p.PacketSize = want
		if b, err := p.AppendPacket(nil); err != nil || len(b) != want {
			t.Errorf("%+v: %d bytes, %v", p, len(b), err)
		}
		p.PacketSize--
		if _, err := p.AppendPacket(nil); !errors.Is(err, ErrSize) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	if got := (&TraceProbe{Dst: target4}).LeastSize(); got != 0 {
		t.Errorf("without method: least size %d", got)
	}
}

// TestTraceSizedPayload: a probe of a wanted size carries zeros, not the user's bytes.
func TestTraceSizedPayload(t *testing.T) {
	for _, offset := range []uint16{0, 1} {
		p := TraceProbe{
			Method: warts.TraceUDP, Src: host6, Dst: target6, FragOffset: offset, PacketSize: 100, Payload: bytes.Repeat([]byte{7}, 60),
		}
		b, err := p.AppendPacket(nil)
		if b = must(t, b, err); !bytes.Equal(b[52:], make([]byte, 48)) {
			t.Errorf("offset %d: % x", offset, b)
		}
	}
}

// TestTraceParis: whatever the payload and however many probes, the identity is where
// it has to be and the packet is valid.
func TestTraceParis(t *testing.T) {
	for _, v4 := range []bool{true, false} {
		for _, payload := range [][]byte{nil, {0xff}, {1, 2, 3}, bytes.Repeat([]byte{0xff}, 64)} {
			for n := 0; n < 65534; n += 61 {
				p := TraceProbe{Method: warts.TraceUDPParis, SrcPort: 40000, DstPort: 33435, N: n, TTL: 1, Payload: payload, Src: host6, Dst: target6}
				if v4 {
					p.Src, p.Dst = host4, target4
				}
				b, err := p.AppendMessage(nil)
				u := packet.UDP(must(t, b, err))
				pseudo := packet.PseudoSum(p.Src, p.Dst, packet.ProtoUDP, len(b))
				if u.Checksum() != uint16(n+1) || !u.ChecksumOK(pseudo) {
					t.Fatalf("v4 %v payload %x probe %d: checksum %#x", v4, payload, n, u.Checksum())
				}
				p.Method, p.DstPort = warts.TraceICMPEchoParis, uint16(n+1)
				b, err = p.AppendMessage(nil)
				m := packet.ICMP(must(t, b, err))
				pseudo = 0
				if !v4 {
					pseudo = packet.PseudoSum(p.Src, p.Dst, packet.ProtoICMPv6, len(b))
				}
				if m.Checksum() != uint16(n+1) || m.Seq() != uint16(n) || !m.ChecksumOK(pseudo) {
					t.Fatalf("v4 %v payload %x probe %d: ICMP checksum %#x", v4, payload, n, m.Checksum())
				}
			}
		}
	}
}

func TestTraceErrors(t *testing.T) {
	p := TraceProbe{Method: warts.TraceUDP, Src: host4, Dst: target6}
	if _, err := p.AppendPacket(nil); !errors.Is(err, packet.ErrFamily) {
		t.Errorf("families: %v", err)
	}
	p = TraceProbe{Method: warts.TraceICMPEcho, Src: host6, Dst: target6}
	if _, err := p.AppendPayload(nil); !errors.Is(err, ErrMethod) {
		t.Errorf("payload of ICMP: %v", err)
	}
	p.FragOffset = 1
	if _, err := p.AppendMessage(nil); !errors.Is(err, ErrMethod) {
		t.Errorf("message of a fragment: %v", err)
	}
	if _, err := p.AppendPayload(nil); !errors.Is(err, ErrMethod) {
		t.Errorf("payload of a fragment: %v", err)
	}
}
