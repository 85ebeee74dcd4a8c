//go:build !linux

package live

import (
	"errors"
	"os/exec"
	"runtime"

	"scamper/tools/simnet"
)

// Bed is a simulated Internet that runs. On this system there are none.
type Bed struct{}

var errSystem = errors.New("namespaces and TAP devices as simnet needs them are not available on " + runtime.GOOS)

// Start reports that this system cannot run a simulated Internet; the package simnet works everywhere.
func Start(*simnet.Topology) (*Bed, error) { return nil, errSystem }

// Start cannot be reached: there is no Bed.
func (b *Bed) Start(*exec.Cmd) error { return errSystem }

// StartIn cannot be reached: there is no Bed.
func (b *Bed) StartIn(string, *exec.Cmd) error { return errSystem }

// Do cannot be reached: there is no Bed.
func (b *Bed) Do(func() error) error { return errSystem }

// Counters cannot be reached: there is no Bed.
func (b *Bed) Counters() simnet.Counters { return simnet.Counters{} }

// Close cannot be reached: there is no Bed.
func (b *Bed) Close() error { return errSystem }
