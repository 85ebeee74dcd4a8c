// Command sc_warts2json: see package warts2json.
package main

import (
	"os"

	"scamper/tools/cli"
	"scamper/tools/warts2json"
)

func main() { os.Exit(warts2json.Main(cli.Process("sc_warts2json"))) }
