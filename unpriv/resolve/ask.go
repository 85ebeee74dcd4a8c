package resolve

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	rounds   = 2               // how often each server is asked
	patience = 2 * time.Second // with a server, each time
	udpSize  = 1232            // the largest datagram that is not fragmented (DNS flag day 2020)
)

// answer is what servers said; the name is empty if they know none, or none of them answered.
type answer struct {
	name string
	keep time.Duration // how long to remember it
	// failed says that no server knows whether there is a name.
	failed bool
}

// ask asks servers for the name of an address, until one of them knows whether there is one.
func ask(ctx context.Context, servers []netip.AddrPort, addr netip.Addr) answer {
	name, err := dns.ReverseAddr(addr.Unmap().WithZone("").String())
	if err != nil {
		return answer{keep: noneKept}
	}
	for range rounds {
		for _, server := range servers {
			if a, ok := askOne(ctx, server.String(), name); ok {
				return a
			}
			if ctx.Err() != nil {
				return answer{keep: failKept, failed: true}
			}
		}
	}
	return answer{keep: failKept, failed: true}
}

// askOne asks one server, over TCP if its answer does not fit into a datagram. ok is false if it does not answer, or
// cannot.
func askOne(ctx context.Context, server, name string) (a answer, ok bool) {
	q := new(dns.Msg).SetQuestion(name, dns.TypePTR)
	q.SetEdns0(udpSize, false)
	for _, network := range []string{"udp", "tcp"} {
		client := &dns.Client{Net: network, Timeout: patience, UDPSize: udpSize}
		m, _, err := client.ExchangeContext(ctx, q, server)
		if err != nil || !answers(m, q) {
			return answer{}, false
		}
		if m.Truncated && network == "udp" {
			continue
		}
		return read(m)
	}
	return answer{}, false
}

// answers reports whether a message is about what was asked. (That its identifier is the question's is known.)
func answers(m, q *dns.Msg) bool {
	return m.Response && len(m.Question) == 1 && m.Question[0].Qtype == q.Question[0].Qtype &&
		strings.EqualFold(m.Question[0].Name, q.Question[0].Name)
}

// read takes the name out of an answer. ok is false if the server could not say whether there is one. What lies between
// the question and the record, if the reverse zone is delegated (RFC 2317), does not matter.
func read(m *dns.Msg) (a answer, ok bool) {
	switch m.Rcode {
	case dns.RcodeNameError:
		return answer{keep: noneKept}, true
	case dns.RcodeSuccess:
	default:
		return answer{}, false
	}
	for _, rr := range m.Answer {
		if ptr, ok := rr.(*dns.PTR); ok {
			keep := time.Duration(ptr.Hdr.Ttl) * time.Second
			return answer{name: strings.TrimSuffix(ptr.Ptr, "."), keep: min(max(keep, leastKept), mostKept)}, true
		}
	}
	return answer{keep: noneKept}, true
}
