package warts

// TbitTest is the behaviour of a TCP that a tbit tests.
type TbitTest uint8

// The tests. TbitABC was never implemented.
const (
	TbitPMTUD     TbitTest = 1
	TbitECN       TbitTest = 2
	TbitNull      TbitTest = 3
	TbitSACKRcvr  TbitTest = 4
	TbitICW       TbitTest = 5
	TbitABC       TbitTest = 6
	TbitBlindData TbitTest = 7
	TbitBlindRST  TbitTest = 8
	TbitBlindSYN  TbitTest = 9
	TbitBlindFIN  TbitTest = 10
)

var tbitTests = [...]string{
	"", "pmtud", "ecn", "null", "sack-rcvr", "icw", "abc", "blind-data", "blind-rst", "blind-syn", "blind-fin",
}

// String returns the token of the test ("sack-rcvr"), its decimal number if unknown.
func (t TbitTest) String() string { return token(tbitTests[:], int(t)) }

// IsBlind reports whether it is one of the four tests of blind attacks.
func (t TbitTest) IsBlind() bool { return t >= TbitBlindData && t <= TbitBlindFIN }

// TbitResult is the outcome of a tbit.
type TbitResult uint16

// The tbit results.
const (
	TbitResultNone            TbitResult = 0
	TbitResultTCPNoConn       TbitResult = 1 // no SYN/ACK
	TbitResultTCPRst          TbitResult = 2 // reset in the middle of the test
	TbitResultTCPError        TbitResult = 3
	TbitResultSysError        TbitResult = 4 // of the local system
	TbitResultAborted         TbitResult = 5
	TbitResultTCPNoConnRst    TbitResult = 6 // reset in reply to the SYN
	TbitResultHalted          TbitResult = 7
	TbitResultTCPBadOpt       TbitResult = 8 // an option that was not offered, or a malformed one
	TbitResultTCPFin          TbitResult = 9 // early FIN
	TbitResultTCPZeroWin      TbitResult = 10
	TbitResultPMTUDNoAck      TbitResult = 20 // request never acknowledged
	TbitResultPMTUDNoData     TbitResult = 21
	TbitResultPMTUDTooSmall   TbitResult = 22 // packets too small to need a reduction
	TbitResultPMTUDNoDF       TbitResult = 23
	TbitResultPMTUDFail       TbitResult = 24 // size not reduced
	TbitResultPMTUDSuccess    TbitResult = 25
	TbitResultPMTUDClearDF    TbitResult = 26 // DF cleared instead
	TbitResultECNSuccess      TbitResult = 30
	TbitResultECNIncapable    TbitResult = 31
	TbitResultECNBadSynAck    TbitResult = 32
	TbitResultECNNoECE        TbitResult = 33
	TbitResultECNNoAck        TbitResult = 34
	TbitResultECNNoData       TbitResult = 35
	TbitResultNullSuccess     TbitResult = 40
	TbitResultNullNoData      TbitResult = 41
	TbitResultSACKIncapable   TbitResult = 50
	TbitResultSACKRcvrSuccess TbitResult = 51
	TbitResultSACKRcvrShifted TbitResult = 52
	TbitResultSACKRcvrTimeout TbitResult = 53
	TbitResultSACKRcvrNoSACK  TbitResult = 54
	TbitResultICWSuccess      TbitResult = 60
	TbitResultICWTooShort     TbitResult = 61
	TbitResultABCSuccess      TbitResult = 70
	TbitResultABCTooShort     TbitResult = 71
	TbitResultABCBadICW       TbitResult = 72
	TbitResultBlindAccepted   TbitResult = 80
	TbitResultBlindChallenge  TbitResult = 81
	TbitResultBlindIgnored    TbitResult = 82
	TbitResultBlindRst        TbitResult = 83
	TbitResultBlindSynNew     TbitResult = 84
)

var tbitResults = [...]string{
	0: "none", 1: "tcp-noconn", 2: "tcp-rst", 3: "tcp-error", 4: "sys-error", 5: "aborted", 6: "tcp-noconn-rst",
	7: "halted", 8: "tcp-badopt", 9: "tcp-fin", 10: "tcp-zerowin", 20: "pmtud-noack", 21: "pmtud-nodata",
	22: "pmtud-toosmall", 23: "pmtud-nodf", 24: "pmtud-fail", 25: "pmtud-success", 26: "pmtud-cleardf",
	30: "ecn-success", 31: "ecn-incapable", 32: "ecn-badsynack", 33: "ecn-noece", 34: "ecn-noack", 35: "ecn-nodata",
	40: "null-success", 41: "null-nodata", 50: "sack-incapable", 51: "sack-rcvr-success", 52: "sack-rcvr-shifted",
	53: "sack-rcvr-timeout", 54: "sack-rcvr-nosack", 60: "icw-success", 61: "icw-tooshort", 70: "abc-success",
	71: "abc-tooshort", 72: "abc-badicw", 80: "blind-accepted", 81: "blind-challenge", 82: "blind-ignored",
	83: "blind-rst", 84: "blind-synnew",
}

// String returns the token of the result ("icw-success"), its decimal number if unknown.
func (r TbitResult) String() string { return token(tbitResults[:], int(r)) }

// TbitApp is the application protocol that a tbit speaks.
type TbitApp uint8

// The application protocols. SMTP, DNS and FTP are reserved.
const (
	TbitAppNone TbitApp = 0
	TbitAppHTTP TbitApp = 1
	TbitAppSMTP TbitApp = 2
	TbitAppDNS  TbitApp = 3
	TbitAppFTP  TbitApp = 4
	TbitAppBGP  TbitApp = 5
)

// TbitOptions are the TCP options that a tbit offered.
type TbitOptions uint32

// The generic options.
const (
	TbitOptTCPTS TbitOptions = 0x01
	TbitOptSACK  TbitOptions = 0x02
)

// Tbit is the result of testing the behaviour of a TCP.
type Tbit struct {
	List      *List
	Cycle     *Cycle
	UserID    uint32
	Src       Addr // must be known to be written
	Dst       Addr // must be known to be written
	SrcPort   uint16
	DstPort   uint16
	Start     Time
	Result    TbitResult
	Test      TbitTest
	App       TbitApp
	ClientMSS uint16 // offered
	ServerMSS uint16 // of the SYN/ACK; 0 if none
	SynRetx   uint8  // SYN retransmissions allowed
	DataRetx  uint8  // data retransmissions allowed
	FOCookie  []byte // TCP fast-open cookie of the client, at most 16 bytes; empty = none
	WScale    uint8  // window-scale shift of the client
	Options   TbitOptions
	TTL       uint8 // of the client's packets; 255 is usual
	ErrMsg    string

	// What the test stored about itself: at most one is set, the one that fits Test.
	PMTUD *TbitPMTUDSection
	Null  *TbitNullSection
	ICW   *TbitICWSection
	Blind *TbitBlindSection

	// What the application stored about itself: at most one is set, the one that fits App.
	HTTP *TbitHTTPSection
	BGP  *TbitBGPSection

	Packets []TbitPacket
	Kept    Kept
}

// Type returns TypeTbit.
func (*Tbit) Type() Type { return TypeTbit }

// TbitDirection says which way a packet went.
type TbitDirection uint8

// The directions.
const (
	TbitTX TbitDirection = 1
	TbitRX TbitDirection = 2
)

// TbitPacket is a packet of a tbit.
type TbitPacket struct {
	Dir  TbitDirection
	Time Time
	Data []byte // from the IP header on, 1 to 65535 bytes
	Kept Kept
}

// TbitPMTUDOptions are the options of a path MTU discovery test.
type TbitPMTUDOptions uint8

// TbitPMTUDBlackhole means that no packet too big was sent.
const TbitPMTUDBlackhole TbitPMTUDOptions = 0x01

// TbitPMTUDSection is about a path MTU discovery test.
type TbitPMTUDSection struct {
	MTU     uint16
	PTBRetx uint8 // packets too big sent again
	Options TbitPMTUDOptions
	PTBSrc  Addr // source of the packets too big; zero if none
	Kept    Kept
}

// TbitNullOptions are the options of a null test.
type TbitNullOptions uint16

// The null options. TCPTS and SACK are those of old versions, see [TbitOptions].
const (
	TbitNullTCPTS   TbitNullOptions = 0x01
	TbitNullIPTSSyn TbitNullOptions = 0x02
	TbitNullIPRRSyn TbitNullOptions = 0x04
	TbitNullIPQSSyn TbitNullOptions = 0x08
	TbitNullSACK    TbitNullOptions = 0x10
	TbitNullFO      TbitNullOptions = 0x20
	TbitNullFOExp   TbitNullOptions = 0x40
)

// TbitNullResults are the results of a null test.
type TbitNullResults uint16

// The null results.
const (
	TbitNullTCPTSOK TbitNullResults = 0x01
	TbitNullSACKOK  TbitNullResults = 0x02
	TbitNullFOOK    TbitNullResults = 0x04
)

// TbitNullSection is about a null test.
type TbitNullSection struct {
	Options TbitNullOptions
	Results TbitNullResults
	Kept    Kept
}

// TbitICWSection is about a test of the initial congestion window.
type TbitICWSection struct {
	StartSeq uint32 // relative to the server's initial sequence number
	Kept     Kept
}

// TbitBlindSection is about a test of a blind attack.
type TbitBlindSection struct {
	Offset int32
	Retx   uint8
	Kept   Kept
}

// TbitHTTPScheme is the sub-type of the HTTP application. The values are not those of [HTTPScheme].
type TbitHTTPScheme uint8

// The schemes.
const (
	TbitHTTPPlain TbitHTTPScheme = 0
	TbitHTTPS     TbitHTTPScheme = 1
)

// TbitHTTPSection is about the HTTP request.
type TbitHTTPSection struct {
	Host   string
	File   string // path, begins with a slash
	Scheme TbitHTTPScheme
	Kept   Kept
}

// TbitBGPSection is about the BGP session.
type TbitBGPSection struct {
	ASN  uint32
	Kept Kept
}
