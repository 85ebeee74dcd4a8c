package dump

import (
	"strings"

	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendHost appends the dump of a host.
func AppendHost(b []byte, h *warts.Host) []byte {
	b = appendFromTo(b, "host", h.Src, h.Dst)
	b = appendOrigin(b, h.List, h.Cycle, h.UserID)
	b = appendTime(b, " start: ", h.Start)
	if h.Flags != 0 {
		b = append(b, " flags:"...)
		for bit, name := range render.HostFlagNames {
			if h.Flags>>bit&1 != 0 {
				b = append(b, ' ')
				b = append(b, name...)
			}
		}
		b = append(b, '\n')
	}
	b = appendWait(b, " wait: ", h.Wait)
	b = appendNum(b, ", retries: ", uint64(h.Retries))
	b = append(b, ", stop: "...)
	b = append(b, h.StopReason.String()...)
	b = append(b, "\n qname: "...)
	if h.QName == "" {
		b = append(b, "(null)"...)
	}
	b = append(b, h.QName...)
	b = append(b, ", qclass: "...)
	b = append(b, render.DNSClass(h.QClass)...)
	b = append(b, ", qtype: "...)
	b = append(b, render.DNSType(h.QType)...)
	b = appendNum(b, ", qcount: ", uint64(len(h.Queries)))
	b = append(b, '\n')
	if h.ECS != "" || h.Kept.Has(render.HostECS) {
		b = appendText(b, " edns-client-subnet: ", h.ECS, true)
		b = append(b, '\n')
	}
	b = appendErrMsg(b, h.ErrMsg, h.Kept.Has(render.HostErrMsg))
	for i := range h.Queries {
		b = appendHostQuery(b, h, i, &h.Queries[i])
	}
	return append(b, '\n')
}

func appendHostQuery(b []byte, h *warts.Host, index int, q *warts.HostQuery) []byte {
	b = appendNum(b, " query: ", uint64(index))
	b = appendNum(b, ", id: ", uint64(q.ID))
	b = append(b, ", tx: "...)
	b = render.AppendSince(b, q.TX, h.Start)
	replied := !q.RX.IsZero()
	if replied {
		b = append(b, ", rtt: "...)
		b = render.AppendSince(b, q.RX, q.TX)
	}
	b = appendNum(b, ", an: ", uint64(len(q.An)))
	b = appendNum(b, ", ns: ", uint64(len(q.Ns)))
	b = appendNum(b, ", ar: ", uint64(len(q.Ar)))
	b = append(b, '\n')
	if replied {
		b = append(b, "  rcode: "...)
		b = append(b, render.DNSRCode(q.RCode)...)
		if q.Flags != 0 {
			b = append(b, ", flags: "...)
			b = appendNames(b, uint64(q.Flags), render.DNSFlagNames, ", ")
		}
		b = append(b, '\n')
	}
	b = appendHostRRs(b, "  an: ", q.An)
	b = appendHostRRs(b, "  ns: ", q.Ns)
	return appendHostRRs(b, "  ar: ", q.Ar)
}

func appendHostRRs(b []byte, label string, rrs []warts.HostRR) []byte {
	for i := range rrs {
		rr := &rrs[i]
		b = append(b, label...)
		b = append(b, rr.Name...)
		b = appendNum(b, " ", uint64(rr.TTL))
		b = append(b, ' ')
		b = append(b, render.DNSClass(rr.Class)...)
		b = append(b, ' ')
		b = append(b, render.DNSType(rr.Type)...)
		b = appendHostData(b, rr.Data)
		b = append(b, '\n')
	}
	return b
}

func appendHostData(b []byte, data warts.HostRRData) []byte {
	switch data := data.(type) {
	case warts.HostRRAddr:
		b = appendAddr(b, " ", data.Addr)
	case warts.HostRRName:
		b = append(b, ' ')
		b = append(b, data.Name...)
	case *warts.HostMX:
		b = appendNum(b, " ", uint64(data.Preference))
		b = append(b, ' ')
		b = append(b, data.Exchange...)
	case *warts.HostSOA:
		b = append(b, ' ')
		b = append(b, data.MName...)
		b = append(b, ' ')
		b = append(b, data.RName...)
		for _, v := range [...]uint32{data.Serial, data.Refresh, data.Retry, data.Expire, data.Minimum} {
			b = appendNum(b, " ", uint64(v))
		}
	case *warts.HostTXT:
		b = appendNum(b, " ", uint64(len(data.Strings)))
		for _, s := range data.Strings {
			// Other programs keep the text as a C string.
			s, _, _ = strings.Cut(s, "\x00")
			b = append(b, ` "`...)
			b = append(b, s...)
			b = append(b, '"')
		}
	case *warts.HostOPT:
		b = appendNum(b, " ", uint64(len(data.Elements)))
		b = appendKeyValues(b, data.Elements)
	case *warts.HostSVCB:
		b = appendNum(b, " ", uint64(data.Priority))
		b = append(b, ' ')
		b = append(b, data.Target...)
		b = appendNum(b, " ", uint64(len(data.Params)))
		b = appendKeyValues(b, data.Params)
	}
	return b
}

func appendKeyValues(b []byte, pairs []warts.HostKeyValue) []byte {
	for _, pair := range pairs {
		b = appendNum(b, " ", uint64(pair.Key))
		if len(pair.Value) > 0 {
			b = append(b, ':')
			b = render.AppendHexBytes(b, pair.Value)
		}
	}
	return b
}
