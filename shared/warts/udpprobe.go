package warts

import "time"

// UDPProbeStop is the reason why a udpprobe ended.
type UDPProbeStop uint8

// The stop reasons of a udpprobe.
const (
	UDPProbeStopNone   UDPProbeStop = 0
	UDPProbeStopDone   UDPProbeStop = 1
	UDPProbeStopHalted UDPProbeStop = 2
	UDPProbeStopError  UDPProbeStop = 3
)

var udpprobeStops = [...]string{"none", "done", "halted", "error"}

// String returns the token of the reason, its decimal number if unknown.
func (r UDPProbeStop) String() string { return token(udpprobeStops[:], int(r)) }

// UDPProbeFlags are the options of a udpprobe that are bits.
type UDPProbeFlags uint8

// UDPProbeExitFirst means that the first reply ends the measurement.
const UDPProbeExitFirst UDPProbeFlags = 0x1

// UDPProbe is the result of sending a payload by UDP.
type UDPProbe struct {
	List       *List
	Cycle      *Cycle
	UserID     uint32
	Src        Addr   // zero if not known
	Dst        Addr   // zero if not known
	SrcPort    uint16 // of the measurement; 0 if it changes by probe
	DstPort    uint16
	Start      Time          // when the first probe was sent
	Wait       time.Duration // for a reply; stored in microseconds, up to 4294.967295 s
	WaitProbe  time.Duration // between probes; stored in microseconds, up to 4294.967295 s
	Flags      UDPProbeFlags
	StopReason UDPProbeStop
	StopCount  uint8  // replies after which to stop; 0 = no limit
	Data       []byte // the payload, at most 65535 bytes
	ProbeCount uint8  // probes asked for
	ErrMsg     string
	Probes     []UDPProbeProbe // sent, at most 255
	Kept       Kept
}

// Type returns TypeUDPProbe.
func (*UDPProbe) Type() Type { return TypeUDPProbe }

// UDPProbeProbe is a probe of a udpprobe with its replies.
type UDPProbeProbe struct {
	TX      Time // of the first probe: the file has only UDPProbe.Start
	SrcPort uint16
	Replies []UDPProbeReply // at most 255
	Kept    Kept
}

// UDPProbeReply is a reply to a probe of a udpprobe.
type UDPProbeReply struct {
	RX     Time
	Data   []byte // at most 65535 bytes
	IfName string // receiving interface, "" if unknown
	Kept   Kept
}
