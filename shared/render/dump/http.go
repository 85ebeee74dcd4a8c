package dump

import (
	"encoding/base64"

	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendHTTP appends the dump of an http. No empty line ends it.
func AppendHTTP(b []byte, h *warts.HTTP) []byte {
	b = append(b, "http"...)
	if h.Src.IsValid() {
		b = appendAddr(b, " from ", h.Src)
	}
	if h.Dst.IsValid() {
		b = appendAddr(b, " to ", h.Dst)
	}
	b = append(b, '\n')
	b = appendOrigin(b, h.List, h.Cycle, h.UserID)
	b = appendTime(b, " start: ", h.Start)
	b = appendNum(b, " sport: ", uint64(h.SrcPort))
	b = appendNum(b, ", dport: ", uint64(h.DstPort))
	b = append(b, '\n')
	if h.Flags != 0 {
		b = appendHex(b, " flags: 0x", uint64(h.Flags), 1)
		b = append(b, " ("...)
		if h.Flags&warts.HTTPInsecure != 0 {
			b = append(b, " insecure"...)
		}
		if h.Flags&warts.HTTPGrease != 0 {
			b = append(b, " grease"...)
		}
		b = append(b, " )\n"...)
	}
	b = appendWait(b, " maxtime: ", h.MaxTime)
	if h.HSRTT != 0 {
		b = append(b, ", hs-rtt: "...)
		b = render.AppendSigned6(b, h.HSRTT)
	}
	b = append(b, ", stop: "...)
	b = append(b, h.StopReason.String()...)
	if code, ok := statusCode(h); ok {
		b = appendNum(b, ", http-status-code: ", uint64(code))
	}
	b = append(b, '\n')
	b = appendECH(b, h)
	b = appendErrMsg(b, h.ErrMsg, h.Kept.Has(render.HTTPErrMsg))
	b = appendURL(b, h)
	if len(h.Headers) > 0 {
		b = append(b, " headers:\n"...)
		for _, header := range h.Headers {
			b = append(b, "  "...)
			b = append(b, header...)
			b = append(b, '\n')
		}
	}
	if len(h.Buffers) > 0 {
		b = append(b, " exchange:\n"...)
	}
	for i := range h.Buffers {
		b = appendHTTPBuffer(b, h, &h.Buffers[i])
	}
	return b
}

func appendECH(b []byte, h *warts.HTTP) []byte {
	sni := h.ECHSNI != "" || h.Kept.Has(render.HTTPECHSNI)
	if h.ECHStatus != warts.HTTPECHNone {
		b = append(b, " ech-status: "...)
		b = append(b, h.ECHStatus.String()...)
		if sni {
			b = append(b, ',')
		}
	}
	if sni {
		b = append(b, " ech-outer-sni: "...)
		b = append(b, h.ECHSNI...)
	}
	if h.ECHStatus != warts.HTTPECHNone || sni {
		b = append(b, '\n')
	}
	for _, attr := range [...]struct {
		kind  warts.HTTPAttrType
		label string
	}{
		{warts.HTTPAttrECHConfigList, " ech-config-list: "}, {warts.HTTPAttrECHRetryConfig, " ech-retry-config: "},
	} {
		if data := h.Attr(attr.kind); data != nil {
			b = append(b, attr.label...)
			b = base64.StdEncoding.AppendEncode(b, data)
			b = append(b, '\n')
		}
	}
	return b
}

func appendURL(b []byte, h *warts.HTTP) []byte {
	scheme, port := "", uint16(0)
	switch h.Scheme {
	case warts.HTTPSchemeHTTP:
		scheme, port = " url: http://", 80
	case warts.HTTPSchemeHTTPS:
		scheme, port = " url: https://", 443
	}
	if scheme == "" || h.Host == "" || h.File == "" {
		return b
	}
	b = append(b, scheme...)
	b = append(b, h.Host...)
	if h.DstPort != port {
		b = appendNum(b, ":", uint64(h.DstPort))
	}
	b = append(b, h.File...)
	return append(b, '\n')
}

func appendHTTPBuffer(b []byte, h *warts.HTTP, buf *warts.HTTPBuffer) []byte {
	b = append(b, "  "...)
	b = render.AppendSince(b, buf.Time, h.Start)
	if buf.Sent {
		b = append(b, " tx "...)
	} else {
		b = append(b, " rx "...)
	}
	field := len(b)
	b = append(b, buf.Type.String()...)
	b = appendNum(b, ":", uint64(len(buf.Data)))
	b = render.Pad(b, field, 10)
	if len(buf.Data) > 0 {
		shown := buf.Data[:min(len(buf.Data), 16)]
		field = len(b)
		b = render.AppendHexBytes(b, shown)
		b = render.Pad(b, field, 32)
		b = append(b, "  |"...)
		for _, c := range shown {
			if c < 0x20 || c > 0x7e {
				c = '.'
			}
			b = append(b, c)
		}
		b = append(b, '|')
	}
	return append(b, '\n')
}

// statusLineLimit is how long a status line may be to be understood.
const statusLineLimit = 128

// statusCode finds the status code in the first line of the received headers.
func statusCode(h *warts.HTTP) (code int, ok bool) {
	var line []byte
	for i := range h.Buffers {
		buf := &h.Buffers[i]
		if buf.Sent || buf.Type != warts.HTTPBufferHdr {
			continue
		}
		for _, c := range buf.Data {
			if c == '\r' {
				return parseStatusLine(line)
			}
			if line = append(line, c); len(line) >= statusLineLimit {
				return 0, false
			}
		}
	}
	return 0, false
}

// parseStatusLine takes "HTTP/1.1 404 Not Found" apart.
func parseStatusLine(line []byte) (code int, ok bool) {
	isDigit := func(c byte) bool { return c >= '0' && c <= '9' }
	isSpace := func(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
	if len(line) < 9 || string(line[:5]) != "HTTP/" || !isDigit(line[5]) || line[6] != '.' || !isDigit(line[7]) ||
		!isSpace(line[8]) {
		return 0, false
	}
	rest := line[8:]
	for len(rest) > 0 && isSpace(rest[0]) {
		rest = rest[1:]
	}
	if len(rest) < 3 || !isDigit(rest[0]) || !isDigit(rest[1]) || !isDigit(rest[2]) {
		return 0, false
	}
	if len(rest) > 3 && !isSpace(rest[3]) {
		return 0, false
	}
	return int(rest[0]-'0')*100 + int(rest[1]-'0')*10 + int(rest[2]-'0'), true
}
