// Package json renders warts records as scamper -O json and sc_warts2json do: one object on one line for each record.
//
// Cycle starts and stops, pings, traces, tracelbs, dealiases (save midarest and midardisc), tbits, hosts, udpprobes,
// neighbourdiscs and owamps have a JSON form; the functions of this package append nothing for other records. The keys,
// their order and the spaces between them differ from type to type and are part of the format.
package json

import (
	"time"

	"scamper/shared/render"
	"scamper/shared/warts"
)

// Append appends the line of a record, nothing if its type has no JSON form.
func Append(b []byte, rec warts.Record) []byte {
	switch r := rec.(type) {
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
	case *warts.Host:
		return AppendHost(b, r)
	case *warts.UDPProbe:
		return AppendUDPProbe(b, r)
	case *warts.OWAMP:
		return AppendOWAMP(b, r)
	}
	return b
}

// AppendCycle appends the line of a cycle start or stop; nothing for a cycle definition.
func AppendCycle(b []byte, c *warts.Cycle) []byte {
	switch c.Kind {
	case warts.CycleStart:
		b = append(b, `{"type":"cycle-start", "list_name":`...)
	case warts.CycleStop:
		b = append(b, `{"type":"cycle-stop", "list_name":`...)
	default:
		return b
	}
	name := ""
	if c.List != nil {
		name = c.List.Name
	}
	b = appendText(b, name)
	b = appendUintKey(b, `, "id":`, uint64(c.ID))
	if c.HostName != "" || c.Kind != warts.CycleStop && c.Kept.Has(render.CycleHostName) {
		b = append(b, `, "hostname":`...)
		b = appendText(b, c.HostName)
	}
	if c.Kind == warts.CycleStart {
		b = appendUintKey(b, `, "start_time":`, uint64(c.Start))
	} else {
		b = appendUintKey(b, `, "stop_time":`, uint64(c.Stop))
	}
	return append(b, "}\n"...)
}

// appendUintKey appends a key, given with what separates it from the key before it, and a number.
func appendUintKey(b []byte, key string, v uint64) []byte {
	b = append(b, key...)
	return render.AppendUint(b, v)
}

// appendAddrKey appends a key and an address; nothing for no address.
func appendAddrKey(b []byte, key string, a warts.Addr) []byte {
	if !a.IsValid() {
		return b
	}
	b = append(b, key...)
	return appendAddr(b, a)
}

func appendAddr(b []byte, a warts.Addr) []byte {
	b = append(b, '"')
	b = a.AppendTo(b)
	return append(b, '"')
}

// appendStringKey appends a key and a token of ours, which needs no escaping.
func appendStringKey(b []byte, key, s string) []byte {
	b = append(b, key...)
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendTextKey appends a key and a text from the record; nothing for an empty text that the record's file did not have.
func appendTextKey(b []byte, key, s string, had bool) []byte {
	if s == "" && !had {
		return b
	}
	b = append(b, key...)
	return appendText(b, s)
}

func appendText(b []byte, s string) []byte { return render.AppendQuoted(b, s, render.TextLimit) }

// noLimit is for texts that the format doesn't cut.
const noLimit = 1 << 30

// appendMonitorKey appends the name of the machine that measured, if the record's list has it.
func appendMonitorKey(b []byte, list *warts.List) []byte {
	if list == nil {
		return b
	}
	return appendTextKey(b, `,"monitor":`, list.Monitor, list.Kept.Has(render.ListMonitor))
}

// appendTime appends {"sec":N,"usec":N}; appendSpacedTime has a space after the comma.
func appendTime(b []byte, t warts.Time) []byte {
	b = appendUintKey(b, `{"sec":`, uint64(t.Sec))
	b = appendUintKey(b, `,"usec":`, uint64(t.Usec))
	return append(b, '}')
}

func appendSpacedTime(b []byte, t warts.Time) []byte {
	b = appendUintKey(b, `{"sec":`, uint64(t.Sec))
	b = appendUintKey(b, `, "usec":`, uint64(t.Usec))
	return append(b, '}')
}

// appendRTTKey appends a key and a round-trip time in milliseconds.
func appendRTTKey(b []byte, key string, microseconds uint32) []byte {
	b = append(b, key...)
	return render.AppendMillis(b, microseconds)
}

// appendHexKey appends a key and bytes in hexadecimal; nothing for no bytes.
func appendHexKey(b []byte, key string, data []byte) []byte {
	if len(data) == 0 {
		return b
	}
	b = append(b, key...)
	b = append(b, '"')
	b = render.AppendHexBytes(b, data)
	return append(b, '"')
}

// flagNamer names a bit of a set of flags that has no name: "" leaves it out, a text that begins with a quotation mark
// is a string, anything else a number.
type flagNamer func(b []byte, bit uint64) []byte

// appendFlags appends an array of the names of the bits that are set, lowest first, joined by sep. Bits without a name
// are left to unnamed; nil leaves them out.
func appendFlags(b []byte, flags uint64, names []string, sep string, unnamed flagNamer) []byte {
	b = append(b, '[')
	start := len(b)
	for bit := 0; flags>>bit != 0; bit++ {
		if flags>>bit&1 == 0 {
			continue
		}
		named := bit < len(names) && names[bit] != ""
		if !named && unnamed == nil {
			continue
		}
		if len(b) > start {
			b = append(b, sep...)
		}
		if named {
			b = append(b, '"')
			b = append(b, names[bit]...)
			b = append(b, '"')
		} else {
			b = unnamed(b, 1<<bit)
		}
	}
	return append(b, ']')
}

// byNumber shows an unnamed bit as its value in decimal.
func byNumber(b []byte, bit uint64) []byte { return render.AppendUint(b, bit) }

// byHex shows an unnamed bit as a string of its value in hexadecimal.
func byHex(b []byte, bit uint64) []byte {
	b = append(b, `"0x`...)
	b = render.AppendHex(b, bit, 8)
	return append(b, '"')
}

// appendExts appends the array of ICMP extension objects; nothing if there are none. Only MPLS label stacks show what is
// in them.
func appendExts(b []byte, exts []warts.ICMPExt) []byte {
	if len(exts) == 0 {
		return b
	}
	b = append(b, `,"icmpext":[`...)
	for i, ext := range exts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendUintKey(b, `{"ie_cn":`, uint64(ext.Class))
		b = appendUintKey(b, `,"ie_ct":`, uint64(ext.CType))
		b = appendUintKey(b, `,"ie_dl":`, uint64(len(ext.Data)))
		if ext.IsMPLS() {
			b = append(b, `,"mpls_labels":[`...)
			for j, label := range ext.Labels() {
				if j > 0 {
					b = append(b, ',')
				}
				b = appendUintKey(b, `{"mpls_ttl":`, uint64(label.TTL))
				b = appendUintKey(b, `,"mpls_s":`, uint64(label.S))
				b = appendUintKey(b, `,"mpls_exp":`, uint64(label.Exp))
				b = appendUintKey(b, `,"mpls_label":`, uint64(label.Label))
				b = append(b, '}')
			}
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendDurationKey appends a key and a duration as an object of seconds and microseconds, with a space in it.
func appendDurationKey(b []byte, key string, d time.Duration) []byte {
	sec, usec := render.SplitMicros(d)
	b = append(b, key...)
	return appendSpacedTime(b, warts.Time{Sec: uint32(sec), Usec: usec})
}
