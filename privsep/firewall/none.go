//go:build !linux

package firewall

import "runtime"

func open(c Config) (Firewall, error) { return nil, notHere(c.Type, runtime.GOOS) }
