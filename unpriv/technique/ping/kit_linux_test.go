package ping

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"scamper/shared/warts"
	"scamper/testkit"
)

// wire is a packet as it was on the wire, decoded by hand: this package must not be checked by its own means.
type wire struct {
	At       time.Time
	Out      bool
	ToMAC    string
	Src, Dst netip.Addr
	Len      int // of the IP packet
	TOS, TTL uint8
	ID       uint32 // IPv4; of the fragment header for IPv6
	DF, More bool
	Offset   int    // of a fragment, in bytes
	Options  string // IPv4 options in hexadecimal
	Proto    uint8
	// ICMP
	Type, Code uint8
	Sum        uint16
	ICMPID     uint16
	ICMPSeq    uint16
	// UDP, TCP
	Sport, Dport uint16
	Seq, Ack     uint32
	Flags        uint8
	Window       uint16
	TCPOptions   string
	Data         string // what follows all headers, in hexadecimal
	SumOK        bool   // the checksums are right
}

// decode decodes a captured frame; false if it is no IP packet.
func decode(p testkit.Packet) (w wire, ok bool) {
	ip := p.IP()
	if len(ip) < 20 {
		return w, false
	}
	w.At, w.Out = p.Time, p.Outgoing
	w.ToMAC = fmt.Sprintf("%x", p.Data[:6])
	be := binary.BigEndian
	var body []byte
	var pseudo uint32
	w.SumOK = true
	if ip[0]>>4 == 4 {
		h := int(ip[0]&15) * 4
		w.Len = int(be.Uint16(ip[2:]))
		w.TOS, w.ID, w.TTL, w.Proto = ip[1], uint32(be.Uint16(ip[4:])), ip[8], ip[9]
		w.DF, w.More, w.Offset = ip[6]&0x40 != 0, ip[6]&0x20 != 0, int(be.Uint16(ip[6:])&0x1fff)*8
		w.Src, w.Dst = netip.AddrFrom4([4]byte(ip[12:16])), netip.AddrFrom4([4]byte(ip[16:20]))
		w.Options = hex.EncodeToString(ip[20:h])
		w.SumOK = sum(ip[:h], 0) == 0xffff
		body = ip[h:w.Len]
		if w.Proto != 1 {
			pseudo = partial(ip[12:20])
		}
	} else {
		if len(ip) < 40 {
			return w, false
		}
		w.Len = int(be.Uint16(ip[4:])) + 40
		w.TOS, w.TTL, w.Proto = ip[0]<<4|ip[1]>>4, ip[7], ip[6]
		w.Src, w.Dst = netip.AddrFrom16([16]byte(ip[8:24])), netip.AddrFrom16([16]byte(ip[24:40]))
		body = ip[40:w.Len]
		if w.Proto == 44 {
			w.Proto = body[0]
			w.ID, w.More, w.Offset = be.Uint32(body[4:]), body[3]&1 != 0, int(be.Uint16(body[2:])&^7)
			body = body[8:]
		}
		pseudo = partial(ip[8:40])
	}
	if w.Offset != 0 || len(body) < 8 {
		w.Data = hex.EncodeToString(body)
		return w, true
	}
	if !w.More {
		w.SumOK = w.SumOK && (pseudo == 0 && sum(body, 0) == 0xffff ||
			pseudo != 0 && sum(body, pseudo+uint32(w.Proto)+uint32(len(body))) == 0xffff)
	}
	data := body[8:]
	switch w.Proto {
	case 1, 58:
		w.Type, w.Code, w.Sum = body[0], body[1], be.Uint16(body[2:])
		w.ICMPID, w.ICMPSeq = be.Uint16(body[4:]), be.Uint16(body[6:])
	case 17:
		w.Sport, w.Dport = be.Uint16(body), be.Uint16(body[2:])
		w.SumOK = w.SumOK && int(be.Uint16(body[4:])) == len(body)
	case 6:
		w.Sport, w.Dport, w.Seq, w.Ack = be.Uint16(body), be.Uint16(body[2:]), be.Uint32(body[4:]), be.Uint32(body[8:])
		w.Flags, w.Window = body[13], be.Uint16(body[14:])
		h := int(body[12]>>4) * 4
		w.TCPOptions = hex.EncodeToString(body[20:h])
		data = body[h:]
	}
	w.Data = hex.EncodeToString(data)
	return w, true
}

func partial(b []byte) (s uint32) {
	for i := 0; i+1 < len(b); i += 2 {
		s += uint32(b[i])<<8 | uint32(b[i+1])
	}
	if len(b)%2 != 0 {
		s += uint32(b[len(b)-1]) << 8
	}
	return s
}

func sum(b []byte, s uint32) uint16 {
	s += partial(b)
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// key is what tells the packets of a ping from those of all others: the identifier or first source port.
func (w *wire) key() uint16 {
	if w.Proto == 1 || w.Proto == 58 {
		return w.ICMPID
	}
	return w.Sport
}

func decodeAll(packets []testkit.Packet) (list []wire) {
	for _, p := range packets {
		if w, ok := decode(p); ok {
			list = append(list, w)
		}
	}
	return list
}

// prober runs scamper somewhere.
type prober interface {
	Run(timeout time.Duration, name string, args ...string) testkit.Result
}

// measure runs commands at once and returns the records by their user id (-U).
func measure(t *testing.T, p prober, args []string, commands ...string) map[uint32]*warts.Ping {
	t.Helper()
	program := testkit.BuildCommand(t, "scamper/cmd/scamper")
	file := filepath.Join(t.TempDir(), "out.warts")
	args = append([]string{"-p", "1000", "-O", "warts", "-o", file}, args...)
	got := p.Run(60*time.Second, program, append(append(args, "-I"), commands...)...)
	if got.Err != nil {
		t.Fatalf("scamper: %v\n%s", got.Err, got.Stderr)
	}
	records := make(map[uint32]*warts.Ping)
	for _, r := range readPings(t, file) {
		records[r.UserID] = r
	}
	if len(records) != len(commands) {
		t.Fatalf("%d records of %d commands\n%s", len(records), len(commands), got.Stderr)
	}
	return records
}

func readPings(t testing.TB, file string) (list []*warts.Ping) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := warts.NewReader(bytes.NewReader(b))
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := rec.(*warts.Ping); ok {
			list = append(list, p)
		}
	}
}
