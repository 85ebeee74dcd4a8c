package launch

import (
	"encoding/binary"
	"errors"
)

// order is the first packet on the socket of requests, and the only one that goes
// that way unasked: what the child is to become.
//
//	4 bytes  user id
//	4 bytes  group id
//	1 byte   1: sandbox, 2: certificates
//	rest     root directory
type order struct {
	uid, gid     uint32
	sandbox      bool
	certificates bool
	chroot       string
}

const (
	flagSandbox      = 1
	flagCertificates = 2

	maxChroot = 1023 // bytes
	orderHead = 9
)

func (o order) encode() []byte {
	b := binary.BigEndian.AppendUint32(nil, o.uid)
	b = binary.BigEndian.AppendUint32(b, o.gid)
	flags := byte(0)
	if o.sandbox {
		flags |= flagSandbox
	}
	if o.certificates {
		flags |= flagCertificates
	}
	return append(append(b, flags), o.chroot...)
}

func decodeOrder(b []byte) (order, error) {
	if len(b) <= orderHead || b[8] > flagSandbox|flagCertificates || b[orderHead] != '/' {
		return order{}, errors.New("the helper's first message is malformed")
	}
	o := order{
		uid:          binary.BigEndian.Uint32(b),
		gid:          binary.BigEndian.Uint32(b[4:]),
		sandbox:      b[8]&flagSandbox != 0,
		certificates: b[8]&flagCertificates != 0,
		chroot:       string(b[orderHead:]),
	}
	if o.uid == 0 || o.gid == 0 || o.uid > 1<<31-1 || o.gid > 1<<31-1 {
		return order{}, errors.New("the helper's first message names user or group 0")
	}
	return o, nil
}
