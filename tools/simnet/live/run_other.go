//go:build !linux

package live

import "scamper/tools/simnet"

// StatusSetup is the exit status of Run where nothing can be set up.
const StatusSetup = 125

// Run reports that this system cannot run a simulated Internet.
func Run(*simnet.Topology, []string, [][2]string) (int, simnet.Counters, error) {
	return StatusSetup, simnet.Counters{}, errSystem
}
