package warts

// With Reader.Reuse, a ping or trace that is read takes the memory of the one before.

// reusePing returns a ping to decode into.
func (d *decoder) reusePing() *Ping {
	if !d.alias {
		return new(Ping)
	}
	if d.oldPing == nil {
		d.oldPing = new(Ping)
	}
	*d.oldPing = Ping{Probes: d.oldPing.Probes[:0]}
	return d.oldPing
}

// pingReplies returns room for n replies.
func (d *decoder) pingReplies(n int) []PingReply {
	if !d.alias {
		return make([]PingReply, n)
	}
	if cap(d.oldReplies) < n {
		d.oldReplies = make([]PingReply, n)
	}
	d.oldReplies = d.oldReplies[:n]
	clear(d.oldReplies)
	return d.oldReplies
}

// reuseTrace returns a trace to decode into.
func (d *decoder) reuseTrace() *Trace {
	d.usedHops = 0
	if !d.alias {
		return new(Trace)
	}
	if d.oldTrace == nil {
		d.oldTrace = new(Trace)
	}
	*d.oldTrace = Trace{Probes: d.oldTrace.Probes[:0]}
	return d.oldTrace
}

// traceReplies returns room for n replies. A trace has up to three sets of them.
func (d *decoder) traceReplies(n int) []TraceReply {
	if !d.alias {
		return make([]TraceReply, n)
	}
	if cap(d.oldHops) < d.usedHops+n {
		d.oldHops = make([]TraceReply, d.usedHops+n) // the earlier sets keep the old memory
	}
	list := d.oldHops[d.usedHops : d.usedHops+n : d.usedHops+n]
	d.usedHops += n
	clear(list)
	return list
}
