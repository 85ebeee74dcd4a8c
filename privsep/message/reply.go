package message

import "syscall"

// Reply answers a request. If Errno is 0 and the kind is one of a handle,
// exactly one descriptor travels with it; otherwise none.
type Reply struct {
	Kind    Kind
	Errno   syscall.Errno // 0 is success
	Value   uint32        // number of a new firewall entry, else 0
	Buffers Buffers       // what the new socket got, else zero
}

// ReplyLen is the length in bytes of every reply.
const ReplyLen = 1 + 4 + 4 + buffersLen

// AppendReply appends the encoding of r to b.
func AppendReply(b []byte, r Reply) []byte {
	b = append(b, byte(r.Kind))
	b = be.AppendUint32(b, uint32(r.Errno))
	b = be.AppendUint32(b, r.Value)
	return r.Buffers.put(b)
}

// maxErrno is the greatest errno that a system uses (Linux, errno-base).
const maxErrno = 4095

// DecodeReply reads a reply to a request of kind k. The error is an *Error
// (EPROTO) for a wrong length, another kind or an errno that no system has.
func DecodeReply(b []byte, k Kind) (Reply, error) {
	if len(b) != ReplyLen {
		return Reply{}, protocol("reply to %v of %d bytes, want %d", k, len(b), ReplyLen)
	}
	r := Reply{
		Kind:    Kind(b[0]),
		Errno:   syscall.Errno(be.Uint32(b[1:])),
		Value:   be.Uint32(b[5:]),
		Buffers: buffersAt(b[9:]),
	}
	// A request that the helper could not read at all is answered with kind
	// 0 and an error.
	if r.Kind != k && !(r.Kind == 0 && r.Errno != 0) {
		return Reply{}, protocol("reply of kind %d to %v", b[0], k)
	}
	if r.Errno > maxErrno {
		return Reply{}, protocol("reply to %v with error %d", k, uint32(r.Errno))
	}
	return r, nil
}
