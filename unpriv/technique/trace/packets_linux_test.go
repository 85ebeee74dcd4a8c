package trace

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"scamper/shared/packet"
	"scamper/shared/warts"
	"scamper/testkit"
)

// record runs commands in a namespace and returns what the warts file says, by user ID, and standard error.
func record(t *testing.T, ns *testkit.Namespace, scamper string, args ...string) (map[uint32]*warts.Trace, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "out.warts")
	got := ns.Run(60*time.Second, scamper, append([]string{"-O", "warts", "-o", file, "-p", "500"}, args...)...)
	if got.Err != nil {
		t.Fatalf("scamper %s: %v\n%s", strings.Join(args, " "), got.Err, got.Stderr)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := warts.NewReader(f)
	list := map[uint32]*warts.Trace{}
	for {
		rec, err := r.Next()
		if err != nil {
			break
		}
		if trace, ok := rec.(*warts.Trace); ok {
			list[trace.UserID] = trace
		}
	}
	return list, string(got.Stderr)
}

func hopsOf(r *warts.Trace) (list []netip.Addr) {
	for i := range r.Probes {
		for j := range r.Probes[i].Replies {
			list = append(list, r.Probes[i].Replies[j].Addr.IP())
		}
	}
	return list
}

// On a chain of Linux routers every method finds every router.
func TestLinuxRouters(t *testing.T) {
	testkit.NeedRoot(t)
	scamper := testkit.BuildCommand(t, command)
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 4})
	var args []string
	id := 0
	want := map[uint32][]netip.Addr{}
	name := map[uint32]string{}
	for _, m := range []string{"udp", "udp-paris", "icmp", "icmp-paris", "tcp", "tcp-ack"} {
		for _, extra := range []string{"", "-N 3 ", "-Q ", "-O dl ", "-O back -m 5 "} {
			if strings.HasPrefix(m, "tcp") && extra == "-N 3 " {
				extra = "-O raw "
			}
			for _, v6 := range []bool{false, true} {
				dst, hops := chain.Target4(), chain.Hops4()
				if v6 {
					dst, hops = chain.Target6(), chain.Hops6()
				}
				if v6 && extra == "-O raw " {
					continue
				}
				id++
				c := fmt.Sprintf("trace -U %d -s %d -w 2 -P %s %s%s", id, 41000+id, m, extra, dst)
				args, name[uint32(id)] = append(args, c), c
				for _, h := range hops {
					n := 1
					if extra == "-Q " {
						n = 2
					}
					for range n {
						want[uint32(id)] = append(want[uint32(id)], h)
					}
				}
			}
		}
	}
	got, stderr := record(t, chain.Prober, scamper, append([]string{"-I"}, args...)...)
	if stderr != "" {
		t.Errorf("said %s", stderr)
	}
	for id, hops := range want {
		r := got[id]
		if r == nil {
			t.Errorf("%s: no record", name[id])
			continue
		}
		list := hopsOf(r)
		if strings.Contains(name[id], "-N 3") { // replies may come after probes were sent beyond the end
			list = list[:min(len(list), len(hops))]
		}
		if fmt.Sprint(list) != fmt.Sprint(hops) {
			t.Errorf("%s: hops %v, want %v", name[id], list, hops)
		}
		if r.StopReason != warts.TraceStopCompleted {
			t.Errorf("%s: %s", name[id], reason(r))
		}
	}
}

// What is sent is what the tables of the methods say, field by field.
func TestPacketsOnTheWire(t *testing.T) {
	testkit.NeedRoot(t)
	scamper := testkit.BuildCommand(t, command)
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 2})
	src4, src6, dst4, dst6 := chain.Source4(), chain.Source6(), chain.Target4(), chain.Target6()
	type kind struct {
		options string
		v6      bool
		proto   uint8
		size    int
		tos     uint8
		flow    int // n+1 if 1, 0 if 0, the kernel's if -1
		check   func(n int, l4 []byte) string
	}
	udp := func(dport func(n int) int, sum func(n int) int, data func(n int) string) func(int, []byte) string {
		return func(n int, b []byte) string {
			if got := int(binary.BigEndian.Uint16(b[2:])); got != dport(n) {
				return fmt.Sprintf("destination port %d, want %d", got, dport(n))
			}
			if got := int(binary.BigEndian.Uint16(b[6:])); sum != nil && got != sum(n) {
				return fmt.Sprintf("checksum %d, want %d", got, sum(n))
			}
			if got := hex.EncodeToString(b[8:]); data != nil && got != data(n) {
				return fmt.Sprintf("data %s, want %s", got, data(n))
			}
			return ""
		}
	}
	fixed := func(v int) func(int) int { return func(int) int { return v } }
	zeros := func(n int) func(int) string { return func(int) string { return strings.Repeat("00", n) } }
	number := func(n int) int { return n + 1 }
	icmp := func(typ uint8, sum int, data string) func(int, []byte) string {
		return func(n int, b []byte) string {
			if b[0] != typ || b[1] != 0 {
				return fmt.Sprintf("type %d, code %d", b[0], b[1])
			}
			if got := int(binary.BigEndian.Uint16(b[6:])); got != n {
				return fmt.Sprintf("sequence number %d, want %d", got, n)
			}
			if got := int(binary.BigEndian.Uint16(b[2:])); sum >= 0 && got != sum {
				return fmt.Sprintf("checksum %d, want %d", got, sum)
			}
			if got := hex.EncodeToString(b[8:]); !strings.HasSuffix(got, data) {
				return fmt.Sprintf("data %s, want %s at the end", got, data)
			}
			return ""
		}
	}
	tcp := func(flags uint8) func(int, []byte) string {
		want := fmt.Sprintf("%08x%08x50%02x0000", 0, 0, flags)
		return func(n int, b []byte) string {
			if got := hex.EncodeToString(b[4:16]); got != want || binary.BigEndian.Uint16(b[2:]) != 33435 || len(b) != 20 {
				return fmt.Sprintf("header %s, want %s", got, want)
			}
			return ""
		}
	}
	var kinds []kind
	for _, v6 := range []bool{false, true} {
		size, data, header, echo, icmpProto := 44, 16, 28, uint8(8), uint8(packet.ProtoICMP)
		if v6 {
			size, data, header, echo, icmpProto = 60, 12, 48, 128, packet.ProtoICMPv6
		}
		kinds = append(kinds,
			kind{"-P udp", v6, packet.ProtoUDP, size, 0, -1, udp(func(n int) int { return 33435 + n }, nil, zeros(data))},
			kind{
				"-P udp -d 50000 -p 0102030405", v6, packet.ProtoUDP, header + 5, 0, -1,
				udp(func(n int) int { return 50000 + n }, nil, func(int) string { return "0102030405" }),
			},
			kind{"-P udp-paris", v6, packet.ProtoUDP, size, 0, -1, udp(fixed(33435), number, nil)},
			kind{"-P udp-paris -d 7 -t 40 -p 0102030405", v6, packet.ProtoUDP, header + 5, 40, -1, udp(fixed(7), number, nil)},
			kind{"-P udp-paris -p ff", v6, packet.ProtoUDP, header + 2, 0, -1, udp(fixed(33435), number, nil)},
			kind{"-P icmp", v6, icmpProto, size, 0, -1, icmp(echo, -1, strings.Repeat("00", data))},
			kind{"-P icmp -t 0x1c -p 0102", v6, icmpProto, header + 2, 28, -1, icmp(echo, -1, "0102")},
			kind{"-P icmp-paris -d 4660", v6, icmpProto, size, 0, -1, icmp(echo, 4660, strings.Repeat("00", data-2))},
			kind{"-P icmp-paris -d 4660 -t 40 -p 0102030405", v6, icmpProto, header + 5, 40, -1, icmp(echo, 4660, "030405")},
			kind{"-P tcp", v6, packet.ProtoTCP, header + 12, 0, 1, tcp(packet.SYN)},
			kind{"-P tcp-ack -t 4", v6, packet.ProtoTCP, header + 12, 4, 1, tcp(packet.ACK)},
			kind{"-P udp-paris -O const-payload", v6, packet.ProtoUDP, size, 0, 1, udp(fixed(33435), nil, zeros(data))},
		)
	}
	router := " -r " + chain.Hops4()[0].String()
	kinds = append(kinds, kind{"-P tcp -O raw", false, packet.ProtoTCP, 40, 0, 0, tcp(packet.SYN)},
		kind{"-P udp-paris" + router, false, packet.ProtoUDP, 44, 0, 0, udp(fixed(33435), number, nil)},
		kind{"-P icmp" + router, false, packet.ProtoICMP, 44, 0, 0, icmp(8, -1, strings.Repeat("00", 16))},
		kind{"-P tcp" + router, false, packet.ProtoTCP, 40, 0, 0, tcp(packet.SYN)},
		kind{"-P udp-paris -r " + chain.Hops6()[0].String(), true, packet.ProtoUDP, 60, 0, 0, udp(fixed(33435), number, nil)},
	)
	capture := chain.Prober.Capture("eth0")
	var args []string
	for i, k := range kinds {
		dst := dst4
		if k.v6 {
			dst = dst6
		}
		args = append(args, fmt.Sprintf("trace -U %d -s %d -w 1 -q 1 %s %s", i+1, 42000+i, k.options, dst))
	}
	records, stderr := record(t, chain.Prober, scamper, append([]string{"-I"}, args...)...)
	if stderr != "" {
		t.Errorf("said %s", stderr)
	}
	sent := map[int]int{} // probes by kind
	label := map[int]uint32{}
	for _, p := range capture.Stop() {
		ip := p.Data[packet.EthernetHeaderLen:]
		var l4 []byte
		var proto, ttl, tos uint8
		var src, dst netip.Addr
		var id int
		var flow uint32
		switch {
		case binary.BigEndian.Uint16(p.Data[12:]) == packet.EtherIPv4:
			h := packet.IPv4(ip)
			src, dst, proto, ttl, tos, id = h.Src(), h.Dst(), ip[9], ip[8], ip[1], int(h.ID())
			ip = ip[:binary.BigEndian.Uint16(ip[2:])]
			l4 = ip[20:]
			if ip[0] != 0x45 || src == src4 && binary.BigEndian.Uint16(ip[6:]) != 0x4000 && id != 0 {
				t.Errorf("not a plain header with DF alone: %x", ip[:20])
			}
		case binary.BigEndian.Uint16(p.Data[12:]) == packet.EtherIPv6:
			h := packet.IPv6(ip)
			src, dst, proto, ttl, tos = h.Src(), h.Dst(), ip[6], h.HopLimit(), h.TrafficClass()
			ip = ip[:40+binary.BigEndian.Uint16(ip[4:])]
			flow, l4 = h.FlowLabel(), ip[40:]
		default:
			continue
		}
		if src != src4 && src != src6 || dst != dst4 && dst != dst6 || len(l4) < 8 {
			continue
		}
		sport := int(binary.BigEndian.Uint16(l4))
		if proto == packet.ProtoICMP || proto == packet.ProtoICMPv6 {
			sport = int(binary.BigEndian.Uint16(l4[4:]))
		}
		i := sport - 42000
		if i < 0 || i >= len(kinds) || proto == packet.ProtoTCP && l4[13]&packet.RST != 0 {
			continue
		}
		k, n := kinds[i], sent[i]
		sent[i]++
		bad := func(format string, a ...any) { t.Errorf("%s, packet %d: %s", args[i], n, fmt.Sprintf(format, a...)) }
		if k.v6 != dst.Is6() || proto != k.proto || len(ip) != k.size || tos != k.tos || int(ttl) != n+1 {
			bad("v6 %v, protocol %d, %d bytes, TOS %d, TTL %d; want %+v", dst.Is6(), proto, len(ip), tos, ttl, k)
			continue
		}
		if !k.v6 && id != n+1 {
			bad("identification %d", id)
		}
		switch {
		case !k.v6:
		case k.flow == 1 && flow != uint32(n+1) || k.flow == 0 && flow != 0:
			bad("flow label %d", flow)
		case k.proto == packet.ProtoICMPv6 || strings.Contains(k.options, "udp-paris"):
			if n > 0 && k.flow < 0 && flow != label[i] {
				bad("flow label %#x after %#x", flow, label[i])
			}
			label[i] = flow
		}
		if s := checksum(src, dst, proto, l4); s != "" {
			bad("%s", s)
		}
		if s := k.check(n, l4); s != "" {
			bad("%s", s)
		}
	}
	for i, k := range kinds {
		r := records[uint32(i+1)]
		switch {
		case r == nil:
			t.Errorf("%s: no record", args[i])
			continue
		case sent[i] != 3 || r.StopReason != warts.TraceStopCompleted:
			t.Errorf("%s: %d packets, %s, hops %s", args[i], sent[i], reason(r), hops(r))
		case int(r.ProbeSize) != k.size || r.ToS != k.tos || int(r.SrcPort) != 42000+i:
			t.Errorf("%s: recorded size %d, TOS %d, source port %d", args[i], r.ProbeSize, r.ToS, r.SrcPort)
		}
		for j := range r.Probes {
			for _, reply := range r.Probes[j].Replies {
				if reply.Quotes() && (int(reply.QuoLen) != k.size || j < 2 && reply.QuoTTL != 1) {
					t.Errorf("%s: quoted length %d, TTL %d", args[i], reply.QuoLen, reply.QuoTTL)
				}
			}
		}
	}
}

// checksum says what is wrong with the checksum of a packet without options.
func checksum(src, dst netip.Addr, proto uint8, l4 []byte) string {
	at := map[uint8]int{packet.ProtoICMP: 2, packet.ProtoICMPv6: 2, packet.ProtoUDP: 6, packet.ProtoTCP: 16}[proto]
	sum := packet.PseudoSum(src, dst, proto, len(l4))
	if proto == packet.ProtoICMP {
		sum = 0
	}
	b := append([]byte(nil), l4...)
	got := binary.BigEndian.Uint16(b[at:])
	b[at], b[at+1] = 0, 0
	want := sum.Bytes(b).Checksum()
	if got != want && !(got == 0xffff && want == 0) {
		return "checksum " + strconv.FormatUint(uint64(got), 16) + ", should be " + strconv.FormatUint(uint64(want), 16)
	}
	return ""
}
