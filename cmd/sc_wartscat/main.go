// Command sc_wartscat: see package wartscat.
package main

import (
	"os"

	"scamper/tools/cli"
	"scamper/tools/wartscat"
)

func main() { os.Exit(wartscat.Main(cli.Process("sc_wartscat"))) }
