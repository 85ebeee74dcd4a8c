// Package conf is scamper's configuration: its types, its defaults, and how a file
// is read. The file is TOML; scamper.toml in this folder is a commented sample that
// says what the defaults say.
//
// scamper reads the file of -g, or else DefaultPath if that exists. The old form of
// the file of -g, lines such as
//
//	ping.enable = 0
//
// is TOML as it stands. Unlike then, a key that does not exist is refused.
//
// Two parts of the file decide what a process with root's rights does: Privilege and
// Directories. They count only in a file that nobody but root can write (Trusted); in
// any other they are an error (Config.NeedsTrust). The first process, which has root,
// does not even parse a file that is not trusted: see ForRoot.
package conf

import "io"

// DefaultPath is read if there is no -g and the file exists.
const DefaultPath = "/etc/scamper.toml"

// MaxSize is the greatest size of a file, in bytes.
const MaxSize = 1 << 20

// MaxDirectories is the most directories that a file may have: as many as there are
// slots for (package message).
const MaxDirectories = 64

// MaxBuffer is the largest socket buffer in bytes, as in package message.
const MaxBuffer = 64 << 20

// Config is a configuration. Its zero value means nothing; begin with Default.
type Config struct {
	Privilege   Privilege
	Buffers     Buffers
	Directories []Directory // in the order of the file
	Commands    Commands

	// NeedsTrust: the file has a [privilege] or [directory.NAME] table. Its place
	// is in TrustPosition.
	NeedsTrust    bool
	TrustPosition string // "file:line:column"
}

// Privilege is about what the main process becomes when scamper is started by root.
type Privilege struct {
	User    string // user name of the main process; not root
	Chroot  string // absolute path of its root directory; made if missing
	Sandbox bool   // use seccomp, Landlock, pledge, unveil where the system has them
}

// Buffers are socket buffers to ask for, in bytes, 0 to MaxBuffer; 0 is the
// system's default.
type Buffers struct {
	Receive int // of each raw socket and capture handle
	Send    int // of each raw socket
}

// Directory is a directory whose files the control socket's commands may open by
// name.
type Directory struct {
	Name   string // what the table is called: [directory.NAME]
	Path   string // absolute
	Read   bool   // read files
	Write  bool   // make files; empty existing ones and write them
	Append bool   // make files; write at the end of existing ones
	Create bool   // make files that do not exist
}

// Commands says which measurements may be made. The zero value allows all.
type Commands struct{ disabled map[string]bool }

// Enabled reports whether the command may be used. A name that is none of
// option.CommandWords is enabled.
func (c Commands) Enabled(name string) bool { return !c.disabled[name] }

func (c *Commands) set(name string, enabled bool) {
	if c.disabled == nil {
		c.disabled = make(map[string]bool)
	}
	c.disabled[name] = !enabled
}

// Default returns what counts without a file.
func Default() *Config {
	return &Config{
		Privilege: Privilege{User: "nobody", Chroot: "/var/empty", Sandbox: true},
		Buffers:   Buffers{Receive: 8 << 20, Send: 1 << 20},
	}
}

// Read reads a configuration from r, up to MaxSize bytes; name is for errors. Keys
// that the file does not have keep their defaults. The error is an *Error if it has
// a place in the file.
func Read(name string, r io.Reader) (*Config, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, &Error{File: name, Message: "reading", Err: err}
	}
	if len(b) > MaxSize {
		return nil, &Error{File: name, Message: "the file is larger than 1 MiB"}
	}
	return Parse(name, b)
}
