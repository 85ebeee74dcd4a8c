package netio

import "golang.org/x/sys/unix"

// rawHostOrder: macOS has length and offset of raw IPv4 headers in host order (ip(4)).
const rawHostOrder = true

// recvTOS is the type of the control message that holds the TOS.
const recvTOS = unix.IP_RECVTOS

var aboutTOS = [][3]int{{unix.IPPROTO_IP, unix.IP_RECVTOS, 1}}
