// Command sc_warts2text: see package warts2text.
package main

import (
	"os"

	"scamper/tools/cli"
	"scamper/tools/warts2text"
)

func main() { os.Exit(warts2text.Main(cli.Process("sc_warts2text"))) }
