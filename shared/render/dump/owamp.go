package dump

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendOWAMP appends the dump of an owamp. No empty line ends it.
func AppendOWAMP(b []byte, o *warts.OWAMP) []byte {
	b = append(b, "owamp"...)
	if o.Src.IsValid() {
		b = appendAddr(b, " from ", o.Src)
	}
	if o.Dst.IsValid() {
		b = appendAddr(b, " to ", o.Dst)
	}
	b = append(b, '\n')
	b = appendOrigin(b, o.List, o.Cycle, o.UserID)
	b = appendTime(b, " start: ", o.Start)
	b = appendTime(b, " startat: ", o.StartAt)
	b = appendWait(b, " wait-timeout: ", o.Wait)
	b = appendNum(b, ", attempts: ", uint64(o.Attempts))
	b = appendNum(b, ", dport: ", uint64(o.DstPort))
	b = appendNum(b, ", pktsize: ", uint64(o.PacketSize))
	b = appendNum(b, ", dscp: ", uint64(o.DSCP))
	b = appendNum(b, ", ttl: ", uint64(o.TTL))
	b = append(b, "\n dir: "...)
	b = append(b, o.Dir.String()...)
	b = appendNum(b, ", udp_sport: ", uint64(o.UDPSrcPort))
	b = appendNum(b, ", udp_dport: ", uint64(o.UDPDstPort))
	b = append(b, '\n')
	if o.HSRTT != 0 {
		b = append(b, " hs-rtt: "...)
		b = render.AppendSigned6(b, o.HSRTT)
		b = append(b, '\n')
	}
	b = append(b, " result: "...)
	b = append(b, o.Result.String()...)
	b = append(b, '\n')
	b = appendErrMsg(b, o.ErrMsg, o.Kept.Has(render.OWAMPErrMsg))
	if len(o.Schedule) > 0 {
		b = appendNum(b, " schedc: ", uint64(len(o.Schedule)))
		b = append(b, '\n')
	}
	for i, slot := range o.Schedule {
		b = appendNum(b, "  ", uint64(i))
		b = append(b, ": "...)
		b = append(b, slot.Type.String()...)
		b = appendWait(b, ", value: ", slot.Interval)
		b = append(b, '\n')
	}
	if len(o.TXs) > 0 {
		b = appendNum(b, " txc: ", uint64(len(o.TXs)))
		b = append(b, '\n')
	}
	for i := range o.TXs {
		b = appendOWAMPSent(b, o, i, &o.TXs[i])
	}
	return b
}

func appendOWAMPSent(b []byte, o *warts.OWAMP, index int, tx *warts.OWAMPSent) []byte {
	b = appendNum(b, "  ", uint64(index))
	b = append(b, ": "...)
	b = appendUnsigned6(b, tx.Stamp, o.StartAt)
	b = appendNum(b, ", seq: ", uint64(tx.Seq))
	b = appendNum(b, ", rxc: ", uint64(len(tx.RXs)))
	if !tx.Scheduled.IsZero() {
		b = append(b, ", sched: "...)
		b = appendUnsigned6(b, tx.Scheduled, o.StartAt)
	}
	b = append(b, '\n')
	for _, rx := range tx.RXs {
		b = append(b, "    "...)
		b = appendUnsigned6(b, rx.Stamp, o.StartAt)
		if rx.Flags&warts.OWAMPReceivedTTL != 0 {
			b = appendNum(b, ", ttl: ", uint64(rx.TTL))
		}
		if rx.Flags&warts.OWAMPReceivedDSCP != 0 {
			b = appendNum(b, ", dscp: ", uint64(rx.DSCP))
		}
		b = append(b, '\n')
	}
	return b
}

// appendUnsigned6 appends the time since the start of the test packets with 32-bit unsigned seconds, so that what was
// before it has a large number.
func appendUnsigned6(b []byte, t, start warts.Time) []byte {
	sec, us := render.Since(t, start)
	b = render.AppendUint(b, uint64(uint32(sec)))
	b = append(b, '.')
	return render.AppendMicros6(b, us)
}
