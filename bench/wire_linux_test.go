package bench

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"scamper/tools/simnet/live"
)

// wire records when echo requests left the monitor's interface and when their replies came in, both by the kernel's
// clock. The kernel writes into memory that is looked at only after the run, so that recording costs no wake-up.
type wire struct {
	fd  int
	mem []byte
}

// The memory takes 300,000 short frames of about 130 bytes with the kernel's header.
const (
	wireBlock  = 1 << 20
	wireBlocks = 64
	wireSnap   = 42 // Ethernet, IPv4 and ICMP header
)

// startWire begins to record in the monitor's namespace of bed.
func startWire(b *testing.B, bed *live.Bed) *wire {
	b.Helper()
	w := &wire{fd: -1}
	if err := bed.Do(w.open); err != nil {
		b.Fatalf("recording on %s: %v", live.Interface, err)
	}
	return w
}

func (w *wire) open() (err error) {
	ifc, err := net.InterfaceByName(live.Interface)
	if err != nil {
		return err
	}
	// Protocol 0 receives nothing until bind.
	if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			unix.Close(w.fd)
		}
	}()
	if err := unix.SetsockoptInt(w.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return fmt.Errorf("packet version: %w", err)
	}
	ring := unix.TpacketReq3{
		Block_size: wireBlock, Block_nr: wireBlocks, Frame_size: 1024, Frame_nr: wireBlock / 1024 * wireBlocks,
		Retire_blk_tov: 100,
	}
	if err := unix.SetsockoptTpacketReq3(w.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &ring); err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	w.mem, err = unix.Mmap(w.fd, 0, wireBlock*wireBlocks, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return fmt.Errorf("map ring: %w", err)
	}
	// The first bytes of IPv4 packets, nothing of others.
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: 12},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.ETH_P_IP, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: wireSnap},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.SetsockoptSockFprog(w.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	return unix.Bind(w.fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ifc.Index})
}

// stop ends the recording and returns, by target, the time from the request's way out to the reply's way in. It fails
// the benchmark if frames were missed.
func (w *wire) stop(b *testing.B) map[netip.Addr]time.Duration {
	b.Helper()
	time.Sleep(200 * time.Millisecond) // the last block is handed over when it is old enough
	stats, err := unix.GetsockoptTpacketStatsV3(w.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil || stats.Drops > 0 {
		b.Fatalf("recording on %s: %d frames missed, error %v", live.Interface, stats.Drops, err)
	}
	left := make(map[netip.Addr]int64)
	took := make(map[netip.Addr]time.Duration)
	for block := range wireBlocks {
		desc := (*unix.TpacketBlockDesc)(unsafe.Pointer(&w.mem[block*wireBlock]))
		h := (*unix.TpacketHdrV1)(unsafe.Pointer(&desc.Hdr))
		if h.Block_status&unix.TP_STATUS_USER == 0 {
			break
		}
		at := block*wireBlock + int(h.Offset_to_first_pkt)
		for range h.Num_pkts {
			p := (*unix.Tpacket3Hdr)(unsafe.Pointer(&w.mem[at]))
			frame := w.mem[at+int(p.Mac):][:p.Snaplen]
			at += int(p.Next_offset)
			if len(frame) < wireSnap || frame[14] != 0x45 || frame[23] != unix.IPPROTO_ICMP {
				continue
			}
			stamp := int64(p.Sec)*1e9 + int64(p.Nsec)
			switch frame[34] {
			case 8:
				left[netip.AddrFrom4([4]byte(frame[30:34]))] = stamp
			case 0:
				target := netip.AddrFrom4([4]byte(frame[26:30]))
				if sent, ok := left[target]; ok {
					took[target] = time.Duration(stamp - sent)
				}
			}
		}
	}
	if err := unix.Munmap(w.mem); err != nil {
		b.Error(err)
	}
	unix.Close(w.fd)
	return took
}
