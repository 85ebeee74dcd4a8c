package message

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/privsep/firewall"
)

var compareAddr = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
}

func rule(peer, local string) firewall.Rule {
	return firewall.Rule{Protocol: firewall.TCP, Peer: netip.MustParseAddrPort(peer), Local: netip.MustParseAddrPort(local)}
}

// Each request and its bytes.
var requests = []struct {
	name  string
	r     Request
	bytes string // hexadecimal, cut into fields
}{
	{"datalink", Datalink{7, 0x86dd, AcceptAll, Buffers{0x10000, 0x20000}}, "01 00000007 86dd 01 00010000 00020000"},
	{"datalink, any", Datalink{}, "01 00000000 0000 00 00000000 00000000"},
	{"datalink, greatest", Datalink{1<<31 - 1, 0xffff, AcceptNone, Buffers{MaxBuffer, MaxBuffer}}, "01 7fffffff ffff 00 04000000 04000000"},
	{"icmp", ICMP{IPv4, Buffers{1, 2}}, "02 04 00000001 00000002"},
	{"icmp6", ICMP{IPv6, Buffers{}}, "02 06 00000000 00000000"},
	{"rawudp", RawUDP{netip.MustParseAddr("192.0.2.1"), Buffers{0, 3}}, "03 c0000201 00000000 00000003"},
	{"rawip", RawIP{}, "04 00000000 00000000"},
	{"route", Route{Buffers{5, 0}}, "05 00000005 00000000"},
	{"file", File{SlotOutput}, "06 0003"},
	{"file in", FileIn{SlotDirectory + 1, OpenAppend, "a.warts"}, "07 0101 02 07 612e7761727473" + strings.Repeat("00", MaxName-7)},
	{"file in, longest", FileIn{MaxSlot, OpenExclusive, strings.Repeat("x", MaxName)}, "07 013f 03 ff " + strings.Repeat("78", MaxName)},
	{"unix", Unix{SlotControl}, "08 0005"},
	{"unlink", Unlink{SlotControl}, "09 0005"},
	{"firewall init", FirewallInit{}, "0a"},
	{
		"firewall add",
		FirewallAdd{rule("192.0.2.1:80", "198.51.100.2:40000")},
		"0b 06 04 c0000201 000000000000000000000000 0050 c6336402 000000000000000000000000 9c40",
	},
	{
		"firewall add 6",
		FirewallAdd{rule("[2001:db8::1]:443", "[2001:db8::2]:65535")},
		"0b 06 06 20010db8000000000000000000000001 01bb 20010db8000000000000000000000002 ffff",
	},
	{"firewall delete", FirewallDelete{9}, "0c 00000009"},
	{"firewall cleanup", FirewallCleanup{}, "0d"},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRequests(t *testing.T) {
	seen := make(map[Kind]bool)
	for _, test := range requests {
		t.Run(test.name, func(t *testing.T) {
			want := unhex(t, test.bytes)
			seen[test.r.Kind()] = true
			got, err := Append([]byte("x"), test.r)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append([]byte("x"), want...), got); diff != "" {
				t.Errorf("bytes, -want +got:\n%s", diff)
			}
			if len(want) > MaxRequest {
				t.Errorf("%d bytes, the longest has %d", len(want), MaxRequest)
			}
			r, err := Decode(want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.r, r, compareAddr); diff != "" {
				t.Errorf("request, -want +got:\n%s", diff)
			}
			// No other length is any good.
			for _, b := range [][]byte{want[:len(want)-1], append(want, 0)} {
				if _, err := Decode(b); !errors.Is(err, syscall.EPROTO) {
					t.Errorf("with %d bytes: error %v, want EPROTO", len(b), err)
				}
			}
		})
	}
	for k := Kind(0); k < 255; k++ {
		if k.known() != seen[k] {
			t.Errorf("%v: known %v, tested %v", k, k.known(), seen[k])
		}
	}
}

func TestRequestErrors(t *testing.T) {
	longName := strings.Repeat("x", MaxName-1)
	for _, test := range []struct {
		name, bytes string
		want        syscall.Errno
	}{
		{"empty", "", syscall.EPROTO},
		{"kind 0", "00", syscall.EPROTO},
		{"kind 14", "0e", syscall.EPROTO},
		{"kind 255", "ff", syscall.EPROTO},
		{"notice", "40", syscall.EPROTO},
		{"interface", "01 80000000 0000 00 00000000 00000000", syscall.EINVAL},
		{"accept", "01 00000001 0000 02 00000000 00000000", syscall.EINVAL},
		{"receive buffer", "01 00000001 0000 00 04000001 00000000", syscall.EINVAL},
		{"send buffer", "04 00000000 04000001", syscall.EINVAL},
		{"family 0", "02 00 00000000 00000000", syscall.EINVAL},
		{"family 5", "02 05 00000000 00000000", syscall.EINVAL},
		{"slot 0", "06 0000", syscall.EINVAL},
		{"slot of a directory", "06 0100", syscall.EINVAL},
		{"socket slot 0", "08 0000", syscall.EINVAL},
		{"unlink a directory", "09 0100", syscall.EINVAL},
		{"directory slot", "07 0003 00 01 61" + strings.Repeat("00", MaxName-1), syscall.EINVAL},
		{"directory slot too great", "07 0140 00 01 61" + strings.Repeat("00", MaxName-1), syscall.EINVAL},
		{"way to open", "07 0100 04 01 61" + strings.Repeat("00", MaxName-1), syscall.EINVAL},
		{"no name", "07 0100 00 00 " + strings.Repeat("00", MaxName), syscall.EINVAL},
		{"dot", "07 0100 00 01 2e" + strings.Repeat("00", MaxName-1), syscall.EINVAL},
		{"dot dot", "07 0100 00 02 2e2e" + strings.Repeat("00", MaxName-2), syscall.EINVAL},
		{"slash", "07 0100 00 03 612f62" + strings.Repeat("00", MaxName-3), syscall.EINVAL},
		{"NUL inside", "07 0100 00 03 610062" + strings.Repeat("00", MaxName-3), syscall.EINVAL},
		{"bytes after the name", "07 0100 00 01 61" + strings.Repeat("00", MaxName-2) + "01", syscall.EINVAL},
		{"name one longer than said", "07 0100 00 fe " + hex.EncodeToString([]byte(longName)) + "78", syscall.EINVAL},
		{"firewall family", "0b 06 05 c0000201 000000000000000000000000 0050 c6336402 000000000000000000000000 9c40", syscall.EINVAL},
		{"firewall protocol", "0b 01 04 c0000201 000000000000000000000000 0050 c6336402 000000000000000000000000 9c40", syscall.EINVAL},
		{"firewall port 0", "0b 06 04 c0000201 000000000000000000000000 0000 c6336402 000000000000000000000000 9c40", syscall.EINVAL},
		{"firewall local port 0", "0b 06 04 c0000201 000000000000000000000000 0050 c6336402 000000000000000000000000 0000", syscall.EINVAL},
		{"firewall address 0", "0b 06 04 00000000 000000000000000000000000 0050 c6336402 000000000000000000000000 9c40", syscall.EINVAL},
		{"firewall bytes after", "0b 06 04 c0000201 000000000000000000000001 0050 c6336402 000000000000000000000000 9c40", syscall.EINVAL},
		{"firewall 4 in 6", "0b 06 06 00000000000000000000ffffc0000201 01bb 20010db8000000000000000000000002 ffff", syscall.EINVAL},
		{"entry 0", "0c 00000000", syscall.EINVAL},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := Decode(unhex(t, test.bytes))
			if !errors.Is(err, test.want) {
				t.Errorf("%v, error %v, want %v", r, err, test.want)
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("%v is no *Error", err)
			}
		})
	}
}

// What cannot be sent is found out before.
func TestAppendErrors(t *testing.T) {
	for _, r := range []Request{
		RawUDP{Source: netip.MustParseAddr("::1")},
		RawUDP{},
		FileIn{SlotDirectory, OpenRead, strings.Repeat("x", MaxName+1)},
		FileIn{SlotDirectory, OpenRead, "../x"},
		FirewallAdd{},
		FirewallAdd{rule("[2001:db8::1]:443", "192.0.2.1:1")},
		FirewallAdd{rule("[fe80::1%1]:443", "[fe80::2]:1")},
	} {
		b, err := Append(nil, r)
		if !errors.Is(err, syscall.EINVAL) || b != nil {
			t.Errorf("%#v: %x, error %v", r, b, err)
		}
	}
}

func TestReply(t *testing.T) {
	for _, test := range []struct {
		name  string
		asked Kind
		r     Reply
		bytes string
	}{
		{"descriptor", KindICMP, Reply{Kind: KindICMP, Buffers: Buffers{1, 2}}, "02 00000000 00000000 00000001 00000002"},
		{"entry", KindFirewallAdd, Reply{Kind: KindFirewallAdd, Value: 7}, "0b 00000000 00000007 00000000 00000000"},
		{"errno", KindFile, Reply{Kind: KindFile, Errno: 13}, "06 0000000d 00000000 00000000 00000000"},
		{"not understood", KindFile, Reply{Errno: 71}, "00 00000047 00000000 00000000 00000000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := unhex(t, test.bytes)
			if diff := cmp.Diff(want, AppendReply(nil, test.r)); diff != "" {
				t.Errorf("bytes, -want +got:\n%s", diff)
			}
			got, err := DecodeReply(want, test.asked)
			if err != nil || got != test.r {
				t.Errorf("%+v, error %v", got, err)
			}
		})
	}
	for _, b := range []string{
		"", "02", "02 00000000 00000000 00000000 00000000 00", "02 00000000 00000000 00000000 000000",
		"03 00000000 00000000 00000000 00000000", // another kind
		"00 00000000 00000000 00000000 00000000", // not understood, and no error
		"02 00001000 00000000 00000000 00000000", // errno 4096
		"02 ffffffff 00000000 00000000 00000000",
	} {
		if r, err := DecodeReply(unhex(t, b), KindICMP); !errors.Is(err, syscall.EPROTO) {
			t.Errorf("%s: %+v, error %v", b, r, err)
		}
	}
}

func TestNames(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{KindDatalink.String(), "open-datalink"},
		{KindFirewallCleanup.String(), "firewall-cleanup"},
		{Kind(0).String(), "request 0"},
		{Kind(200).String(), "request 200"},
		{NoticeExit.String(), "exit"},
		{NoticeHup.String(), "hup"},
		{Notice(0).String(), "notice 0"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, test := range requests {
		f.Add(unhex(f, test.bytes))
	}
	f.Add([]byte{})
	f.Add([]byte{255})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Errno != syscall.EPROTO && e.Errno != syscall.EINVAL {
				t.Fatalf("error %#v", err)
			}
			return
		}
		again, err := Append(nil, r)
		if err != nil {
			t.Fatalf("%#v was decoded, but: %v", r, err)
		}
		if !bytes.Equal(b, again) {
			t.Fatalf("%x became %x", b, again)
		}
	})
}

func FuzzDecodeReply(f *testing.F) {
	f.Add(AppendReply(nil, Reply{Kind: KindICMP, Buffers: Buffers{1, 2}}), byte(KindICMP))
	f.Add(AppendReply(nil, Reply{Errno: 71}), byte(KindFile))
	f.Fuzz(func(t *testing.T, b []byte, k byte) {
		r, err := DecodeReply(b, Kind(k))
		if err != nil {
			return
		}
		if again := AppendReply(nil, r); !bytes.Equal(b, again) {
			t.Fatalf("%x became %x", b, again)
		}
	})
}

// The helper reads requests into a buffer of MaxRequest bytes.
func TestMaxRequest(t *testing.T) {
	most := 0
	for _, k := range kinds {
		most = max(most, 1+k.length)
	}
	if most != MaxRequest {
		t.Errorf("the longest request has %d bytes, MaxRequest is %d", most, MaxRequest)
	}
	if got := reflect.TypeOf(Reply{}).NumField(); got != 4 {
		t.Errorf("a reply has %d fields: is each encoded?", got)
	}
}
