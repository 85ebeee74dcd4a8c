package render_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/render/json"
	"scamper/shared/render/text"
	"scamper/shared/warts"
)

// Records that the running program renders have what files have not: probes without replies, and some without an outcome.

func addr(s string) warts.Addr { return warts.AddrFrom(netip.MustParseAddr(s)) }

const ms = time.Millisecond

func reply(a string, rtt time.Duration) warts.PingReply {
	return warts.PingReply{Addr: addr(a), RTT: rtt, Flags: warts.PingReplyTTL, TTL: 60, Size: 84, Proto: 1}
}

func livePing() *warts.Ping {
	at := warts.Time{Sec: 1700000000, Usec: 5}
	exceeded := reply("192.0.2.7", 3*ms)
	exceeded.ICMPType = 11
	return &warts.Ping{
		Src: addr("192.0.2.1"), Dst: addr("192.0.2.9"), Start: at, Sent: 6, Size: 84, SrcPort: 7, DstPort: 65535,
		StopReason: warts.PingStopInProgress, Wait: time.Second, Timeout: 1500 * ms, TTL: 64,
		Probes: []warts.PingProbe{
			{ID: 0, TX: at, Replies: []warts.PingReply{reply("192.0.2.9", 1*ms), reply("192.0.2.9", 1500*ms)}},
			{ID: 1, TX: at, Replies: []warts.PingReply{reply("192.0.2.9", 2*ms)}},
			{ID: 2, TX: at, Replies: []warts.PingReply{exceeded}},
			{ID: 3, TX: at, IPID: 9, Flags: warts.PingReplyProbeIPID},
			{ID: 4, TX: at, Flags: warts.PingReplyPending | warts.PingReplyDLTX},
			{ID: 5, Flags: warts.PingReplyPending},
		},
	}
}

func TestLivePing(t *testing.T) {
	want := `ping from 192.0.2.1 to 192.0.2.9: 84 byte packets
84 bytes from 192.0.2.9, seq=0 ttl=60 time=1.000 ms
84 bytes from 192.0.2.9, seq=0 ttl=60 time=1500.000 ms
84 bytes from 192.0.2.9, seq=1 ttl=60 time=2.000 ms
84 bytes from 192.0.2.7, seq=2 ttl=60 time=3.000 ms
--- 192.0.2.9 ping statistics ---
6 packets transmitted, 2 packets received, +1 duplicates, +1 errors, +2 pending, 50% packet loss
round-trip min/avg/max/stddev = 1.000/501.000/1500.000/706.399 ms
`
	if diff := cmp.Diff(want, string(text.AppendPing(nil, livePing()))); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	const response = `,"reply_proto":"icmp","rx":`
	want = `{"type":"ping","version":"0.4","method":"icmp-echo","src":"192.0.2.1","dst":"192.0.2.9",` +
		`"start":{"sec":1700000000,"usec":5},"stop_reason":"inprogress","stop_data":0,"ping_sent":6,"probe_size":84,` +
		`"userid":0,"ttl":64,"tos":0,"wait":1,"timeout":1,"timeout_us":500000,"responses":[` +
		`{"from":"192.0.2.9","reply_size":84,"reply_ttl":60,"seq":0,"tx":{"sec":1700000000,"usec":5},"icmp_id":7,` +
		`"icmp_seq":65535` + response + `{"sec":1700000000,"usec":1005},"rtt":1.000,"reply_ipid":0,"icmp_type":0,"icmp_code":0},` +
		`{"from":"192.0.2.9","reply_size":84,"reply_ttl":60,"seq":0,"tx":{"sec":1700000000,"usec":5},"icmp_id":7,` +
		`"icmp_seq":65535` + response + `{"sec":1700000001,"usec":500005},"rtt":1500.000,"reply_ipid":0,"icmp_type":0,"icmp_code":0},` +
		`{"from":"192.0.2.9","reply_size":84,"reply_ttl":60,"seq":1,"tx":{"sec":1700000000,"usec":5},"icmp_id":7,` +
		`"icmp_seq":0` + response + `{"sec":1700000000,"usec":2005},"rtt":2.000,"reply_ipid":0,"icmp_type":0,"icmp_code":0},` +
		`{"from":"192.0.2.7","reply_size":84,"reply_ttl":60,"seq":2,"tx":{"sec":1700000000,"usec":5},"icmp_id":7,` +
		`"icmp_seq":1` + response + `{"sec":1700000000,"usec":3005},"rtt":3.000,"reply_ipid":0,"icmp_type":11,"icmp_code":0}],` +
		`"no_responses":[` +
		`{"seq":3,"tx":{"sec":1700000000,"usec":5},"icmp_id":7,"icmp_seq":2,"probe_ipid":9},` +
		`{"seq":4,"probe_flags":["dltxts", "pending"],"tx":{"sec":1700000000,"usec":5},"icmp_id":7,"icmp_seq":3},` +
		`{"seq":5,"probe_flags":["pending"],"icmp_id":7,"icmp_seq":4}],` +
		`"statistics":{"replies":2,"loss":0.50,"min":1.000,"max":1500.000,"avg":501.000,"stddev":706.399,"ndups":1,` +
		`"nerrs":1,"npend":2}}` + "\n"
	if diff := cmp.Diff(want, string(json.AppendPing(nil, livePing()))); diff != "" {
		t.Errorf("json (-want +got):\n%s", diff)
	}
}

// TestPingOnlyPending has no probe whose outcome is known, so that nothing can be said about loss.
func TestPingOnlyPending(t *testing.T) {
	p := &warts.Ping{Dst: addr("10.9.1.77"), Sent: 2, Size: 84, Probes: []warts.PingProbe{
		{ID: 0, Flags: warts.PingReplyPending}, {ID: 1, Flags: warts.PingReplyPending},
	}}
	want := "ping to 10.9.1.77: 84 byte packets\n--- 10.9.1.77 ping statistics ---\n" +
		"2 packets transmitted, 0 packets received, +2 pending\n"
	if diff := cmp.Diff(want, string(text.AppendPing(nil, p))); diff != "" {
		t.Error(diff)
	}
}

func liveTrace() *warts.Trace {
	at := warts.Time{Sec: 1700000000}
	hop := func(a string) []warts.TraceReply {
		return []warts.TraceReply{{
			Addr: addr(a), RTT: 1234 * time.Microsecond, Flags: warts.TraceHopTTL, TTL: 60, Size: 56, ICMPType: 11,
			QuoTTL: 1, QuoLen: 44,
		}}
	}
	return &warts.Trace{
		Src: addr("192.0.2.1"), Dst: addr("192.0.2.9"), Start: at, Method: warts.TraceICMPEcho, Attempts: 3, HopCount: 3,
		StopHop: 2, FirstHop: 1, ProbeSize: 44, Flags: warts.TraceAllAttempts, StopReason: warts.TraceStopInProgress,
		Probes: []warts.TraceProbe{
			{TTL: 1, ID: 0, Size: 44, TX: at, Replies: hop("192.0.2.254")},
			{TTL: 1, ID: 1, Size: 44, TX: at, Flags: warts.TraceHopDLTX},
			{TTL: 2, ID: 0, Size: 44, TX: at, Flags: warts.TraceHopPending},
			{TTL: 3, ID: 0, Size: 44, TX: at, Replies: hop("192.0.2.253")},
			{TTL: 3, ID: 1, Size: 44, Flags: warts.TraceHopPending | warts.TraceHopDLTX},
		},
	}
}

func TestLiveTrace(t *testing.T) {
	want := `traceroute from 192.0.2.1 to 192.0.2.9
 1  192.0.2.254  1.234 ms
 2  * * *
 3  192.0.2.253  1.234 ms
`
	if diff := cmp.Diff(want, string(text.AppendTrace(nil, liveTrace()))); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	const tx = `,"tx":{"sec":1700000000,"usec":0}`
	const hop = `,"rtt":1.234,"reply_ttl":60,"reply_tos":0,"reply_ipid":0,"reply_size":56,"icmp_type":11,"icmp_code":0,` +
		`"icmp_q_ttl":1,"icmp_q_ipl":44,"icmp_q_tos":0}]`
	want = `{"type":"trace","version":"0.1","userid":0,"method":"icmp-echo","src":"192.0.2.1","dst":"192.0.2.9",` +
		`"stop_reason":"INPROGRESS","stop_data":0,"start":{"sec":1700000000,"usec":0,"ftime":"2023-11-14 22:13:20"},` +
		`"hop_count":2,"attempts":3,"hoplimit":0,"firsthop":1,"wait":0,"wait_probe":0,"tos":0,"probe_size":44,` +
		`"probe_count":0,"flags":["all-attempts"],` +
		`"hops":[{"addr":"192.0.2.254","probe_ttl":1,"probe_id":1,"probe_size":44` + tx + hop + `,` +
		`"extra_hops":[{"addr":"192.0.2.253","probe_ttl":3,"probe_id":1,"probe_size":44` + tx + hop + `,` +
		`"no_hops":[{"probe_ttl":1,"probe_id":2,"probe_size":44` + tx + `,"flags":["dltxts"]},` +
		`{"probe_ttl":2,"probe_id":1,"probe_size":44` + tx + `,"flags":["pending"]}],` +
		`"extra_no_hops":[{"probe_ttl":3,"probe_id":2,"probe_size":44,"flags":["pending","dltxts"]}]}` + "\n"
	if diff := cmp.Diff(want, string(json.AppendTrace(nil, liveTrace()))); diff != "" {
		t.Errorf("json (-want +got):\n%s", diff)
	}
}
