// Command sc_wartsfix: see package wartsfix.
package main

import (
	"os"

	"scamper/tools/cli"
	"scamper/tools/wartsfix"
)

func main() { os.Exit(wartsfix.Main(cli.Process("sc_wartsfix"))) }
