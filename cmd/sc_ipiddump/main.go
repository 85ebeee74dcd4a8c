// Command sc_ipiddump: see package ipiddump.
package main

import (
	"os"

	"scamper/tools/cli"
	"scamper/tools/ipiddump"
)

func main() { os.Exit(ipiddump.Main(cli.Process("sc_ipiddump"))) }
