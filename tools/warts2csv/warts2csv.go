// Package warts2csv is the command sc_warts2csv: it prints the replies to traces, one on a line.
package warts2csv

import (
	"strings"

	"scamper/shared/render"
	"scamper/shared/warts"
	"scamper/tools/cli"
)

const help = `usage: sc_warts2csv [file ...]

Prints the traces of warts files as semicolon-separated values, a line for each
reply. Before each trace with replies there is a line of column names.
Reads standard input if there is no file, or where a file is called -.
`

// Main runs the command. All arguments are names of files, save --help and --version.
func Main(env *cli.Env) int {
	if env.Standard(help) {
		return cli.StatusOK
	}
	version := "scamper." + cli.Version()
	return env.Convert(cli.Conversion{
		Files: env.Args, Want: []warts.Type{warts.TypeTrace},
		Render: func(b []byte, rec warts.Record) []byte {
			if t, ok := rec.(*warts.Trace); ok {
				return appendTrace(b, t, version)
			}
			return b
		},
		OpenFailed: func(name string, err error) bool {
			env.Errorf("could not open %s: %v", name, err)
			return false
		},
	})
}

const header = "version;userID;timestamp;src;dst;method;stop;ttl;hopaddr;rtt\n"

func appendTrace(b []byte, t *warts.Trace, version string) []byte {
	first := render.TraceFirstHop(t)
	some := false
	for i := range t.Probes {
		probe := &t.Probes[i]
		if int(probe.TTL) < first {
			continue
		}
		for j := range probe.Replies {
			if !some {
				b = append(b, header...)
				some = true
			}
			b = appendReply(b, t, version, probe, &probe.Replies[j])
		}
	}
	return b
}

func appendReply(b []byte, t *warts.Trace, version string, probe *warts.TraceProbe, r *warts.TraceReply) []byte {
	b = append(b, version...)
	b = append(b, ';')
	b = render.AppendUint(b, uint64(t.UserID))
	b = append(b, ';')
	b = render.AppendSigned32(b, t.Start.Sec)
	b = append(b, ';')
	b = t.Src.AppendTo(b)
	b = append(b, ';')
	b = t.Dst.AppendTo(b)
	b = append(b, ';')
	b = append(b, t.Method.String()...)
	b = append(b, ';')
	b = append(b, strings.ToUpper(t.StopReason.String())...)
	b = append(b, ';')
	b = render.AppendUint(b, uint64(probe.TTL))
	b = append(b, ';')
	b = r.Addr.AppendTo(b)
	b = append(b, ';')
	b = render.AppendMillis(b, uint32(r.RTT.Microseconds()))
	return append(b, '\n')
}
