// Command sc_analysis_dump: see package analysisdump.
package main

import (
	"os"

	"scamper/tools/analysisdump"
	"scamper/tools/cli"
)

func main() { os.Exit(analysisdump.Main(cli.Process("sc_analysis_dump"))) }
