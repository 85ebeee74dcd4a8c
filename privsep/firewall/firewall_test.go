package firewall

import (
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func rule(peer, local string) Rule {
	return Rule{TCP, netip.MustParseAddrPort(peer), netip.MustParseAddrPort(local)}
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		in   string
		want Config
	}{
		{"ipfw:1-2", Config{Type: IPFW, First: 1, Last: 2}},
		{"IPFW:100-65534", Config{Type: IPFW, First: 100, Last: 65534}},
		{"pf:scamper:1", Config{PF, "scamper", 1, 1}},
		{"pf:a b:65535", Config{PF, "a b", 1, 65535}},
		{"nft", Config{NFT, "scamper", 1, 65535}},
		{"Nft:probe", Config{NFT, "probe", 1, 65535}},
		{"nft:a.b_c-d:10", Config{NFT, "a.b_c-d", 1, 10}},
	} {
		got, err := Parse(test.in)
		if err != nil || got != test.want {
			t.Errorf("%s: %+v, error %v", test.in, got, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                                     "the type is none of",
		"iptables":                             "the type is none of",
		"ipfw":                                 `start ""`,
		"ipfw:":                                `start ""`,
		"ipfw:5":                               `end ""`,
		"ipfw:0-5":                             `start "0"`,
		"ipfw:5-5":                             "end 5 is not above start 5",
		"ipfw:6-5":                             "end 5 is not above start 6",
		"ipfw:1-65535":                         `end "65535"`,
		"ipfw:+1-5":                            `start "+1"`,
		"ipfw:1-5 ":                            `end "5 "`,
		"ipfw:1-5-6":                           `end "5-6"`,
		"pf":                                   "anchor",
		"pf::5":                                "anchor",
		"pf:a":                                 `number of rules ""`,
		"pf:a:0":                               `number of rules "0"`,
		"pf:a:65536":                           `number of rules "65536"`,
		"pf:a:99999999999999999999":            "number of rules",
		"pf:a\x01:5":                           "anchor",
		"pf:\u00e9:5":                          "anchor",
		"nft:":                                 "table name",
		"nft:a/b":                              "table name",
		"nft:a:":                               "number of rules",
		"nft:" + strings.Repeat("x", 33):       "table name",
		"nft:" + strings.Repeat("x", 33) + ":": "table name",
	} {
		c, err := Parse(in)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "-F") {
			t.Errorf("%q: %+v, error %v, want one with %q", in, c, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"ipfw:1-2", "pf:scamper:1", "nft", "nft:a:1", "x", "pf::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := Parse(s)
		if err == nil && (c.First < 1 || c.Last < c.First || c.Last > 65535) {
			t.Errorf("%q: %+v", s, c)
		}
	})
}

func TestRuleCheck(t *testing.T) {
	for _, r := range []Rule{
		rule("192.0.2.1:80", "192.0.2.2:1"),
		rule("[2001:db8::1]:80", "[2001:db8::2]:65535"),
		{UDP, netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("192.0.2.2:1")},
	} {
		if err := r.Check(); err != nil {
			t.Errorf("%v: %v", r, err)
		}
	}
	for want, r := range map[string]Rule{
		"protocol 0":             {},
		"protocol 1":             {1, netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("192.0.2.2:1")},
		"peer address invalid":   {Protocol: TCP},
		"local address invalid":  {Protocol: TCP, Peer: netip.MustParseAddrPort("192.0.2.1:53")},
		"peer address 0.0.0.0":   rule("0.0.0.0:80", "192.0.2.2:1"),
		"local address ::":       rule("[2001:db8::1]:80", "[::]:1"),
		"peer port 0":            rule("192.0.2.1:0", "192.0.2.2:1"),
		"local port 0":           rule("192.0.2.1:1", "192.0.2.2:0"),
		"two families":           rule("192.0.2.1:1", "[2001:db8::1]:80"),
		"local address fe80":     rule("[fe80::2]:1", "[fe80::1%eth0]:80"),
		"peer address ::ffff:19": rule("[::ffff:192.0.2.1]:1", "[2001:db8::1]:80"),
	} {
		if err := r.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", r, err, want)
		}
	}
}

func TestTable(t *testing.T) {
	rec := &Recorder{}
	table := NewTable(rec, 10, 12)
	a, b, c, d := rule("192.0.2.1:80", "192.0.2.9:1"), rule("192.0.2.2:80", "192.0.2.9:1"),
		rule("[2001:db8::1]:80", "[2001:db8::9]:1"), rule("192.0.2.4:80", "192.0.2.9:1")
	if _, err := table.Add(a); !errors.Is(err, syscall.ENOTCONN) {
		t.Errorf("before Init: error %v", err)
	}
	if err := table.Init(); err != nil {
		t.Fatal(err)
	}
	if err := table.Init(); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Add(Rule{}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("no rule: error %v", err)
	}
	for i, r := range []Rule{a, b, c, a} {
		want := []Entry{10, 11, 12, 10}[i]
		if e, err := table.Add(r); e != want || err != nil {
			t.Errorf("%v: entry %d, error %v, want %d", r, e, err, want)
		}
	}
	if _, err := table.Add(d); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("full: error %v", err)
	}
	for _, e := range []Entry{0, 9, 13, 1 << 31} {
		if err := table.Delete(e); !errors.Is(err, syscall.ENOENT) {
			t.Errorf("entry %d: error %v", e, err)
		}
	}
	// b is one, a counts two.
	for _, e := range []Entry{11, 10, 10} {
		if err := table.Delete(e); err != nil {
			t.Errorf("entry %d: %v", e, err)
		}
	}
	if err := table.Delete(10); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("third time: error %v", err)
	}
	// The lowest free number comes first.
	if e, err := table.Add(d); e != 10 || err != nil {
		t.Errorf("entry %d, error %v", e, err)
	}
	if e, err := table.Add(b); e != 11 || err != nil {
		t.Errorf("entry %d, error %v", e, err)
	}
	if err := table.Cleanup(); err != nil {
		t.Error(err)
	}
	if err := table.Cleanup(); err != nil {
		t.Error(err)
	}
	if _, err := table.Add(a); !errors.Is(err, syscall.ENOTCONN) {
		t.Errorf("after Cleanup: error %v", err)
	}
	want := []string{
		"init",
		"set 10 drop in tcp from 192.0.2.1:80 to 192.0.2.9:1",
		"set 11 drop in tcp from 192.0.2.2:80 to 192.0.2.9:1",
		"set 12 drop in tcp from [2001:db8::1]:80 to [2001:db8::9]:1",
		"clear 11 drop in tcp from 192.0.2.2:80 to 192.0.2.9:1",
		"clear 10 drop in tcp from 192.0.2.1:80 to 192.0.2.9:1",
		"set 10 drop in tcp from 192.0.2.4:80 to 192.0.2.9:1",
		"set 11 drop in tcp from 192.0.2.2:80 to 192.0.2.9:1",
		"clear 10 drop in tcp from 192.0.2.4:80 to 192.0.2.9:1",
		"clear 11 drop in tcp from 192.0.2.2:80 to 192.0.2.9:1",
		"clear 12 drop in tcp from [2001:db8::1]:80 to [2001:db8::9]:1",
		"close",
	}
	if diff := cmp.Diff(want, rec.Log); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A firewall that fails: what is in the kernel stays known.
func TestTableFailures(t *testing.T) {
	broken := errors.New("broken")
	rec := &Recorder{Fail: func(line string) error {
		for _, word := range []string{"192.0.2.1:80 ", "clear 1 "} {
			if strings.Contains(line, word) {
				return broken
			}
		}
		return nil
	}}
	table := NewTable(rec, 1, 2)
	if err := table.Init(); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Add(rule("192.0.2.1:80", "192.0.2.9:1")); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	e, err := table.Add(rule("192.0.2.2:80", "192.0.2.9:1"))
	if e != 1 || err != nil {
		t.Errorf("entry %d, error %v: a failed rule must not take a number", e, err)
	}
	if err := table.Delete(1); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	rec.Fail = nil
	if err := table.Cleanup(); err != nil {
		t.Error(err)
	}
	want := []string{
		"init", "set 1 drop in tcp from 192.0.2.2:80 to 192.0.2.9:1",
		"clear 1 drop in tcp from 192.0.2.2:80 to 192.0.2.9:1", "close",
	}
	if diff := cmp.Diff(want, rec.Log); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	rec = &Recorder{Fail: func(string) error { return broken }}
	table = NewTable(rec, 1, 2)
	if err := table.Init(); !errors.Is(err, broken) {
		t.Errorf("Init: error %v", err)
	}
	if err := table.Cleanup(); err != nil {
		t.Errorf("Cleanup without Init: %v", err)
	}
}
