package firewall

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

// Type is the kind of firewall, the first word of the -F option.
type Type string

// The types. Which of them can be had depends on the system, see Open.
const (
	NFT  Type = "nft"  // nftables, Linux
	IPFW Type = "ipfw" // FreeBSD
	PF   Type = "pf"   // FreeBSD, OpenBSD, NetBSD, macOS
)

// Config is a checked -F option.
type Config struct {
	Type Type
	// Name is the pf anchor below which rules go (the administrator's pf.conf
	// must have it), or the beginning of the name of the nftables table.
	Name string
	// First and Last are the numbers that entries may have, both inclusive:
	// the ipfw rule numbers, or 1 and the most entries.
	First, Last Entry
}

// defaultEntries is the number of nftables entries when -F does not say.
const defaultEntries = 65535

// Parse reads the argument of -F:
//
//	ipfw:START-END    1 <= START < END <= 65534
//	pf:ANCHOR:NUM     ANCHOR printable, not empty; 1 <= NUM <= 65535
//	nft[:NAME[:NUM]]  NAME of letters, digits and ._-, up to 32; NUM as for pf
//
// The type is recognised in any case. An error names the option and the part
// that is wrong.
func Parse(s string) (Config, error) {
	word, rest, more := strings.Cut(s, ":")
	c, err := parse(Type(strings.ToLower(word)), rest, more)
	if err != nil {
		return Config{}, fmt.Errorf("-F %q: %w", s, err)
	}
	return c, nil
}

func parse(t Type, rest string, more bool) (Config, error) {
	switch t {
	case IPFW:
		start, end, _ := strings.Cut(rest, "-")
		first, err := number("start", start, 65534)
		if err != nil {
			return Config{}, err
		}
		last, err := number("end", end, 65534)
		if err != nil {
			return Config{}, err
		}
		if last <= first {
			return Config{}, fmt.Errorf("end %d is not above start %d", last, first)
		}
		return Config{Type: t, First: first, Last: last}, nil
	case PF:
		anchor, num, _ := strings.Cut(rest, ":")
		if anchor == "" || strings.ContainsFunc(anchor, func(r rune) bool { return r < ' ' || r > '~' }) {
			return Config{}, fmt.Errorf("anchor %q is empty or not printable", anchor)
		}
		last, err := number("number of rules", num, 65535)
		return Config{Type: t, Name: anchor, First: 1, Last: last}, err
	case NFT:
		c := Config{Type: t, Name: "scamper", First: 1, Last: defaultEntries}
		if !more {
			return c, nil
		}
		name, num, counted := strings.Cut(rest, ":")
		if name == "" || len(name) > 32 || strings.ContainsFunc(name, notNameRune) {
			return Config{}, fmt.Errorf("table name %q", name)
		}
		c.Name = name
		if !counted {
			return c, nil
		}
		var err error
		c.Last, err = number("number of rules", num, 65535)
		return c, err
	}
	return Config{}, errors.New("the type is none of nft, ipfw, pf")
}

func notNameRune(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
}

// number reads digits only: no sign, no blank.
func number(what, s string, most int) (Entry, error) {
	n, err := strconv.Atoi(s)
	if err != nil || s[0] < '0' || s[0] > '9' || n < 1 || n > most {
		return 0, fmt.Errorf("%s %q is not a number from 1 to %d", what, s, most)
	}
	return Entry(n), nil
}

// Open returns the firewall of the configuration, untouched as yet. The error is
// ENOTSUP if this system has none of the type.
func Open(c Config) (*Table, error) {
	fw, err := open(c)
	if err != nil {
		return nil, err
	}
	return NewTable(fw, c.First, c.Last), nil
}

func notHere(t Type, system string) error {
	return fmt.Errorf("firewall %s is not available on %s: %w", t, system, syscall.ENOTSUP)
}
