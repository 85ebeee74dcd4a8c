package packet

import (
	"bytes"
	"testing"
)

// corpus adds packets of every kind that this package builds.
func corpus(f *testing.F) {
	add := func(b []byte, err error) {
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{})
	p4, p6 := quoted(f, a4, b4, 16), quoted(f, a6, b6, 12)
	f.Add(p4)
	f.Add(p6)
	mpls, _ := AppendMPLS(nil, MPLSLabel{Label: 16, TTL: 1})
	mpls, _ = AppendInterface(mpls, Interface{Index: 3, Addr: a6, Name: "eth1", MTU: 9000})
	add((&ErrorFields{Type: ICMP4TimeExceeded, Form: Legacy, Objects: mpls}).Append(nil, p4, b4, a4))
	add((&ErrorFields{Type: ICMP6Unreach, Form: RFC4884, Objects: mpls}).Append(nil, p6, b6, a6))
	rr, _ := AppendRecordRoute(nil, 9)
	add((&IPv4Fields{Src: a4, Dst: b4, Options: rr}).Append(nil, 0))
	ts, _ := AppendTimestampOption(nil, TimestampAndAddr, 4)
	add((&IPv4Fields{Src: a4, Dst: b4, Options: ts}).Append(nil, 0))
	add((&TCPFields{Options: AppendSACK(AppendMSS(nil, 1460), SACKBlock{1, 2})}).Append(nil, nil, 0))
	add((&ARPFields{Op: 1, SenderIP: a4, TargetIP: b4}).Append(nil))
	add((&NDFields{Type: ICMP6NeighbourAdvert, Target: a6, Option: NDTargetLinkAddr}).Append(nil, a6, b6))
	ip, _ := (&IPv6Fields{NextHeader: ProtoHopByHop, Src: a6, Dst: b6}).Append(nil, 24)
	ip, _ = AppendOptionsHeader(ip, ProtoRouting, IPv6Option{OptionRouterAlert, []byte{0, 0}})
	ip, _ = AppendRoutingHeader(ip, ProtoFragment, 0, 0)
	add(Fragment{NextHeader: ProtoUDP, ID: 5}.Append(ip))
}

// touch calls every getter of every view on the bytes, parsed or not.
func touch(b []byte) int {
	n := 0
	p := IPv4(b)
	n += p.HeaderLen() + int(p.TOS()) + p.TotalLen() + int(p.ID()) + int(p.FragOffset()) + int(p.TTL()) + int(p.Protocol())
	n += int(p.HeaderChecksum()) + p.Src().BitLen() + p.Dst().BitLen() + len(p.Payload())
	if p.DF() || p.MF() || p.IsFragment() || p.Truncated() || p.ChecksumOK() {
		n++
	}
	for _, opts := range [][]byte{p.Options(), b} {
		if r, ok := FindRecordRoute(opts); ok {
			for i := range r.Len() {
				n += r.At(i).BitLen()
			}
		}
		if s, ok := FindTimestampOption(opts); ok {
			for i := range s.Len() {
				a, ms := s.At(i)
				n += a.BitLen() + int(ms) + int(s.Overflow())
			}
		}
	}
	q := IPv6(b)
	n += int(q.TrafficClass()) + int(q.FlowLabel()) + q.TotalLen() + int(q.NextHeader()) + int(q.HopLimit())
	n += q.Src().BitLen() + q.Dst().BitLen()
	if q.Truncated() {
		n++
	}
	for _, next := range []uint8{ProtoHopByHop, ProtoFragment, ProtoAH} {
		u, _ := WalkExtensions(next, b)
		n += len(u.Payload)
	}
	u, _ := q.Upper()
	n += len(u.Payload) + u.Offset
	for rest := b; ; {
		o, next, ok := NextIPv6Option(rest)
		if !ok {
			break
		}
		n, rest = n+len(o.Data), next
	}
	d := UDP(b)
	n += int(d.SrcPort()) + int(d.DstPort()) + d.Length() + int(d.Checksum()) + len(d.Payload())
	s := TCP(b)
	n += int(s.SrcPort()) + int(s.DstPort()) + int(s.Seq()) + int(s.Ack()) + s.HeaderLen() + int(s.Flags()) + int(s.Window())
	n += int(s.Checksum()) + int(s.Urgent()) + len(s.Options()) + len(s.Payload())
	s.MSS()
	s.WindowScale()
	s.SACK()
	s.Timestamps()
	s.FastOpen()
	if d.ChecksumOK(0) || s.ChecksumOK(0) || s.OptionsOK() || s.SACKPermitted() {
		n++
	}
	m := ICMP(b)
	n += int(m.Type()) + int(m.Code()) + int(m.Checksum()) + int(m.Rest()) + int(m.ID()) + int(m.Seq()) + int(m.MTU4())
	n += int(m.MTU6()) + int(m.Pointer4()) + len(m.Body())
	m.Timestamps()
	for _, v4 := range []bool{true, false} {
		if e, ok := extensionsOf(m, v4); ok {
			for o := range e.All() {
				f, _ := o.Interface()
				n += o.Labels() + int(o.Label(0).TTL) + len(f.Name)
			}
		}
		n += len(readQuote(quoteOf(m, v4)))
	}
	n += len(readQuote(Quote(b)))
	a := ARP(b)
	n += int(a.Op()) + a.SenderIP().BitLen() + a.TargetIP().BitLen() + int(a.SenderMAC()[5]) + int(a.TargetMAC()[5])
	nd := ND(b)
	n += int(nd.Type()) + int(nd.Flags()) + nd.Target().BitLen()
	nd.LinkAddr(NDSourceLinkAddr)
	e := Ethernet(b)
	n += int(e.Type()) + int(e.Src()[0]) + int(e.Dst()[0]) + len(e.Payload())
	for l := LinkUnknown; l <= LinkVoid+1; l++ {
		_, payload, _ := ParseLink(l, b)
		n += len(payload)
	}
	return n
}

// change calls every method that writes into a view.
func change(b []byte) {
	p := IPv4(b)
	p.SetTTL(1)
	p.SetTOS(2)
	p.SetID(3)
	p.UpdateChecksum()
	q := IPv6(b)
	q.SetHopLimit(1)
	q.SetPayloadLen(2)
	RecordRoute(b).Record(a4)
	TimestampOption(b).Record(a4, 1)
}

func FuzzViews(f *testing.F) {
	corpus(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		sink += touch(b)
		if !bytes.Equal(b, before) {
			t.Fatal("a getter changed the bytes")
		}
		change(b)
	})
}

// FuzzIPv4 builds again what was parsed: header bytes are the same but for the
// checksum, which is right afterwards, and the reserved bit.
func FuzzIPv4(f *testing.F) {
	corpus(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseIPv4(b)
		if err != nil {
			return
		}
		if p.HeaderLen() > len(p) || len(p) > p.TotalLen() {
			t.Fatalf("let through a header of %d, a view of %d, a total of %d bytes", p.HeaderLen(), len(p), p.TotalLen())
		}
		fields := readIPv4(p)
		again, err := fields.Append(nil, p.TotalLen()-p.HeaderLen())
		if err != nil {
			t.Fatalf("building it again: %v", err)
		}
		want := bytes.Clone(p[:p.HeaderLen()])
		want[6] &^= 0x80
		IPv4(want).UpdateChecksum()
		if !bytes.Equal(again, want) {
			t.Fatalf("built again\n got % x\nwant % x", again, want)
		}
	})
}

func FuzzIPv6(f *testing.F) {
	corpus(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseIPv6(b)
		if err != nil {
			return
		}
		fields := IPv6Fields{p.TrafficClass(), p.FlowLabel(), p.NextHeader(), p.HopLimit(), p.Src(), p.Dst()}
		if fields.Src.Is4In6() || fields.Dst.Is4In6() {
			// Is6 holds for those too: they are built as they are.
			sink++
		}
		again, err := fields.Append(nil, p.PayloadLen())
		if err != nil || !bytes.Equal(again, p[:IPv6HeaderLen]) {
			t.Fatalf("built again: %v\n got % x\nwant % x", err, again, []byte(p))
		}
		if u, ok := p.Upper(); ok && u.Offset+len(u.Payload) != len(p.Payload()) {
			t.Fatalf("upper layer at %d of %d bytes with %d", u.Offset, len(p.Payload()), len(u.Payload))
		}
	})
}

// FuzzTransport builds UDP, TCP, ARP and ND again from what was parsed.
func FuzzTransport(f *testing.F) {
	corpus(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := ParseTCP(b); err == nil {
			fields := TCPFields{s.SrcPort(), s.DstPort(), s.Seq(), s.Ack(), s.Flags(), s.Window(), s.Urgent(), s.Options()}
			again, err := fields.Append(nil, s.Payload(), 0)
			want := bytes.Clone(s)
			want[12] &= 0xf0 // reserved bits
			put16(want, 16, 0)
			put16(want, 16, Checksum(want))
			if err != nil || !bytes.Equal(again, want) {
				t.Fatalf("TCP built again: %v\n got % x\nwant % x", err, again, want)
			}
		}
		if u, err := ParseUDP(b); err == nil && u.Length() == len(u) {
			again, err := UDPFields{u.SrcPort(), u.DstPort()}.Append(nil, u.Payload(), 0)
			want := bytes.Clone(u)
			put16(want, 6, 0)
			put16(want, 6, Sum(0).Bytes(want).UDPChecksum())
			if err != nil || !bytes.Equal(again, want) {
				t.Fatalf("UDP built again: %v\n got % x\nwant % x", err, again, want)
			}
		}
		if a, err := ParseARP(b); err == nil {
			fields := ARPFields{a.Op(), a.SenderMAC(), a.TargetMAC(), a.SenderIP(), a.TargetIP()}
			if again, err := fields.Append(nil); err != nil || !bytes.Equal(again, a) {
				t.Fatalf("ARP built again: %v\n got % x\nwant % x", err, again, []byte(a))
			}
		}
	})
}

// FuzzExtensions builds the objects that were found again, in an error of the same
// kind, and finds them there.
func FuzzExtensions(f *testing.F) {
	corpus(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseICMP(b)
		if err != nil {
			return
		}
		e, ok := m.Extensions4()
		if !ok {
			return
		}
		found := collect(e)
		var encoded []byte
		for _, o := range found {
			if len(o.Data)%4 != 0 {
				return // would be filled up
			}
			if encoded, err = AppendObject(encoded, o.Class, o.CType, o.Data); err != nil {
				t.Fatal(err)
			}
		}
		if len(encoded) == 0 {
			return
		}
		fields := ErrorFields{Type: m.Type(), Code: m.Code(), Form: Legacy, Objects: encoded}
		again, err := fields.Append(nil, m.Quote4(), a4, b4)
		if err != nil {
			t.Fatal(err)
		}
		e2, ok := ICMP(again).Extensions4()
		if !ok || !bytes.Equal(e2, encoded) {
			t.Fatalf("found again: %v % x, want % x", ok, []byte(e2), encoded)
		}
	})
}
