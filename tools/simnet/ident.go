package simnet

import (
	"net/netip"
	"time"
)

// state is what a router or host remembers.
type state struct {
	sent   uint32 // packets from the shared counter
	frags  uint32 // fragmented packets
	errors bucket
	echoes bucket
}

// bucket is a token bucket.
type bucket struct {
	tokens float64
	last   time.Duration
	full   bool // has been filled for the first time
}

// spend takes a token at time at, of at most burst that come in at rate per second.
func (b *bucket) spend(rate, burst float64, at time.Duration) bool {
	if !b.full {
		b.tokens, b.last, b.full = burst, at, true
	}
	if at > b.last {
		b.tokens = min(burst, b.tokens+rate*(at-b.last).Seconds())
		b.last = at
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// ipid is the IPv4 identification of a packet from src that answers probe.
func (n *Net) ipid(a *actor, src netip.Addr, probe *journey, at time.Duration) uint16 {
	b := a.b
	switch b.ipid {
	case idZero:
		return 0
	case idEcho:
		if !probe.v6 {
			return be16(probe.b[4:])
		}
		return 0
	case idRandom:
		return uint16(n.rnd.next())
	}
	count, salt := &a.state.sent, a.salt
	if b.ipid == idInterface {
		if c := n.t.classOf(src); c >= 0 && !a.virtual {
			count = &n.classID[c]
			salt = mix(salt, uint64(c))
		}
	}
	start := uint32(b.ipidStart)
	if b.ipidStart < 0 {
		start = uint32(mix(salt, 0x1d) & 0xffff)
	}
	id := uint16(start + *count*uint32(b.ipidStep) + uint32(uint64(b.ipidVelocity*at.Seconds())))
	*count++
	if b.ipidSwap {
		id = id<<8 | id>>8
	}
	return id
}

// fragmentID is the identification of a fragmented packet (RFC 7739 lists what hosts do).
func (n *Net) fragmentID(a *actor, dst netip.Addr, at time.Duration) uint32 {
	b := a.b
	if b.frag == idRandom {
		return uint32(n.rnd.next())
	}
	salt := a.salt
	count := &a.state.frags
	if b.frag == idInterface {
		_, lo := key(dst)
		salt = mix(salt, lo)
		count = &n.perDestination[salt%uint64(len(n.perDestination))]
	}
	start := uint32(b.fragStart)
	if b.fragStart < 0 {
		start = uint32(mix(salt, 0xf1a9))
	}
	id := start + *count + uint32(uint64(b.fragVelocity*at.Seconds()))
	*count++
	return id
}

// pathMTU is what a host has been told about the way to a destination. The table is a cache: a later entry may take an
// earlier one's place.
type pathMTU struct {
	key   uint64
	mtu   int
	until time.Duration
}

// pathMTULife is how long hosts believe a packet too big: 10 minutes, RFC 8201 section 5.3.
const pathMTULife = 10 * time.Minute

func pathKey(salt uint64, dst netip.Addr) uint64 {
	hi, lo := key(dst)
	return mix(mix(salt, hi), lo) | 1
}

func (n *Net) notePMTU(salt uint64, dst netip.Addr, mtu int, at time.Duration) {
	k := pathKey(salt, dst)
	n.pmtu[k>>8%uint64(len(n.pmtu))] = pathMTU{k, mtu, at + pathMTULife}
}

// knownPMTU is the path MTU that a host was told, or 0.
func (n *Net) knownPMTU(salt uint64, dst netip.Addr, at time.Duration) int {
	k := pathKey(salt, dst)
	if e := &n.pmtu[k>>8%uint64(len(n.pmtu))]; e.key == k && at < e.until {
		return e.mtu
	}
	return 0
}
