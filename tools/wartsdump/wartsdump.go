// Package wartsdump is the command sc_wartsdump: it prints everything that is in the records of warts files.
package wartsdump

import (
	"scamper/shared/render/dump"
	"scamper/shared/warts"
	"scamper/tools/cli"
)

const help = `usage: sc_wartsdump [file ...]

Prints every record of warts files in detail, in the order of the files.
Reads standard input if there is no file, or where a file is called -.
`

// wanted are the types that are printed; address records and unknown types are not.
var wanted = []warts.Type{
	warts.TypeList, warts.TypeCycleStart, warts.TypeCycleDef, warts.TypeCycleStop, warts.TypeTrace, warts.TypePing,
	warts.TypeTracelb, warts.TypeDealias, warts.TypeNeighbourdisc, warts.TypeTbit, warts.TypeSting, warts.TypeSniff,
	warts.TypeHost, warts.TypeHTTP, warts.TypeUDPProbe, warts.TypeOWAMP,
}

// Main runs the command. All arguments are names of files, save --help and --version.
func Main(env *cli.Env) int {
	if env.Standard(help) {
		return cli.StatusOK
	}
	return env.Convert(cli.Conversion{
		Files: env.Args, Want: wanted, Render: dump.Append,
		OpenFailed: func(name string, err error) bool {
			env.Errorf("usage: sc_wartsdump <file>\ncould not open %s: %v", name, err)
			return false
		},
	})
}
