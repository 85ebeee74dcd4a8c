package live

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"scamper/tools/simnet"
)

// A resolver answers for the zone of simulated names and for their addresses.
type resolver struct {
	topology *simnet.Topology
	name     string // of the attachment that it runs in
}

// ttl is how long answers may be cached, in seconds.
const ttl = 300

// serveDNS starts a DNS server on UDP and TCP. It runs in the namespace; the sockets stay there.
func (s *space) serveDNS(address string) error {
	r := &resolver{topology: s.names, name: s.name}
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	s.servers = append(s.servers, conn)
	listener, err := listenTCP(address)
	if err != nil {
		return err
	}
	s.servers = append(s.servers, listener)
	for _, server := range []*dns.Server{{PacketConn: conn, Handler: r}, {Listener: listener, Handler: r}} {
		go server.ActivateAndServe() // ends with an error when its socket is closed
	}
	return nil
}

// ServeDNS answers one query.
func (r *resolver) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(q)
	m.Authoritative = true
	if len(q.Question) != 1 {
		m.Rcode = dns.RcodeFormatError
	} else {
		r.answer(m, q.Question[0])
	}
	if opt := q.IsEdns0(); opt != nil {
		reply := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT, Class: 1232}}
		for _, o := range opt.Option {
			if o.Option() == dns.EDNS0NSID {
				reply.Option = append(reply.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: fmt.Sprintf("%x", r.name)})
			}
		}
		m.Extra = append(m.Extra, reply)
	}
	w.WriteMsg(m) // a reply that cannot be sent is lost, as datagrams are
}

func (r *resolver) answer(m *dns.Msg, q dns.Question) {
	name := strings.ToLower(q.Name)
	header := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: q.Qclass, Ttl: ttl}
	server := r.name + "." + simnet.Zone
	soa := &dns.SOA{
		Hdr: dns.RR_Header{Name: simnet.Zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: ttl},
		Ns:  server, Mbox: "hostmaster." + simnet.Zone, Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: ttl,
	}
	switch {
	case q.Qclass == dns.ClassCHAOS && q.Qtype == dns.TypeTXT && (name == "id.server." || name == "hostname.bind."):
		m.Answer = append(m.Answer, &dns.TXT{Hdr: header, Txt: []string{r.name}})
	case q.Qclass != dns.ClassINET:
		m.Rcode = dns.RcodeRefused
	case strings.HasSuffix(name, ".arpa."):
		a, ok := reverse(name)
		known, exists := "", false
		if ok {
			known, exists = r.topology.NameOf(a)
		}
		switch {
		case !exists:
			m.Rcode = dns.RcodeNameError
		case q.Qtype == dns.TypePTR:
			m.Answer = append(m.Answer, &dns.PTR{Hdr: header, Ptr: known})
		}
	case name == simnet.Zone:
		switch q.Qtype {
		case dns.TypeSOA:
			m.Answer = append(m.Answer, soa)
		case dns.TypeNS:
			m.Answer = append(m.Answer, &dns.NS{Hdr: header, Ns: server})
		case dns.TypeMX:
			m.Answer = append(m.Answer, &dns.MX{Hdr: header, Preference: 10, Mx: server})
		}
	case strings.HasSuffix(name, "."+simnet.Zone):
		addresses := r.topology.Addresses(name)
		if len(addresses) == 0 {
			m.Rcode = dns.RcodeNameError
		}
		for _, a := range addresses {
			switch {
			case q.Qtype == dns.TypeA && a.Is4():
				m.Answer = append(m.Answer, &dns.A{Hdr: header, A: a.AsSlice()})
			case q.Qtype == dns.TypeAAAA && a.Is6():
				m.Answer = append(m.Answer, &dns.AAAA{Hdr: header, AAAA: a.AsSlice()})
			case q.Qtype == dns.TypeTXT && len(m.Answer) == 0:
				m.Answer = append(m.Answer, &dns.TXT{Hdr: header, Txt: []string{"simulated"}})
			}
		}
	default:
		m.Rcode = dns.RcodeRefused
		return
	}
	if len(m.Answer) == 0 && m.Rcode != dns.RcodeRefused {
		m.Ns = append(m.Ns, soa)
	}
}

// reverse reads a name under in-addr.arpa or ip6.arpa.
func reverse(name string) (netip.Addr, bool) {
	if rest, ok := strings.CutSuffix(name, ".in-addr.arpa."); ok {
		labels := strings.Split(rest, ".")
		if len(labels) != 4 {
			return netip.Addr{}, false
		}
		a, err := netip.ParseAddr(labels[3] + "." + labels[2] + "." + labels[1] + "." + labels[0])
		return a, err == nil
	}
	rest, ok := strings.CutSuffix(name, ".ip6.arpa.")
	labels := strings.Split(rest, ".")
	if !ok || len(labels) != 32 {
		return netip.Addr{}, false
	}
	var b strings.Builder
	for i := 31; i >= 0; i-- {
		b.WriteString(labels[i])
		if i%4 == 0 && i > 0 {
			b.WriteByte(':')
		}
	}
	a, err := netip.ParseAddr(b.String())
	return a, err == nil
}
