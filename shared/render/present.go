package render

import "scamper/shared/warts"

// Numbers of parameters, for [warts.Kept.Has], whose values are shown although they are empty if the file has them.
const (
	ListDescription     = 1
	ListMonitor         = 2
	CycleHostName       = 2
	TraceErrMsg         = 34
	TraceReplyName      = 20
	DoubletreeLSSName   = 6
	PingErrMsg          = 34
	PingReplyIfName     = 20
	TracelbErrMsg       = 26
	TracelbNodeName     = 6
	DealiasErrMsg       = 8
	NeighbourdiscErrMsg = 16
	NeighbourdiscIfName = 4
	TbitErrMsg          = 22
	TbitHTTPHost        = 1
	TbitHTTPFile        = 2
	StingErrMsg         = 23
	SniffErrMsg         = 12
	HostErrMsg          = 16
	HostQName           = 13
	HostECS             = 15
	HTTPErrMsg          = 18
	HTTPECHSNI          = 20
	UDPProbeErrMsg      = 20
	UDPProbeReplyIfName = 4
	OWAMPErrMsg         = 19

	traceReplyAttempt = 5
)

// Attempt returns the attempt, from 1, whose probe got a reply: 0 if the reply's file does not tell.
func Attempt(probe *warts.TraceProbe, r *warts.TraceReply) uint8 {
	if r.Kept.FromFile() && !r.Kept.Has(traceReplyAttempt) {
		return 0
	}
	return probe.ID + 1
}
