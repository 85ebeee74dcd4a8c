// Command sc_warts2parquet: see package warts2parquet.
package main

import (
	"os"

	"scamper/tools/cli"
	"scamper/tools/warts2parquet"
)

func main() { os.Exit(warts2parquet.Main(cli.Process("sc_warts2parquet"))) }
