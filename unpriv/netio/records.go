package netio

// bpfRecord is the header of a packet in the buffer of a BPF device (bpf(4)),
// in no system's own layout.
type bpfRecord struct {
	stamp     Stamp
	captured  uint32 // bytes that follow the header
	size      uint32 // bytes on the wire
	headerLen uint16
}

// nextRecord cuts the first packet off the buffer of a BPF device. headerSize
// is the size of the system's header, which read reads, and records begin at
// multiples of align. ok is false if no whole record is left.
func nextRecord(b []byte, headerSize, align int, read func([]byte) bpfRecord) (r bpfRecord, packet, rest []byte, ok bool) {
	if len(b) < headerSize {
		return r, nil, nil, false
	}
	r = read(b)
	end := uint64(r.headerLen) + uint64(r.captured)
	if int(r.headerLen) < headerSize || end > uint64(len(b)) {
		return r, nil, nil, false
	}
	packet = b[r.headerLen:end:end]
	next := (int(end) + align - 1) &^ (align - 1)
	return r, packet, b[min(next, len(b)):], true
}
