package main_test

import (
	"fmt"
	"strconv"
	"strings"
)

// This file is what is said of trace and ping in words, apart from the program's own tables: the options with their
// ranges, from which follows what is refused of each, and the combinations that are refused.

// class says what is looked at before the range.
type class byte

const (
	noValue class = iota
	number        // digits in decimal, perhaps with a sign
	text          // one word
)

// grammarOption is an option, and what is refused of it beside what the class and the range say.
type grammarOption struct {
	letter   string
	class    class
	name     string // of the number in the error; none: it has no range
	min, max uint64
	good     string // a value, by which it can be repeated
	often    bool   // may be repeated
	refused  []refusal
}

// value is a refused value of an option.
func value(value, want string) refusal { return refusal{command: value, want: want} }

// grammar is a command.
type grammar struct {
	word         string
	options      []grammarOption
	combinations []refusals
}

const (
	dst4 = "192.0.2.1"
	dst6 = "2001:db8::1"
)

// unparsed is said of what is no command at all.
func (g *grammar) unparsed() string { return "could not parse " + g.word + " command" }

// unparsable is refused before any value is looked at: letters that are no options, words that are two, and what
// begins like a long option.
func (g *grammar) unparsable() refusals {
	known := ""
	for _, o := range g.options {
		known += o.letter
	}
	out := refusals{about: g.word + " grammar"}
	add := func(options, want string) {
		out.list = append(out.list, refusal{command: g.word + " " + options, want: want})
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789?"
	for _, letter := range letters {
		if !strings.ContainsRune(known, letter) {
			add("-"+string(letter)+" "+dst4, g.unparsed())
		}
	}
	for _, options := range []string{"--", "--help", `-P "udp`, `-P 'udp"`, `-P "u\dp"`} {
		add(options+" "+dst4, g.unparsed())
	}
	return out
}

// destinations are operands that are not numeric addresses.
func (g *grammar) destinations() refusals {
	out := refusals{about: g.word + " destination"}
	out.list = append(out.list,
		refusal{command: g.word, want: "could not determine command type"},
		refusal{command: g.word + " ", want: "expected address to " + g.word},
		refusal{command: g.word + " -U 1", want: "expected address to " + g.word},
		refusal{command: g.word + " -U 4294967296", want: "expected address to " + g.word},
	)
	for _, dst := range []string{
		dst4 + " ", dst4 + " junk", dst4 + " -U 1", "127.1", "0x7f.1", "0x7f.0.0.1", "2130706433", "256.0.0.1", "1.2.3", "1.2.3.4.5",
		"localhost", "fe80::1%lo", "2001:db8::g", "[2001:db8::1]", "1::2::3", "=1",
	} {
		out.list = append(out.list, refusal{command: g.word + " " + dst, want: "invalid destination address"})
	}
	return out
}

// refusedOf is everything that is refused of one option alone.
func (g *grammar) refusedOf(o grammarOption) refusals {
	out := refusals{about: g.word + " -" + o.letter}
	add := func(options, want string) {
		out.list = append(out.list, refusal{command: g.word + " " + options + " " + dst4, want: want})
	}
	opt := "-" + o.letter
	if o.class != noValue {
		out.list = append(out.list, refusal{command: g.word + " " + opt, want: g.unparsed()})
		add(opt+o.good, g.unparsed())
		add(opt+opt[1:]+" "+o.good, g.unparsed())
	}
	if !o.often {
		add(strings.TrimRight(opt+" "+o.good, " ")+" "+strings.TrimRight(opt+" "+o.good, " "), "repeated option "+opt)
	}
	if o.name != "" {
		outside := []string{"-1", strconv.FormatUint(o.max+1, 10), "18446744073709551616", "-18446744073709551616"}
		if o.min > 0 {
			outside = append(outside, strconv.FormatUint(o.min-1, 10))
		}
		for _, v := range outside {
			add(opt+" "+v, fmt.Sprintf("%s failed: %s must be within %d - %d", opt, o.name, o.min, o.max))
		}
	}
	if o.class == number {
		for _, v := range []string{"x", "0x1", o.good + "x", "+1", "1.5", "-"} {
			add(opt+" "+v, g.unparsed())
		}
	}
	for _, r := range o.refused {
		add(opt+" "+r.command, opt+" failed: "+r.want)
	}
	return out
}

// combination is what is refused of several options, with one reason.
func combination(word, want string, options ...string) refusals {
	out := refusals{about: word + " " + want}
	for _, o := range options {
		out.list = append(out.list, refusal{command: word + " " + o, want: want})
	}
	return out
}
