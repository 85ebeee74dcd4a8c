// Package warts2json is the command sc_warts2json: it prints the records of warts files as JSON, one object on a line.
package warts2json

import (
	"scamper/shared/render/json"
	"scamper/shared/warts"
	"scamper/tools/cli"
)

const help = `usage: sc_warts2json [file ...]

Prints the records of warts files as JSON, one object on a line, in the order of
the files. Lists, cycle definitions, stings, sniffs, https, and dealiases of the
methods midarest and midardisc have no JSON form.
Reads standard input if there is no file, or where a file is called -.
`

var wanted = []warts.Type{
	warts.TypeCycleStart, warts.TypeCycleStop, warts.TypePing, warts.TypeTrace, warts.TypeTracelb, warts.TypeDealias,
	warts.TypeTbit, warts.TypeHost, warts.TypeUDPProbe, warts.TypeNeighbourdisc, warts.TypeOWAMP,
}

// Main runs the command. All arguments are names of files, save --help and --version.
func Main(env *cli.Env) int {
	if env.Standard(help) {
		return cli.StatusOK
	}
	return env.Convert(cli.Conversion{
		Files: env.Args, Want: wanted, Render: json.Append,
		OpenFailed: func(name string, err error) bool {
			env.Errorf("could not open %s: %v", name, err)
			return false
		},
	})
}
