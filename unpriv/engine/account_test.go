package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/unpriv/netio/neigh"
	"scamper/unpriv/netio/route"
	"scamper/unpriv/probe"
	"scamper/unpriv/resolve"
	"scamper/unpriv/sched"
)

func TestLosses(t *testing.T) {
	if got := (&counts{sched: sched.Stats{Sent: 5, Matched: 5, Unmatched: 2}, received: 7}).losses(); got != nil {
		t.Errorf("nothing was lost, but: %q", got)
	}
	if got := (&counts{names: resolve.Stats{Asked: 5, Unanswered: 4}}).losses(); got != nil {
		t.Errorf("one name was answered, but: %q", got)
	}
	c := counts{drops: 3, sched: sched.Stats{Refused: 4, Full: 5, Unsent: 6, Dropped: 7, Panics: 8, NoRoom: 9, LeftOut: 12, Lost: 13}}
	c.neigh.Lost, c.names.Lost = 10, 11
	c.neigh.Unanswered, c.neigh.Refused = 1, 1 // no loss of ours
	c.names.Asked, c.names.Unanswered = 14, 14
	want := []string{
		"3 received packets were dropped because our buffers were full",
		"7 replies were dropped because their measurement was waiting to send",
		"4 packets were refused by the kernel",
		"9 packets were not sent because too many waited to be sent",
		"13 packets were dropped by the device that was to send them",
		"5 times the send buffer was full",
		"12 copies of measurements under way were left out because the output could not keep up",
		"6 packets were not sent any more at the end",
		"10 questions for addresses of neighbours were not sent",
		"11 names were not asked for because too many questions waited",
		"14 names were asked for, without an answer of any nameserver by the end",
		"8 measurements were given up because of a defect in the program",
	}
	if diff := cmp.Diff(want, c.losses()); diff != "" {
		t.Error(diff)
	}
}

func TestOneLoss(t *testing.T) {
	c := counts{drops: 1, sched: sched.Stats{Refused: 1, Full: 1, Unsent: 1, Dropped: 1, Panics: 1, NoRoom: 1, LeftOut: 1, Lost: 1}}
	c.neigh.Lost, c.names = 1, resolve.Stats{Asked: 1, Unanswered: 1, Lost: 1}
	for _, line := range c.losses() {
		words := strings.Fields(line)
		if words[0] != "1" || slices.Contains(words, "were") && !strings.Contains(line, "buffers were full") || words[1] == "times" {
			t.Errorf("%q", line)
		}
	}
}

func TestAccount(t *testing.T) {
	c := counts{
		sched:    sched.Stats{Started: 1, Ended: 2, HeldBack: 3, Sent: 4, Refused: 5, NoRoom: 30, Unsent: 31, Lost: 36, Full: 6, Matched: 7, Unmatched: 8, Waits: 9, Dropped: 32, LeftOut: 35, Panics: 33},
		routes:   route.Stats{Cached: 10, Asked: 11, Changes: 12, Copies: 13},
		neigh:    neigh.Stats{Known: 21, Asked: 22, Answered: 23, Unanswered: 24, Refused: 25, Moved: 34, Lost: 26},
		names:    resolve.Stats{Asked: 27, Unanswered: 28, Lost: 29},
		received: 20, drops: 14,
	}
	c.unused[probe.Accepted] = 15
	c.unused[probe.Short] = 3
	c.unused[probe.ICMPType] = 2
	want := `tasks: 1 started, 2 ended, 3 times held back, 9 waits for the output, 35 copies left out, 33 panics
packets: 4 sent, 5 refused, 30 without room, 31 not sent any more, 36 dropped by the device, 6 times the send buffer was full
replies: 20 received, 7 matched, 8 unmatched, 32 dropped by measurements, 14 dropped by the kernel
received and unused: 3 packet too short, 2 other ICMP type
routes: 10 answers from the copy, 11 from the kernel, 12 changes, 13 copies
neighbours: 21 known, 22 asked for, 23 answered, 24 without answer, 25 refused, 34 moved, 26 questions not sent
names: 27 asked for, 28 without answer, 29 not asked for`
	if diff := cmp.Diff(want, strings.Join(c.lines(), "\n")); diff != "" {
		t.Error(diff)
	}
}
