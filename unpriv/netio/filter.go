package netio

import (
	"fmt"
	"slices"

	"golang.org/x/net/bpf"

	"scamper/shared/packet"
)

// Filter is a BPF program that decides in the kernel which packets a datalink
// port receives.
type Filter struct {
	ins []bpf.Instruction
	raw []bpf.RawInstruction
}

// snapLen is what filters return for packets to keep: more bytes than any has,
// link header included.
const snapLen = 1 << 18

// NewFilter assembles a filter from instructions. Programs see packets from
// the link header on.
func NewFilter(ins []bpf.Instruction) (*Filter, error) {
	raw, err := bpf.Assemble(ins)
	if err != nil {
		return nil, fmt.Errorf("assemble datalink filter: %w", err)
	}
	return &Filter{ins, raw}, nil
}

// Match runs the filter on a packet as the kernel would and reports whether it
// passes. It is for tests and simulations.
func (f *Filter) Match(packet []byte) (bool, error) {
	vm, err := bpf.NewVM(f.ins)
	if err != nil {
		return false, fmt.Errorf("run datalink filter: %w", err)
	}
	n, err := vm.Run(packet)
	if err != nil {
		return false, fmt.Errorf("run datalink filter: %w", err)
	}
	return n > 0, nil
}

// Everything returns the filter that lets everything pass, the default.
func Everything() *Filter {
	f, err := NewFilter([]bpf.Instruction{bpf.RetConstant{Val: snapLen}})
	if err != nil {
		panic(err) // a constant program
	}
	return f
}

// maxPorts is how many ports a narrow filter compares one by one; with more it
// lets the range from the lowest to the highest pass.
const maxPorts = 24

// Narrow returns the filter for -O dyn-filter. It lets pass what a reply or a
// probe of ours can be on such a link:
//
//   - ARP, on Ethernet
//   - ICMP and ICMPv6 (neighbour discovery with it)
//   - IPv4 fragments but the first, and IPv6 packets with extension headers,
//     whose ports cannot be told
//   - TCP and UDP from or to one of the given ports
func Narrow(link packet.LinkType, ports []uint16) *Filter {
	ports = slices.Clone(ports)
	slices.Sort(ports)
	ports = slices.Compact(ports)
	f, err := NewFilter(narrow(link, ports))
	if err != nil {
		// Every program that narrow can make is assembled by the tests.
		return Everything()
	}
	return f
}

// Numbers that filters compare: EtherTypes and IP protocols (IANA), and where
// headers keep them (RFC 791 section 3.1, RFC 8200 section 3).
const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86dd

	protoHopByHop = 0
	protoICMP     = 1
	protoTCP      = 6
	protoUDP      = 17
	protoRouting  = 43
	protoFragment = 44
	protoICMPv6   = 58
	protoDestOpts = 60

	fragOffset4 = 6 // 16 bits, of which the low 13 are the offset
	proto4      = 9
	nextHeader6 = 6
	headerLen6  = 40

	headerLenUDP = 8 // RFC 768
)

func narrow(link packet.LinkType, ports []uint16) []bpf.Instruction {
	a := new(assembler)
	ip := uint32(link.HeaderLen())
	switch link {
	case packet.LinkEthernet, packet.LinkLoopback:
		a.load(12, 2)
	case packet.LinkFirewire:
		a.load(16, 2)
	default: // no EtherType: the version says it all
		a.load(ip, 1)
		a.add(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf0})
		a.equal(0x40, "v4")
		a.equal(0x60, "v6")
		a.jump("drop")
	}
	if ip >= 14 {
		a.equal(etherARP, "accept")
		a.equal(etherIPv4, "v4")
		a.equal(etherIPv6, "v6")
		a.jump("drop")
	}

	a.label("v4")
	a.load(ip+fragOffset4, 2)
	a.branch(bpf.JumpBitsSet, 0x1fff, "accept")
	a.load(ip+proto4, 1)
	a.equal(protoICMP, "accept")
	a.equal(protoTCP, "ports4")
	a.equal(protoUDP, "ports4")
	a.jump("drop")
	a.label("ports4")
	a.add(bpf.LoadMemShift{Off: ip}) // X = length of the header
	for _, at := range []uint32{0, 2} {
		a.add(bpf.LoadIndirect{Off: ip + at, Size: 2})
		a.ports(ports, fmt.Sprintf("v4 port %d", at))
	}
	a.jump("drop")

	a.label("v6")
	a.load(ip+nextHeader6, 1)
	for _, next := range []uint32{protoICMPv6, protoFragment, protoHopByHop, protoDestOpts, protoRouting} {
		a.equal(next, "accept")
	}
	a.equal(protoTCP, "ports6")
	a.equal(protoUDP, "ports6")
	a.jump("drop")
	a.label("ports6")
	for _, at := range []uint32{0, 2} {
		a.load(ip+headerLen6+at, 2)
		a.ports(ports, fmt.Sprintf("v6 port %d", at))
	}

	a.label("drop")
	a.add(bpf.RetConstant{Val: 0})
	a.label("accept")
	a.add(bpf.RetConstant{Val: snapLen})
	return a.link()
}

// assembler makes programs with forward jumps to names.
type assembler struct {
	ins    []bpf.Instruction
	to     map[int]string // by index of a jump
	labels map[string]int
}

func (a *assembler) add(ins bpf.Instruction) { a.ins = append(a.ins, ins) }

func (a *assembler) load(off uint32, size int) { a.add(bpf.LoadAbsolute{Off: off, Size: size}) }

func (a *assembler) label(name string) {
	if a.labels == nil {
		a.labels = make(map[string]int)
	}
	a.labels[name] = len(a.ins)
}

// jump and branch remember where they go to; link fills it in.
func (a *assembler) jump(to string) { a.target(to, bpf.Jump{}) }

func (a *assembler) branch(cond bpf.JumpTest, value uint32, to string) {
	a.target(to, bpf.JumpIf{Cond: cond, Val: value})
}

func (a *assembler) equal(value uint32, to string) { a.branch(bpf.JumpEqual, value, to) }

func (a *assembler) target(to string, ins bpf.Instruction) {
	if a.to == nil {
		a.to = make(map[int]string)
	}
	a.to[len(a.ins)] = to
	a.add(ins)
}

// ports accepts if the port that was loaded is one of the given ones, and
// otherwise falls through. The name makes its label unique.
func (a *assembler) ports(ports []uint16, name string) {
	switch {
	case len(ports) == 0:
	case len(ports) <= maxPorts:
		for _, p := range ports {
			a.equal(uint32(p), "accept")
		}
	default:
		a.branch(bpf.JumpLessThan, uint32(ports[0]), name)
		a.branch(bpf.JumpLessOrEqual, uint32(ports[len(ports)-1]), "accept")
		a.label(name)
	}
}

func (a *assembler) link() []bpf.Instruction {
	for i, name := range a.to {
		skip := a.labels[name] - i - 1
		switch ins := a.ins[i].(type) {
		case bpf.Jump:
			ins.Skip = uint32(skip)
			a.ins[i] = ins
		case bpf.JumpIf:
			ins.SkipTrue = uint8(skip)
			a.ins[i] = ins
		}
	}
	return a.ins
}
