package render

import (
	"testing"
	"time"

	"scamper/shared/warts"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		want string
		got  []byte
	}{
		{"000042", AppendZeroPadded(nil, 42, 6)},
		{"1234567", AppendZeroPadded(nil, 1234567, 6)},
		{"x 7", AppendSpacePadded([]byte("x"), 7, 2)},
		{"x123", AppendSpacePadded([]byte("x"), 123, 2)},
		{"-1", AppendSigned32(nil, 0xffffffff)},
		{"00ff", AppendHex(nil, 255, 4)},
		{"12345", AppendHex(nil, 0x12345, 4)},
		{"0", AppendHex(nil, 0, 1)},
		{"0.043", AppendMillis(nil, 43)},
		{"2000.000", AppendMillis(nil, 2_000_000)},
		{"4294967.295", AppendMillis(nil, 0xffffffff)},
		{"5s", AppendWait(nil, 5*time.Second)},
		{"0.05s", AppendWait(nil, 50*time.Millisecond)},
		{"1.0015s", AppendWait(nil, 1001500*time.Microsecond)},
		{"-1.999999", AppendSigned6(nil, -time.Microsecond)},
		{"23:59:59.999", AppendMidnight(nil, 86_399_999)},
		{"1193:02:47.295", AppendMidnight(nil, 0xffffffff)},
		{"0.000001", AppendSince(nil, warts.Time{Sec: 2}, warts.Time{Sec: 1, Usec: 999999})},
		{"-2.000005", AppendSince(nil, warts.Time{Sec: 1, Usec: 10}, warts.Time{Sec: 3, Usec: 5})},
		{"1.2300000", AppendSince(nil, warts.Time{Sec: 2, Usec: 2_300_000}, warts.Time{Sec: 1})},
	} {
		if string(c.got) != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestQuoted(t *testing.T) {
	for _, c := range []struct {
		in, want string
		limit    int
	}{
		{`say "hi"`, `"say \"hi\""`, TextLimit},
		{`back\slash`, `"back\\slash"`, TextLimit},
		{"tab\there", `"tab"`, TextLimit},
		{"n\xe4me", `"n"`, TextLimit},
		{"", `""`, TextLimit},
		{"abcdef", `"abc"`, 3},
		{`ab"c`, `"ab"`, 3}, // a backslash alone would not do
		{`a"bc`, `"a\""`, 3},
	} {
		if got := string(AppendQuoted(nil, c.in, c.limit)); got != c.want {
			t.Errorf("AppendQuoted(%q, %d) = %s, want %s", c.in, c.limit, got, c.want)
		}
	}
}

func TestHostsPrefix(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"10.0.0.5", "10.0.0.5", 32},
		{"10.0.0.0", "10.0.0.1", 31},
		{"10.0.0.9", "10.0.0.10", 30},
		{"10.0.0.1", "10.0.0.3", 29},
		{"10.0.0.3", "10.0.0.4", 29},
		{"10.0.0.7", "10.0.0.8", 28},
		{"10.0.0.0", "10.0.0.2", 6},
		{"0.0.0.0", "255.255.255.255", 0},
		{"2001:db8::1", "2001:db8::2", -1},
		{"10.0.0.1", "2001:db8::2", -1},
	} {
		if got := HostsPrefix(mustAddr(c.a), mustAddr(c.b)); got != c.want {
			t.Errorf("HostsPrefix(%s, %s) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// TestSummaryOrder has the examples of the order in which scamper prints addresses on little-endian machines.
func TestSummaryOrder(t *testing.T) {
	for _, want := range [][]string{
		{"9.0.0.1", "2.0.0.3", "5.0.0.5", "1.0.0.9"},
		{"2001:db8::2:1", "2001:db8::1:9", "2002:db8::2:1", "2001:db9::1", "2001:db8:1::5"},
		{"9.0.0.9", "2001:db8::1"},
	} {
		set := &warts.TracelbSet{}
		for i := len(want) - 1; i >= 0; i-- {
			set.Probes = append(set.Probes, warts.TracelbProbe{
				FlowID: uint16(i), Replies: []warts.TracelbReply{{Addr: mustAddr(want[i])}, {Addr: mustAddr(want[i])}},
			})
		}
		s := Summarize(set, nil)
		if len(s.Addrs) != len(want) {
			t.Fatalf("%v: %v", want, s.Addrs)
		}
		for i := range want {
			if s.Addrs[i] != mustAddr(want[i]) {
				t.Errorf("%v: place %d is %v", want, i, s.Addrs[i])
			}
		}
	}
}

func TestSummarySilent(t *testing.T) {
	answered := []warts.TracelbReply{{Addr: mustAddr("9.0.0.1")}}
	set := &warts.TracelbSet{Probes: []warts.TracelbProbe{
		{FlowID: 1}, {FlowID: 1, Attempt: 1}, {FlowID: 2}, {FlowID: 2, Attempt: 1, Replies: answered}, {FlowID: 1},
	}}
	if s := Summarize(set, nil); s.Silent != 2 || len(s.Addrs) != 1 {
		t.Errorf("%+v, want 2 silent flows and 1 address", s)
	}
}
