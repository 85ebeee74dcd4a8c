package render

import "strconv"

// DNSClass returns the name of a DNS class, its decimal number if it has none here.
func DNSClass(class uint16) string {
	switch class {
	case 1:
		return "IN"
	case 3:
		return "CH"
	}
	return strconv.Itoa(int(class))
}

// DNS types whose data are shown.
const (
	DNSTypeNS    = 2
	DNSTypeCNAME = 5
	DNSTypePTR   = 12
)

var dnsTypes = map[uint16]string{
	1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 41: "OPT", 43: "DS", 44: "SSHFP",
	46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 64: "SVCB", 65: "HTTPS",
}

// DNSType returns the name of a DNS type, its decimal number if it has none here.
func DNSType(t uint16) string {
	if name, ok := dnsTypes[t]; ok {
		return name
	}
	return strconv.Itoa(int(t))
}

// dnsRCodes are the names of the response codes as scamper has them: 12 to 15 are missing, and two codes became one, so
// that those behind them are off by one.
var dnsRCodes = [...]string{
	"NoError", "FormErr", "ServFail", "NXDomain", "NotImp", "Refused", "YXDomain", "YXRRSet", "NXRRSet", "NotAuth",
	"NotZone", "DSOTYPENI", "(null)", "(null)", "(null)", "(null)", "BADVERS", "BADKEY", "BADTIME", "BADMODEBADNAME",
	"BADALG", "BADTRUNC", "BADCOOKIE",
}

// DNSRCode returns the name of a DNS response code, its decimal number if it has none.
func DNSRCode(code uint8) string {
	if int(code) < len(dnsRCodes) {
		return dnsRCodes[code]
	}
	return strconv.Itoa(int(code))
}

// DNSFlagNames are the names of the flags of a DNS reply by bit number. The last is the low bit of the opcode.
var DNSFlagNames = []string{"CD", "AD", "Z", "RA", "RD", "TC", "AA", "0x80"}

// HostFlagNames are the names of the host flags by bit number.
var HostFlagNames = []string{"norecurse", "tcp", "nsid"}
