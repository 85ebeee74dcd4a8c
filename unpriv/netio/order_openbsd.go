package netio

// rawHostOrder: OpenBSD keeps raw IPv4 headers in network order (ip(4)).
const rawHostOrder = false

// recvTOS: OpenBSD does not tell the TOS of a datagram.
const recvTOS = -1

var aboutTOS [][3]int
