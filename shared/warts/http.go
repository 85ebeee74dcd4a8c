package warts

import "time"

// HTTPStop is the reason why an http ended.
type HTTPStop uint8

// The stop reasons of an http.
const (
	HTTPStopNone     HTTPStop = 0
	HTTPStopHalted   HTTPStop = 1
	HTTPStopNoConn   HTTPStop = 2
	HTTPStopDone     HTTPStop = 3
	HTTPStopError    HTTPStop = 4
	HTTPStopTimeout  HTTPStop = 5
	HTTPStopInsecure HTTPStop = 6
)

var httpStops = [...]string{"none", "halted", "noconn", "done", "error", "timeout", "insecure"}

// String returns the token of the reason, its decimal number if unknown.
func (r HTTPStop) String() string { return token(httpStops[:], int(r)) }

// HTTPScheme is the scheme of the URL. The values are not those of [TbitHTTPScheme].
type HTTPScheme uint8

// The schemes.
const (
	HTTPSchemeHTTPS HTTPScheme = 0
	HTTPSchemeHTTP  HTTPScheme = 1
)

// port is the scheme's default port, 0 if it has none.
func (s HTTPScheme) port() uint16 {
	switch s {
	case HTTPSchemeHTTPS:
		return 443
	case HTTPSchemeHTTP:
		return 80
	}
	return 0
}

// HTTPFlags are the options of an http that are bits.
type HTTPFlags uint32

// The http flags.
const (
	HTTPInsecure HTTPFlags = 0x1
	HTTPGrease   HTTPFlags = 0x2
)

// HTTPECHStatus is what came of Encrypted Client Hello.
type HTTPECHStatus uint8

var httpECHStatuses = [...]string{
	"none", "unknown", "failed", "success", "grease", "grease-ech", "backend", "bad-call", "not-tried", "bad-name",
	"not-configured", "failed-ech", "failed-ech-bad-name",
}

// String returns the token of the status, its decimal number if unknown.
func (s HTTPECHStatus) String() string { return token(httpECHStatuses[:], int(s)) }

// The ECH statuses.
const (
	HTTPECHNone             HTTPECHStatus = 0
	HTTPECHUnknown          HTTPECHStatus = 1
	HTTPECHFailed           HTTPECHStatus = 2
	HTTPECHSuccess          HTTPECHStatus = 3
	HTTPECHGrease           HTTPECHStatus = 4
	HTTPECHGreaseECH        HTTPECHStatus = 5
	HTTPECHBackend          HTTPECHStatus = 6
	HTTPECHBadCall          HTTPECHStatus = 7
	HTTPECHNotTried         HTTPECHStatus = 8
	HTTPECHBadName          HTTPECHStatus = 9
	HTTPECHNotConfigured    HTTPECHStatus = 10
	HTTPECHFailedECH        HTTPECHStatus = 11
	HTTPECHFailedECHBadName HTTPECHStatus = 12
)

// HTTP is the result of an HTTP or HTTPS request.
type HTTP struct {
	List       *List
	Cycle      *Cycle
	UserID     uint32
	Src        Addr // zero if not known
	Dst        Addr // zero if not known
	SrcPort    uint16
	DstPort    uint16
	Start      Time
	StopReason HTTPStop
	Scheme     HTTPScheme
	Host       string        // of the URL
	File       string        // of the URL: the path
	Headers    []string      // given by the user, at most 255
	HSRTT      time.Duration // from SYN to SYN/ACK; stored in microseconds, up to 4294.967295 s
	Flags      HTTPFlags
	MaxTime    time.Duration // stored with 32 bits of seconds
	ErrMsg     string
	ECHStatus  HTTPECHStatus
	ECHSNI     string // the outer SNI; "" = none
	Buffers    []HTTPBuffer
	Attrs      []HTTPAttr
	Kept       Kept
}

// Type returns TypeHTTP.
func (*HTTP) Type() Type { return TypeHTTP }

// Attr returns the bytes of the first attribute of the given type, nil if there is none.
func (h *HTTP) Attr(t HTTPAttrType) []byte {
	for _, a := range h.Attrs {
		if a.Type == t {
			return a.Data
		}
	}
	return nil
}

// HTTPBufferType is what the bytes of a buffer are.
type HTTPBufferType uint8

// The buffer types, 0 to 127. For HTTPS, data and headers are decrypted.
const (
	HTTPBufferData HTTPBufferType = 0
	HTTPBufferHdr  HTTPBufferType = 1 // ends after the empty line
	HTTPBufferTLS  HTTPBufferType = 2 // the handshake
)

var httpBufferTypes = [...]string{"data", "hdr", "tls"}

// String returns the token of the type, its decimal number if unknown.
func (t HTTPBufferType) String() string { return token(httpBufferTypes[:], int(t)) }

// HTTPBuffer is a piece of the exchange.
type HTTPBuffer struct {
	Sent bool // by us; else received
	Type HTTPBufferType
	Time Time
	Data []byte // at most 65535 bytes
	Kept Kept
}

// HTTPAttrType is the type of an [HTTPAttr].
type HTTPAttrType uint8

// The attribute types.
const (
	HTTPAttrECHConfigList  HTTPAttrType = 1 // ECH configuration list that was supplied
	HTTPAttrECHRetryConfig HTTPAttrType = 2 // ECH retry configuration that was received
)

// HTTPAttr is an attribute, too big for a parameter.
type HTTPAttr struct {
	Type HTTPAttrType
	Data []byte
}
