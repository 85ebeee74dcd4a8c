// Command sc_wartsfilter: see package wartsfilter.
package main

import (
	"os"

	"scamper/tools/cli"
	"scamper/tools/wartsfilter"
)

func main() { os.Exit(wartsfilter.Main(cli.Process("sc_wartsfilter"))) }
