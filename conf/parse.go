package conf

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"scamper/shared/option"
)

// Error is an error with its place.
type Error struct {
	File    string
	Line    int // from 1; 0 if it has no place in the file
	Column  int // from 1, in bytes: where the value begins, or the line of the table
	Message string
	Err     error // the cause, may be nil
}

func (e *Error) Error() string {
	s := e.File
	if e.Line > 0 {
		s = e.place()
	}
	s += ": " + e.Message
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) place() string { return fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Parse reads a configuration from the bytes of a file; name is for errors.
func Parse(name string, data []byte) (*Config, error) {
	f := &file{
		name: name, data: data, conf: Default(),
		values: make(map[string]toml.Primitive),
		tables: make(map[string]bool),
	}
	var top map[string]toml.Primitive
	var err error
	if f.meta, err = toml.Decode(string(data), &top); err != nil {
		return nil, f.wrap(err)
	}
	for key, v := range top {
		f.values[toml.Key{key}.String()] = v
	}
	// In the order of the file, so that the first error is reported.
	for _, key := range f.meta.Keys() {
		if err := f.visit(key); err != nil {
			return nil, err
		}
	}
	if err := f.finish(); err != nil {
		return nil, err
	}
	return f.conf, nil
}

// file is a file being read.
type file struct {
	name   string
	data   []byte
	conf   *Config
	meta   toml.MetaData
	values map[string]toml.Primitive // by key, as far as tables were opened
	tables map[string]bool           // keys of tables that were opened
}

// set stores a value, as TOML types it, or says what is wrong with it.
type set func(c *Config, value any) error

// section says what a table may have: its fields, by key.
type section map[string]set

// sections is the table of all keys, except for the directories.
var sections = func() map[string]section {
	m := map[string]section{
		"privilege": {
			"user": text(func(c *Config, s string) error {
				c.Privilege.User = s
				if s == "" || s == "root" || strings.ContainsAny(s, ":/\x00\n") {
					return fmt.Errorf("%q cannot be the user of the main process", s)
				}
				return nil
			}),
			"chroot": text(func(c *Config, s string) error {
				c.Privilege.Chroot = s
				return absolute(s)
			}),
			"sandbox": flag(func(c *Config, on bool) { c.Privilege.Sandbox = on }),
		},
		"buffers": {
			"receive": size(func(c *Config, n int) { c.Buffers.Receive = n }),
			"send":    size(func(c *Config, n int) { c.Buffers.Send = n }),
		},
	}
	for _, name := range option.CommandWords() {
		m[name] = section{"enable": func(c *Config, v any) error {
			switch v {
			case true, int64(1):
				c.Commands.set(name, true)
			case false, int64(0):
				c.Commands.set(name, false)
			default:
				return fmt.Errorf("%s.enable: expected 0 or 1, or true or false", name)
			}
			return nil
		}}
	}
	return m
}()

// directoryName is what a directory may be called.
var directoryName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// directory returns the fields of the directory with index i.
func directory(i int) section {
	at := func(c *Config) *Directory { return &c.Directories[i] }
	return section{
		"path": text(func(c *Config, s string) error {
			at(c).Path = s
			return absolute(s)
		}),
		"read":   flag(func(c *Config, on bool) { at(c).Read = on }),
		"write":  flag(func(c *Config, on bool) { at(c).Write = on }),
		"append": flag(func(c *Config, on bool) { at(c).Append = on }),
		"create": flag(func(c *Config, on bool) { at(c).Create = on }),
	}
}

// visit deals with one key of the file: a table to open, or a field to set.
func (f *file) visit(key toml.Key) error {
	if key[0] != "directory" && sections[key[0]] == nil {
		return f.fail(key[:1], "unknown key")
	}
	if err := f.open(key[:1]); err != nil {
		return err
	}
	if key[0] == "privilege" || key[0] == "directory" {
		f.needTrust(key)
	}
	switch {
	case len(key) == 1:
		return nil
	case key[0] == "directory":
		return f.visitDirectory(key)
	}
	return f.field(key, sections[key[0]][key[1]], 2)
}

func (f *file) visitDirectory(key toml.Key) error {
	name := key[1]
	i := slices.IndexFunc(f.conf.Directories, func(d Directory) bool { return d.Name == name })
	if i < 0 {
		if !directoryName.MatchString(name) {
			return f.fail(key[:2], "a directory is called by letters, digits, _ and -, up to 64")
		}
		if len(f.conf.Directories) == MaxDirectories {
			return f.fail(key[:2], fmt.Sprintf("more than %d directories", MaxDirectories))
		}
		i = len(f.conf.Directories)
		f.conf.Directories = append(f.conf.Directories, Directory{Name: name})
		if err := f.open(key[:2]); err != nil {
			return err
		}
	}
	if len(key) == 2 {
		return nil
	}
	return f.field(key, directory(i)[key[2]], 3)
}

// field sets the field with a key of depth parts.
func (f *file) field(key toml.Key, s set, depth int) error {
	if s == nil || len(key) > depth {
		return f.fail(key, "unknown key")
	}
	return f.decode(key, func(v any) error { return s(f.conf, v) })
}

// open makes the values of a table known.
func (f *file) open(key toml.Key) error {
	k := key.String()
	if f.tables[k] {
		return nil
	}
	f.tables[k] = true
	if err := f.decode(key, func(v any) error {
		if _, table := v.(map[string]any); !table {
			return fmt.Errorf("%s is a table: write [%s] or %s.KEY", k, k, k)
		}
		return nil
	}); err != nil {
		return err
	}
	var inside map[string]toml.Primitive
	if err := f.meta.PrimitiveDecode(f.values[k], &inside); err != nil {
		return f.wrap(err)
	}
	for name, v := range inside {
		f.values[append(slices.Clone(key), name).String()] = v
	}
	return nil
}

// hook is a value that takes whatever the file has. Its error gets the place of the
// key from package toml.
type hook func(v any) error

// UnmarshalTOML calls the hook.
func (h hook) UnmarshalTOML(v any) error { return h(v) }

func (f *file) decode(key toml.Key, take func(v any) error) error {
	h := hook(take)
	if err := f.meta.PrimitiveDecode(f.values[key.String()], &h); err != nil {
		return f.wrap(err)
	}
	return nil
}

func (f *file) fail(key toml.Key, message string) error {
	err := f.decode(key, func(any) error { return errors.New(message) })
	var e *Error
	if errors.As(err, &e) {
		e.Message = fmt.Sprintf("%s: %s", key, e.Message)
	}
	return err
}

// needTrust notes the first key that only a trusted file may have.
func (f *file) needTrust(key toml.Key) {
	if f.conf.NeedsTrust {
		return
	}
	f.conf.NeedsTrust = true
	f.conf.TrustPosition = f.name
	// A table that is only the beginning of another's name has no place.
	for n := 1; n <= len(key); n++ {
		var e *Error
		if errors.As(f.fail(key[:n], ""), &e) && e.Line > 0 {
			f.conf.TrustPosition = e.place()
			return
		}
	}
}

// finish checks what only the whole file shows.
func (f *file) finish() error {
	for _, d := range f.conf.Directories {
		key := toml.Key{"directory", d.Name}
		switch {
		case d.Path == "":
			return f.fail(key, "there is no path")
		case !d.Read && !d.Write && !d.Append && !d.Create:
			return f.fail(key, "none of read, write, append, create is true")
		}
	}
	return nil
}

// wrap makes an *Error of what package toml returns.
func (f *file) wrap(err error) error {
	e := &Error{File: f.name, Message: err.Error()}
	var p toml.ParseError
	if errors.As(err, &p) {
		e.Message = p.Message
	}
	if p.Position.Line > 0 {
		// The line and column of package toml are off by a line where the place
		// is the beginning of one; its offset is right.
		before := f.data[:min(max(p.Position.Start, 0), len(f.data))]
		e.Line = 1 + bytes.Count(before, []byte{'\n'})
		e.Column = len(before) - bytes.LastIndexByte(before, '\n')
	}
	return e
}

func text(store func(c *Config, s string) error) set {
	return func(c *Config, v any) error {
		s, ok := v.(string)
		if !ok {
			return errors.New("expected a string")
		}
		return store(c, s)
	}
}

func flag(store func(c *Config, on bool)) set {
	return func(c *Config, v any) error {
		on, ok := v.(bool)
		if !ok {
			return errors.New("expected true or false")
		}
		store(c, on)
		return nil
	}
}

func size(store func(c *Config, n int)) set {
	return func(c *Config, v any) error {
		n, ok := v.(int64)
		if !ok || n < 0 || n > MaxBuffer {
			return fmt.Errorf("expected a number of bytes from 0 to %d", MaxBuffer)
		}
		store(c, int(n))
		return nil
	}
}

func absolute(path string) error {
	if !filepath.IsAbs(path) || strings.ContainsRune(path, 0) || len(path) > 1023 {
		return fmt.Errorf("%.64q is not an absolute path", path)
	}
	return nil
}
