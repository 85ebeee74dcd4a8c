package cmdline

import (
	"strings"

	"scamper/shared/option"
)

// Option is one option of scamper.
type Option struct {
	Letter byte
	Arg    string // its parameter as usage shows it; empty for a flag
	Help   string
	// Unavailable says what the option is, if this version cannot do it; empty otherwise.
	Unavailable string
}

// options is in the order of usage texts.
var options = []Option{
	{Letter: '?', Help: "print this overview of the options"},
	{Letter: 'c', Arg: "command", Help: "command to run on each target, with its options (default: trace)"},
	{Letter: 'C', Arg: "cycleid", Help: "number of the first cycle"},
	{Letter: 'd', Arg: "debugfile", Help: "write debugging messages to this file"},
	{Letter: 'D', Help: "detach and run as a daemon", Unavailable: "daemon"},
	{Letter: 'e', Arg: "pidfile", Help: "write the process id to this file"},
	{Letter: 'f', Help: "the operand is a file with a target in each line"},
	{
		Letter: 'F', Arg: "firewall", Help: "firewall to use, ipfw:<start>-<end> or pf:<anchor>:<num>",
		Unavailable: "firewall",
	},
	{Letter: 'g', Arg: "configfile", Help: "read the configuration from this file", Unavailable: "configuration file"},
	{
		Letter: 'H', Arg: "holdtime", Help: "seconds for which ports stay reserved after use (0 to 60)",
		Unavailable: "hold time",
	},
	{Letter: 'i', Help: "the operands are targets"},
	{Letter: 'I', Help: "the operands are commands"},
	{Letter: 'l', Arg: "listname", Help: "name of the list (default: default)"},
	{Letter: 'L', Arg: "listid", Help: "number of the list"},
	{Letter: 'M', Arg: "monitorname", Help: "name of this machine, stored with the results"},
	{Letter: 'n', Arg: "nameserver", Help: "address of the name server (default: those of /etc/resolv.conf)"},
	{Letter: 'o', Arg: "outfile", Help: "write results to this file (default: standard output)"},
	{Letter: 'O', Arg: "option", Help: "adjust scamper; may be given more than once:"},
	{Letter: 'p', Arg: "pps", Help: "packets per second to send (1 <= pps <= 1000000; 0 with -w)"},
	{Letter: 'P', Arg: "[ip:]port", Help: "take commands on this TCP port", Unavailable: "control socket"},
	{
		Letter: 'R', Arg: "name:port", Help: "take commands from the controller at this host and port",
		Unavailable: "remote control",
	},
	{Letter: 'U', Arg: "unix-dom", Help: "take commands on this unix domain socket", Unavailable: "control socket"},
	{Letter: 'v', Help: "print the version of scamper"},
	{Letter: 'w', Arg: "window", Help: "tasks that may run at a time (0 <= window <= 65535; 0: no limit)"},
}

// find returns the option of a letter, or nil.
func find(letter byte) *Option {
	for i := range options {
		if options[i].Letter == letter {
			return &options[i]
		}
	}
	return nil
}

// takes is for getopt.
func takes(letter byte) (known, parameter bool) {
	o := find(letter)
	return o != nil, o != nil && o.Arg != ""
}

// modes are the options that say where commands come from; a synopsis shows them together.
const modes = "iIfPRU"

// synopsis is the first lines of all usage texts.
func synopsis() string {
	items := []string{"[-"}
	var kinds []string
	for i := range options {
		o := &options[i]
		switch {
		case o.Unavailable != "":
		case strings.IndexByte(modes, o.Letter) >= 0:
			kinds = append(kinds, "-"+string(rune(o.Letter))+" "+modeOperand(o))
		case o.Arg == "":
			items[0] += string(rune(o.Letter))
		case o.Letter == 'O':
			items = append(items, "[-O option]...")
		default:
			items = append(items, "[-"+string(rune(o.Letter))+" "+o.Arg+"]")
		}
	}
	items[0] += "]"
	kinds[0] = "[" + kinds[0]
	for _, kind := range kinds[:len(kinds)-1] {
		items = append(items, kind+" |")
	}
	items = append(items, kinds[len(kinds)-1]+"]")
	return option.Usage("usage: scamper", items...)
}

// modeOperand is what stands behind the option of a mode.
func modeOperand(o *Option) string {
	switch o.Letter {
	case 'i':
		return "IPs"
	case 'I':
		return "cmds"
	case 'f':
		return "file"
	}
	return o.Arg
}

// usage returns the synopsis, and the lines of those options whose letters are given, in the order of the table.
func usage(letters, system string) string {
	var b strings.Builder
	b.WriteString(synopsis())
	blank := "\n"
	for i := range options {
		o := &options[i]
		if strings.IndexByte(letters, o.Letter) < 0 {
			continue
		}
		b.WriteString(blank)
		blank = ""
		b.WriteString("            -" + string(rune(o.Letter)) + " " + o.Help + "\n")
		if o.Letter == 'O' {
			for _, w := range wordsOf(system) {
				if w.Unavailable == "" && w.Help != "" {
					b.WriteString("               " + w.usage() + ": " + w.Help + "\n")
				}
			}
		}
	}
	return b.String()
}

// overview is what -? prints: all options that are available.
func overview(system string) string {
	var letters []byte
	for i := range options {
		if options[i].Unavailable == "" {
			letters = append(letters, options[i].Letter)
		}
	}
	return usage(string(letters), system)
}
