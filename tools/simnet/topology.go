package simnet

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"scamper/shared/packet"
)

// Topology is a simulated Internet as a file describes it. It does not change once it is parsed; any number of Nets may
// play it.
type Topology struct {
	// Name is the file's name as it was given to Parse.
	Name string
	// Seed is what everything random is derived from.
	Seed uint64
	// Monitor is the machine that measures: where the command runs.
	Monitor Monitor
	// Attached are the real network namespaces behind the simulated paths, in the order of the file.
	Attached []Attachment

	nodes    []node
	faces    []face
	owners   map[netip.Addr]ownership
	ownPfx   map[netip.Prefix]int32 // prefix -> node that everything in it goes to
	routes   []route
	stations [][]station // by port
	classes  []class
	lookup   [2]lookup
}

// Port numbers an Ethernet link between the simulation and a real network stack. Port 0 leads to the monitor, port i+1
// to the i-th attachment.
type Port int

// Monitor is the machine whose packets the simulation answers.
type Monitor struct {
	// Addresses with the length of the prefix that is on the link; at most one of each family.
	Addresses []netip.Prefix
	// Gateways are the default gateways, at most one of each family.
	Gateways []netip.Addr
	// MTU of the monitor's interface in bytes.
	MTU int
	// MAC is the monitor's Ethernet address.
	MAC packet.MAC
}

// Attachment is a real network namespace that the simulation forwards packets to.
type Attachment struct {
	Name      string
	Addresses []netip.Prefix // configured in the namespace
	Prefixes  []netip.Prefix // also routed there
	Gateways  []netip.Addr   // at most one of each family
	MTU       int
	MAC       packet.MAC
	Serve     []string // built-in servers to run there, such as "http:80"
	Sysctl    map[string]string
}

type nodeKind uint8

const (
	kindRouter nodeKind = iota
	kindHost
	kindMonitor
	kindAttached
	kindRegion
)

// node is a router, a host, the monitor, an attachment, or a prefix with all that is in it.
type node struct {
	name   string
	kind   nodeKind
	b      *behaviour
	faces  []int32
	addrs  []netip.Addr // addresses on no particular interface
	salt   uint64
	port   Port
	region *region
	line   string // path of the node in the file, for mistakes
}

// face is an interface: one end of a link, with what holds for packets that leave by it.
type face struct {
	node    int32
	peer    int32 // the face at the other end
	addr    [2]netip.Addr
	index   uint32 // as SNMP would number it within the node, from 1
	name    string
	mtu     int
	delay   time.Duration
	jitter  time.Duration
	loss    float64
	tooBig  tooBig
	sources []netip.Prefix // only packets from these may leave; empty: all
	cost    int64
}

// tooBig is what a router does with packets larger than the link's MTU that it may not fragment.
type tooBig struct {
	silent bool // says nothing: a black hole
	mtu    int  // the MTU that it claims; -1: the real one; 0: none, as before RFC 1191
}

type ownership struct {
	node int32
	face int32 // -1: none in particular
}

// route overrides the shortest path at one node.
type route struct {
	at      int32
	prefix  netip.Prefix
	faces   []int32
	balance balanceMode
	hash    hashFields
	reject  answer // if there are no faces
	path    string
}

// station is a neighbour on an Ethernet link with a real stack: who answers ARP and ND, and how.
type station struct {
	name   string
	addrs  []netip.Addr
	macs   []packet.MAC // one answer for each
	delay  time.Duration
	silent bool
	face   int32 // of the port's node, toward the station
}

// Load reads and parses a topology file.
func Load(name string) (*Topology, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading topology: %w", err)
	}
	return Parse(name, data)
}
