package testkit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Packet is a frame that an interface sent or received.
type Packet struct {
	Time     time.Time // the kernel's stamp
	Outgoing bool      // sent by the namespace that captures
	Data     []byte    // with its link header, 14 octets on Ethernet and lo
}

// EtherType returns the type field of a frame, 0 if it is too short for one.
func (p Packet) EtherType() uint16 {
	if len(p.Data) < 14 {
		return 0
	}
	return binary.BigEndian.Uint16(p.Data[12:])
}

// IP returns what follows the link header; nil unless it says IPv4 or IPv6.
func (p Packet) IP() []byte {
	if t := p.EtherType(); t != unix.ETH_P_IP && t != unix.ETH_P_IPV6 {
		return nil
	}
	return p.Data[14:]
}

// Capture collects the frames of one interface.
type Capture struct {
	s    *Namespace
	name string
	file *os.File

	mu      sync.Mutex
	packets []Packet
	grown   chan struct{} // closed, and made anew, when packets grew
	done    chan struct{} // closed when the reader has ended
}

// Capture begins to collect the frames that pass the interface, in both directions
// (on lo each is seen once), until Stop or the end of the test. Everything that the
// interface carries after this call is seen.
func (s *Namespace) Capture(ifname string) *Capture {
	s.t.Helper()
	var fd int
	var err error
	s.Do(func() { fd, err = openPacket(ifname) })
	if err != nil {
		s.t.Fatalf("capturing on %s of %s: %v", ifname, s.Name, err)
	}
	c := &Capture{
		s: s, name: ifname,
		file:  os.NewFile(uintptr(fd), fmt.Sprintf("capture on %s", ifname)),
		grown: make(chan struct{}),
		done:  make(chan struct{}),
	}
	conn, err := c.file.SyscallConn()
	if err != nil {
		s.t.Fatalf("capturing on %s of %s: %v", ifname, s.Name, err)
	}
	loopback := ifname == "lo"
	go func() {
		defer close(c.done)
		buf := make([]byte, 1<<17)
		control := make([]byte, 256)
		for {
			var packet Packet
			var err error
			waitErr := conn.Read(func(fd uintptr) bool {
				packet, err = receive(int(fd), buf, control)
				return !errors.Is(err, unix.EAGAIN)
			})
			if waitErr != nil {
				return // closed
			}
			if err != nil || loopback && packet.Outgoing {
				if errors.Is(err, unix.EBADF) {
					return
				}
				continue // such as ENETDOWN, told once when a link goes down
			}
			c.mu.Lock()
			c.packets = append(c.packets, packet)
			close(c.grown)
			c.grown = make(chan struct{})
			c.mu.Unlock()
		}
	}()
	s.t.Cleanup(func() { c.Stop() })
	return c
}

// openPacket opens a packet socket for one interface of the current namespace.
func openPacket(ifname string) (fd int, err error) {
	ifc, err := net.InterfaceByName(ifname)
	if err != nil {
		return -1, err
	}
	// Protocol 0 receives nothing: no frame of another interface gets in before bind.
	fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("packet socket: %w", err)
	}
	all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ifc.Index}),
	)
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// receive reads one frame, and copies it out of buf.
func receive(fd int, buf, control []byte) (Packet, error) {
	n, controlLen, _, from, err := unix.Recvmsg(fd, buf, control, 0)
	if err != nil {
		return Packet{}, err
	}
	packet := Packet{Time: time.Now(), Data: append([]byte(nil), buf[:n]...)}
	if link, ok := from.(*unix.SockaddrLinklayer); ok {
		packet.Outgoing = link.Pkttype == unix.PACKET_OUTGOING
	}
	messages, err := unix.ParseSocketControlMessage(control[:controlLen])
	if err != nil {
		return packet, nil // with the time at which it was read
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS &&
			len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			stamp := *(*unix.Timespec)(unsafe.Pointer(&m.Data[0]))
			packet.Time = time.Unix(stamp.Unix())
		}
	}
	return packet, nil
}

// Packets returns the frames seen so far.
func (c *Capture) Packets() []Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Packet(nil), c.packets...)
}

// Wait waits until the frames seen so far satisfy enough, and returns them. It fails
// the test if they have not within the limit.
func (c *Capture) Wait(limit time.Duration, enough func([]Packet) bool) []Packet {
	c.s.t.Helper()
	deadline := time.After(limit)
	for {
		c.mu.Lock()
		packets, grown := append([]Packet(nil), c.packets...), c.grown
		c.mu.Unlock()
		if enough(packets) {
			return packets
		}
		select {
		case <-grown:
		case <-deadline:
			c.s.t.Fatalf("%s of %s: the frames waited for did not come within %v; %d others did",
				c.name, c.s.Name, limit, len(packets))
		}
	}
}

// Stop ends the capture and returns all its frames, including those that the kernel
// had queued. It fails the test if the kernel had to drop some. A second Stop returns
// the same.
func (c *Capture) Stop() []Packet {
	c.s.t.Helper()
	select {
	case <-c.done:
		return c.Packets()
	default:
	}
	c.drain()
	if conn, err := c.file.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) {
			stats, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS)
			if err == nil && stats.Drops > 0 {
				c.s.t.Errorf("capture on %s of %s: %d frames were lost", c.name, c.s.Name, stats.Drops)
			}
		})
	}
	c.file.Close()
	<-c.done
	return c.Packets()
}

// drain waits until the reader has taken what is queued: the queue is empty, and no
// frame came for a moment.
func (c *Capture) drain() {
	conn, err := c.file.SyscallConn()
	if err != nil {
		return
	}
	for range 100 {
		before, queued := len(c.Packets()), 0
		_ = conn.Control(func(fd uintptr) { queued, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
		time.Sleep(2 * time.Millisecond)
		if queued == 0 && len(c.Packets()) == before {
			return
		}
	}
}
