package pack

import (
	"encoding/binary"
	"errors"
	"io"
)

// The bzip2 format has no specification by its author; what is here follows the description of the format that the
// decompressor of Go's standard library implements, with which it is tested.

// bzip2Level is the usual size of a block in units of 100,000 bytes.
const bzip2Level = 6

// blockLimit is how long a block of a level gets: a little less than its size, as run-length encoding must not exceed it.
func blockLimit(level int) int { return level*100_000 - 20 }

const (
	maxRun = 255 // bytes that a run of the first run-length encoding stands for

	blockMagic = 0x314159265359 // pi
	endMagic   = 0x177245385090 // its square root
)

// bzip2Writer compresses to w, block by block.
type bzip2Writer struct {
	bits  bitWriter
	level int // 1 to 9

	block   []byte // after the first run-length encoding
	crc     uint32 // of the bytes that the block stands for
	pending bool   // there is a run not yet in block
	last    byte   // its byte
	run     int    // its length
	total   uint32 // of the CRCs of the blocks
	started bool
	closed  bool
	sorter  rotationSorter
}

func newBzip2Writer(w io.Writer, level int) *bzip2Writer {
	return &bzip2Writer{bits: bitWriter{w: w}, level: level, crc: 0xffffffff}
}

var errClosed = errors.New("bzip2: write after close")

func (z *bzip2Writer) Write(p []byte) (int, error) {
	if z.closed {
		return 0, errClosed
	}
	for _, c := range p {
		if z.pending && c == z.last && z.run < maxRun {
			z.run++
			continue
		}
		z.endRun()
		if len(z.block) > blockLimit(z.level)-5 {
			z.endBlock()
		}
		z.pending, z.last, z.run = true, c, 1
	}
	return len(p), z.bits.err
}

// endRun puts the pending run into the block: up to 3 bytes as they are, 4 and more as 4 bytes and the number of others.
func (z *bzip2Writer) endRun() {
	if !z.pending {
		return
	}
	for range min(z.run, 4) {
		z.block = append(z.block, z.last)
	}
	if z.run >= 4 {
		z.block = append(z.block, byte(z.run-4))
	}
	for range z.run {
		z.crc = z.crc<<8 ^ crcTable[byte(z.crc>>24)^z.last]
	}
	z.pending = false
}

func (z *bzip2Writer) start() {
	if !z.started {
		z.started = true
		z.bits.write(8, 'B')
		z.bits.write(8, 'Z')
		z.bits.write(8, 'h')
		z.bits.write(8, '0'+uint64(z.level))
	}
}

// endBlock compresses the block at hand.
func (z *bzip2Writer) endBlock() {
	z.start()
	if len(z.block) == 0 {
		return
	}
	crc := ^z.crc
	z.total = z.total<<1 | z.total>>31
	z.total ^= crc

	last, origin := z.sorter.transform(z.block)
	z.bits.write(48, blockMagic)
	z.bits.write(32, uint64(crc))
	z.bits.write(1, 0) // not randomised
	z.bits.write(24, uint64(origin))
	writeSymbols(&z.bits, last)

	z.block = z.block[:0]
	z.crc = 0xffffffff
}

// Flush ends the block at hand and hands all whole bytes on. As blocks end within a byte, the last bits of the block may
// follow only with the next one.
func (z *bzip2Writer) Flush() error {
	if z.closed {
		return errClosed
	}
	z.endRun()
	z.endBlock()
	z.bits.flushBytes()
	return z.bits.err
}

// Close writes what is left and the end of the stream.
func (z *bzip2Writer) Close() error {
	if z.closed {
		return z.bits.err
	}
	z.closed = true
	z.endRun()
	z.endBlock()
	z.bits.write(48, endMagic)
	z.bits.write(32, uint64(z.total))
	return z.bits.close()
}

// crcTable is that of the CRC-32 with the polynomial 0x04c11db7, most significant bit first.
var crcTable = func() (table [256]uint32) {
	for i := range table {
		c := uint32(i) << 24
		for range 8 {
			if c&0x80000000 != 0 {
				c = c<<1 ^ 0x04c11db7
			} else {
				c <<= 1
			}
		}
		table[i] = c
	}
	return table
}()

// bitWriter writes numbers of bits, most significant first.
type bitWriter struct {
	w   io.Writer
	acc uint64 // bits not yet in buf, in its low end
	n   uint   // how many
	buf []byte
	err error
}

const bitBuffer = 64 << 10

func (b *bitWriter) write(n uint, v uint64) {
	if n > 32 {
		b.write(n-32, v>>32)
		n, v = 32, v&0xffffffff
	}
	b.acc = b.acc<<n | v
	b.n += n
	for b.n >= 32 {
		b.n -= 32
		b.buf = binary.BigEndian.AppendUint32(b.buf, uint32(b.acc>>b.n))
	}
	if len(b.buf) >= bitBuffer {
		b.flush()
	}
}

func (b *bitWriter) flush() {
	if b.err == nil {
		_, b.err = b.w.Write(b.buf)
	}
	b.buf = b.buf[:0]
}

// flushBytes is flush with the whole bytes among the bits at hand.
func (b *bitWriter) flushBytes() {
	for b.n >= 8 {
		b.n -= 8
		b.buf = append(b.buf, byte(b.acc>>b.n))
	}
	b.flush()
}

// close fills the last byte with zeros.
func (b *bitWriter) close() error {
	for b.n%8 != 0 {
		b.write(1, 0)
	}
	b.flushBytes()
	return b.err
}
