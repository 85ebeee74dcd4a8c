package render

import (
	"math"

	"scamper/shared/warts"
)

// PingFlagNames are the names of the ping flags by bit number.
var PingFlagNames = []string{
	"v4rr", "spoof", "payload", "tsonly", "tsandaddr", "icmpsum", "dl", "tbt", "nosrc", "raw", "sockrx", "dltx",
}

// PingStats are the statistics of a ping.
type PingStats struct {
	Total   int // probes sent whose outcome is known
	Replies int // probes that the target answered
	Dups    int // further answers of the target to probes that it had answered
	Errs    int // replies that are not the target's answer, such as unreachables
	Pending int // probes sent whose outcome is not known yet

	// Microseconds of the round-trip times of the target's answers, duplicates included; Avg and StdDev (of the
	// population) are cut, not rounded. They mean something only if Replies > 0.
	Min, Max, Avg, StdDev uint32
}

// Lost returns the number of probes that were sent and not answered by the target.
func (s *PingStats) Lost() int { return s.Total - s.Replies }

// Statistics computes the statistics of a ping.
func Statistics(p *warts.Ping) PingStats {
	s := PingStats{Min: math.MaxUint32}
	var sum, answers uint64
	for i := range p.Probes {
		probe := &p.Probes[i]
		if probe.Flags&warts.PingReplyPending != 0 {
			s.Pending++
			continue
		}
		answered := 0
		for j := range probe.Replies {
			r := &probe.Replies[j]
			if !FromTarget(p, r) {
				s.Errs++
				continue
			}
			rtt := uint32(r.RTT.Microseconds())
			s.Min, s.Max = min(s.Min, rtt), max(s.Max, rtt)
			sum += uint64(rtt)
			answered++
		}
		if answered > 0 {
			s.Replies++
			s.Dups += answered - 1
			answers += uint64(answered)
		}
	}
	s.Total = int(p.Sent) - s.Pending
	if answers == 0 {
		s.Min = 0
		return s
	}
	s.Avg = uint32(sum / answers)
	mean := float64(sum) / float64(answers)
	var squares float64
	for i := range p.Probes {
		probe := &p.Probes[i]
		if probe.Flags&warts.PingReplyPending != 0 {
			continue
		}
		for j := range probe.Replies {
			if r := &probe.Replies[j]; FromTarget(p, r) {
				d := float64(uint32(r.RTT.Microseconds())) - mean
				squares += d * d
			}
		}
	}
	s.StdDev = uint32(math.Sqrt(squares / float64(answers)))
	return s
}

// FromTarget tells whether a reply is what a ping of this method gets from its target. Who sent it doesn't matter.
func FromTarget(p *warts.Ping, r *warts.PingReply) bool {
	switch m := p.Method; {
	case m == warts.PingICMPEcho:
		return r.IsICMP() && (r.Addr.Is4() && r.ICMPType == 0 || r.Addr.Is6() && r.ICMPType == 129)
	case m == warts.PingICMPTime:
		return r.IsICMP() && r.Addr.Is4() && r.ICMPType == 14
	case m.IsTCP():
		return r.IsTCP()
	case m.IsUDP():
		return r.IsUDP() || isPortUnreach(r)
	}
	return false
}

func isPortUnreach(r *warts.PingReply) bool {
	return r.IsICMP() &&
		(r.Addr.Is4() && r.ICMPType == 3 && r.ICMPCode == 3 || r.Addr.Is6() && r.ICMPType == 1 && r.ICMPCode == 4)
}

// PingPorts returns the ports of a probe of a UDP or TCP ping: its own source port, if it has one, else the ping's, each
// plus the probe's number where the method varies it.
func PingPorts(p *warts.Ping, probe *warts.PingProbe) (sport, dport uint16) {
	sport, dport = p.SrcPort, p.DstPort
	if p.Method.VariesSport() {
		sport += probe.ID
	}
	if probe.SrcPort != 0 {
		sport = probe.SrcPort
	}
	if p.Method.VariesDport() {
		dport += probe.ID
	}
	return sport, dport
}
