// Package registry is where a technique becomes part of the program: by one line.
package registry

import (
	"scamper/unpriv/technique"
	"scamper/unpriv/technique/ping"
	"scamper/unpriv/technique/trace"
)

// All is all measurements that the program can do, in the order of the manual.
var All = technique.Registry{trace.Technique(), ping.Technique()}
