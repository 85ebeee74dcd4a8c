//go:build !darwin && !dragonfly && !netbsd

package probe

// rawHostOrder: this system's raw sockets leave the header as it is on the wire
// (FreeBSD since version 11).
const rawHostOrder = false
