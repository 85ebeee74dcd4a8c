//go:build unix && !linux && !openbsd

package sandbox

import "runtime"

// closeMain applies nothing: FreeBSD's Capsicum would forbid the binding and
// connecting of sockets that probing consists of, and the others have no such thing
// that x/sys offers.
func closeMain(o Options) ([]string, error) {
	say(o.Debug, "nothing beyond chroot and user on %s", runtime.GOOS)
	return nil, nil
}

// CloseHelper applies nothing, for the same reasons.
func CloseHelper(_ []Path, _, _ bool, debug func(string)) ([]string, error) {
	say(debug, "nothing for the helper on %s", runtime.GOOS)
	return nil, nil
}
