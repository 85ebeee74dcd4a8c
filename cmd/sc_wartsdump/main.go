// Command sc_wartsdump: see package wartsdump.
package main

import (
	"os"

	"scamper/tools/cli"
	"scamper/tools/wartsdump"
)

func main() { os.Exit(wartsdump.Main(cli.Process("sc_wartsdump"))) }
