package simnet

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/packet"
)

// Every mistake in testdata/mistakes.toml is named with its line.
func TestMistakes(t *testing.T) {
	data, err := os.ReadFile("testdata/mistakes.toml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse("mistakes.toml", data)
	golden := "testdata/mistakes.txt"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, readErr := os.ReadFile(golden)
	if readErr != nil {
		t.Fatal(readErr)
	}
	if diff := cmp.Diff(string(want), err.Error()+"\n"); diff != "" {
		t.Errorf("mistakes (-want +got):\n%s", diff)
	}
}

func TestSyntaxMistakes(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"seed = 1\nx = [1,\n\n", "f.toml:3: "},
		{"seed = 1\n[monitor\n", "f.toml:2: "},
		{"seed = 1\nseed = 2\n", "f.toml:2: "},
		{"", "f.toml: there is no [monitor]"},
		{"\x1d\xba\naaa 0\n\n\x9b\n", "f.toml:1: "},
		{"seed = 1\n# \xff\n", "f.toml:2: "},
		{"[monitor]\naddress = \"192.0.2.2/24\"\n[[router]]\nname = \"r\"\n", "f.toml:3: r has no link"},
		{
			"[monitor]\naddress = \"192.0.2.2/24\"\n[[router]]\nname = \"a\"\n[[router]]\nname = \"b\"\n[[link]]\nbetween = [\"a\", \"b\"]\n",
			"f.toml:3: a cannot be reached from the monitor\nf.toml:5: b cannot be reached from the monitor",
		},
		{"router = 5\n[monitor]\naddress = \"192.0.2.2/24\"\n", "f.toml:1: write [[router]] for each router"},
	} {
		_, err := Parse("f.toml", []byte(tt.text))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %s...", tt.text, err, tt.want)
		}
		var m Mistakes
		if !errors.As(err, &m) {
			t.Errorf("%q: the error is a %T", tt.text, err)
		}
	}
}

func TestScan(t *testing.T) {
	text := `a = 1 # b = 2
"quoted key" = """
x = 1
"""
[t] # comment
c.d = [ 1, # one
  "],", [2,
  3], { e = 5 }
]
f = '''
[no]
'''
[[list]]
g = { h = 1, "i" = [1, 2] }
[[list]]
g = "\"#"
[list.sub]
j = 2026-01-01T00:00:00Z
[[list.deep]]
k = 1
`
	want := positions{
		"a": 1, "quoted key": 2, "t": 5, "t.c.d": 6, "t.c.d[0]": 6, "t.c.d[1]": 7, "t.c.d[2]": 7, "t.c.d[2][0]": 7,
		"t.c.d[2][1]": 8, "t.c.d[3]": 8, "t.c.d[3].e": 8, "t.f": 10, "list[0]": 13, "list[0].g": 14, "list[0].g.h": 14,
		"list[0].g.i": 14, "list[0].g.i[0]": 14, "list[0].g.i[1]": 14, "list[1]": 15, "list[1].g": 16, "list[1].sub": 17,
		"list[1].sub.j": 18, "list[1].deep[0]": 19, "list[1].deep[0].k": 20,
	}
	if diff := cmp.Diff(want, scan(text)); diff != "" {
		t.Errorf("positions (-want +got):\n%s", diff)
	}
}

func TestShippedTopologies(t *testing.T) {
	files, err := filepath.Glob("topologies/*.toml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d topologies: %v", len(files), err)
	}
	for _, f := range files {
		topo, err := Load(f)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		truth, err := topo.Truth()
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		if err := truth.WriteDOT(&strings.Builder{}); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// FuzzParse feeds files to the parser: whatever is accepted must play.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("topologies/*.toml")
	for _, name := range append(files, "testdata/mistakes.toml") {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 4000 {
			f.Add(string(data))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		topo, err := Parse("f", []byte(text))
		if err != nil {
			var m Mistakes
			if !errors.As(err, &m) || len(m) == 0 {
				t.Fatalf("error %T %v", err, err)
			}
			return
		}
		n := play(topo)
		for _, a := range topo.Monitor.Addresses {
			dst := "198.51.100.10"
			if a.Addr().Is6() {
				dst = "2001:db8:100::10"
			}
			for _, ttl := range []uint8{1, 3, 64} {
				n.Handle(0, framesTo(t, topo, []probe{{dst: dst, ttl: ttl, kind: "udp"}})[0], 0)
			}
		}
		n.Deliver(maxDelay*300, func(Port, []byte) {})
		balanced(t, n)
	})
}

// FuzzHandle feeds packets to a Net that has everything. Checksums are put right first, or nearly nothing would get
// past them.
func FuzzHandle(f *testing.F) {
	topo := load(f, "trace")
	whole := small(f, map[string]string{
		"r1-r2": "mtu = 600", "r2": "mpls = [{label = 5}]\ninterface-info = \"index\"\nquote = \"all\"",
		"": "[[attach]]\nname = \"s\"\nat = \"r2\"\naddress = [\"203.0.113.10/24\"]\ngateway = \"203.0.113.1\"",
	})
	nets := []*Net{play(topo), play(load(f, "internet")), play(whole)}
	rr, _ := packet.AppendRecordRoute(nil, 9)
	for _, p := range []probe{
		{dst: d4, kind: "udp", ttl: 2, dport: 33435, size: 700, fragments: true},
		{dst: d4, kind: "echo", size: 100, options: rr},
		{dst: d6, kind: "udp", ttl: 3, size: 700},
		{dst: d6, kind: "echo", size: 100},
		{dst: d4, kind: "syn", dport: 80},
		{dst: "203.0.113.10", kind: "syn", dport: 80},
		{dst: d4, kind: "timestamp"},
		{dst: "20.1.2.3", kind: "udp", ttl: 6},
		{dst: "100.64.0.44", kind: "echo"},
	} {
		ip := p.build(f, topo)
		for which := range nets {
			f.Add(ip, uint8(which))
		}
		for _, piece := range fragmentsOf(ip, 16) {
			f.Add(piece, uint8(0))
		}
	}
	f.Fuzz(func(t *testing.T, ip []byte, which uint8) {
		n := nets[int(which)%len(nets)]
		ip = append([]byte(nil), ip...)
		correct(ip)
		for _, r := range n.Exchange(ip, n.now) {
			if len(r.Packet) < 20 {
				t.Errorf("a packet of %d bytes", len(r.Packet))
			}
		}
		balanced(t, n)
	})
}

// correct puts the checksums of a packet right.
func correct(ip []byte) {
	var l4 []byte
	var proto uint8
	var pseudo packet.Sum
	if p, err := packet.ParseIPv4(ip); err == nil {
		p.UpdateChecksum()
		l4, proto = p.Payload(), p.Protocol()
		pseudo = packet.PseudoSum(p.Src(), p.Dst(), proto, len(l4))
	} else if p, err := packet.ParseIPv6(ip); err == nil {
		up, _ := p.Upper()
		l4, proto = up.Payload, up.Protocol
		pseudo = packet.PseudoSum(p.Src(), p.Dst(), proto, len(l4))
	}
	at := map[uint8]int{packet.ProtoICMP: 2, packet.ProtoICMPv6: 2, packet.ProtoUDP: 6, packet.ProtoTCP: 16}[proto]
	if at == 0 || len(l4) < at+2 {
		return
	}
	if proto == packet.ProtoICMP {
		pseudo = 0
	}
	putBE16(l4[at:], 0)
	putBE16(l4[at:], pseudo.Bytes(l4).UDPChecksum())
}
