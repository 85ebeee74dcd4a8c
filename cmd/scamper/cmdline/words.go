package cmdline

import (
	"strings"

	"scamper/unpriv/source"
)

// Word is one value of -O.
type Word struct {
	Name        string // matched without regard to case; a name ending in '=' is followed by a value
	Systems     string // runtime.GOOS of the systems that have it, separated by spaces; empty for all
	Help        string // empty for another spelling
	Unavailable string // says what it is, if this version cannot do it; empty otherwise

	set func(c *Config, value string)
}

func (w *Word) usage() string {
	if strings.HasSuffix(w.Name, "=") {
		return w.Name + "..."
	}
	return w.Name
}

// onSystem reports whether a system has the word.
func (w *Word) onSystem(system string) bool {
	if w.Systems == "" {
		return true
	}
	for s := range strings.FieldsSeq(w.Systems) {
		if s == system {
			return true
		}
	}
	return false
}

const (
	linux   = "linux android"
	kqueues = "freebsd openbsd netbsd darwin"
)

func format(name string) func(*Config, string) {
	return func(c *Config, _ string) { c.Format = name }
}

// words is in the order of usage texts.
var words = []Word{
	{Name: "text", Help: "write results as text, to be read by people", set: format("text")},
	{Name: "warts", Help: "write results as warts, which keeps all details", set: format("warts")},
	{Name: "json", Help: "write results as JSON, one line each", set: format("json")},
	{Name: "warts.gz", Help: "warts, packed by gzip", set: format("warts.gz")},
	{Name: "warts.bz2", Help: "warts, packed by bzip2", set: format("warts.bz2")},
	{Name: "warts.xz", Help: "warts, packed by xz", set: format("warts.xz")},
	{
		Name: "cmdfile", Help: "the lines of the file are whole commands",
		set: func(c *Config, _ string) { c.ListForm = source.Commands },
	},
	{
		Name: "tsps", Help: "the lines of the file are addresses for IP timestamps",
		set: func(c *Config, _ string) { c.ListForm = source.Timestamps },
	},
	{
		Name: "outcopy", Help: "copy all results to the default output file",
		set: func(c *Config, _ string) { c.OutCopy = true },
	},
	{
		Name: "debugfileappend", Help: "append to the debug file",
		set: func(c *Config, _ string) { c.DebugAppend = true },
	},
	{
		Name: "rawtcp", Help: "send IPv4 TCP probes through a raw socket",
		set: func(c *Config, _ string) { c.RawTCP = true },
	},
	{
		Name: "planetlab", Help: "the same as rawtcp, for PlanetLab hosts",
		set: func(c *Config, _ string) { c.RawTCP = true },
	},
	{
		Name: "noinitndc", Help: "do not load the neighbour cache at start",
		set: func(c *Config, _ string) { c.NoInitNDC = true },
	},
	{Name: "epoll", Systems: linux, Help: "wait with epoll(7)", set: poller("epoll")},
	{Name: "kqueue", Systems: kqueues, Help: "wait with kqueue(2)", set: poller("kqueue")},
	{Name: "poll", Help: "wait with poll(2)", set: poller("poll")},
	{Name: "select", Help: "wait with select(2)", set: poller("select")},
	{
		Name: "tls", Help: "insist on TLS for the remote controller",
		set: func(c *Config, _ string) { c.TLS = TLSRemote },
	},
	{Name: "notls", Help: "use no TLS at all", set: func(c *Config, _ string) { c.TLS = TLSNever }},
	{Name: "notls-remote", Help: "use no TLS for the remote controller", Unavailable: "remote control"},
	{Name: "cafile=", Help: "certificates to check the remote controller's with", Unavailable: "remote control"},
	{Name: "client-certfile=", Help: "certificate shown to the remote controller", Unavailable: "remote control"},
	{Name: "client-privfile=", Help: "private key of that certificate", Unavailable: "remote control"},
	{Name: "dnp=", Help: "file of addresses never to be probed", Unavailable: "do-not-probe list"},
	{
		Name: "icmp-rxerr", Systems: linux, Help: "take ICMP errors from the error queue of sockets",
		Unavailable: "socket error queue",
	},
	{Name: "rxerr-icmp", Systems: linux, Unavailable: "socket error queue"},
	{Name: "dl-any", Systems: linux, Help: "one datalink for all interfaces", Unavailable: "datalink of all interfaces"},
	{Name: "dyn-filter", Help: "filter the datalink by ports in use", Unavailable: "datalink filter"},
	{Name: "ring", Systems: linux, Help: "receive through a packet ring", Unavailable: "packet ring"},
	{Name: "noring", Systems: linux, Help: "do not receive through a packet ring", Unavailable: "packet ring"},
	{Name: "ring-blocks=", Systems: linux, Help: "blocks in the packet ring", Unavailable: "packet ring"},
	{Name: "ring-block-size=", Systems: linux, Help: "bytes in a block of the packet ring", Unavailable: "packet ring"},
	{Name: "ring-locked", Systems: linux, Help: "lock the packet ring in memory", Unavailable: "packet ring"},
	{Name: "ring-nolocked", Systems: linux, Help: "do not lock the packet ring", Unavailable: "packet ring"},
}

func poller(name string) func(*Config, string) {
	return func(c *Config, _ string) { c.Poller = name }
}

// wordsOf returns the values of -O that a system (runtime.GOOS) has, in the order of usage texts.
func wordsOf(system string) []Word {
	var out []Word
	for i := range words {
		if words[i].onSystem(system) {
			out = append(out, words[i])
		}
	}
	return out
}

// findWord returns the word that a value of -O names, and what follows its equals sign; nil if there is no such word.
func findWord(text, system string) (w *Word, value string) {
	for i := range words {
		w := &words[i]
		if !w.onSystem(system) {
			continue
		}
		if strings.HasSuffix(w.Name, "=") {
			if len(text) > len(w.Name) && strings.EqualFold(text[:len(w.Name)], w.Name) {
				return w, text[len(w.Name):]
			}
			continue
		}
		if strings.EqualFold(text, w.Name) {
			return w, ""
		}
	}
	return nil, ""
}
