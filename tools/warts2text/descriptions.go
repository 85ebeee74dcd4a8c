package warts2text

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"scamper/shared/warts"
)

// readDescriptions reads a file of descriptions: on each line an address, blanks, and a text in quotation marks. Empty
// lines are skipped; what is behind the closing quotation mark is too. Lines are counted without empty ones.
func readDescriptions(r io.Reader) (map[warts.Addr]string, error) {
	descriptions := make(map[warts.Addr]string)
	n := 0
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			continue
		}
		n++
		at := strings.IndexAny(line, " \t")
		if at < 0 {
			return nil, fmt.Errorf("premature end to line %d", n)
		}
		name, rest := line[:at], strings.TrimLeft(line[at:], " \t")
		if rest == "" || rest[0] != '"' {
			return nil, fmt.Errorf("expected \" on line %d", n)
		}
		text, _, ok := strings.Cut(rest[1:], `"`)
		if !ok {
			return nil, fmt.Errorf("missing closing \" on line %d", n)
		}
		ip, err := netip.ParseAddr(name)
		if err != nil || ip.Zone() != "" {
			return nil, fmt.Errorf("invalid address '%s' on line %d", name, n)
		}
		addr := warts.AddrFrom(ip)
		if _, ok := descriptions[addr]; ok {
			return nil, fmt.Errorf("duplicate definition for %s on line %d", name, n)
		}
		descriptions[addr] = text
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("descriptions: line %d: %w", n+1, err)
	}
	return descriptions, nil
}
