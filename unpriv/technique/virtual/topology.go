package virtual

import (
	"fmt"
	"strings"
)

// The target of Chain.
const (
	Target4 = "198.51.100.10"
	Target6 = "2001:db8:100::10"
)

// Chain returns the text of a topology: a chain of routers that behave as given, a host behind them and its behaviour.
// The addresses of the hops are those of [HopAddr], and last Target4 or Target6. What follows a | in a router's behaviour
// is of the link behind it.
func Chain(host string, routers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed = 1\n[monitor]\naddress = [%q, %q]\n", Own4+"/24", Own6+"/64")
	b.WriteString("[[gateway]]\nrouter = \"r1\"\naddress = [\"192.0.2.1\", \"2001:db8:0:1::1\"]\n")
	links := ""
	for i, behaviour := range routers {
		behaviour, link, _ := strings.Cut(behaviour, "|")
		fmt.Fprintf(&b, "[[router]]\nname = \"r%d\"\n%s\n", i+1, behaviour)
		if i+1 < len(routers) {
			links += fmt.Sprintf("[[link]]\nbetween = [\"r%d\", \"r%d\"]\nprefix = [\"10.0.0.%d/30\", \"2001:db8:10:%d::/64\"]\n%s\n",
				i+1, i+2, 4*i, i, link)
		} else {
			host += "\n" + strings.NewReplacer("mtu", "link-mtu", "too-big", "link-too-big").Replace(link)
		}
	}
	b.WriteString(links)
	fmt.Fprintf(&b, "[[host]]\nname = \"d\"\nat = \"r%d\"\naddress = [%q, %q]\n%s\n", len(routers), Target4, Target6, host)
	return b.String()
}

// HopAddr returns the IPv4 address of a hop of [Chain], from 1.
func HopAddr(n int) string {
	if n == 1 {
		return "192.0.2.1"
	}
	return fmt.Sprintf("10.0.0.%d", 4*(n-2)+2)
}
