package probe

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"scamper/shared/packet"
)

var update = flag.Bool("update", false, "write the golden files anew")

var captures = []string{"trace4", "trace6", "ping4", "ping6", "pmtud"}

var (
	host4   = netip.MustParseAddr("10.77.0.1")
	target4 = netip.MustParseAddr("10.77.3.2")
	host6   = netip.MustParseAddr("fd77::1")
	target6 = netip.MustParseAddr("fd77:3::2")
	spoof4  = netip.MustParseAddr("10.77.0.77")
	spoof6  = netip.MustParseAddr("fd77::77")
)

// frames reads a capture: Ethernet frames in the order of their arrival.
func frames(t testing.TB, name string) [][]byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".pcap"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var list [][]byte
	for {
		b, _, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, bytes.Clone(b))
	}
}

// outgoing reports that a parsed frame was sent by the host of the captures.
func outgoing(r *Reply) bool {
	switch r.IP.Src {
	case host4, host6, spoof4, spoof6:
		return true
	}
	return false
}

// text is one line with all that is known of a packet; zero fields are left out.
func text(r *Reply, reason Reason) string {
	var b strings.Builder
	if reason != Accepted {
		return "refused: " + reason.String()
	}
	put := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	put("%s", r.Kind)
	ip := &r.IP
	if ip.Version != 0 && ip.Protocol != 0 || ip.Src.IsValid() {
		put(" | %v > %v proto %d ttl %d tos %d size %d", ip.Src, ip.Dst, ip.Protocol, ip.TTL, ip.TOS, ip.Size)
		if ip.HasID {
			put(" id %#x", ip.ID)
		}
		if ip.DF {
			put(" DF")
		}
		if ip.More || ip.Offset != 0 {
			put(" offset %d more %v", ip.Offset, ip.More)
		}
		if ip.FlowLabel != 0 {
			put(" label %#x", ip.FlowLabel)
		}
	}
	switch r.Kind {
	case KindTCP:
		s := &r.TCP
		put(" | %d > %d seq %d ack %d flags %#02x win %d len %d", s.SrcPort, s.DstPort, s.Seq, s.Ack, s.Flags, s.Window, s.Len)
		if s.HasMSS {
			put(" mss %d", s.MSS)
		}
	case KindUDP:
		put(" | %d > %d sum %#04x payload %x", r.UDP.SrcPort, r.UDP.DstPort, r.UDP.Checksum, r.UDP.Payload)
	case KindARPRequest, KindARPReply, KindNeighbourSolicit, KindNeighbourAdvert:
		put(" | target %v mac %v %v", r.Neighbour.Target, r.Neighbour.MAC, r.Neighbour.HasMAC)
	case KindFragment:
	default:
		m := &r.ICMP
		put(" | type %d code %d id %d seq %d", m.Type, m.Code, m.ID, m.Seq)
		if m.MTU != 0 {
			put(" mtu %d", m.MTU)
		}
		if m.Originate != 0 {
			put(" times %d %d %d", m.Originate, m.Receive, m.Transmit)
		}
	}
	if rr, ok := r.RecordRoute(); ok {
		put(" | rr")
		for i := range rr.Len() {
			put(" %v", rr.At(i))
		}
	}
	if ts, ok := r.TimestampOption(); ok {
		put(" | ts %d", ts.Flag())
		for i := range ts.Len() {
			a, ms := ts.At(i)
			if a.IsValid() {
				put(" %v", a)
			}
			put(" %d", ms)
		}
	}
	if r.Kind == KindError {
		q := &r.Quote
		put(" | quotes %v > %v proto %d ttl %d tos %d size %d id %#x", q.Src, q.Dst, q.Protocol, q.TTL, q.TOS, q.Size, q.ID)
		if q.FlowLabel != 0 {
			put(" label %#x", q.FlowLabel)
		}
		if q.Fragment {
			put(" offset %d fragid %#x", q.Offset, q.FragID)
		}
		put(" ports %d %d sum %#04x type %d code %d icmp %d %d seq %d payload %d bytes", q.SrcPort, q.DstPort, q.Checksum,
			q.Type, q.Code, q.ICMPID, q.ICMPSeq, q.Seq, len(q.Payload))
	}
	return b.String()
}

// TestCaptures parses every frame of the captures and compares with the golden line.
func TestCaptures(t *testing.T) {
	for _, name := range captures {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			for _, b := range frames(t, name) {
				var r Reply
				fmt.Fprintln(&got, text(&r, ParseFrame(packet.LinkEthernet, b, &r)))
			}
			path := filepath.Join("testdata", name+".replies.txt")
			if *update {
				if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
				t.Errorf("(-golden +got):\n%s", diff)
			}
		})
	}
}

// facts are what both decoders are asked.
type facts struct {
	src, dst string
	ttl, tos uint8
	id       uint32
	kind     string
	ports    [2]uint16
	seq      uint32
	icmp     [2]uint8
	echo     [2]uint16
	inner    *facts
}

// ours reads the facts out of a Reply.
func ours(r *Reply) facts {
	f := facts{src: r.IP.Src.String(), dst: r.IP.Dst.String(), ttl: r.IP.TTL, tos: r.IP.TOS}
	if r.IP.HasID {
		f.id = r.IP.ID
	}
	switch r.Kind {
	case KindTCP:
		f.kind, f.ports, f.seq = "tcp", [2]uint16{r.TCP.SrcPort, r.TCP.DstPort}, r.TCP.Seq
	case KindUDP:
		f.kind, f.ports = "udp", [2]uint16{r.UDP.SrcPort, r.UDP.DstPort}
	case KindFragment:
		f.kind = "fragment"
	case KindError:
		f.kind, f.icmp = "icmp", [2]uint8{r.ICMP.Type, r.ICMP.Code}
		q := &r.Quote
		in := facts{src: q.Src.String(), dst: q.Dst.String(), ttl: q.TTL, tos: q.TOS, id: uint32(q.ID)}
		switch {
		case q.Fragment && r.IP.Version == 6:
			in.kind, in.id = "fragment", q.FragID
		case q.Protocol == packet.ProtoTCP:
			in.kind, in.ports, in.seq = "tcp", [2]uint16{q.SrcPort, q.DstPort}, q.Seq
		case q.Protocol == packet.ProtoUDP:
			in.kind, in.ports = "udp", [2]uint16{q.SrcPort, q.DstPort}
		default:
			in.kind, in.icmp, in.echo = "icmp", [2]uint8{q.Type, q.Code}, [2]uint16{q.ICMPID, q.ICMPSeq}
		}
		f.inner = &in
	default:
		f.kind, f.icmp, f.echo = "icmp", [2]uint8{r.ICMP.Type, r.ICMP.Code}, [2]uint16{r.ICMP.ID, r.ICMP.Seq}
	}
	return f
}

// theirs reads the facts with another decoder. Quotes are decoded as packets of their
// own.
func theirs(t *testing.T, b []byte, first gopacket.LayerType) facts {
	t.Helper()
	p := gopacket.NewPacket(b, first, gopacket.Default)
	var f facts
	for _, l := range p.Layers() {
		switch l := l.(type) {
		case *layers.IPv4:
			f.src, f.dst, f.ttl, f.tos, f.id = l.SrcIP.String(), l.DstIP.String(), l.TTL, l.TOS, uint32(l.Id)
		case *layers.IPv6:
			f.src, f.dst, f.ttl, f.tos = l.SrcIP.String(), l.DstIP.String(), l.HopLimit, l.TrafficClass
		case *layers.IPv6Fragment:
			f.id = l.Identification
			if l.FragmentOffset != 0 {
				f.kind = "fragment"
			}
		case *layers.TCP:
			f.kind, f.ports, f.seq = "tcp", [2]uint16{uint16(l.SrcPort), uint16(l.DstPort)}, l.Seq
		case *layers.UDP:
			f.kind, f.ports = "udp", [2]uint16{uint16(l.SrcPort), uint16(l.DstPort)}
		case *layers.ICMPv4:
			f.kind, f.icmp = "icmp", [2]uint8{l.TypeCode.Type(), l.TypeCode.Code()}
			if packet.IsError4(l.TypeCode.Type()) {
				in := theirs(t, l.Payload, layers.LayerTypeIPv4)
				f.inner = &in
				return f
			}
			f.echo = [2]uint16{l.Id, l.Seq}
		case *layers.ICMPv6:
			f.kind, f.icmp = "icmp", [2]uint8{l.TypeCode.Type(), l.TypeCode.Code()}
			if packet.IsError6(l.TypeCode.Type()) {
				in := theirs(t, l.Payload[4:], layers.LayerTypeIPv6)
				f.inner = &in
				return f
			}
		case *layers.ICMPv6Echo:
			f.echo = [2]uint16{l.Identifier, l.SeqNumber}
		}
	}
	return f
}

func TestCapturesOtherDecoder(t *testing.T) {
	for _, name := range captures {
		for i, b := range frames(t, name) {
			var r Reply
			if ParseFrame(packet.LinkEthernet, b, &r) != Accepted {
				continue
			}
			switch r.Kind {
			case KindARPRequest, KindARPReply, KindNeighbourSolicit, KindNeighbourAdvert:
				continue
			}
			want := theirs(t, b, layers.LayerTypeEthernet)
			if r.IP.Version == 6 && r.IP.More && want.kind == "" { // it decodes nothing of a first fragment
				continue
			}
			if want.inner != nil && want.inner.kind == "" { // its UDP and TCP want more than 8 bytes
				want.inner = ours(&r).inner
			}
			if diff := cmp.Diff(want, ours(&r), cmp.AllowUnexported(facts{})); diff != "" {
				t.Errorf("%s, frame %d (-other +got):\n%s", name, i+1, diff)
			}
		}
	}
}

// sockets: what a raw socket would have given of an inbound frame parses to the same.
func TestCapturesBySocket(t *testing.T) {
	n := 0
	for _, name := range captures {
		for i, b := range frames(t, name) {
			var frame, socket Reply
			if ParseFrame(packet.LinkEthernet, b, &frame) != Accepted || outgoing(&frame) {
				continue
			}
			switch frame.Kind {
			case KindError, KindEchoReply, KindTimestampReply:
			default:
				continue
			}
			if frame.IP.More { // a socket gives the whole packet
				continue
			}
			n++
			ip := bytes.Clone(b[14:])
			var reason Reason
			if frame.IP.Version == 4 {
				reason = ParseICMP4(ip, &socket)
			} else {
				a := Ancillary{
					Src: frame.IP.Src.WithZone("eth0"), Dst: frame.IP.Dst,
					HopLimit: int16(frame.IP.TTL), TrafficClass: int16(frame.IP.TOS),
				}
				reason = ParseICMP6(ip[40:], a, &socket)
				frame.IP.FlowLabel = 0
				frame.Packet = frame.Packet[40:]
			}
			frame.Datalink = false
			if diff := cmp.Diff(frame, socket, cmpReply...); reason != Accepted || diff != "" {
				t.Errorf("%s, frame %d: %v (-frame +socket):\n%s", name, i+1, reason, diff)
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d replies in all captures", n)
	}
}
