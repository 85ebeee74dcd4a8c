package packet

// TCP option kinds (IANA "TCP Option Kind Numbers").
const (
	TCPOptionEnd           = 0
	TCPOptionNOP           = 1
	TCPOptionMSS           = 2   // RFC 9293 section 3.2
	TCPOptionWindowScale   = 3   // RFC 7323 section 2
	TCPOptionSACKPermitted = 4   // RFC 2018 section 2
	TCPOptionSACK          = 5   // RFC 2018 section 3
	TCPOptionTimestamps    = 8   // RFC 7323 section 3
	TCPOptionFastOpen      = 34  // RFC 7413 section 2
	TCPOptionExperiment    = 254 // RFC 4727; with a magic number, RFC 6994
)

// FastOpenMagic marks fast open in an experimental option (RFC 7413, draft stage).
const FastOpenMagic = 0xf989

// AppendMSS appends a maximum segment size option, 4 bytes.
func AppendMSS(b []byte, mss uint16) []byte {
	return append16(append(b, TCPOptionMSS, 4), mss)
}

// AppendWindowScale appends a window scale option, 3 bytes.
func AppendWindowScale(b []byte, shift uint8) []byte {
	return append(b, TCPOptionWindowScale, 3, shift)
}

// AppendSACKPermitted appends a SACK permitted option, 2 bytes.
func AppendSACKPermitted(b []byte) []byte { return append(b, TCPOptionSACKPermitted, 2) }

// SACKBlock is a block of data received out of order: Left is the sequence number
// of its first byte, Right the one behind its last.
type SACKBlock struct{ Left, Right uint32 }

// AppendSACK appends a SACK option of up to 4 blocks, 2 bytes and 8 for each; what
// is beyond the fourth is left out.
func AppendSACK(b []byte, blocks ...SACKBlock) []byte {
	blocks = blocks[:min(len(blocks), 4)]
	b = append(b, TCPOptionSACK, uint8(2+8*len(blocks)))
	for _, s := range blocks {
		b = append32(append32(b, s.Left), s.Right)
	}
	return b
}

// AppendTCPTimestamps appends a timestamps option, 10 bytes.
func AppendTCPTimestamps(b []byte, value, echo uint32) []byte {
	return append32(append32(append(b, TCPOptionTimestamps, 10), value), echo)
}

// AppendFastOpen appends a fast open option with a cookie (empty to ask for one), in
// the form with its own kind or in the older experimental form. A cookie longer
// than 36 bytes, more than a header has room for, is cut.
func AppendFastOpen(b, cookie []byte, experimental bool) []byte {
	cookie = cookie[:min(len(cookie), 36)]
	if experimental {
		b = append16(append(b, TCPOptionExperiment, uint8(4+len(cookie))), FastOpenMagic)
	} else {
		b = append(b, TCPOptionFastOpen, uint8(2+len(cookie)))
	}
	return append(b, cookie...)
}

// PadTCPOptions appends NOPs until the options, which begin at b[start], are a
// multiple of 4 bytes.
func PadTCPOptions(b []byte, start int) []byte {
	for (len(b)-start)&3 != 0 {
		b = append(b, TCPOptionNOP)
	}
	return b
}

// TCPOption is one option: its kind, and what follows kind and length.
type TCPOption struct {
	Kind uint8
	Data []byte
}

// NextTCPOption cuts the first option off, stepping over NOPs. It is not ok at the
// end of the list, and at an option whose length is wrong; the latter leaves a rest
// that isn't empty.
func NextTCPOption(b []byte) (o TCPOption, rest []byte, ok bool) {
	for len(b) > 0 && b[0] == TCPOptionNOP {
		b = b[1:]
	}
	if len(b) == 0 || b[0] == TCPOptionEnd {
		return TCPOption{}, nil, false
	}
	if len(b) < 2 || b[1] < 2 || len(b) < int(b[1]) {
		return TCPOption{}, b, false
	}
	n := int(b[1])
	return TCPOption{Kind: b[0], Data: b[2:n:n]}, b[n:], true
}

// OptionsOK reports that the option list of the segment is well-formed.
func (t TCP) OptionsOK() bool {
	rest, ok := t.Options(), true
	for ok {
		_, rest, ok = NextTCPOption(rest)
	}
	return len(rest) == 0
}

// option returns the data of the first option of a kind with the wanted length.
func (t TCP) option(kind uint8, length int) ([]byte, bool) {
	rest := t.Options()
	for len(rest) > 0 {
		o, next, ok := NextTCPOption(rest)
		if !ok {
			break
		}
		if o.Kind == kind && (length < 0 || len(o.Data) == length) {
			return o.Data, true
		}
		rest = next
	}
	return nil, false
}

// MSS returns the maximum segment size option.
func (t TCP) MSS() (uint16, bool) {
	d, ok := t.option(TCPOptionMSS, 2)
	return u16(d, 0), ok
}

// WindowScale returns the shift count of the window scale option.
func (t TCP) WindowScale() (uint8, bool) {
	d, ok := t.option(TCPOptionWindowScale, 1)
	return u8(d, 0), ok
}

// SACKPermitted reports a SACK permitted option.
func (t TCP) SACKPermitted() bool {
	_, ok := t.option(TCPOptionSACKPermitted, 0)
	return ok
}

// SACK returns the blocks of the SACK option and how many there are. It is not ok
// without the option, and if its length isn't that of 1 to 4 blocks.
func (t TCP) SACK() (blocks [4]SACKBlock, n int, ok bool) {
	d, ok := t.option(TCPOptionSACK, -1)
	if !ok || len(d) == 0 || len(d)%8 != 0 || len(d) > 8*len(blocks) {
		return blocks, 0, false
	}
	n = len(d) / 8
	for i := range n {
		blocks[i] = SACKBlock{u32(d, 8*i), u32(d, 8*i+4)}
	}
	return blocks, n, true
}

// Timestamps returns value and echo reply of the timestamps option.
func (t TCP) Timestamps() (value, echo uint32, ok bool) {
	d, ok := t.option(TCPOptionTimestamps, 8)
	return u32(d, 0), u32(d, 4), ok
}

// FastOpen returns the cookie of a fast open option, of its own kind or of the
// experimental form.
func (t TCP) FastOpen() (cookie []byte, experimental, ok bool) {
	if d, ok := t.option(TCPOptionFastOpen, -1); ok {
		return d, false, true
	}
	if d, ok := t.option(TCPOptionExperiment, -1); ok && u16(d, 0) == FastOpenMagic {
		return tail(d, 2), true, true
	}
	return nil, false, false
}
