package netio

// rawHostOrder: DragonFly has length and offset of raw IPv4 headers in host order (ip(4)).
const rawHostOrder = true

// recvTOS: DragonFly does not tell the TOS of a datagram.
const recvTOS = -1

var aboutTOS [][3]int
