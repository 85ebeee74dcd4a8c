// Package ipiddump is the command sc_ipiddump: it prints the IP-IDs of replies in the order in which they were asked for.
package ipiddump

import (
	"bufio"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"scamper/shared/render"
	"scamper/shared/warts"
	"scamper/tools/cli"
)

const usage = `usage: sc_ipiddump [-?] [-i ips] [-O options] [-U userids]
          <file.warts>
`

const explanation = `
Prints a line for each reply with an IP-ID in pings, dealiases and traces, in the
order of transmission: when the probe was sent and the reply received, the source
of the probe and that of the reply, and the IP-ID in hexadecimal, with 8 digits
for IPv6. A file that is called - is standard input.

  -i addr,...  only replies from these addresses
  -U id,...    only measurements with these user ids
  -O notrace   no traces
`

// listLimit is how many values an option may have.
const listLimit = 256

// sample is an IP-ID that was seen.
type sample struct {
	tx, rx    warts.Time
	src, from warts.Addr
	id        uint32
}

type dump struct {
	from    map[warts.Addr]bool // nil: from all
	users   map[uint32]bool     // nil: of all
	samples []sample
}

// Main runs the command.
func Main(env *cli.Env) int {
	if env.Standard(usage + explanation) {
		return cli.StatusOK
	}
	var d dump
	want := []warts.Type{warts.TypePing, warts.TypeDealias, warts.TypeTrace}
	opts, files := cli.Getopt(env.Name, env.Args, "i:O:U:?", env.Stderr)
	for _, opt := range opts {
		var err error
		switch opt.Letter {
		case 'i':
			err = d.limitAddrs(opt.Value)
		case 'U':
			err = d.limitUsers(opt.Value)
		case 'O':
			if !strings.EqualFold(opt.Value, "notrace") {
				err = fmt.Errorf("unknown option -O %s", opt.Value)
			}
			want = want[:2]
		default:
			fmt.Fprint(env.Stderr, usage+explanation)
			return cli.StatusFailed
		}
		if err != nil {
			env.Errorf("%v", err)
			return cli.StatusFailed
		}
	}
	if len(files) == 0 {
		fmt.Fprint(env.Stderr, usage+explanation)
		return cli.StatusFailed
	}
	if at := slices.Index(files, "-"); at >= 0 && slices.Contains(files[at+1:], "-") {
		env.Errorf("stdin already used")
		return cli.StatusFailed
	}
	status := env.Walk(cli.Walk{
		Files: files, Want: want,
		Record: func(_ int, rec warts.Record) bool {
			switch r := rec.(type) {
			case *warts.Ping:
				d.ping(r)
			case *warts.Dealias:
				d.dealias(r)
			case *warts.Trace:
				d.trace(r)
			}
			return true
		},
		OpenFailed: func(name string, err error) bool {
			env.Errorf("unable to open %s: %v", name, err)
			return true
		},
	})
	if err := d.print(bufio.NewWriterSize(env.Stdout, 64<<10)); err != nil {
		return env.WriteStatus(err)
	}
	return status
}

func (d *dump) limitAddrs(list string) error {
	texts := strings.Split(list, ",")
	if d.from != nil || len(texts) > listLimit {
		return fmt.Errorf("-i: once, and at most %d addresses", listLimit)
	}
	d.from = make(map[warts.Addr]bool)
	for _, text := range texts {
		ip, err := netip.ParseAddr(text)
		if err != nil || ip.Zone() != "" {
			return fmt.Errorf("-i: %q is not an address", text)
		}
		d.from[warts.AddrFrom(ip)] = true
	}
	return nil
}

func (d *dump) limitUsers(list string) error {
	texts := strings.Split(list, ",")
	if d.users != nil || len(texts) > listLimit {
		return fmt.Errorf("-U: once, and at most %d user ids", listLimit)
	}
	d.users = make(map[uint32]bool)
	for _, text := range texts {
		id, err := strconv.ParseUint(text, 0, 32)
		if err != nil {
			return fmt.Errorf("-U: %q is not a user id", text)
		}
		d.users[uint32(id)] = true
	}
	return nil
}

func (d *dump) ping(p *warts.Ping) {
	if d.users != nil && !d.users[p.UserID] {
		return
	}
	for i := range p.Probes {
		probe := &p.Probes[i]
		if probe.TX.Sec == 0 {
			continue
		}
		for j := range probe.Replies {
			r := &probe.Replies[j]
			rx := render.After(probe.TX, r.RTT)
			if r.Addr.Is4() {
				d.add(sample{probe.TX, rx, p.Src, r.Addr, uint32(uint16(r.IPID))})
			} else if r.Flags&warts.PingReplyIPID != 0 {
				d.add(sample{probe.TX, rx, p.Src, r.Addr, r.IPID})
			}
		}
	}
}

func (d *dump) dealias(a *warts.Dealias) {
	if d.users != nil && !d.users[a.UserID] {
		return
	}
	for i := range a.Probes {
		probe := &a.Probes[i]
		def := render.ProbeDef(a, probe)
		if def == nil {
			continue
		}
		for j := range probe.Replies {
			r := &probe.Replies[j]
			if r.Addr.Is4() {
				d.add(sample{probe.TX, r.RX, def.Src, r.Addr, uint32(r.IPID)})
			} else if r.Flags&warts.DealiasReplyIPID32 != 0 {
				d.add(sample{probe.TX, r.RX, def.Src, r.Addr, r.IPID32})
			}
		}
	}
}

func (d *dump) trace(t *warts.Trace) {
	if !t.Dst.Is4() || d.users != nil && !d.users[t.UserID] {
		return
	}
	for i := range t.Probes {
		probe := &t.Probes[i]
		if probe.TX.Sec == 0 {
			continue
		}
		for j := range probe.Replies {
			r := &probe.Replies[j]
			d.add(sample{probe.TX, render.After(probe.TX, r.RTT), t.Src, r.Addr, uint32(r.IPID)})
		}
	}
}

func (d *dump) add(s sample) {
	if d.from == nil || d.from[s.from] {
		d.samples = append(d.samples, s)
	}
}

func (d *dump) print(out *bufio.Writer) error {
	slices.SortStableFunc(d.samples, func(a, b sample) int { return a.tx.Compare(b.tx) })
	var b []byte
	for i := range d.samples {
		s := &d.samples[i]
		b = appendTime(b[:0], s.tx)
		b = appendTime(b, s.rx)
		if s.src.IsValid() {
			b = s.src.AppendTo(b)
		} else {
			b = append(b, '-')
		}
		b = append(b, ' ')
		b = s.from.AppendTo(b)
		b = append(b, ' ')
		digits := 8
		if s.from.Is4() {
			digits = 4
		}
		b = render.AppendHex(b, uint64(s.id), digits)
		if _, err := out.Write(append(b, '\n')); err != nil {
			return err
		}
	}
	return out.Flush()
}

func appendTime(b []byte, t warts.Time) []byte {
	b = render.AppendSigned32(b, t.Sec)
	b = append(b, '.')
	b = render.AppendMicros6(b, t.Usec)
	return append(b, ' ')
}
