package render

import (
	"bytes"
	"testing"

	"scamper/shared/warts"
)

// TestParameterNumbers checks the numbers of parameters by writing a record that has them, and by the names that the reader has
// for what it reads then.
func TestParameterNumbers(t *testing.T) {
	a := mustAddr("192.0.2.1")
	const msg = "error message"
	list := &warts.List{Name: "l", Description: "d", Monitor: "m"}
	type want struct {
		block  string
		number int
		name   string
	}
	for _, c := range []struct {
		rec  warts.Record
		want []want
	}{
		{list, []want{{"list", ListDescription, "description"}, {"list", ListMonitor, "monitor"}}},
		{
			&warts.Cycle{Kind: warts.CycleStart, List: list, HostName: "h"},
			[]want{{"cycle", CycleHostName, "host name"}},
		},
		{&warts.Ping{Dst: a, ErrMsg: msg, Sent: 1, Probes: []warts.PingProbe{{Replies: []warts.PingReply{
			{Addr: a, IfName: "lo"},
		}}}}, []want{{"ping", PingErrMsg, msg}, {"ping reply", PingReplyIfName, "interface"}}},
		{&warts.Tracelb{Src: a, Dst: a, ErrMsg: msg, Nodes: []warts.TracelbNode{
			{Addr: a, Name: "n"},
		}}, []want{{"tracelb", TracelbErrMsg, msg}, {"tracelb node", TracelbNodeName, "name"}}},
		{&warts.Neighbourdisc{SrcIP: a, DstIP: a, IfName: "lo", ErrMsg: msg}, []want{
			{"neighbourdisc", NeighbourdiscErrMsg, msg}, {"neighbourdisc", NeighbourdiscIfName, "interface"},
		}},
		{&warts.Trace{
			Src: a, Dst: a, ErrMsg: msg, Doubletree: &warts.TraceDoubletree{LSSName: "s"},
			Probes: []warts.TraceProbe{{TTL: 1, Replies: []warts.TraceReply{{Addr: a, Name: "n"}}}},
		}, []want{
			{"trace", TraceErrMsg, msg},
			{"trace hop", TraceReplyName, "name"},
			{"trace hop", traceReplyAttempt, "probe id"},
			{"trace doubletree", DoubletreeLSSName, "local stop set"},
		}},
		{&warts.Dealias{
			ErrMsg: msg, Method: warts.DealiasMercator, Mercator: new(warts.DealiasMercatorParams),
			ProbeDefs: []warts.DealiasProbeDef{{Src: a, Dst: a, Method: warts.DealiasICMPEcho}},
		}, []want{{"dealias", DealiasErrMsg, msg}}},
		{&warts.Tbit{
			Src: a, Dst: a, ErrMsg: msg, App: warts.TbitAppHTTP,
			HTTP: &warts.TbitHTTPSection{Host: "h", File: "/"},
		}, []want{
			{"tbit", TbitErrMsg, msg}, {"tbit http", TbitHTTPHost, "host"}, {"tbit http", TbitHTTPFile, "file"},
		}},
		{&warts.Sting{Src: a, Dst: a, ErrMsg: msg}, []want{{"sting", StingErrMsg, msg}}},
		{&warts.Sniff{Src: a, ErrMsg: msg}, []want{{"sniff", SniffErrMsg, msg}}},
		{&warts.Host{Dst: a, QName: "q", ECS: "e", ErrMsg: msg}, []want{
			{"host", HostErrMsg, msg}, {"host", HostQName, "query name"}, {"host", HostECS, "client subnet"},
		}},
		{&warts.HTTP{Src: a, Dst: a, ErrMsg: msg, ECHSNI: "s"}, []want{
			{"http", HTTPErrMsg, msg}, {"http", HTTPECHSNI, "ech outer sni"},
		}},
		{&warts.UDPProbe{Src: a, Dst: a, ErrMsg: msg, Probes: []warts.UDPProbeProbe{
			{Replies: []warts.UDPProbeReply{{IfName: "lo"}}},
		}}, []want{{"udpprobe", UDPProbeErrMsg, msg}, {"udpprobe reply", UDPProbeReplyIfName, "interface"}}},
		{&warts.OWAMP{Src: a, Dst: a, ErrMsg: msg}, []want{{"owamp", OWAMPErrMsg, msg}}},
	} {
		var buf bytes.Buffer
		if err := warts.NewWriter(&buf).Write(c.rec); err != nil {
			t.Errorf("%T: %v", c.rec, err)
			continue
		}
		got := make(map[want]bool)
		r := warts.NewReader(&buf)
		r.Trace = func(f warts.Field) { got[want{f.Block, f.Number, f.Name}] = true }
		for _, err := range r.All() {
			if err != nil {
				t.Errorf("%T: %v", c.rec, err)
			}
		}
		for _, w := range c.want {
			if !got[w] {
				t.Errorf("%T has no %v, but %v", c.rec, w, got)
			}
		}
	}
}
