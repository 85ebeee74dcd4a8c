package render

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/warts"
)

func mustAddr(s string) warts.Addr { return warts.AddrFrom(netip.MustParseAddr(s)) }

// TestMTULabels has the path 10.1.0.1 to 10.1.0.5, whose third hop is silent.
func TestMTULabels(t *testing.T) {
	label := func(hop int, mtu uint16) MTULabel { return MTULabel{Hop: hop, Kind: Signalled, MTU: mtu} }
	inferred := func(hop int, mtu uint16) MTULabel { return MTULabel{Hop: hop, Kind: Inferred, MTU: mtu} }
	from := func(hop int, a string) MTULabel { return MTULabel{Hop: hop, Kind: From, Addr: mustAddr(a)} }
	wanted := func(hop int, mtu uint16) MTULabel { return MTULabel{Hop: hop, Kind: Wanted, MTU: mtu} }
	ptb := func(a string, quoted uint8, mtu uint16) warts.TraceProbe {
		return warts.TraceProbe{TTL: 255, Replies: []warts.TraceReply{{
			Addr: mustAddr(a), ICMPType: 3, ICMPCode: 4, QuoTTL: quoted, NextMTU: mtu,
		}}}
	}
	note := func(kind warts.TracePMTUDNoteType, mtu uint16, reply int) warts.TracePMTUDNote {
		return warts.TracePMTUDNote{Type: kind, NextMTU: mtu, Reply: reply}
	}
	for _, c := range []struct {
		name    string
		out     uint16
		stopHop uint8
		probes  []warts.TraceProbe
		notes   []warts.TracePMTUDNote
		want    []MTULabel
	}{
		{
			name: "no note",
			want: []MTULabel{label(1, 1500), label(2, 1500), label(4, 1500), label(5, 1500)},
		},
		{
			name:   "packet too big of a hop",
			probes: []warts.TraceProbe{ptb("10.1.0.2", 1, 1400)},
			notes:  []warts.TracePMTUDNote{note(warts.TraceNotePTB, 1400, 0)},
			want:   []MTULabel{label(1, 1500), label(2, 1500), label(4, 1400), label(5, 1400)},
		},
		{
			name:   "the MTU in it doesn't get through",
			probes: []warts.TraceProbe{ptb("10.1.0.2", 1, 1400)},
			notes:  []warts.TracePMTUDNote{note(warts.TraceNotePTBBad, 1300, 0)},
			want: []MTULabel{
				label(1, 1500), label(2, 1500), wanted(2, 1400), inferred(4, 1300), inferred(5, 1300),
			},
		},
		{
			name:   "from an address off the path, at the silent hop",
			probes: []warts.TraceProbe{ptb("10.9.9.9", 253, 1400)},
			notes:  []warts.TracePMTUDNote{note(warts.TraceNotePTB, 1400, 0)},
			want: []MTULabel{
				label(1, 1500), label(2, 1500), label(3, 1500), from(3, "10.9.9.9"), label(4, 1400), label(5, 1400),
			},
		},
		{
			name:   "from the other end of the link to the second hop",
			probes: []warts.TraceProbe{ptb("10.1.0.3", 254, 1400)},
			notes:  []warts.TracePMTUDNote{note(warts.TraceNotePTB, 1400, 0)},
			want: []MTULabel{
				label(1, 1500), from(1, "10.1.0.3"), label(2, 1400), label(4, 1400), label(5, 1400),
			},
		},
		{
			name:  "silence without reply",
			notes: []warts.TracePMTUDNote{note(warts.TraceNoteSilence, 1400, -1)},
			want:  []MTULabel{inferred(1, 1400), inferred(2, 1400), inferred(4, 1400), inferred(5, 1400)},
		},
		{
			name:   "an outgoing MTU",
			out:    1480,
			probes: []warts.TraceProbe{ptb("10.1.0.4", 1, 1300)},
			notes: []warts.TracePMTUDNote{
				note(warts.TraceNoteSilence, 1480, -1), note(warts.TraceNotePTB, 1300, 0),
			},
			want: []MTULabel{inferred(1, 1480), inferred(2, 1480), inferred(4, 1480), label(5, 1300)},
		},
		{
			name:    "a stop hop",
			stopHop: 3,
			probes:  []warts.TraceProbe{ptb("10.1.0.2", 1, 1400)},
			notes:   []warts.TracePMTUDNote{note(warts.TraceNotePTB, 1400, 0)},
			want:    []MTULabel{label(1, 1500), label(2, 1500)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			trace := &warts.Trace{HopCount: 5, StopHop: c.stopHop, PMTUD: &warts.TracePMTUD{
				Version: 2, IfMTU: 1500, OutMTU: c.out, Probes: c.probes, Notes: c.notes,
			}}
			for _, ttl := range []uint8{1, 2, 4, 5} {
				a := warts.AddrFrom(netip.AddrFrom4([4]byte{10, 1, 0, ttl}))
				trace.Probes = append(trace.Probes, warts.TraceProbe{
					TTL: ttl, Replies: []warts.TraceReply{{Addr: a, ICMPType: 11}},
				})
			}
			if diff := cmp.Diff(c.want, MTULabels(trace), cmp.Comparer(func(a, b warts.Addr) bool { return a == b })); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
