package cmdline

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestNameserver(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"-n 192.0.2.53", "192.0.2.53"},
		{"-n 2001:db8::53", "2001:db8::53"},
		{"-n fe80::53%eth0", "fe80::53%eth0"},
		{"-n 192.0.2.53 -n 192.0.2.54", "192.0.2.54"},
	} {
		c, err := Parse(strings.Fields(tt.args+" -i 192.0.2.1"), env())
		if err != nil || c.Nameserver != netip.MustParseAddr(tt.want) {
			t.Errorf("%s: %+v, error %v", tt.args, c, err)
		}
	}
	if c, err := Parse(split("-i 192.0.2.1"), env()); err != nil || c.Nameserver.IsValid() {
		t.Errorf("without -n: %+v, error %v", c, err)
	}
}

func TestNameserverRefused(t *testing.T) {
	for _, bad := range []string{"foo", "localhost", "", "127.1", "192.0.2.53:53", "[2001:db8::53]", "192.0.2.53,192.0.2.54", " 192.0.2.53"} {
		// The command is wrong as well, which is looked at later; a wrong rate is told first.
		_, err := Parse([]string{"-n", bad, "-I", "ping bad"}, env())
		var exit *Exit
		want := fmt.Sprintf("could not resolve %s: -n takes a numeric address", bad)
		if !errors.As(err, &exit) || exit.Status != 255 || exit.Problem != want || exit.Stderr+exit.Stdout != "" {
			t.Errorf("-n %q: %v, want %s", bad, err, want)
		}
		_, err = Parse([]string{"-n", bad, "-p", "x", "-I", "ping bad"}, env())
		if !errors.As(err, &exit) || exit.Status != 255 || exit.Stderr != usage("p", "linux") {
			t.Errorf("-n %q -p x: %v", bad, err)
		}
	}
}
