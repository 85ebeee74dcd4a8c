// Command sc_tracediff: see package tracediff.
package main

import (
	"os"

	"scamper/tools/cli"
	"scamper/tools/tracediff"
)

func main() { os.Exit(tracediff.Main(cli.Process("sc_tracediff"))) }
