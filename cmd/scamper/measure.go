package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/term"

	"scamper/cmd/scamper/cmdline"
	"scamper/conf"
	"scamper/privsep/client"
	"scamper/privsep/helper"
	"scamper/privsep/launch"
	"scamper/privsep/message"
	"scamper/unpriv/engine"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/output"
	"scamper/unpriv/source"
	"scamper/unpriv/technique/registry"
)

// dnsPort is where name servers are asked (RFC 1035, section 4.2).
const dnsPort = 53

// planOf says what the first process has to know: which paths the command line names, and who the main process becomes.
func planOf(c *cmdline.Config) (launch.Plan, error) {
	var p launch.Plan
	grant := func(slot message.Slot, path string, use helper.Use) {
		if path != "" {
			p.Grants = append(p.Grants, helper.Grant{Slot: slot, Path: path, Use: use})
		}
	}
	debug := helper.Write
	if c.DebugAppend {
		debug = helper.Append
	}
	grant(message.SlotDebug, c.DebugFile, debug)
	grant(message.SlotPID, c.PIDFile, helper.Write)
	if c.Output != "-" {
		grant(message.SlotOutput, c.Output, helper.Write)
	}
	if c.Mode == cmdline.ListFile && c.Operands[0] != "-" {
		grant(message.SlotList, c.Operands[0], helper.Read)
	}
	system, trusted, err := conf.ForRoot(conf.DefaultPath)
	switch {
	case err != nil:
		return p, err
	case trusted:
		p.User, p.Chroot, p.NoSandbox = system.Privilege.User, system.Privilege.Chroot, !system.Privilege.Sandbox
		grant(message.SlotConf, conf.DefaultPath, helper.Read)
	}
	return p, nil
}

// measure runs what the command line asks for and returns the exit status.
func measure(c *cmdline.Config, h client.Handles, s launch.State) int {
	log := engine.NewLog(os.Stderr, time.Now)
	p := process{config: c, handles: h, log: log, signals: engine.Signals()}
	if err := p.run(s); err != nil {
		log.Error(err.Error())
		return launch.ExitFailure
	}
	return 0
}

// process is the main process: everything here happens without any right.
type process struct {
	config  *cmdline.Config
	handles client.Handles
	log     *engine.Log
	signals <-chan os.Signal
}

func (p *process) run(s launch.State) error {
	c := p.config
	if c.DebugFile != "" {
		f, err := p.open(message.SlotDebug, c.DebugFile)
		if err != nil {
			return err
		}
		defer f.Close()
		p.log.SetDebug(f)
		p.log.Debug("scamper %s, process %d, %v", Version, os.Getpid(), s.Sandbox)
	}
	settings, err := p.settings()
	if err != nil {
		return err
	}
	if err := p.writePID(); err != nil {
		return err
	}
	out, err := p.output()
	if err != nil {
		return err
	}
	poller := loop.Default
	if c.Poller != "" {
		if poller, err = loop.ParseKind(c.Poller); err != nil {
			return err
		}
	}
	host, _ := os.Hostname()
	config := engine.Config{
		Handles: p.handles, Techniques: registry.All, Log: p.log, Poller: poller, PPS: c.PPS, Window: c.Window,
		RawTCP: c.RawTCP, NoNeighbours: c.NoInitNDC, HostName: host, Commands: settings.commands,
		Receive: settings.receive, Output: out, Signals: p.signals,
		Nameservers: s.Nameservers,
	}
	if c.Nameserver.IsValid() {
		config.Nameservers = []netip.AddrPort{netip.AddrPortFrom(c.Nameserver, dnsPort)}
	}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		config.Progress = &engine.Progress{W: os.Stderr}
	}
	e, err := engine.New(config)
	if err != nil {
		return err
	}
	src, err := p.source()
	if err != nil {
		return err
	}
	if err := e.Add(src); err != nil {
		return err
	}
	s.Ready()
	return e.Run()
}

// settings is what the configuration file says about measurements.
type settings struct {
	commands conf.Commands
	receive  int // size of receive buffers in bytes; 0 is the default
}

// settings reads the configuration file, if there is one to trust.
func (p *process) settings() (settings, error) {
	fd, err := p.handles.File(message.SlotConf)
	if err != nil { // not granted: there is none, or it is not one to trust
		return settings{}, nil
	}
	f := os.NewFile(uintptr(fd), conf.DefaultPath)
	defer f.Close()
	c, err := conf.Read(conf.DefaultPath, f)
	if err != nil {
		return settings{}, err
	}
	return settings{commands: c.Commands, receive: c.Buffers.Receive}, nil
}

// open opens the file of a slot.
func (p *process) open(slot message.Slot, name string) (*os.File, error) {
	fd, err := p.handles.File(slot)
	if err != nil {
		var errno syscall.Errno
		if errors.As(err, &errno) {
			err = errno
		}
		return nil, fmt.Errorf("could not open %s: %w", name, netio.InC(err))
	}
	return os.NewFile(uintptr(fd), name), nil
}

// writePID writes the number of this process, the one without rights.
func (p *process) writePID() error {
	name := p.config.PIDFile
	if name == "" {
		return nil
	}
	f, err := p.open(message.SlotPID, name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, os.Getpid())
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("could not write %s: %w", name, netio.InC(err))
	}
	return nil
}

// output opens the file that results go to.
func (p *process) output() (*output.File, error) {
	c := p.config
	format, ok := output.ParseFormat(c.Format)
	if !ok {
		return nil, fmt.Errorf("unknown output format %s", c.Format)
	}
	var w io.WriteCloser = os.Stdout
	if c.Output != "-" {
		f, err := p.open(message.SlotOutput, c.Output)
		if err != nil {
			return nil, err
		}
		w = f
	}
	return output.NewFile(c.Output, format, w)
}

// source is where the commands come from.
func (p *process) source() (*source.Source, error) {
	c := p.config
	sc := source.Config{
		Name: c.ListName, Descr: "default", ListID: c.ListID, CycleID: c.CycleID, Monitor: c.Monitor, Priority: 1,
		Command: c.Command,
	}
	switch c.Mode {
	case cmdline.Targets:
		return source.NewTargets(sc, c.Operands), nil
	case cmdline.Commands:
		return source.NewCommands(sc, c.Operands), nil
	}
	name, file := c.Operands[0], os.Stdin
	if name != "-" {
		f, err := p.open(message.SlotList, name)
		if err != nil {
			return nil, err
		}
		file = f
	}
	return source.NewFile(sc, source.FileConfig{Name: name, File: file, Form: c.ListForm, Cycles: 1}), nil
}
