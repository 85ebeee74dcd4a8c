package route

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

func (t *Table) neighbours() (list []Neighbour, err error) {
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		before := len(list)
		err := again(func() error {
			list = list[:before]
			out := t.begin(unix.RTM_GETNEIGH, unix.NLM_F_DUMP, append([]byte{family}, make([]byte, unix.SizeofNdMsg-1)...)...)
			return t.request(out, func(m message) error {
				n, good, err := parseNeighbour(m.body)
				if err != nil || !good {
					return err
				}
				if len(list) == maxNeighbours {
					return errEnough
				}
				list = append(list, n)
				return nil
			})
		})
		if err != nil && !errors.Is(err, errEnough) {
			return nil, err
		}
	}
	return list, nil
}

// parseNeighbour reads an RTM_NEWNEIGH: struct ndmsg (linux/neighbour.h) and attributes.
// It is good if the neighbour was heard of lately, or was set by hand, and has an Ethernet address.
func parseNeighbour(b []byte) (n Neighbour, good bool, err error) {
	if len(b) < unix.SizeofNdMsg {
		return Neighbour{}, false, fmt.Errorf("neighbour of %d bytes: %w", len(b), errCut)
	}
	n.IfIndex = int(int32(binary.NativeEndian.Uint32(b[4:])))
	state := binary.NativeEndian.Uint16(b[8:])
	haveMAC := false
	for kind, value := range attrs(b[unix.SizeofNdMsg:]) {
		switch kind {
		case unix.NDA_DST:
			n.Addr, _ = netip.AddrFromSlice(value)
		case unix.NDA_LLADDR:
			haveMAC = len(value) == len(n.MAC)
			copy(n.MAC[:], value)
		}
	}
	n.Static = state&unix.NUD_PERMANENT != 0
	good = (n.Static || state&unix.NUD_REACHABLE != 0) && haveMAC && n.Addr.IsValid() && n.IfIndex > 0
	return n, good, nil
}
