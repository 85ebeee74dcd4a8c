package simnet

import (
	"fmt"
	"strconv"
	"strings"
)

// Service is a built-in server of an attached namespace, as the serve key spells it: "http:80", "tcp-echo:7",
// "udp-echo:7", "discard:9", "dns:53" (which knows the names of everything simulated, see Topology.NameOf).
type Service struct {
	Kind string
	Port uint16
	Size int // bytes of the answer of an http service; "http:80:20000"
}

// ParseService reads one element of a serve list.
func ParseService(s string) (Service, error) {
	kind, rest, _ := strings.Cut(s, ":")
	port, size, sized := strings.Cut(rest, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return Service{}, fmt.Errorf("%q has no port: write http:80, http:80:20000, tcp-echo:7, udp-echo:7, discard:9 or dns:53", s)
	}
	out := Service{Kind: kind, Port: uint16(n), Size: 8192}
	switch kind {
	case "http":
		if sized {
			bytes, err := strconv.ParseUint(size, 10, 24)
			if err != nil {
				return Service{}, fmt.Errorf("%q: the size of the answer must be within 0 - %d bytes", s, 1<<24-1)
			}
			out.Size = int(bytes)
		}
		return out, nil
	case "tcp-echo", "udp-echo", "discard", "dns":
		if sized {
			return Service{}, fmt.Errorf("%q: only http has a size", s)
		}
		return out, nil
	}
	return Service{}, fmt.Errorf("%q is none of http, tcp-echo, udp-echo, discard, dns", kind)
}

func checkService(s string) error {
	_, err := ParseService(s)
	return err
}
