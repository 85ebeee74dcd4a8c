// Package dump renders warts records as sc_wartsdump does: every field of every record type, one to a few lines each.
package dump

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// Append appends the dump of a record; nothing for address records and unknown types.
func Append(b []byte, rec warts.Record) []byte {
	switch r := rec.(type) {
	case *warts.List:
		return AppendList(b, r)
	case *warts.Cycle:
		return AppendCycle(b, r)
	case *warts.Trace:
		return AppendTrace(b, r)
	case *warts.Ping:
		return AppendPing(b, r)
	case *warts.Tracelb:
		return AppendTracelb(b, r)
	case *warts.Dealias:
		return AppendDealias(b, r)
	case *warts.Neighbourdisc:
		return AppendNeighbourdisc(b, r)
	case *warts.Tbit:
		return AppendTbit(b, r)
	case *warts.Sting:
		return AppendSting(b, r)
	case *warts.Sniff:
		return AppendSniff(b, r)
	case *warts.Host:
		return AppendHost(b, r)
	case *warts.HTTP:
		return AppendHTTP(b, r)
	case *warts.UDPProbe:
		return AppendUDPProbe(b, r)
	case *warts.OWAMP:
		return AppendOWAMP(b, r)
	}
	return b
}

// AppendList appends the line of a list.
func AppendList(b []byte, l *warts.List) []byte {
	b = append(b, "list id "...)
	b = render.AppendSigned32(b, l.ID)
	b = append(b, ", name "...)
	b = append(b, l.Name...)
	if l.Description != "" || l.Kept.Has(render.ListDescription) {
		b = append(b, `, descr "`...)
		b = append(b, l.Description...)
		b = append(b, '"')
	}
	return append(b, '\n')
}

// AppendCycle appends the line of the start, the definition or the stop of a cycle.
func AppendCycle(b []byte, c *warts.Cycle) []byte {
	when := c.Start
	switch c.Kind {
	case warts.CycleStart:
		b = append(b, "cycle start, list "...)
	case warts.CycleDef:
		b = append(b, "cycle def, list "...)
	default:
		b = append(b, "cycle stop, list "...)
		when = c.Stop
	}
	if c.List != nil {
		b = append(b, c.List.Name...)
		b = append(b, ' ')
		b = render.AppendSigned32(b, c.List.ID)
	}
	b = append(b, ", cycle "...)
	b = render.AppendSigned32(b, c.ID)
	b = append(b, ", time "...)
	b = render.AppendCTime(b, when)
	return append(b, '\n')
}

// appendFromTo appends the first line of a record: its type and addresses.
func appendFromTo(b []byte, what string, src, dst warts.Addr) []byte {
	b = append(b, what...)
	if src.IsValid() {
		b = append(b, " from "...)
		b = src.AppendTo(b)
	}
	b = append(b, " to "...)
	b = dst.AppendTo(b)
	return append(b, '\n')
}

// appendOrigin appends the lines about where a record belongs: its list and cycle, if it has them, and its user id.
func appendOrigin(b []byte, l *warts.List, c *warts.Cycle, userID uint32) []byte {
	if l != nil {
		b = append(b, " list id: "...)
		b = render.AppendSigned32(b, l.ID)
		b = appendText(b, ", name: ", l.Name, true)
		b = appendText(b, ", monitor: ", l.Monitor, l.Kept.Has(render.ListMonitor))
		b = append(b, '\n')
	}
	if c != nil {
		b = append(b, " cycle id: "...)
		b = render.AppendSigned32(b, c.ID)
		b = append(b, '\n')
	}
	b = append(b, " user-id: "...)
	b = render.AppendSigned32(b, userID)
	return append(b, '\n')
}

// appendTime appends a line with a label, a moment in local time, and its microseconds.
func appendTime(b []byte, label string, t warts.Time) []byte {
	b = append(b, label...)
	b = render.AppendCTime(b, t.Sec)
	b = append(b, ' ')
	b = render.AppendMicros6(b, t.Usec)
	return append(b, '\n')
}

// appendErrMsg appends the line of an error message, as it is in the record; nothing for an empty message that the
// record's file did not have.
func appendErrMsg(b []byte, msg string, had bool) []byte {
	if msg == "" && !had {
		return b
	}
	b = appendText(b, " errmsg: ", msg, had)
	return append(b, '\n')
}

// appendText appends a label and a text; nothing for an empty text that the record's file did not have.
func appendText(b []byte, label, s string, had bool) []byte {
	if s == "" && !had {
		return b
	}
	b = append(b, label...)
	return append(b, s...)
}

// appendNum appends a label and a number.
func appendNum(b []byte, label string, v uint64) []byte {
	b = append(b, label...)
	return render.AppendUint(b, v)
}

// appendSigned appends a label and a 32-bit number that is shown as a signed one.
func appendSigned(b []byte, label string, v uint32) []byte {
	b = append(b, label...)
	return render.AppendSigned32(b, v)
}

// appendHex appends a label that ends with the 0x of the number behind it.
func appendHex(b []byte, label string, v uint64, digits int) []byte {
	b = append(b, label...)
	return render.AppendHex(b, v, digits)
}

// appendAddr appends a label and an address.
func appendAddr(b []byte, label string, a warts.Addr) []byte {
	b = append(b, label...)
	return a.AppendTo(b)
}

// appendAbsolute appends a label and a moment as seconds since 1970 with six decimals.
func appendAbsolute(b []byte, label string, t warts.Time) []byte {
	b = append(b, label...)
	b = render.AppendUint(b, uint64(t.Sec))
	b = append(b, '.')
	return render.AppendMicros6(b, t.Usec)
}

// appendTCPFlags appends the names of TCP flags in parentheses, with a space in front; nothing if no flag is set.
func appendTCPFlags(b []byte, flags uint8) []byte {
	if flags == 0 {
		return b
	}
	b = append(b, " ("...)
	for bit, name := range render.TCPFlagNames {
		if flags>>bit&1 != 0 {
			b = append(b, ' ')
			b = append(b, name...)
		}
	}
	return append(b, " )"...)
}

// appendNames appends the names of the bits that are set, lowest first, joined by sep. Bits without a name are left out.
func appendNames(b []byte, flags uint64, names []string, sep string) []byte {
	some := false
	for bit := 0; bit < len(names) && flags>>bit != 0; bit++ {
		if flags>>bit&1 == 0 {
			continue
		}
		if some {
			b = append(b, sep...)
		}
		some = true
		b = append(b, names[bit]...)
	}
	return b
}
