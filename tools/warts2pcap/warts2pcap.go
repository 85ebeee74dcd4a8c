// Package warts2pcap is the command sc_warts2pcap: it writes the packets that tbit, sting and sniff records hold to a
// capture file.
package warts2pcap

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"

	"scamper/shared/warts"
	"scamper/tools/cli"
)

const usage = "usage: sc_warts2pcap [-o outfile] [-s sorting] warts-files\n"

const explanation = `
Writes the packets in the tbit, sting and sniff records of warts files as a
pcap file of raw IP packets. Reads standard input if there is no file, or where a
file is called -.

  -o file    write to the file, not to standard output
  -s none    in the order of the files (default)
  -s packet  in the order of time
`

// Main runs the command.
func Main(env *cli.Env) int {
	if env.Standard(usage + explanation) {
		return cli.StatusOK
	}
	outName, byTime := "-", false
	opts, files := cli.Getopt(env.Name, env.Args, "o:s:?", env.Stderr)
	for _, opt := range opts {
		switch {
		case opt.Letter == 'o':
			outName = opt.Value
		case opt.Letter == 's' && strings.EqualFold(opt.Value, "none"):
			byTime = false
		case opt.Letter == 's' && strings.EqualFold(opt.Value, "packet"):
			byTime = true
		case opt.Letter == 's':
			env.Errorf("unknown sorting %s", opt.Value)
			return cli.StatusFailed
		default:
			fmt.Fprint(env.Stderr, usage+explanation)
			return cli.StatusFailed
		}
	}
	out := env.Stdout
	if outName == "-" {
		if env.StdoutIsTerminal() {
			env.Errorf("not going to dump pcap to a tty, sorry")
			return cli.StatusFailed
		}
	} else {
		f, err := os.Create(outName)
		if err != nil {
			env.Errorf("could not open for output: %s: %v", outName, cli.Reason(err))
			return cli.StatusFailed
		}
		defer f.Close()
		out = f
	}
	w := &capture{out: bufio.NewWriterSize(out, 64<<10), byTime: byTime}
	w.header()
	status := env.Walk(cli.Walk{
		Files: files, Want: []warts.Type{warts.TypeTbit, warts.TypeSting, warts.TypeSniff},
		Waiting: w.flush,
		Record: func(_ int, rec warts.Record) bool {
			w.record(rec)
			return w.err == nil
		},
		OpenFailed: func(name string, err error) bool {
			env.Errorf("could not open %s: %v", name, err)
			return false
		},
		StopAtDamage: true,
	})
	if status == cli.StatusOK {
		w.sorted()
	}
	w.flush()
	if w.err != nil {
		return env.WriteStatus(w.err)
	}
	return status
}

// The header of a capture file (pcap savefile format, version 2.4). The link type is that of raw IP packets as BSD
// numbers it, which readers take as well as LINKTYPE_RAW.
const (
	pcapMagic   = 0xa1b2c3d4
	pcapSnapLen = 65535
	pcapRawIP   = 12
)

// capture writes a capture file in the byte order of the machine.
type capture struct {
	out     *bufio.Writer
	byTime  bool
	packets []packet // all of them, if they are to be sorted
	err     error
}

type packet struct {
	at   warts.Time
	data []byte
}

func (c *capture) header() {
	b := binary.NativeEndian.AppendUint32(nil, pcapMagic)
	b = binary.NativeEndian.AppendUint16(b, 2)
	b = binary.NativeEndian.AppendUint16(b, 4)
	for _, v := range [...]uint32{0, 0, pcapSnapLen, pcapRawIP} {
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	c.write(b)
}

func (c *capture) record(rec warts.Record) {
	switch r := rec.(type) {
	case *warts.Tbit:
		for i := range r.Packets {
			c.packet(r.Packets[i].Time, r.Packets[i].Data)
		}
	case *warts.Sting:
		for i := range r.Packets {
			c.packet(r.Packets[i].Time, r.Packets[i].Data)
		}
	case *warts.Sniff:
		for i := range r.Packets {
			c.packet(r.Packets[i].Time, r.Packets[i].Data)
		}
	}
}

func (c *capture) packet(at warts.Time, data []byte) {
	if c.byTime {
		c.packets = append(c.packets, packet{at, slices.Clone(data)})
		return
	}
	c.writePacket(at, data)
}

func (c *capture) writePacket(at warts.Time, data []byte) {
	var b [16]byte
	binary.NativeEndian.PutUint32(b[0:], at.Sec)
	binary.NativeEndian.PutUint32(b[4:], at.Usec)
	binary.NativeEndian.PutUint32(b[8:], uint32(len(data)))
	binary.NativeEndian.PutUint32(b[12:], uint32(len(data)))
	c.write(b[:])
	c.write(data)
}

// sorted writes the packets that were kept to be sorted.
func (c *capture) sorted() {
	slices.SortStableFunc(c.packets, func(a, b packet) int { return a.at.Compare(b.at) })
	for _, p := range c.packets {
		c.writePacket(p.at, p.data)
	}
}

func (c *capture) write(b []byte) {
	if c.err == nil {
		_, c.err = c.out.Write(b)
	}
}

func (c *capture) flush() {
	if c.err == nil {
		c.err = c.out.Flush()
	}
}
