package warts

import (
	"bytes"
	"testing"
	"time"
)

// readOne reads the last record of a file.
func readOne(tb testing.TB, file []byte) Record {
	tb.Helper()
	var last Record
	for rec, err := range NewReader(bytes.NewReader(file)).All() {
		if err != nil {
			tb.Fatal(err)
		}
		last = rec
	}
	return last
}

// TestChangedRecord reads a record, changes it, writes it: the changes are in the file, and so is the rest.
func TestChangedRecord(t *testing.T) {
	files := testFiles(t)
	encode := func(rec Record) Record {
		var enc Encoder
		file, err := enc.Append(nil, rec)
		if err != nil {
			t.Fatal(err)
		}
		return readOne(t, file)
	}
	first := func(name string, typ Type) Record {
		r := NewReader(bytes.NewReader(files[name]))
		r.Want = []Type{typ}
		rec, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	p := first("ping-methods-v4-26.warts", TypePing).(*Ping)
	size := p.Size
	p.UserID, p.Flags, p.Timeout, p.Router, p.ErrMsg = 77, PingRaw|PingSpoof, 2500*time.Millisecond, ip("192.0.2.9"), "changed"
	p.Src = Addr{}
	p.Probes[0].Replies[0].IfName = "eth7"
	p.Probes = append(p.Probes[:1:1], PingProbe{
		ID: 1, TX: Time{9, 9}, IPID: 3, Flags: PingReplyProbeIPID,
		Replies: []PingReply{{Addr: ip("192.0.2.8"), Proto: 1, ICMPType: 11, RTT: time.Millisecond}},
	})
	q := encode(p).(*Ping)
	if q.UserID != 77 || q.Flags != PingRaw|PingSpoof || q.Timeout != 2500*time.Millisecond ||
		q.Router != ip("192.0.2.9") || q.ErrMsg != "changed" || q.Src.IsValid() || q.Size != size {
		t.Errorf("ping: %+v", q)
	}
	if len(q.Probes) != 2 || q.Probes[0].Replies[0].IfName != "eth7" || q.Probes[1].TX != (Time{9, 9}) ||
		q.Probes[1].Replies[0].ICMPType != 11 || q.Probes[1].Flags != PingReplyProbeIPID {
		t.Errorf("ping probes: %+v", q.Probes)
	}

	tr := first("trace-methods-v4-26.warts", TypeTrace).(*Trace)
	tr.Flags, tr.Squeries, tr.FirstHop = TraceBack|TraceDL, 4, 2
	tr.Probes[0].Replies[0].QuoTTL, tr.Probes[0].Replies[0].QuoLen = 9, 1234
	tr.Probes[0].Replies[0].Exts = []ICMPExt{MPLSExt(MPLS{Label: 5})}
	tr.Doubletree = &TraceDoubletree{FirstHop: 3, LSSName: "set"}
	u := encode(tr).(*Trace)
	if u.Flags != TraceBack|TraceDL || u.Squeries != 4 || u.FirstHop != 2 || u.Doubletree == nil ||
		u.Doubletree.LSSName != "set" {
		t.Errorf("trace: %+v", u)
	}
	if r := u.Probes[0].Replies[0]; r.QuoTTL != 9 || r.QuoLen != 1234 || len(r.Exts) != 1 {
		t.Errorf("trace reply: %+v", r)
	}
	// Back to what a reader assumes: the parameters stay, with these values.
	u.Probes[0].Replies[0].QuoTTL, u.Squeries, u.Flags = 1, 1, 0
	if v := encode(u).(*Trace); v.Probes[0].Replies[0].QuoTTL != 1 || v.Squeries != 1 || v.Flags != 0 {
		t.Errorf("trace: %+v", v)
	}
}

// TestQuotedLength holds that a quoted length survives, whichever of trace and hop has the same size.
func TestQuotedLength(t *testing.T) {
	for _, quo := range []uint16{44, 1400, 77} {
		tr := &Trace{Dst: ip("192.0.2.1"), ProbeSize: 44, Probes: []TraceProbe{{TTL: 1, Size: 1400, Replies: []TraceReply{{
			Addr: ip("192.0.2.2"), ICMPType: 11, QuoTTL: 1, QuoLen: quo,
		}}}}}
		var enc Encoder
		file, err := enc.Append(nil, tr)
		if err != nil {
			t.Fatal(err)
		}
		if got := readOne(t, file).(*Trace).Probes[0].Replies[0].QuoLen; got != quo {
			t.Errorf("quoted length %d, was %d", got, quo)
		}
	}
}

// TestUnknownParameters writes back parameters that are not known, also when known ones are added.
func TestUnknownParameters(t *testing.T) {
	// Parameters 21 (destination) and 40 with 3 bytes.
	file := unhex(t, `1205 0007 00000013  80 80 c0 80 80 10 0009 04 01 c0000201 aabbcc 0000`)
	p := readOne(t, file).(*Ping)
	var enc Encoder
	if got, err := enc.Append(nil, p); err != nil || !bytes.Equal(got, file) {
		t.Errorf("%v\n got %x\nwant %x", err, got, file)
	}
	p.UserID = 0x01020304 // parameter 19
	want := unhex(t, `1205 0007 00000017  80 80 d0 80 80 10 000d 01020304 04 01 c0000201 aabbcc 0000`)
	if got, err := enc.Append(nil, p); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v\n got %x\nwant %x", err, got, want)
	}
	k := p.Kept
	if !k.Equal(p.Kept) || k.Equal(Kept{}) || k.Equal(Kept{present: k.present}) {
		t.Error("Kept.Equal")
	}
}

// TestOldMistakes reads what scamper 20211212 wrote wrongly.
func TestOldMistakes(t *testing.T) {
	files := testFiles(t)
	replies := 0
	for rec, err := range NewReader(bytes.NewReader(files["neighbourdisc-v6-21.warts"])).All() {
		if err != nil {
			t.Fatal(err)
		}
		n, ok := rec.(*Neighbourdisc)
		if !ok {
			continue
		}
		for _, p := range n.Probes {
			for _, r := range p.Replies {
				replies++
				if r.MAC.Type() != AddrEthernet || r.RX.Sub(p.TX) < 0 || r.RX.Sub(p.TX) > 10*time.Second {
					t.Errorf("reply %+v to %+v", r, p.TX)
				}
			}
		}
	}
	if replies < 7 {
		t.Errorf("%d replies", replies)
	}
	r := NewReader(bytes.NewReader(files["dealias-prefixscan-x-v4-21.warts"]))
	r.Want = []Type{TypeDealias}
	rec, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	x := rec.(*Dealias)
	if len(x.PrefixScan.Exclude) != 1 || x.PrefixScan.Exclude[0] != ip("198.18.100.5") || len(x.ProbeDefs) != 7 ||
		len(x.Probes) != 13 {
		t.Errorf("%+v", x.PrefixScan)
	}
}
