// Command sc_warts2csv: see package warts2csv.
package main

import (
	"os"

	"scamper/tools/cli"
	"scamper/tools/warts2csv"
)

func main() { os.Exit(warts2csv.Main(cli.Process("sc_warts2csv"))) }
