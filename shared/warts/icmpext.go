package warts

import (
	"encoding/binary"
	"iter"
)

// ICMPExt is one extension object of an ICMP message (RFC 4884 section 7).
type ICMPExt struct {
	Class uint8
	CType uint8
	Data  []byte // without the 4 bytes of the object's header
}

// MPLS is one entry of an MPLS label stack (RFC 3032 section 2.1).
type MPLS struct {
	Label uint32 // 20 bits
	Exp   uint8  // 3 bits, today "traffic class" (RFC 5462)
	S     uint8  // 1 at the bottom of the stack, else 0
	TTL   uint8
}

// IsMPLS reports whether the object is an incoming MPLS label stack (class 1, c-type 1: RFC 4950 section 3).
func (e ICMPExt) IsMPLS() bool { return e.Class == 1 && e.CType == 1 }

// Labels yields the entries of an MPLS label stack with their index, top first; nothing if the object is something else.
// Bytes beyond the last whole entry are left out.
func (e ICMPExt) Labels() iter.Seq2[int, MPLS] {
	return func(yield func(int, MPLS) bool) {
		if !e.IsMPLS() {
			return
		}
		for i := 0; i+4 <= len(e.Data); i += 4 {
			v := binary.BigEndian.Uint32(e.Data[i:])
			m := MPLS{Label: v >> 12, Exp: uint8(v >> 9 & 7), S: uint8(v >> 8 & 1), TTL: uint8(v)}
			if !yield(i/4, m) {
				return
			}
		}
	}
}

// MPLSExt makes the extension object of a label stack.
func MPLSExt(labels ...MPLS) ICMPExt {
	e := ICMPExt{Class: 1, CType: 1, Data: make([]byte, 0, 4*len(labels))}
	for _, m := range labels {
		e.Data = binary.BigEndian.AppendUint32(e.Data, m.Label<<12|uint32(m.Exp&7)<<9|uint32(m.S&1)<<8|uint32(m.TTL))
	}
	return e
}
