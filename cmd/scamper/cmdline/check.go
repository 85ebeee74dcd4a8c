package cmdline

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// gathered is a command line after getopt.
type gathered struct {
	values   map[byte]string // of options with parameter, the last one given
	given    map[byte]bool
	words    []*Word
	operands []string
	config   Config
	pollers  int    // different ones asked for
	format   bool   // -O had a format
	word     string // of -O: the first that is not available, as given
}

const (
	maxPPS    = 1_000_000
	maxWindow = 65535
	maxID     = 1<<31 - 1
	maxHold   = 60
)

// defaults is what counts if no option says otherwise.
var defaults = Config{
	Command: "trace", PPS: 20, ListName: "default", Output: "-", Format: "text", Hold: 5 * time.Second,
}

// gather goes through the arguments.
func gather(args []string, env Env) (*gathered, *Exit) {
	g := &gathered{
		values: make(map[byte]string), given: make(map[byte]bool),
		config: defaults,
	}
	opts := getopt{args: args, takes: takes, posix: env.Posix}
	for {
		letter, value, complaint, done := opts.next()
		if done {
			break
		}
		if complaint != "" {
			return nil, &Exit{
				Status: failure,
				Stderr: fmt.Sprintf("%s: %s\n%s", env.programName(), complaint, overview(env.System)),
			}
		}
		g.given[letter] = true
		if letter == 'O' {
			if !g.addWord(value, env.System) {
				return nil, bad("O", env)
			}
			continue
		}
		g.values[letter] = value
	}
	g.operands = opts.operands
	switch {
	case g.given['?']:
		return nil, &Exit{Status: failure, Stderr: overview(env.System)}
	case g.given['v']:
		return nil, &Exit{Stdout: "scamper version " + env.Version + "\n"}
	}
	return g, nil
}

// programName is what getopt puts before its complaints.
func (e *Env) programName() string {
	if e.Program == "" {
		return "scamper"
	}
	return e.Program
}

// addWord takes a value of -O; it reports false if there is no such word.
func (g *gathered) addWord(text, system string) bool {
	w, value := findWord(text, system)
	if w == nil {
		return false
	}
	if w.Unavailable != "" && g.word == "" {
		g.word = text
	}
	g.words = append(g.words, w)
	if w.set == nil {
		return true
	}
	poller, format := g.config.Poller, g.config.Format
	g.config.Format = ""
	w.set(&g.config, value)
	if g.config.Format != "" {
		g.format = true
	} else {
		g.config.Format = format
	}
	if poller != "" && poller != g.config.Poller {
		g.pollers++
	}
	return true
}

// bad is the end because of the options whose letters are given.
func bad(letters string, env Env) *Exit {
	return &Exit{Status: failure, Stderr: usage(letters, env.System)}
}

// number reads the value of an option that must lie within two bounds.
func (g *gathered) number(letter byte, low, high int, into *int) bool {
	text, ok := g.values[letter]
	if !ok {
		return true
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return false
	}
	*into = n
	return true
}

// check completes the configuration. Each step is about one thing, in the order in which a user is told.
func (g *gathered) check(env Env) (*Config, *Exit) {
	c := &g.config
	for _, step := range []func(Env) *Exit{
		g.checkWords, g.checkRate, g.checkIDs, g.checkModes, g.checkAddresses, g.checkDaemon, g.checkOutput,
		g.checkAvailable, g.checkNameserver, g.checkCommands,
	} {
		if exit := step(env); exit != nil {
			return nil, exit
		}
	}
	return c, nil
}

func (g *gathered) checkWords(env Env) *Exit {
	if g.pollers > 0 {
		return bad("O", env)
	}
	cert, key := false, false
	for _, w := range g.words {
		cert = cert || w.Name == "client-certfile="
		key = key || w.Name == "client-privfile="
	}
	if cert != key || cert && !g.given['R'] {
		return bad("R", env)
	}
	return nil
}

func (g *gathered) checkRate(env Env) *Exit {
	c := &g.config
	var letters string
	if !g.number('p', 0, maxPPS, &c.PPS) {
		letters += "p"
	}
	if !g.number('w', 0, maxWindow, &c.Window) {
		letters += "w"
	}
	if letters == "" && c.PPS == 0 && c.Window == 0 {
		letters = "pw"
	}
	if letters != "" {
		return bad(letters, env)
	}
	return nil
}

func (g *gathered) checkIDs(env Env) *Exit {
	c := &g.config
	var list, cycle, hold int
	hold = int(c.Hold / time.Second)
	if !g.number('L', 1, maxID, &list) {
		return bad("L", env)
	}
	if !g.number('C', 1, maxID, &cycle) {
		return bad("C", env)
	}
	if !g.number('H', 0, maxHold, &hold) {
		return bad("H", env)
	}
	c.ListID, c.CycleID, c.Hold = uint32(list), uint32(cycle), time.Duration(hold)*time.Second
	for letter, into := range map[byte]*string{
		'c': &c.Command, 'l': &c.ListName, 'M': &c.Monitor, 'o': &c.Output, 'd': &c.DebugFile, 'e': &c.PIDFile,
		'F': &c.Firewall, 'U': &c.ControlUnix,
	} {
		if v, ok := g.values[letter]; ok {
			*into = v
		}
	}
	c.Daemon = g.given['D']
	return nil
}

// checkModes finds out where commands come from.
func (g *gathered) checkModes(env Env) *Exit {
	c := &g.config
	var control, operand string // letters of modes that were given
	for _, letter := range "PRU" {
		if g.given[byte(letter)] {
			control += string(letter)
		}
	}
	for _, letter := range "fiI" {
		if g.given[byte(letter)] {
			operand += string(letter)
		}
	}
	if len(operand) > 1 || operand != "" && control != "" {
		return bad(operand+control, env)
	}
	c.Operands = g.operands
	switch {
	case control != "":
		c.Mode = Control
		if len(g.operands) > 0 {
			return bad(control, env)
		}
	case operand == "i", operand == "I":
		c.Mode = Targets
		if operand == "I" {
			c.Mode = Commands
		}
		if len(g.operands) == 0 {
			return bad(operand, env)
		}
	default:
		c.Mode = ListFile
		if len(g.operands) != 1 {
			return bad("", env)
		}
	}
	return nil
}

// checkAddresses takes the parameters of -P and -R apart, and looks at those of -U and -M.
func (g *gathered) checkAddresses(env Env) *Exit {
	c := &g.config
	if text, ok := g.values['P']; ok {
		host, port, ok := splitPort(text)
		if host == "" {
			host = "127.0.0.1"
		}
		addr, err := netip.ParseAddr(host)
		if !ok || err != nil {
			return bad("P", env)
		}
		c.ControlTCP = netip.AddrPortFrom(addr, port)
	}
	if text, ok := g.values['R']; ok {
		if c.RemoteHost, c.RemotePort, ok = splitPort(text); !ok || c.RemoteHost == "" {
			return bad("R", env)
		}
		if !monitorName(c.Monitor) {
			return bad("M", env)
		}
	}
	if g.given['U'] && c.ControlUnix == "" {
		return bad("U", env)
	}
	return nil
}

// splitPort cuts "port", "[v6addr]:port" or "host:port" into host, which may be empty, and port, which is not 0. A host
// without brackets ends at the first colon, so that an IPv6 address needs them.
func splitPort(text string) (host string, port uint16, ok bool) {
	digits := text
	switch i := strings.IndexByte(text, ':'); {
	case strings.HasPrefix(text, "["):
		end := strings.Index(text, "]:")
		if end < 0 {
			return "", 0, false
		}
		host, digits = text[1:end], text[end+2:]
		if a, err := netip.ParseAddr(host); err != nil || !a.Is6() {
			return "", 0, false
		}
	case i == 0:
		return "", 0, false
	case i > 0:
		host, digits = text[:i], text[i+1:]
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n == 0 || strings.HasPrefix(digits, "+") {
		return "", 0, false
	}
	return host, uint16(n), true
}

// monitorName reports whether a name can be told to a remote controller.
func monitorName(name string) bool {
	if len(name) > 254 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c != '.' && c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

func (g *gathered) checkDaemon(env Env) *Exit {
	c := &g.config
	if !c.Daemon {
		return nil
	}
	switch {
	case c.Mode == Control && g.given['o']:
		return with(bad("oPRU", env), "outfile does not make sense with options")
	case c.Mode == Control:
		return nil
	case !g.given['o']:
		return bad("DoPRU", env)
	case c.Output == "-":
		return with(bad("Do", env), "cannot output to stdout with daemon")
	}
	return nil
}

// with adds a sentence to a usage text.
func with(e *Exit, text string) *Exit {
	e.Stderr += "\n" + text + "\n"
	return e
}

// suffixes are the endings of output files that tell their format.
var suffixes = []string{".warts.gz", ".warts.bz2", ".warts.xz", ".json", ".warts"}

func (g *gathered) checkOutput(env Env) *Exit {
	c := &g.config
	if !g.format {
		for _, s := range suffixes {
			if n := len(c.Output) - len(s); n > 0 && strings.EqualFold(c.Output[n:], s) {
				c.Format = s[1:]
				break
			}
		}
	}
	if strings.HasPrefix(c.Format, "warts") && c.Output == "-" && env.Terminal {
		return with(bad("o", env), "not going to dump warts to a tty, sorry")
	}
	return nil
}

// checkAvailable refuses what is correct and cannot be done by this version.
func (g *gathered) checkAvailable(env Env) *Exit {
	for i := range options {
		if o := &options[i]; o.Unavailable != "" && g.given[o.Letter] {
			return missing("-"+string(rune(o.Letter)), o.Unavailable)
		}
	}
	if g.word != "" {
		w, _ := findWord(g.word, env.System)
		return missing("-O "+g.word, w.Unavailable)
	}
	return nil
}

func missing(option, what string) *Exit {
	return &Exit{
		Status: failure,
		Stderr: fmt.Sprintf("scamper: %s (%s) is not available in this version\n", option, what),
	}
}

// checkNameserver reads the parameter of -n. Names are not looked up: there is nobody yet to ask.
func (g *gathered) checkNameserver(Env) *Exit {
	text, ok := g.values['n']
	if !ok {
		return nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return &Exit{Status: failure, Problem: fmt.Sprintf("could not resolve %s: -n takes a numeric address", text)}
	}
	g.config.Nameserver = addr
	return nil
}

// checkCommands has the commands of the command line looked at, so that nothing is probed when one of them is wrong.
func (g *gathered) checkCommands(env Env) *Exit {
	c := &g.config
	if env.Check == nil {
		return nil
	}
	for _, operand := range c.Operands {
		text := operand
		switch c.Mode {
		case Targets:
			text = c.Command + " " + operand
		case Commands:
		case ListFile, Control:
			return nil
		}
		if err := env.Check(text); err != nil {
			return &Exit{Status: failure, Problem: text + ": " + err.Error()}
		}
	}
	return nil
}
