package firewall

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

func open(c Config) (Firewall, error) {
	if c.Type != NFT {
		return nil, notHere(c.Type, "Linux")
	}
	return &nft{prefix: c.Name + "-"}, nil
}

// nft keeps one table of the inet family, NAME-PID, with a chain before
// everything else that the kernel does with a packet:
//
//	table inet scamper-1234 {
//		set flows4 { type inet_proto . ipv4_addr . inet_service . ipv4_addr . inet_service; }
//		set flows6 { type inet_proto . ipv6_addr . inet_service . ipv6_addr . inet_service; }
//		chain incoming {
//			type filter hook prerouting priority raw; policy accept;
//			meta nfproto ipv4 meta l4proto . ip saddr . th sport . ip daddr . th dport @flows4 drop
//			meta nfproto ipv6 meta l4proto . ip6 saddr . th sport . ip6 daddr . th dport @flows6 drop
//		}
//	}
//
// An entry is an element of a set: putting it in takes one message, and a thousand
// of them cost a packet one lookup. The first fragment of a packet has the ports
// and is dropped; without it the others are never put together.
//
// Each change is one transaction. A table whose process is gone is removed by the
// next Init with the same name.
type nft struct {
	prefix string
	conn   *nftables.Conn
	table  *nftables.Table
	flows  [2]*nftables.Set // IPv4, IPv6
}

func (n *nft) Init() error {
	c, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	n.conn = c
	if err := n.make(); err != nil {
		return errors.Join(fmt.Errorf("nftables: %w", err), c.CloseLasting())
	}
	return nil
}

func (n *nft) make() error {
	if err := n.sweep(); err != nil {
		return err
	}
	n.table = n.conn.AddTable(&nftables.Table{
		Family: nftables.TableFamilyINet,
		Name:   n.prefix + strconv.Itoa(os.Getpid()),
	})
	chain := n.conn.AddChain(&nftables.Chain{
		Name:     "incoming",
		Table:    n.table,
		Type:     nftables.ChainTypeFilter,
		Hooknum:  nftables.ChainHookPrerouting,
		Priority: nftables.ChainPriorityRaw,
	})
	for i, family := range [...]struct {
		set    string
		addr   nftables.SetDatatype
		number byte // NFPROTO_*
		at     uint32
	}{
		{"flows4", nftables.TypeIPAddr, unix.NFPROTO_IPV4, 12},
		{"flows6", nftables.TypeIP6Addr, unix.NFPROTO_IPV6, 8},
	} {
		key, err := nftables.ConcatSetType(nftables.TypeInetProto,
			family.addr, nftables.TypeInetService, family.addr, nftables.TypeInetService)
		if err != nil {
			return err
		}
		set := &nftables.Set{Table: n.table, Name: family.set, KeyType: key, Concatenation: true}
		if err := n.conn.AddSet(set, nil); err != nil {
			return err
		}
		n.flows[i] = set
		n.conn.AddRule(&nftables.Rule{
			Table: n.table, Chain: chain,
			Exprs: match(family.number, family.at, family.addr.Bytes, set),
		})
	}
	return n.conn.Flush()
}

// match returns a rule that drops what is in set. source is the offset of the
// source address in the network header, where the destination follows it; size is
// that of an address, both in bytes.
func match(family byte, source, size uint32, set *nftables.Set) []expr.Any {
	// The key is put together in consecutive registers of 4 bytes, in which
	// each part begins anew (include/uapi/linux/netfilter/nf_tables.h).
	reg := uint32(unix.NFT_REG32_00)
	next := func(bytes uint32) uint32 {
		r := reg
		reg += (bytes + 3) / 4
		return r
	}
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: unix.NFT_REG_1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, Data: []byte{family}},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: next(1)},
		&expr.Payload{DestRegister: next(size), Base: expr.PayloadBaseNetworkHeader, Offset: source, Len: size},
		&expr.Payload{DestRegister: next(2), Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 2},
		&expr.Payload{DestRegister: next(size), Base: expr.PayloadBaseNetworkHeader, Offset: source + size, Len: size},
		&expr.Payload{DestRegister: next(2), Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Lookup{SourceRegister: unix.NFT_REG32_00, SetName: set.Name, SetID: set.ID},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}
}

// sweep removes the tables of our name whose process does not exist any more.
func (n *nft) sweep() error {
	tables, err := n.conn.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return err
	}
	for _, t := range tables {
		rest, ours := strings.CutPrefix(t.Name, n.prefix)
		pid, err := strconv.Atoi(rest)
		if !ours || err != nil || pid <= 0 {
			continue
		}
		if unix.Kill(pid, 0) == unix.ESRCH || pid == os.Getpid() {
			n.conn.DelTable(t)
		}
	}
	return n.conn.Flush()
}

// element returns the set that a rule belongs to and its key there.
func (n *nft) element(r Rule) (*nftables.Set, []nftables.SetElement) {
	set := n.flows[1]
	if r.Peer.Addr().Is4() {
		set = n.flows[0]
	}
	key := []byte{byte(r.Protocol), 0, 0, 0}
	for _, end := range [...]struct {
		addr []byte
		port uint16
	}{{r.Peer.Addr().AsSlice(), r.Peer.Port()}, {r.Local.Addr().AsSlice(), r.Local.Port()}} {
		key = append(key, end.addr...)
		key = append(key, byte(end.port>>8), byte(end.port), 0, 0)
	}
	return set, []nftables.SetElement{{Key: key}}
}

func (n *nft) Set(_ Entry, r Rule) error {
	if err := n.conn.SetAddElements(n.element(r)); err != nil {
		return err
	}
	return n.conn.Flush()
}

func (n *nft) Clear(_ Entry, r Rule) error {
	if err := n.conn.SetDeleteElements(n.element(r)); err != nil {
		return err
	}
	return n.conn.Flush()
}

func (n *nft) Close() error {
	n.conn.DelTable(n.table)
	return errors.Join(n.conn.Flush(), n.conn.CloseLasting())
}
