package json

import (
	"strings"

	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendHost appends the line of a host.
func AppendHost(b []byte, h *warts.Host) []byte {
	b = append(b, `{"type":"host", "version":"0.1"`...)
	b = appendAddrKey(b, `, "src":`, h.Src)
	b = appendAddrKey(b, `, "dst":`, h.Dst)
	b = appendUintKey(b, `, "userid":`, uint64(h.UserID))
	b = append(b, `, "start":`...)
	b = appendTime(b, h.Start)
	b = appendTextKey(b, `,"errmsg":`, h.ErrMsg, h.Kept.Has(render.HostErrMsg))
	if known := uint64(h.Flags) & (1<<len(render.HostFlagNames) - 1); known != 0 {
		b = append(b, `, "flags":`...)
		b = appendFlags(b, known, render.HostFlagNames, ", ", nil)
	}
	b = appendUintKey(b, `, "wait":`, uint64(h.Wait.Milliseconds()))
	b = appendUintKey(b, `, "retries":`, uint64(h.Retries))
	b = appendStringKey(b, `, "stop":`, strings.ToUpper(h.StopReason.String()))
	b = appendTextKey(b, `, "qname":`, h.QName, h.Kept.Has(render.HostQName))
	b = appendStringKey(b, `, "qclass":`, render.DNSClass(h.QClass))
	b = appendStringKey(b, `, "qtype":`, render.DNSType(h.QType))
	b = appendUintKey(b, `, "qcount":`, uint64(len(h.Queries)))
	if h.ECS != "" || h.Kept.Has(render.HostECS) {
		b = append(b, `, "ecs":`...)
		b = render.AppendQuoted(b, h.ECS, noLimit)
	}
	b = appendMonitorKey(b, h.List)
	b = append(b, `, "queries":[`...)
	for i := range h.Queries {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendHostQuery(b, &h.Queries[i])
	}
	return append(b, "]}\n"...)
}

func appendHostQuery(b []byte, q *warts.HostQuery) []byte {
	b = appendUintKey(b, `{"id":`, uint64(q.ID))
	b = appendUintKey(b, `, "ancount":`, uint64(len(q.An)))
	b = appendUintKey(b, `, "nscount":`, uint64(len(q.Ns)))
	b = appendUintKey(b, `, "arcount":`, uint64(len(q.Ar)))
	b = append(b, `, "tx":`...)
	b = appendTime(b, q.TX)
	if !q.RX.IsZero() {
		b = append(b, `, "rx":`...)
		b = appendTime(b, q.RX)
		b = appendStringKey(b, `, "rcode":`, render.DNSRCode(q.RCode))
		b = append(b, `, "flags":`...)
		b = appendFlags(b, uint64(q.Flags), render.DNSFlagNames, ",", nil)
	}
	b = appendHostRRs(b, `, "an":[`, q.An)
	b = appendHostRRs(b, `, "ns":[`, q.Ns)
	b = appendHostRRs(b, `, "ar":[`, q.Ar)
	return append(b, '}')
}

// appendHostRRs appends an array of resource records, given the text that begins it; nothing if there are none.
func appendHostRRs(b []byte, begin string, rrs []warts.HostRR) []byte {
	if len(rrs) == 0 {
		return b
	}
	b = append(b, begin...)
	for i := range rrs {
		rr := &rrs[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = appendStringKey(b, `{"class":`, render.DNSClass(rr.Class))
		b = appendStringKey(b, `, "type":`, render.DNSType(rr.Type))
		b = appendUintKey(b, `, "ttl":`, uint64(rr.TTL))
		b = append(b, `, "name":`...)
		b = appendText(b, rr.Name)
		b = appendHostData(b, rr)
		b = append(b, '}')
	}
	return append(b, ']')
}

// hostNameKeys are the keys of data that are a name, by type.
var hostNameKeys = map[uint16]string{
	render.DNSTypeNS: `, "nsdname":`, render.DNSTypeCNAME: `, "cname":`, render.DNSTypePTR: `, "ptrdname":`,
}

func appendHostData(b []byte, rr *warts.HostRR) []byte {
	switch data := rr.Data.(type) {
	case warts.HostRRAddr:
		b = appendAddrKey(b, `, "address":`, data.Addr)
	case warts.HostRRName:
		if key, ok := hostNameKeys[rr.Type]; ok {
			b = append(b, key...)
			b = appendText(b, data.Name)
		}
	case *warts.HostMX:
		b = appendUintKey(b, `, "preference":`, uint64(data.Preference))
		b = append(b, `, "exchange":`...)
		b = appendText(b, data.Exchange)
	case *warts.HostSOA:
		b = append(b, `, "mname":`...)
		b = appendText(b, data.MName)
		b = append(b, `, "rname":`...)
		b = appendText(b, data.RName)
		b = appendUintKey(b, `, "serial":`, uint64(data.Serial))
		b = appendUintKey(b, `, "refresh":`, uint64(data.Refresh))
		b = appendUintKey(b, `, "retry":`, uint64(data.Retry))
		b = appendUintKey(b, `, "expire":`, uint64(data.Expire))
		b = appendUintKey(b, `, "minimum":`, uint64(data.Minimum))
	case *warts.HostTXT:
		b = appendUintKey(b, `, "strc":`, uint64(len(data.Strings)))
		b = append(b, `, "strs":[`...)
		for i, s := range data.Strings {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = appendText(b, s)
		}
		b = append(b, ']')
	}
	return b
}
