// Package wartsfix is the command sc_wartsfix: it copies the leading intact records of a warts file to a new file next
// to it and says where it stopped. It looks at record headers only: magic number, length, and that the whole body is
// there; what is in the bodies is not its business.
package wartsfix

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"scamper/tools/cli"
)

const help = `usage: sc_wartsfix file

Copies the leading intact records of file to file.fix, which must not exist.
Says on standard error where it stopped; the exit status does not tell whether
something had to be cut.
`

const (
	headerLen = 8
	magic     = 0x1205
)

// Main runs the command.
func Main(env *cli.Env) int {
	if env.Standard(help) {
		return cli.StatusOK
	}
	if len(env.Args) != 1 {
		env.Errorf("usage: sc_wartsfix file")
		return cli.StatusFailed
	}
	name := env.Args[0]
	in, err := os.Open(name)
	if err != nil {
		env.Errorf("could not open %s: %v", name, cli.Reason(err))
		return cli.StatusFailed
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		env.Errorf("could not open %s: %v", name, cli.Reason(err))
		return cli.StatusFailed
	}
	out, err := os.OpenFile(name+".fix", os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		env.Errorf("could not create %s.fix: %v", name, cli.Reason(err))
		return cli.StatusFailed
	}
	defer out.Close()
	// The umask took bits away, and the file may belong to somebody else than the caller.
	if err := out.Chmod(info.Mode().Perm()); err != nil {
		env.Errorf("warning: could not chmod: %v", cli.Reason(err))
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := out.Chown(int(st.Uid), int(st.Gid)); err != nil {
			env.Errorf("warning: could not chown: %v", cli.Reason(err))
		}
	}

	good, err := copyIntact(out, in)
	if err == nil {
		err = out.Close()
	}
	switch {
	case err == nil:
		env.Errorf("%s is intact", name)
	case errors.Is(err, errDamaged):
	default:
		env.Errorf("could not write: %v", cli.Reason(err))
	}
	env.Errorf("stop at %d", good)
	return cli.StatusOK
}

var errDamaged = errors.New("damaged")

// copyIntact copies whole records until the input ends or is damaged and returns how many bytes that were. The output
// never holds a part of a record. The error is nil at a clean end, errDamaged at a damaged record, else that of writing.
func copyIntact(out *os.File, in io.Reader) (good int64, err error) {
	var header [headerLen]byte
	for {
		if _, err := io.ReadFull(in, header[:]); err != nil {
			if err == io.EOF {
				return good, nil
			}
			return good, errDamaged
		}
		if binary.BigEndian.Uint16(header[:]) != magic {
			return good, errDamaged
		}
		body := int64(binary.BigEndian.Uint32(header[4:]))
		if err := copyRecord(out, in, header[:], body); err != nil {
			if cutErr := cutBack(out, good); cutErr != nil && errors.Is(err, errDamaged) {
				err = cutErr
			}
			return good, err
		}
		good += headerLen + body
	}
}

// copyRecord writes a header and copies the body behind it, in pieces: the length in a header is not to be trusted.
func copyRecord(w io.Writer, in io.Reader, header []byte, body int64) error {
	if _, err := w.Write(header); err != nil {
		return err
	}
	src := &readErrors{r: in}
	n, err := io.CopyN(w, src, body)
	if n == body {
		return nil
	}
	if err == io.EOF || src.err != nil {
		return errDamaged
	}
	return fmt.Errorf("record: %w", err)
}

// readErrors remembers whether it was reading that failed.
type readErrors struct {
	r   io.Reader
	err error
}

func (r *readErrors) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

func cutBack(out *os.File, size int64) error {
	if err := out.Truncate(size); err != nil {
		return err
	}
	_, err := out.Seek(size, io.SeekStart)
	return err
}
