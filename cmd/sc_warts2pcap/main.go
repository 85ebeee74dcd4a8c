// Command sc_warts2pcap: see package warts2pcap.
package main

import (
	"os"

	"scamper/tools/cli"
	"scamper/tools/warts2pcap"
)

func main() { os.Exit(warts2pcap.Main(cli.Process("sc_warts2pcap"))) }
