package netio

// Ring says how datalink ports receive through memory shared with the kernel
// (-O ring; Linux only).
type Ring struct {
	// Blocks is how many blocks the ring has; 0 means 64.
	Blocks int
	// BlockSize is the size of a block in bytes, a multiple of the page
	// size; 0 means 65536.
	BlockSize int
	// Locked keeps the ring from being paged out.
	Locked bool
}
