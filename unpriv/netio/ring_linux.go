package netio

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ringPort receives from a ring of blocks that the kernel fills in memory
// shared with us (TPACKET_V3, linux/if_packet.h and the kernel's
// packet_mmap.rst). It sends as any packet socket does.
type ringPort struct {
	*socketPort
	mem    []byte
	block  int // size of a block
	blocks int
	next   int    // block that is or will be read
	left   int    // packets of it that were not handed out yet
	at     uint32 // offset of the first of them in mem
	held   bool   // the last Recv handed out packets of block next
}

// retire is after how many milliseconds the kernel hands over a block that is
// not full.
const retire = 10

// frameAlign is the alignment of packets in a block (TPACKET_ALIGNMENT).
const frameAlign = 16

// fill puts the defaults in.
func (r *Ring) fill() {
	if r.Blocks == 0 {
		r.Blocks = 64
	}
	if r.BlockSize == 0 {
		r.BlockSize = 65536
	}
}

func newRing(p *socketPort, c Ring) (*ringPort, error) {
	c.fill()
	if err := p.set(unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3, "packet version"); err != nil {
		return nil, err
	}
	const frame = 1024 // not significant for version 3, but checked
	req := unix.TpacketReq3{
		Block_size: uint32(c.BlockSize), Block_nr: uint32(c.Blocks),
		Frame_size: frame, Frame_nr: uint32(c.BlockSize / frame * c.Blocks),
		Retire_blk_tov: retire,
	}
	if err := unix.SetsockoptTpacketReq3(p.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return nil, fmt.Errorf("set up ring of %d blocks of %d bytes: %w", c.Blocks, c.BlockSize, err)
	}
	flags := unix.MAP_SHARED | unix.MAP_POPULATE
	if c.Locked {
		flags |= unix.MAP_LOCKED
	}
	mem, err := unix.Mmap(p.fd, 0, c.BlockSize*c.Blocks, unix.PROT_READ|unix.PROT_WRITE, flags)
	if err != nil {
		return nil, fmt.Errorf("map ring of %d blocks of %d bytes: %w", c.Blocks, c.BlockSize, err)
	}
	return &ringPort{socketPort: p, mem: mem, block: c.BlockSize, blocks: c.Blocks}, nil
}

// status is the word by which a block is handed over and back.
func (r *ringPort) status(block int) *uint32 { return &r.header(block).Block_status }

func (r *ringPort) header(block int) *unix.TpacketHdrV1 {
	const toHeader = 8 // TpacketBlockDesc.Hdr, behind version and offset
	return (*unix.TpacketHdrV1)(unsafe.Pointer(&r.mem[block*r.block+toHeader]))
}

// Recv hands out packets where they lie in the ring. They stay there until
// the next call, which gives blocks that have been read back to the kernel.
func (r *ringPort) Recv(into []Datagram) (n int, err error) {
	for n < len(into) {
		if r.left == 0 {
			if n > 0 {
				return n, nil // the block is in use until the next call
			}
			if r.held {
				r.release()
			}
			if atomic.LoadUint32(r.status(r.next))&unix.TP_STATUS_USER == 0 {
				return 0, nil
			}
			h := r.header(r.next)
			r.held, r.left = true, int(h.Num_pkts)
			r.at = uint32(r.next*r.block) + h.Offset_to_first_pkt
			continue
		}
		h, ok := r.packet()
		if !ok {
			r.left = 0
			return n, fmt.Errorf("ring block %d: packet beyond its end", r.next)
		}
		if r.take(&into[n], h) {
			n++
		}
		r.left--
		r.at += h.Next_offset
	}
	return n, nil
}

// packet returns the header of the packet at r.at, checked to lie in the block.
func (r *ringPort) packet() (*unix.Tpacket3Hdr, bool) {
	end := uint32((r.next + 1) * r.block)
	const need = uint32(unsafe.Sizeof(unix.Tpacket3Hdr{})) + unix.SizeofSockaddrLinklayer
	if r.at > end || end-r.at < need {
		return nil, false
	}
	h := (*unix.Tpacket3Hdr)(unsafe.Pointer(&r.mem[r.at]))
	return h, uint32(h.Mac) <= end-r.at && h.Snaplen <= end-r.at-uint32(h.Mac)
}

// take makes a datagram of a packet. It returns false for one that is to be
// ignored.
func (r *ringPort) take(d *Datagram, h *unix.Tpacket3Hdr) bool {
	const size = (unsafe.Sizeof(unix.Tpacket3Hdr{}) + frameAlign - 1) &^ (frameAlign - 1)
	ll := (*unix.RawSockaddrLinklayer)(unsafe.Add(unsafe.Pointer(h), size))
	start := r.at + uint32(h.Mac)
	*d = Datagram{
		Data: r.mem[start : start+h.Snaplen : start+h.Snaplen], Size: int(h.Len), buf: d.buf,
		Stamp: Stamp(int64(h.Sec)*1e9 + int64(h.Nsec)), Kernel: true,
		IfIndex: ll.Ifindex, HopLimit: Unknown, TClass: Unknown,
		Outgoing: ll.Pkttype == unix.PACKET_OUTGOING,
	}
	return !(d.Outgoing && ll.Hatype == unix.ARPHRD_LOOPBACK) // comes again as incoming
}

// release gives the block that was read back to the kernel.
func (r *ringPort) release() {
	atomic.StoreUint32(r.status(r.next), unix.TP_STATUS_KERNEL)
	r.held = false
	if r.next++; r.next == r.blocks {
		r.next = 0
	}
}

// Drops returns the packets that did not fit into the ring. The statistics of
// version 3 have one word more, which the kernel does not insist on filling.
func (r *ringPort) Drops() uint64 { return r.socketPort.Drops() }

func (r *ringPort) unmap() { _ = unix.Munmap(r.mem) }

// Close unmaps the ring and closes the socket.
func (r *ringPort) Close() error {
	r.unmap()
	return r.socketPort.Close()
}
