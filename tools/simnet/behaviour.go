package simnet

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"scamper/shared/packet"
)

// behaviour is how a router or host treats packets and what its replies look like. Many nodes may share one.
type behaviour struct {
	name string

	// When a reply leaves, and whether.
	delay    time.Duration
	jitter   time.Duration
	loss     float64 // share of replies that are never sent
	rate     float64 // errors per second; 0 is no limit
	burst    float64
	echoRate float64 // echo and timestamp replies per second; 0 is no limit
	copies   int     // how often every reply is delivered, at least 1
	copyGap  time.Duration

	// Reply headers.
	ttl        uint8 // initial TTL of errors
	echoTTL    uint8 // initial TTL of everything else
	errorTOS   uint8
	source     origin // source of errors about packets that pass through
	portSource origin // source of errors about packets to this node's own addresses
	answerFrom [2]netip.Addr
	dontFrag   bool // DF in replies

	// Quotes.
	quote         int // bytes of the packet that errors quote; 0 is as many as the RFCs allow
	quoteTTL      int // -1: as received
	quoteTOS      int // -1: as received
	quoteChecksum quotedSum
	quoteZero     bool // everything behind the quoted IP header is zero
	quoteSwapID   bool

	// Extensions.
	mpls          []byte // the encoded object; none is empty
	mplsAll       bool   // labels also in unreachables, not only in time exceeded
	interfaceInfo uint8
	legacy        bool // extension without the length field of RFC 4884

	// Identifiers.
	ipid         idModel
	ipidStart    int // -1: derived from the seed
	ipidStep     int
	ipidVelocity float64 // per second
	ipidSwap     bool
	frag         idModel
	fragStart    int64
	fragVelocity float64
	atomic       bool // a fragment header even when the packet fits after a PTB below 1280
	heedPMTU     bool // believes PTB and fragmentation needed

	// What is answered.
	timeExceeded bool
	unreachable  bool // errors other than time exceeded about packets that pass through
	echo         answer
	timestamp    answer
	udp          answer
	udpPorts     []portAnswer
	tcp          answer
	tcpPorts     []portAnswer
	other        answer // protocols nobody speaks
	optionMode   optionMode
	tcpMSS       uint16
	tcpWindow    uint16

	// Forwarding (routers).
	balance balanceMode
	hash    hashFields
	zeroTTL bool // forwards packets whose TTL has reached zero
}

// answer is what a host does with a packet that it is the destination of.
type answer struct {
	kind answerKind
	code int8 // answerUnreachable: row of unreachables
}

type answerKind uint8

const (
	answerSilent      answerKind = iota
	answerReply                  // echo reply, timestamp reply, UDP payload sent back, SYN/ACK
	answerClosed                 // port unreachable, RST
	answerUnreachable            // an ICMP destination unreachable of another code
)

type portAnswer struct {
	low, high uint16
	answer    answer
}

func portRule(rules []portAnswer, port uint16, def answer) answer {
	for i := range rules {
		if port >= rules[i].low && port <= rules[i].high {
			return rules[i].answer
		}
	}
	return def
}

// origin is which of a node's addresses an error comes from.
type origin struct {
	kind  originKind
	fixed [2]netip.Addr
}

type originKind uint8

const (
	originIncoming originKind = iota // the interface that the packet came in by
	originOutgoing                   // the interface that the reply leaves by
	originProbed                     // the address that the packet was sent to
	originFixed
)

type quotedSum uint8

const (
	sumValid  quotedSum = iota // right for the header as quoted
	sumSender                  // right for the header as it was sent, with the TTL of then
	sumZero
)

type idModel uint8

const (
	idCounter   idModel = iota // one counter for everything that the node sends
	idInterface                // one counter for each address (fragment identifiers: for each destination)
	idRandom
	idZero
	idEcho // the probe's
)

type optionMode uint8

const (
	optionsHonour optionMode = iota // stamp them, send them back
	optionsIgnore                   // pass them on untouched; answer without
	optionsDrop                     // drop packets that carry any
)

type balanceMode uint8

const (
	balanceNone        balanceMode = iota // the first of several equal next hops
	balanceFlow                           // by a hash of header fields
	balanceDestination                    // by a hash of the destination
	balancePacket                         // round robin
	balanceRandom                         // at random for each packet
)

func (m balanceMode) String() string {
	return [...]string{"none", "flow", "destination", "packet", "random"}[m]
}

// hashFields are the header fields that a per-flow load balancer looks at.
type hashFields uint16

const (
	hashSource hashFields = 1 << iota
	hashDestination
	hashProtocol
	hashPorts // the first four bytes behind the IP header: ports, or ICMP type, code and checksum
	hashTOS
	hashFlowLabel
	hashIPID
	hashICMP // ICMP identifier and sequence number
	hashSourcePort
	hashDestinationPort
)

const defaultHash = hashSource | hashDestination | hashProtocol | hashPorts

const (
	infoIndex = 1 << iota
	infoAddress
	infoName
	infoMTU
)

// unreachables are the destination unreachable messages by name: the codes of RFC 792, RFC 1122 section 3.2.2.1 and
// RFC 1812 section 5.2.7.1 for IPv4, RFC 4443 section 3.1 for IPv6. A name that one family lacks becomes its nearest code.
var unreachables = []struct {
	name   string
	v4, v6 uint8
}{
	{"net", 0, 0},
	{"host", 1, 3},
	{"protocol", 2, 4}, // IPv6 hosts answer parameter problem, see answer.go
	{"port", 3, 4},
	{"source-route", 5, 5},
	{"net-unknown", 6, 0},
	{"host-unknown", 7, 3},
	{"host-isolated", 8, 3},
	{"net-prohibited", 9, 1},
	{"host-prohibited", 10, 1},
	{"net-tos", 11, 0},
	{"host-tos", 12, 3},
	{"admin-prohibited", 13, 1},
	{"precedence", 14, 1},
	{"precedence-cutoff", 15, 1},
	{"no-route", 0, 0},
	{"beyond-scope", 1, 2},
	{"address", 1, 3},
	{"source-policy", 13, 5},
	{"reject-route", 13, 6},
}

const (
	unreachNet   = 0
	unreachHost  = 1
	unreachProto = 2
	unreachPort  = 3
	unreachAdmin = 12
)

// answers are the words for a kind of packet: those given and the names of unreachables.
func answers(words map[string]answerKind) map[string]answer {
	m := map[string]answer{}
	for i, u := range unreachables {
		m[u.name] = answer{kind: answerUnreachable, code: int8(i)}
	}
	for w, kind := range words {
		m[w] = answer{kind: kind, code: unreachPort}
	}
	return m
}

var (
	echoAnswers = answers(map[string]answerKind{"reply": answerReply, "silent": answerSilent})
	udpAnswers  = answers(map[string]answerKind{"open": answerReply, "closed": answerClosed, "silent": answerSilent})
	tcpAnswers  = answers(map[string]answerKind{"open": answerReply, "closed": answerClosed, "filtered": answerSilent})
	otherWords  = answers(map[string]answerKind{"silent": answerSilent})

	balanceWords = map[string]balanceMode{
		"none": balanceNone, "flow": balanceFlow, "destination": balanceDestination,
		"packet": balancePacket, "random": balanceRandom,
	}
	hashWords = map[string]hashFields{
		"source": hashSource, "destination": hashDestination, "protocol": hashProtocol, "ports": hashPorts,
		"tos": hashTOS, "flow-label": hashFlowLabel, "ipid": hashIPID, "icmp-id-seq": hashICMP,
		"source-port": hashSourcePort, "destination-port": hashDestinationPort,
	}
	optionWords = map[string]optionMode{"honour": optionsHonour, "ignore": optionsIgnore, "drop": optionsDrop}
	ipidWords   = map[string]idModel{
		"counter": idCounter, "interface": idInterface, "random": idRandom, "zero": idZero, "echo": idEcho, "swapped": idCounter,
	}
	fragWords = map[string]idModel{"counter": idCounter, "destination": idInterface, "random": idRandom}
	sumWords  = map[string]quotedSum{"valid": sumValid, "sender": sumSender, "zero": sumZero}
	infoWords = map[string]uint8{"index": infoIndex, "address": infoAddress, "name": infoName, "mtu": infoMTU}
)

// routerDefaults is a router as most are: TTL 255, IPv4 quotes of 28 bytes, one counter.
func routerDefaults() behaviour {
	return behaviour{
		copies: 1, ttl: 255, echoTTL: 255, quote: 28, quoteTTL: -1, quoteTOS: -1,
		source: origin{kind: originIncoming}, portSource: origin{kind: originProbed},
		ipidStart: -1, ipidStep: 1, fragStart: -1, heedPMTU: true,
		timeExceeded: true, unreachable: true,
		echo: answer{kind: answerReply}, timestamp: answer{kind: answerReply},
		udp: answer{answerClosed, unreachPort}, tcp: answer{answerClosed, unreachPort},
		other:  answer{answerUnreachable, unreachProto},
		tcpMSS: 1460, tcpWindow: 65535, hash: defaultHash,
	}
}

// hostDefaults is a host as most are: TTL 64, quotes as long as allowed.
func hostDefaults() behaviour {
	b := routerDefaults()
	b.ttl, b.echoTTL, b.quote = 64, 64, 0
	return b
}

// readBehaviour reads the keys that t has over what b already is.
func readBehaviour(t *table, b *behaviour) {
	if t.boolean("silent", false) {
		b.timeExceeded, b.unreachable = false, false
		b.echo, b.timestamp, b.udp, b.tcp, b.other = answer{}, answer{}, answer{}, answer{}, answer{}
	}
	b.delay = t.duration("delay", b.delay)
	b.jitter = t.duration("jitter", b.jitter)
	b.loss = t.number("loss", 0, 1, b.loss)
	b.rate = t.number("rate", 0, 1e9, b.rate)
	b.burst = t.number("burst", 1, 1e9, max(b.burst, 1))
	b.echoRate = t.number("echo-rate", 0, 1e9, b.echoRate)
	b.copies = int(t.integer("copies", 1, 300, int64(b.copies)))
	b.copyGap = t.duration("copy-gap", b.copyGap)

	b.ttl = uint8(t.integer("ttl", 1, 255, int64(b.ttl)))
	b.echoTTL = uint8(t.integer("echo-ttl", 1, 255, int64(b.echoTTL)))
	b.errorTOS = uint8(t.integer("error-tos", 0, 255, int64(b.errorTOS)))
	b.source = readOrigin(t, "source", b.source, map[string]originKind{"incoming": originIncoming, "outgoing": originOutgoing})
	b.portSource = readOrigin(t, "port-source", b.portSource,
		map[string]originKind{"probed": originProbed, "incoming": originIncoming, "outgoing": originOutgoing})
	for _, a := range t.addrs("answer-from", false) {
		b.answerFrom[family(a)] = a
	}
	b.dontFrag = t.boolean("df", b.dontFrag)

	readQuote(t, b)
	readExtensions(t, b)
	readIdentifiers(t, b)

	b.timeExceeded = t.boolean("time-exceeded", b.timeExceeded)
	b.unreachable = t.boolean("unreachable", b.unreachable)
	b.echo = word(t, "echo", b.echo, echoAnswers)
	b.timestamp = word(t, "timestamp", b.timestamp, echoAnswers)
	b.udp = word(t, "udp", b.udp, udpAnswers)
	b.udpPorts = readPorts(t, "udp-ports", b.udpPorts, udpAnswers)
	b.tcp = word(t, "tcp", b.tcp, tcpAnswers)
	b.tcpPorts = readPorts(t, "tcp-ports", b.tcpPorts, tcpAnswers)
	b.other = word(t, "other-protocols", b.other, otherWords)
	b.optionMode = word(t, "options", b.optionMode, optionWords)
	b.tcpMSS = uint16(t.integer("tcp-mss", 0, 65535, int64(b.tcpMSS)))
	b.tcpWindow = uint16(t.integer("tcp-window", 0, 65535, int64(b.tcpWindow)))

	b.balance = word(t, "balance", b.balance, balanceWords)
	b.hash = readHash(t, b.hash)
	b.zeroTTL = t.boolean("zero-ttl-forwarding", b.zeroTTL)
}

func readQuote(t *table, b *behaviour) {
	if v, ok := t.get("quote"); ok {
		switch n, isNumber := v.(int64); {
		case isNumber && n >= 28 && n <= 1232:
			b.quote = int(n)
		case v == "all":
			b.quote = 0
		default:
			t.wrong("quote", "quote must be a number of bytes within 28 - 1232, or \"all\"")
		}
	}
	b.quoteTTL = int(t.integer("quote-ttl", 0, 255, int64(b.quoteTTL)))
	b.quoteTOS = int(t.integer("quote-tos", 0, 255, int64(b.quoteTOS)))
	b.quoteChecksum = word(t, "quote-checksum", b.quoteChecksum, sumWords)
	b.quoteZero = t.boolean("quote-zeroed", b.quoteZero)
	b.quoteSwapID = t.boolean("quote-ipid-swapped", b.quoteSwapID)
}

func readExtensions(t *table, b *behaviour) {
	if v, ok := t.get("mpls"); ok {
		b.mpls = nil
		var stack []packet.MPLSLabel
		list, isList := v.([]any)
		if !isList || len(list) > 10 {
			t.wrong("mpls", "mpls must be a list of at most 10 labels, each {label = 16, tc = 0, ttl = 1}")
		}
		for i, one := range list {
			m, isTable := one.(map[string]any)
			if !isTable {
				t.wrong("mpls", "mpls must be a list of labels, each {label = 16, tc = 0, ttl = 1}")
				break
			}
			l := t.r.table(t.at("mpls["+strconv.Itoa(i)+"]"), t.what+": mpls", m)
			stack = append(stack, packet.MPLSLabel{
				Label:  uint32(l.integer("label", 0, 1<<20-1, 0)),
				Exp:    uint8(l.integer("tc", 0, 7, 0)),
				TTL:    uint8(l.integer("ttl", 0, 255, 1)),
				Bottom: i == len(list)-1,
			})
			l.done()
		}
		if len(stack) > 0 {
			b.mpls, _ = packet.AppendMPLS(nil, stack...)
		}
	}
	b.mplsAll = t.boolean("mpls-in-unreachables", b.mplsAll)
	if t.has("interface-info") {
		b.interfaceInfo = 0
		for _, w := range t.strs("interface-info") {
			bit, known := infoWords[w]
			if !known {
				t.wrong("interface-info", "interface-info: %q is none of %s", w, strings.Join(sortedKeys(infoWords), ", "))
			}
			b.interfaceInfo |= bit
		}
	}
	b.legacy = t.boolean("extension-without-length", b.legacy)
}

func readIdentifiers(t *table, b *behaviour) {
	if t.has("ipid") {
		b.ipid = word(t, "ipid", b.ipid, ipidWords)
		b.ipidSwap = t.str("ipid", "") == "swapped"
	}
	b.ipidStart = int(t.integer("ipid-start", 0, 65535, int64(b.ipidStart)))
	b.ipidStep = int(t.integer("ipid-step", 0, 65535, int64(b.ipidStep)))
	b.ipidVelocity = t.number("ipid-velocity", 0, 1e6, b.ipidVelocity)
	b.frag = word(t, "fragment-id", b.frag, fragWords)
	b.fragStart = t.integer("fragment-id-start", 0, 1<<32-1, b.fragStart)
	b.fragVelocity = t.number("fragment-id-velocity", 0, 1e9, b.fragVelocity)
	b.atomic = t.boolean("atomic-fragments", b.atomic)
	b.heedPMTU = t.boolean("heed-too-big", b.heedPMTU)
}

func readOrigin(t *table, key string, def origin, words map[string]originKind) origin {
	if !t.has(key) {
		return def
	}
	list := t.strs(key)
	if len(list) == 1 {
		if kind, known := words[list[0]]; known {
			return origin{kind: kind}
		}
	}
	o := origin{kind: originFixed}
	for _, s := range list {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			t.wrong(key, "%s: %q is no address and none of %s", key, s, strings.Join(sortedKeys(words), ", "))
			continue
		}
		o.fixed[family(a)] = a
	}
	return o
}

// readPorts reads a table such as {"53" = "open", "33435-33500" = "silent"}.
func readPorts(t *table, key string, def []portAnswer, words map[string]answer) []portAnswer {
	m, ok := t.sub(key)
	if !ok {
		return def
	}
	inner := t.r.table(t.at(key), t.what+": "+key, m)
	var rules []portAnswer
	for _, ports := range sortedKeys(m) {
		first, last, isRange := strings.Cut(ports, "-")
		if !isRange {
			last = first
		}
		low, err1 := strconv.ParseUint(first, 10, 16)
		high, err2 := strconv.ParseUint(last, 10, 16)
		if err1 != nil || err2 != nil || low > high {
			inner.wrong(ports, "%q is not a port or a range of ports such as \"33435-33500\"", ports)
			continue
		}
		rules = append(rules, portAnswer{uint16(low), uint16(high), word(inner, ports, answer{}, words)})
	}
	return rules
}

func readHash(t *table, def hashFields) hashFields {
	if !t.has("hash") {
		return def
	}
	var h hashFields
	for _, w := range t.strs("hash") {
		bit, known := hashWords[w]
		if !known {
			t.wrong("hash", "hash: %q is none of %s", w, strings.Join(sortedKeys(hashWords), ", "))
		}
		h |= bit
	}
	return h
}
