package text

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendDealias appends the line of an ally: its two addresses and the result. Other methods have no text.
func AppendDealias(b []byte, d *warts.Dealias) []byte {
	if d.Method != warts.DealiasAlly || len(d.ProbeDefs) < 2 {
		return b
	}
	b = d.ProbeDefs[0].Dst.AppendTo(b)
	b = append(b, ' ')
	b = d.ProbeDefs[1].Dst.AppendTo(b)
	b = append(b, ' ')
	switch d.Result {
	case warts.DealiasNone, warts.DealiasAliases:
		b = append(b, d.Result.String()...)
	case warts.DealiasNotAliases:
		b = append(b, "not aliases"...)
	default:
		b = render.AppendUint(b, uint64(d.Result))
	}
	return append(b, '\n')
}
