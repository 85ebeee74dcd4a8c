package helper

import (
	"fmt"

	"scamper/privsep/message"
)

// Use says what may be done with the path of a grant.
type Use uint8

// The uses.
const (
	Read   Use = 1 // a file, read only
	Write  Use = 2 // a file, created or truncated, mode 0666 less the umask, never more than 0644
	Append Use = 3 // a file, created or appended to, likewise
	Socket Use = 4 // a unix stream socket to bind, listen on and unlink

	// Directory is a directory whose files may be opened by name. What may
	// be done with them is in Grant.In.
	Directory Use = 5
)

// In is a set of ways to open the files of a directory.
type In uint8

// What a directory allows; add them up.
const (
	InRead   In = 1 << message.OpenRead
	InWrite  In = 1 << message.OpenWrite
	InAppend In = 1 << message.OpenAppend
	InCreate In = 1 << message.OpenExclusive
	InAll    In = InRead | InWrite | InAppend | InCreate
)

// Grant is the right to open one path. All grants are made from the command
// line and the configuration, before any message is read.
type Grant struct {
	Slot message.Slot
	Path string // as the user wrote it; relative to the working directory at start
	Use  Use
	// Again allows it to be opened more than once: a list file that is
	// reloaded. A Socket or Directory may always be.
	Again bool
	In    In // Directory only
}

// check returns an error for a grant that no command line can mean.
func (g Grant) check() error {
	dir := g.Slot >= message.SlotDirectory
	switch {
	case g.Slot == 0 || g.Slot > message.MaxSlot:
		return fmt.Errorf("grant %q: slot %d", g.Path, g.Slot)
	case g.Path == "":
		return fmt.Errorf("grant of slot %d: empty path", g.Slot)
	case g.Use < Read || g.Use > Directory || dir != (g.Use == Directory):
		return fmt.Errorf("grant %q: use %d in slot %d", g.Path, g.Use, g.Slot)
	case dir && (g.In == 0 || g.In > InAll):
		return fmt.Errorf("grant %q: ways to open %#x", g.Path, uint8(g.In))
	}
	return nil
}

// grant is a Grant and what became of it.
type grant struct {
	Grant
	opened bool
	dir    int       // Directory: its descriptor
	bound  *identity // Socket: which file was made, nil before and after
}
