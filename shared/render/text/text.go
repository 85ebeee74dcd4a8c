// Package text renders warts records as scamper -O text and sc_warts2text do: traceroute-like, ping-like lines.
//
// Only traces, pings, tracelbs, ally dealiases, tbits and stings have a text; the functions of this package append
// nothing for other records.
package text

import "scamper/shared/warts"

// Append appends the text of a record, nothing if its type has none.
func Append(b []byte, rec warts.Record) []byte {
	switch r := rec.(type) {
	case *warts.Trace:
		return AppendTrace(b, r)
	case *warts.Ping:
		return AppendPing(b, r)
	case *warts.Tracelb:
		return AppendTracelb(b, r)
	case *warts.Dealias:
		return AppendDealias(b, r)
	case *warts.Tbit:
		return AppendTbit(b, r)
	case *warts.Sting:
		return AppendSting(b, r)
	}
	return b
}
