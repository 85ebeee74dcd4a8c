// Package warts2text is the command sc_warts2text: it prints the records of warts files as scamper prints them.
package warts2text

import (
	"os"

	"scamper/shared/render/text"
	"scamper/shared/warts"
	"scamper/tools/cli"
)

const help = `usage: sc_warts2text [-d descriptions] [file ...]

Prints the traces, pings, tracelbs, ally dealiases, tbits and stings of warts
files as text, in the order of the files.
Reads standard input if there is no file, or where a file is called -.

  -d  file of descriptions, a line for each address:
        192.0.2.1 "text"
      The text is printed before each record whose destination it is, save
      dealiases.
`

var wanted = []warts.Type{
	warts.TypeTrace, warts.TypePing, warts.TypeTracelb, warts.TypeDealias, warts.TypeTbit, warts.TypeSting,
}

// Main runs the command.
func Main(env *cli.Env) int {
	if env.Standard(help) {
		return cli.StatusOK
	}
	var descriptions map[warts.Addr]string
	opts, files := cli.Getopt(env.Name, env.Args, "d:?", env.Stderr)
	for _, opt := range opts {
		if opt.Letter != 'd' {
			return cli.StatusFailed
		}
		f, err := os.Open(opt.Value)
		if err != nil {
			env.Errorf("could not open %s: %v", opt.Value, cli.Reason(err))
			return cli.StatusFailed
		}
		descriptions, err = readDescriptions(f)
		f.Close()
		if err != nil {
			env.Errorf("%v", err)
			return cli.StatusFailed
		}
	}
	render := text.Append
	if len(descriptions) > 0 {
		render = func(b []byte, rec warts.Record) []byte {
			if description, ok := descriptions[destination(rec)]; ok {
				b = append(b, description...)
				b = append(b, '\n')
			}
			return text.Append(b, rec)
		}
	}
	return env.Convert(cli.Conversion{
		Files: files, Want: wanted, Render: render,
		OpenFailed: func(name string, err error) bool {
			env.Errorf("could not open %s: %v", name, err)
			return false
		},
	})
}

// destination is the address whose description stands before a record.
func destination(rec warts.Record) warts.Addr {
	switch r := rec.(type) {
	case *warts.Trace:
		return r.Dst
	case *warts.Ping:
		return r.Dst
	case *warts.Tracelb:
		return r.Dst
	case *warts.Tbit:
		return r.Dst
	case *warts.Sting:
		return r.Dst
	}
	return warts.Addr{}
}
