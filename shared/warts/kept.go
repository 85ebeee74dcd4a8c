package warts

import "bytes"

// Kept is what a record that was read remembers of the file beyond its fields: which parameters were there, and the
// bytes of those that this package doesn't know. With it a Writer gives back the same bytes. It is opaque; the zero Kept
// is right for a record that a program makes. A record read and then changed is written with its changes.
type Kept struct {
	present uint64 // bit n-1: parameter n was in the file; parameters above 63 are in more
	more    *keptMore
}

// keptMore holds the rare rest of a Kept.
type keptMore struct {
	flags    []byte // flag bytes as they were, when they say more than present does
	params   []byte // bytes of the parameter block after the last known parameter
	trailing []byte // bytes after the end of the whole record
}

// Equal reports whether k and l remember the same.
func (k Kept) Equal(l Kept) bool {
	if k.present != l.present || (k.more == nil) != (l.more == nil) {
		return false
	}
	return k.more == nil || bytes.Equal(k.more.flags, l.more.flags) && bytes.Equal(k.more.params, l.more.params) &&
		bytes.Equal(k.more.trailing, l.more.trailing)
}
