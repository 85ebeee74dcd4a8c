// Package live plays a simulated Internet to real programs: it makes a network namespace with a TAP device (Ethernet, so
// that ARP, neighbour discovery and packet sockets work) and passes every frame through a simnet.Net. Attachments of the
// topology get a namespace and a TAP device of their own, with a real stack behind it.
//
//	bed, err := live.Start(topology)
//	...
//	defer bed.Close()
//	cmd := exec.Command("scamper", "-I", "trace 198.51.100.10")
//	err = bed.Start(cmd) // in the monitor's namespace
//	err = cmd.Wait()
//
// The namespaces have no names. The system removes them when the Bed is closed and the last process in them has ended,
// also if this process is killed; any number of Beds may run side by side. Starting one needs root and Linux.
package live

// Interface is the name of the TAP device in every namespace.
const Interface = "sim0"
