package netio

import "golang.org/x/sys/unix"

// rawHostOrder: FreeBSD from 11 on keeps raw IPv4 headers in network order (ip(4)).
const rawHostOrder = false

// recvTOS is the type of the control message that holds the TOS.
const recvTOS = unix.IP_RECVTOS

var aboutTOS = [][3]int{{unix.IPPROTO_IP, unix.IP_RECVTOS, 1}}
