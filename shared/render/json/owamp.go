package json

import (
	"time"

	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendOWAMP appends the line of an owamp. This object has no spaces.
func AppendOWAMP(b []byte, o *warts.OWAMP) []byte {
	b = append(b, `{"type":"owamp"`...)
	b = appendStringKey(b, `,"dir":`, o.Dir.String())
	b = appendAddrKey(b, `,"src":`, o.Src)
	b = appendAddrKey(b, `,"dst":`, o.Dst)
	b = appendUintKey(b, `,"dport":`, uint64(o.DstPort))
	b = append(b, `,"start":`...)
	b = appendTime(b, o.Start)
	b = append(b, `,"startat":`...)
	b = appendTime(b, o.StartAt)
	b = append(b, `,"wait_timeout":`...)
	b = appendDuration(b, o.Wait)
	b = append(b, `,"hsrtt":`...)
	b = appendDuration(b, o.HSRTT)
	b = appendUintKey(b, `,"userid":`, uint64(o.UserID))
	b = appendUintKey(b, `,"attempts":`, uint64(o.Attempts))
	b = appendUintKey(b, `,"pktsize":`, uint64(o.PacketSize))
	b = appendUintKey(b, `,"dscp":`, uint64(o.DSCP))
	b = appendUintKey(b, `,"udp_sport":`, uint64(o.UDPSrcPort))
	b = appendUintKey(b, `,"udp_dport":`, uint64(o.UDPDstPort))
	b = appendStringKey(b, `,"result":`, o.Result.String())
	b = appendTextKey(b, `,"errmsg":`, o.ErrMsg, o.Kept.Has(render.OWAMPErrMsg))
	b = appendMonitorKey(b, o.List)
	for i, slot := range o.Schedule {
		if i == 0 {
			b = append(b, `,"sched":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, `{"value":`...)
		b = appendDuration(b, slot.Interval)
		b = appendStringKey(b, `,"type":`, slot.Type.String())
		b = append(b, '}')
	}
	if len(o.Schedule) > 0 {
		b = append(b, ']')
	}
	b = append(b, `,"txs":[`...)
	for i := range o.TXs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendOWAMPSent(b, &o.TXs[i])
	}
	return append(b, "]}\n"...)
}

func appendDuration(b []byte, d time.Duration) []byte {
	sec, usec := render.SplitMicros(d)
	return appendTime(b, warts.Time{Sec: uint32(sec), Usec: usec})
}

func appendOWAMPSent(b []byte, tx *warts.OWAMPSent) []byte {
	b = append(b, `{"stamp":`...)
	b = appendTime(b, tx.Stamp)
	b = appendUintKey(b, `,"seq":`, uint64(tx.Seq))
	if tx.Flags&warts.OWAMPSentErrEst != 0 {
		b = appendUintKey(b, `,"errest":`, uint64(tx.ErrEst))
	}
	b = appendUintKey(b, `,"rxc":`, uint64(len(tx.RXs)))
	if tx.Flags&warts.OWAMPNotSent != 0 {
		b = append(b, `,"sent":0`...)
	} else {
		b = append(b, `,"sent":1`...)
	}
	b = append(b, `,"rxs":[`...)
	for i, rx := range tx.RXs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"stamp":`...)
		b = appendTime(b, rx.Stamp)
		if rx.Flags&warts.OWAMPReceivedErrEst != 0 {
			b = appendUintKey(b, `,"errest":`, uint64(rx.ErrEst))
		}
		if rx.Flags&warts.OWAMPReceivedDSCP != 0 {
			b = appendUintKey(b, `,"dscp":`, uint64(rx.DSCP))
		}
		if rx.Flags&warts.OWAMPReceivedTTL != 0 {
			b = appendUintKey(b, `,"ttl":`, uint64(rx.TTL))
		}
		b = append(b, '}')
	}
	return append(b, "]}"...)
}
