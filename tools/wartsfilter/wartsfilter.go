// Package wartsfilter is the command sc_wartsfilter: it copies the records of a warts file that are about some addresses,
// or of some types.
package wartsfilter

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"scamper/shared/warts"
	"scamper/tools/cli"
)

const usage = `usage: sc_wartsfilter [-a address] [-i infile] [-o outfile]
                      [-O options] [-t type]
`

const explanation = `
Copies the records of a warts file that are of one of the types and about one of
the addresses. At least one of -a and -t is needed; both can be repeated.

  -a address        an address, or a prefix: 192.0.2.0/24
  -i infile         file to read; default: standard input
  -o outfile        file to write, from its beginning; default: standard output.
                    It is compressed if its name ends in .gz, .bz2, .xz or .zst
  -O check-hops     look at the hops of traces and tracelbs too
  -t type           dealias, ping, tbit, trace or tracelb; default: these five
`

var types = map[string]warts.Type{
	"dealias": warts.TypeDealias, "ping": warts.TypePing, "tbit": warts.TypeTbit, "trace": warts.TypeTrace,
	"tracelb": warts.TypeTracelb,
}

// Main runs the command.
func Main(env *cli.Env) int {
	if env.Standard(usage + explanation) {
		return cli.StatusOK
	}
	var f filter
	var want []warts.Type
	in, out := "-", "-"
	opts, _ := cli.Getopt(env.Name, env.Args, "a:i:o:O:t:?", env.Stderr)
	for _, opt := range opts {
		var err error
		switch opt.Letter {
		case 'a':
			var prefix netip.Prefix
			if prefix, err = parsePrefix(opt.Value); err == nil {
				f.prefixes = append(f.prefixes, prefix)
			}
		case 'i':
			in = opt.Value
		case 'o':
			out = opt.Value
		case 'O':
			if f.hops = opt.Value == "check-hops"; !f.hops {
				err = fmt.Errorf("unknown -O %s", opt.Value)
			}
		case 't':
			t, ok := types[strings.ToLower(opt.Value)]
			if !ok {
				err = fmt.Errorf("unknown type %s", opt.Value)
			}
			want = append(want, t)
		default:
			fmt.Fprint(env.Stderr, usage+explanation)
			return cli.StatusFailed
		}
		if err != nil {
			env.Errorf("check_options: %v", err)
			return cli.StatusFailed
		}
	}
	if len(f.prefixes) == 0 && len(want) == 0 {
		fmt.Fprint(env.Stderr, usage+explanation)
		return cli.StatusFailed
	}
	if len(want) == 0 {
		want = []warts.Type{
			warts.TypeDealias, warts.TypePing, warts.TypeTbit, warts.TypeTrace, warts.TypeTracelb,
		}
	}
	return f.copy(env, in, out, want)
}

// copy copies the records that pass.
func (f *filter) copy(env *cli.Env, in, out string, want []warts.Type) int {
	// The input is opened first, so that an output is not made, or emptied, for nothing.
	input, err := env.Open(in)
	if err != nil {
		env.Errorf("could not open %s: %v", in, err)
		return cli.StatusFailed
	}
	defer input.Close()
	w, err := env.CreateOutput(out, cli.Truncate)
	if errors.Is(err, cli.ErrTerminal) {
		env.Errorf("not going to dump warts to a tty")
		return cli.StatusFailed
	}
	if err != nil {
		env.Errorf("%v", err)
		return cli.StatusFailed
	}
	var writeErr error
	status := env.WalkInput(input, cli.Walk{
		Want:    want,
		Waiting: func() { writeErr = w.Flush() },
		Record: func(_ int, rec warts.Record) bool {
			if f.passes(rec) {
				writeErr = w.Record(rec)
			}
			return writeErr == nil
		},
	})
	if err := w.Close(); writeErr == nil {
		writeErr = err
	}
	if writeErr != nil {
		return env.WriteStatus(writeErr)
	}
	return status
}

// parsePrefix parses an address or a prefix without bits behind its length.
func parsePrefix(s string) (netip.Prefix, error) {
	addr, bits, ok := strings.Cut(s, "/")
	ip, err := netip.ParseAddr(addr)
	if !ok {
		if err != nil || ip.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("could not parse addr %s", s)
		}
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	n, numErr := strconv.Atoi(bits)
	switch {
	case numErr != nil || n < 1:
		return netip.Prefix{}, fmt.Errorf("invalid prefix length %s", bits)
	case err != nil || ip.Zone() != "":
		return netip.Prefix{}, fmt.Errorf("could not parse prefix %s", s)
	case n > ip.BitLen() && ip.Is4():
		return netip.Prefix{}, fmt.Errorf("invalid IPv4 prefix length %d", n)
	case n > ip.BitLen():
		return netip.Prefix{}, fmt.Errorf("invalid IPv6 prefix length %d", n)
	}
	prefix := netip.PrefixFrom(ip, n)
	if prefix.Masked() != prefix {
		return netip.Prefix{}, fmt.Errorf("could not parse prefix %s", s)
	}
	return prefix, nil
}
