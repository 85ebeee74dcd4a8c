package ping

// The IPv4 identifications of a ping's probes are spread over all values, and different: probe i has base + i*step, both of
// which follow from when the ping began. So what quotes a probe tells at once which it was, however long ago that is.

// idSteps returns where the identifications begin, and the odd step from one to the next.
func (p *Ping) idSteps() (base, step uint16) {
	x := uint64(p.start) * 0x9e3779b97f4a7c15 // the multiplier of Fibonacci hashing (Knuth, TAOCP 6.4) for 64 bits
	return uint16(x >> 48), uint16(x>>32) | 1
}

// ipid returns the identification of probe i. It is never 0, which the kernel would replace.
func (p *Ping) ipid(i uint16) uint16 {
	base, step := p.idSteps()
	if id := base + i*step; id != 0 {
		return id
	}
	return base - step // that of probe 65535, of which there is none
}

// probeOf returns which probe has an identification, if that many were sent.
func (p *Ping) probeOf(id uint16) (i int, ok bool) {
	base, step := p.idSteps()
	if id == base-step {
		id = 0
	}
	// The inverse of an odd number modulo a power of two by Newton's iteration: each doubles the bits that are right.
	inverse := step
	for range 4 {
		inverse *= 2 - step*inverse
	}
	i = int((id - base) * inverse)
	return i, i < int(p.sent)
}
