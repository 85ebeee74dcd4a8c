package warts

import (
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"slices"
)

// Reader reads the records of a warts file, one after the other, without seeking and without knowing its size. It finds
// out by the first bytes whether the file is compressed (gzip, bzip2, xz, zstd; all members) or an arts file of skitter.
//
// The exported fields are settings; they must not be changed after the first call of a method.
type Reader struct {
	// Reuse saves memory: a *Ping or *Trace, and all byte slices in any record, are valid only until the next call of
	// Next. Lists, cycles and strings stay valid.
	Reuse bool

	// Concatenated accepts several files one after the other (cat a b, or compressed members that are each a file): where
	// a second list with number 1 appears, another file begins, whose lists and cycles are its own. Without it such a
	// file is damaged at that place, as it is for scamper's tools.
	Concatenated bool

	// Resync goes on after damage: Next returns the error once, and then the records after it as soon as they can be
	// recognised. Measurements of a list or cycle which was lost have none then.
	Resync bool

	// Want are the types of records that Next returns; the others are stepped over without decoding them, save that lists,
	// cycles and addresses always have their effect. Empty means all.
	Want []Type

	// Trace, if not nil, is called for every parameter that is decoded, in the order of the file.
	Trace func(Field)

	in         io.Reader
	src        source
	opened     bool
	detected   bool
	compressed bool
	close      func() // of the decompressor
	arts       bool
	artsLists  map[uint32]*List
	artsCycles map[artsCycle]*Cycle

	file  fileState
	dec   decoder
	start int64  // offset of the last record
	raw   []byte // its bytes
	head  [HeaderLen]byte
	err   error // that ended the reading
}

// NewReader returns a Reader of r, which it reads in large pieces.
func NewReader(r io.Reader) *Reader {
	return &Reader{in: r}
}

// Next returns the next record. At the end it returns io.EOF; where the file is damaged, a *[ReadError], after all
// records before that place. An error is final (Next returns it again) unless Resync is set.
func (r *Reader) Next() (Record, error) {
	if r.err != nil {
		return nil, r.err
	}
	if !r.opened {
		if r.err = r.open(); r.err != nil {
			return nil, r.err
		}
	}
	for {
		rec, err := r.next()
		if err != nil && err != io.EOF && r.Resync && r.resync(err) {
			return nil, err
		}
		if err != nil {
			r.err = err
			r.raw = nil
			if r.close != nil {
				r.close()
				r.close = nil
			}
			return nil, err
		}
		if rec != nil {
			return rec, nil
		}
	}
}

// All yields the records that are left. After an error (with a nil record) it ends, unless Resync is set.
func (r *Reader) All() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for {
			rec, err := r.Next()
			if err == io.EOF || !yield(rec, err) || err != nil && r.err != nil {
				return
			}
		}
	}
}

// Raw returns the bytes of the record that Next returned last, header included; they are valid until the next call of
// Next. A tool that passes records on writes them with [Writer.WriteRaw].
func (r *Reader) Raw() []byte { return r.raw }

// Offset returns the offset of the record that Next returned last, or of the bytes not read yet if there was none. It
// counts decompressed bytes.
func (r *Reader) Offset() int64 {
	if r.raw == nil {
		return r.src.off
	}
	return r.start
}

// Compressed reports whether the file is compressed; known after the first call of Next.
func (r *Reader) Compressed() bool { return r.compressed }

// NextRaw returns the bytes of the next record, header included, without decoding them; lists, cycles and addresses have
// no effect either. The bytes are valid until the next call. Want and Resync are not regarded. The errors are those of
// Next. NextRaw and Next must not be mixed.
func (r *Reader) NextRaw() ([]byte, error) {
	if r.err == nil && !r.opened {
		r.err = r.open()
	}
	if r.err == nil {
		r.err = r.frame()
	}
	if r.err != nil {
		return nil, r.err
	}
	r.src.take(len(r.raw))
	return r.raw, nil
}

// next decodes the record at hand. Both results are nil if it isn't wanted.
func (r *Reader) next() (Record, error) {
	if r.arts {
		return r.nextArts()
	}
	head, err := r.header()
	if err != nil {
		return nil, err
	}
	t := Type(binary.BigEndian.Uint16(head[2:]))
	length := binary.BigEndian.Uint32(head[4:])
	wanted := len(r.Want) == 0 || slices.Contains(r.Want, t)
	if !wanted && t > TypeAddress && !r.Resync {
		return nil, r.step(head, length)
	}
	if err := r.frame(); err != nil {
		return nil, err
	}
	if !wanted && t > TypeAddress {
		r.src.take(len(r.raw))
		return nil, nil
	}
	rec, err := r.decode(t, r.raw[HeaderLen:])
	if err != nil {
		return nil, err
	}
	r.src.take(len(r.raw))
	if !wanted {
		rec = nil
	}
	return rec, nil
}

// decode decodes a body.
func (r *Reader) decode(t Type, body []byte) (Record, error) {
	d := &r.dec
	if t == TypeList && r.Concatenated && r.file.listCount > 0 && len(body) >= 4 &&
		binary.BigEndian.Uint32(body) == 1 {
		r.file.reset()
	}
	d.start(body)
	d.base = r.start + HeaderLen
	rec := d.decode(t)
	if d.err == nil {
		return rec, nil
	}
	e := r.fail(d.err)
	e.Offset = d.base + int64(d.errAt)
	e.Where = d.where
	e.counted = d.base
	if r.compressed {
		e.counted = -int64(e.Length)
	}
	return nil, e
}

// header looks at the next record header. io.EOF means that there is none.
func (r *Reader) header() ([]byte, error) {
	r.start = r.src.off
	r.raw = nil
	head, err := r.src.peek(HeaderLen)
	if err == io.EOF && len(head) == 0 {
		return nil, io.EOF
	}
	if err != nil {
		e := &ReadError{Offset: r.start + int64(len(head)), Record: r.start, Err: unexpected(err)}
		if !r.compressed {
			e.counted = r.start
		}
		return nil, e
	}
	r.raw = head
	if binary.BigEndian.Uint16(head) != Magic {
		return nil, r.fail(errMagic)
	}
	if binary.BigEndian.Uint16(head[2:]) == 0 {
		return nil, r.fail(errTypeZero)
	}
	return head, nil
}

// frame looks at the whole next record and makes it r.raw.
func (r *Reader) frame() error {
	head, err := r.header()
	if err != nil {
		return err
	}
	length := binary.BigEndian.Uint32(head[4:])
	raw, err := r.src.peek(HeaderLen + int64(length))
	r.raw = raw
	if err != nil {
		e := r.fail(unexpected(err))
		e.Offset = r.start + int64(len(raw))
		return e
	}
	return nil
}

// step steps over a record.
func (r *Reader) step(head []byte, length uint32) error {
	copy(r.head[:], head)
	r.raw = r.head[:] // for an error; the bytes of head don't stay
	n, err := r.src.skip(HeaderLen + int64(length))
	if err != nil {
		e := r.fail(unexpected(err))
		e.Offset = r.start + n
		return e
	}
	r.raw = nil
	return nil
}

// fail makes an error about the record at r.start, whose header is in r.raw.
func (r *Reader) fail(err error) *ReadError {
	e := &ReadError{
		Offset: r.start, Record: r.start, Err: err,
		Magic:  binary.BigEndian.Uint16(r.raw),
		Type:   Type(binary.BigEndian.Uint16(r.raw[2:])),
		Length: binary.BigEndian.Uint32(r.raw[4:]),
	}
	e.counted = -int64(e.Length)
	if !r.compressed {
		e.counted += r.start + HeaderLen
	}
	return e
}

// unexpected is err as the error for an end inside a record.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// resyncMax is the longest record that is believed when searching for one; longer ones are taken for chance.
const resyncMax = 64 << 20

// resync goes on after a damaged record: with the same record if it only refers to a list or cycle that was lost; else
// at the place where its header says that it ends, if something that can be a record begins there; or else at the first
// such place after its beginning. It reports whether there is one.
func (r *Reader) resync(err error) bool {
	if r.arts {
		return false
	}
	if e := (*ReadError)(nil); errors.As(err, &e) && !r.file.loose && codecOf(e.Type) != nil &&
		(e.Err == errListID || e.Err == errCycleID) {
		r.file.loose = true
		return true
	}
	r.file.loose = true
	if head, err := r.src.peek(HeaderLen); err == nil && binary.BigEndian.Uint16(head) == Magic {
		n := HeaderLen + int64(binary.BigEndian.Uint32(head[4:]))
		if n <= HeaderLen+resyncMax && r.recordAt(n) {
			r.src.take(int(n))
			return true
		}
	}
	for n := int64(1); ; n++ {
		b, err := r.src.peek(n + 2)
		if err != nil {
			return false
		}
		if b[n] != Magic>>8 || b[n+1] != Magic&0xff {
			if n == sourceSize/2 {
				r.src.take(int(n))
				n = 0
			}
			continue
		}
		if r.recordAt(n) {
			r.src.take(int(n))
			return true
		}
	}
}

// recordAt reports whether a record of a known type can begin after the next n bytes: the file has all of it, and ends
// there or has the magic there. The end of the file is such a place too.
func (r *Reader) recordAt(n int64) bool {
	b, err := r.src.peek(n + HeaderLen)
	if err != nil {
		return errors.Is(err, io.EOF) && int64(len(b)) == n
	}
	head := b[n:]
	t := Type(binary.BigEndian.Uint16(head[2:]))
	length := int64(binary.BigEndian.Uint32(head[4:]))
	if binary.BigEndian.Uint16(head) != Magic || t == 0 || t > TypeOWAMP || length > resyncMax {
		return false
	}
	b, err = r.src.peek(n + HeaderLen + length + 2)
	if err != nil {
		return int64(len(b)) == n+HeaderLen+length
	}
	return b[len(b)-2] == Magic>>8 && b[len(b)-1] == Magic&0xff
}
