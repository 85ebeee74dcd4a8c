//go:build unix

package launch

import (
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"scamper/privsep/helper"
	"scamper/privsep/message"
	"scamper/privsep/sandbox"
)

// defaultUser is the user that the main process becomes.
const defaultUser = "nobody"

// split starts the main process and is its helper until it has ended.
func split(p Program, plan Plan, config helper.Config, ready readyPipe) (int, error) {
	order, err := orders(plan)
	if err != nil {
		return ExitFailure, err
	}
	// The thread that starts the child must live as long as the helper does
	// (sandbox.EndWithParent), and may be the one that becomes the invoker.
	runtime.LockOSThread()
	if err := raise(); err != nil {
		return ExitFailure, err
	}
	h, err := helper.New(config)
	if err != nil {
		return ExitFailure, err
	}
	signals := helperSignals() // before there is somebody to relay them to
	requests, notices, child, err := startChild(ready)
	if err != nil {
		return ExitFailure, err
	}
	ready.close()
	go relay(signals, notices, h)
	err = serve(p, h, order, requests, plan, config, ready != noPipe)
	// The end of these is what the main process sees if it still lives.
	requests.Close()
	unix.Shutdown(notices.FD(), unix.SHUT_RDWR)
	if err != nil {
		p.Complain("helper: " + err.Error())
	}
	state, err := child.Wait()
	if err != nil {
		return ExitFailure, fmt.Errorf("waiting for the main process: %w", err)
	}
	return exitStatus(state.Sys().(syscall.WaitStatus)), nil
}

// serve is the helper's life: give up rights, give orders, answer, clean up.
func serve(p Program, h *helper.Helper, order order, c message.Conn, plan Plan, config helper.Config, quiet bool) error {
	applied, err := sandbox.CloseHelper(paths(config.Grants), config.Invoker.UID != 0, !plan.NoSandbox, p.Debug)
	if err != nil {
		return err
	}
	if p.Debug != nil {
		for _, line := range applied {
			p.Debug(line)
		}
	}
	if quiet {
		silence()
	}
	// Only now does the main process begin.
	if err := c.Send(order.encode(), -1); err != nil {
		return fmt.Errorf("the main process does not listen: %w", err)
	}
	failed := h.Run(c)
	if err := h.End(); err != nil {
		p.Complain("helper: " + err.Error())
	}
	return failed
}

// startChild makes the sockets and starts the program again with an end of each.
func startChild(ready readyPipe) (requests, notices message.Conn, child *os.Process, err error) {
	r0, r1, err := message.Pair()
	if err != nil {
		return requests, notices, nil, err
	}
	n0, n1, err := message.Pair()
	if err != nil {
		return requests, notices, nil, err
	}
	files := []*os.File{
		os.Stdin, os.Stdout, os.Stderr,
		os.NewFile(uintptr(r1), "requests"), os.NewFile(uintptr(n1), "notices"),
	}
	if ready != noPipe {
		fd, err := unix.FcntlInt(uintptr(ready), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return requests, notices, nil, err
		}
		files = append(files, os.NewFile(uintptr(fd), "ready"))
	}
	child, err = startSelf(stageChild, files, nil)
	for _, f := range files[firstInherit:] {
		f.Close()
	}
	return message.NewConn(r0), message.NewConn(n0), child, err
}

// relay makes notices of signals. The main process can't read one while it waits for the helper.
func relay(signals <-chan os.Signal, c message.Conn, h *helper.Helper) {
	for s := range signals {
		n := message.NoticeExit
		if s == unix.SIGHUP {
			n = message.NoticeHup
		}
		if n == message.NoticeExit {
			h.Stop()
		}
		c.Send([]byte{byte(n)}, -1) // a main process that is gone needs no notice
	}
}

// orders makes of the plan what the child has to know.
func orders(plan Plan) (order, error) {
	name := plan.User
	if name == "" {
		name = defaultUser
	}
	u, err := user.Lookup(name)
	if err != nil {
		return order{}, fmt.Errorf("user of the main process: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 31)
	if err != nil {
		return order{}, fmt.Errorf("user %s: user id %q", name, u.Uid)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 31)
	if err != nil {
		return order{}, fmt.Errorf("user %s: group id %q", name, u.Gid)
	}
	if uid == 0 || gid == 0 {
		return order{}, fmt.Errorf("user %s has the rights of root", name)
	}
	dir := plan.Chroot
	if dir == "" {
		dir = sandbox.DefaultChroot
	}
	if dir[0] != '/' || len(dir) > maxChroot {
		return order{}, fmt.Errorf("root directory %q is not an absolute path of up to %d bytes", dir, maxChroot)
	}
	return order{
		uid: uint32(uid), gid: uint32(gid), chroot: dir,
		sandbox: !plan.NoSandbox, certificates: plan.Certificates,
	}, nil
}

// paths tells the sandbox what the helper will open.
func paths(grants []helper.Grant) []sandbox.Path {
	kinds := map[helper.Use]sandbox.PathKind{
		helper.Read:      sandbox.ReadFile,
		helper.Write:     sandbox.WriteFile,
		helper.Append:    sandbox.WriteFile,
		helper.Socket:    sandbox.Socket,
		helper.Directory: sandbox.Directory,
	}
	var list []sandbox.Path
	for _, g := range grants {
		list = append(list, sandbox.Path{Name: g.Path, Kind: kinds[g.Use], Write: g.In&^helper.InRead != 0})
	}
	return list
}
