package analysisdump

import (
	"fmt"
	"io"
)

// columns says which columns a line has, and what is in those of the hops.
type columns struct {
	comments bool

	source, destination, list, cycle, user, time bool
	reply, halt, path                            bool

	rtt      bool // RTT and number of tries of a hop
	quoted   bool // TTL in the quote
	replyTTL bool // IP TTL of the reply
	mpls     bool
	dstAtEnd bool

	old bool // the format before version 1.1
}

func standardColumns() columns {
	return columns{
		comments: true, source: true, destination: true, list: true, cycle: true, time: true, reply: true, halt: true,
		path: true, rtt: true,
	}
}

// field describes a column in the comments.
type field struct {
	name string
	text []string
}

// section is a group of columns under a heading; one without fields is left out.
type section struct {
	heading string
	fields  []field
}

// describe writes the comments that stand before the first line: what each column is.
func (c *columns) describe(w io.Writer) {
	fmt.Fprint(w, `# Paths found by traceroute, one on each line, from warts or arts files.
#
# The columns are separated by tabs:
#
`)
	n := 0
	for _, s := range c.sections() {
		if len(s.fields) == 0 {
			continue
		}
		if s.heading != "" {
			fmt.Fprintf(w, "# ---- %s ----\n#\n", s.heading)
		}
		for _, f := range s.fields {
			n++
			fmt.Fprintf(w, "# %2d. %s\n", n, f.name)
			for _, line := range f.text {
				fmt.Fprintf(w, "#       %s\n", line)
			}
			fmt.Fprint(w, "#\n")
		}
	}
	fmt.Fprint(w, "# ...\n#\n")
}

func (c *columns) sections() []section {
	if c.old {
		return []section{c.pathSection()}
	}
	return []section{
		{"", []field{{"Key: T for a path; it tells what the other columns are.", nil}}},
		{"Header Fields", pick(
			choice{c.source, field{"Source: address that probed.", nil}},
			choice{c.destination, field{"Destination: address that was probed.", nil}},
			choice{c.list, field{"ListId: number of the list of destinations; 0 if it has none.", nil}},
			choice{c.cycle, field{"CycleId: number of the pass over that list; 0 if it has none.", nil}},
			choice{c.user, field{"UserId: number that the user gave to the measurement.", nil}},
			choice{c.time, field{"Timestamp: when the measurement began, in seconds since 1970.", nil}},
		)},
		{"Reply Fields", pick(
			choice{c.reply, field{"DestReplied: R if the destination replied, N if not.", nil}},
			choice{c.reply, field{"DestRTT: round-trip time of its reply in ms; 0 if N.", nil}},
			choice{c.reply, field{"RequestTTL: TTL of the probe that it replied to; 0 if N.", nil}},
			choice{c.reply, field{"ReplyTTL: TTL in the IP header of its reply; 0 if N.", nil}},
		)},
		{"Halt Fields", pick(
			choice{c.halt, field{"HaltReason: why probing ended:", []string{
				"S complete, or no reason known",
				"U unreachable: the data is the ICMP code",
				"L loop: the data is its length",
				"G gap limit: the data is the gap",
				"? anything else",
			}}},
			choice{c.halt, field{"HaltReasonData: as above; 0 where there is none.", nil}},
		)},
		c.pathSection(),
	}
}

func (c *columns) pathSection() section {
	hop := []string{
		"Replies to one TTL are separated by semicolons. What is known about one is",
		"separated by commas:",
		"IP: address of the reply",
	}
	for _, sub := range []struct {
		shown bool
		text  string
	}{
		{c.rtt, "RTT: round-trip time in ms"},
		{c.rtt, "nTries: which attempt was replied to, from 1"},
		{c.quoted, "Q|quoted-TTL: TTL of the probe in the quote"},
		{c.mpls, "M|ttl|label|exp|s: a label of the MPLS stack"},
		{c.replyTTL, "T|IP-TTL: TTL in the IP header of the reply"},
	} {
		if sub.shown {
			hop = append(hop, sub.text)
		}
	}
	return section{"Path Fields", pick(
		choice{c.path, field{"PathComplete: C if every hop to the destination replied, I if not.", nil}},
		choice{c.path, field{"PerHopData of the first hop; q if nobody replied.", hop}},
		choice{c.path, field{"PerHopData of the second hop,", []string{"and so on up to the last hop with a reply."}}},
		choice{c.path && c.dstAtEnd, field{"PerHopData of the destination.", nil}},
	)}
}

type choice struct {
	shown bool
	field field
}

func pick(choices ...choice) []field {
	var fields []field
	for _, c := range choices {
		if c.shown {
			fields = append(fields, c.field)
		}
	}
	return fields
}
