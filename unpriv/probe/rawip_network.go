//go:build !darwin && !dragonfly && !netbsd

package probe

// rawReceived: this system's raw sockets leave the IPv4 header as it came.
func rawReceived([]byte) {}

// RawOrder puts the IPv4 header of a packet that is about to be sent on a raw socket
// with header included into the byte order that this system wants, in place. Here
// that is network order: nothing changes.
func RawOrder([]byte) {}
