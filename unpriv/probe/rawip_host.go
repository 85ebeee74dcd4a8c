//go:build darwin || dragonfly || netbsd

package probe

// rawHostOrder: this system's raw sockets want and give host byte order.
const rawHostOrder = true
