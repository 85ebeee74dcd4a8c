// Command sc_ttlexp: see package ttlexp.
package main

import (
	"os"

	"scamper/tools/cli"
	"scamper/tools/ttlexp"
)

func main() { os.Exit(ttlexp.Main(cli.Process("sc_ttlexp"))) }
