package sandbox

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// calls are the system calls of a process: those with any arguments and those whose
// arguments are limited. All others are answered with EPERM. Names that an
// architecture does not have are left out, so that one list serves all.
type calls struct {
	any     []string
	limited []seccomp.NameWithConditions
}

// runtimeCalls is what the Go runtime itself needs, and what every process here does.
// The hot ones come first: the kernel walks the list in order, once per call where it
// does not remember the answer (Linux 5.11).
var runtimeCalls = []string{
	"read", "write", "futex", "futex_time64", "epoll_pwait", "epoll_wait", "epoll_ctl", "clock_gettime",
	"clock_gettime64", "recvmsg", "sendmsg", "recvfrom", "sendto", "close", "fcntl", "fcntl64", "madvise", "mmap",
	"mmap2", "munmap", "mprotect", "mincore", "brk", "nanosleep", "clock_nanosleep", "clock_nanosleep_time64",
	"sched_yield", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "sigaltstack", "restart_syscall",
	"epoll_create1", "epoll_pwait2", "eventfd2", "pipe2", "sched_getaffinity", "getpid", "getppid", "gettid", "exit",
	"exit_group", "getrandom", "gettimeofday", "time", "clock_getres", "uname", "set_robust_list", "rseq",
	"setitimer", "timer_create", "timer_settime", "timer_settime64", "timer_delete", "getrlimit", "ugetrlimit",
	"getuid", "geteuid", "getgid", "getegid", "getuid32", "geteuid32", "getgid32", "getegid32", "getresuid",
	"getresgid", "getresuid32", "getresgid32", "getgroups", "getgroups32", "capget", "prctl", "ppoll",
	"ppoll_time64", "poll", "fstat", "fstat64", "getrusage", "sysinfo", "dup", "dup2", "dup3", "readv", "writev",
	"bind", "listen", "getsockname", "getpeername", "setsockopt", "getsockopt", "shutdown", "socketcall",
}

// mainOnly is what the loop, the outputs and the control sockets need beyond that.
var mainOnly = []string{
	"sendmmsg", "recvmmsg", "recvmmsg_time64", "accept", "accept4", "connect", "select", "_newselect", "pselect6",
	"pselect6_time64", "timerfd_create", "timerfd_settime", "timerfd_settime64", "timerfd_gettime", "signalfd4",
	"pread64", "pwrite64", "lseek", "_llseek", "fsync", "fdatasync", "ftruncate", "ftruncate64", "fallocate",
	"fadvise64", "fadvise64_64", "sendfile", "sendfile64", "splice", "copy_file_range", "openat", "newfstatat",
	"fstatat64", "statx", "readlinkat", "faccessat", "faccessat2", "getdents64", "getcwd", "umask", "times", "mlock",
	"munlock", "mremap", "sched_setaffinity",
}

// helperOnly is what opening and giving away handles needs.
var helperOnly = []string{
	"openat", "openat2", "unlinkat", "lstat", "lstat64", "newfstatat", "fstatat64", "statx", "wait4", "waitid",
	"setresuid", "setresgid", "setgroups", "setresuid32", "setresgid32", "setgroups32",
}

// Families of sockets that a process may ask for.
var (
	mainFamilies   = []uint64{unix.AF_INET, unix.AF_INET6, unix.AF_UNIX, unix.AF_NETLINK}
	helperFamilies = append([]uint64{unix.AF_PACKET}, mainFamilies...)
)

func argument(name string, conditions ...seccomp.Condition) seccomp.NameWithConditions {
	return seccomp.NameWithConditions{Name: name, Conditions: conditions}
}

// limits returns the calls whose arguments are limited, for all processes: threads
// but no processes, signals to oneself alone, and no typing into the terminal.
func limits(families []uint64) []seccomp.NameWithConditions {
	self := uint64(os.Getpid())
	l := []seccomp.NameWithConditions{
		argument("clone", seccomp.Condition{Argument: 0, Operation: seccomp.BitsSet, Value: unix.CLONE_THREAD}),
		argument("tgkill", seccomp.Condition{Argument: 0, Operation: seccomp.Equal, Value: self}),
		argument("kill", seccomp.Condition{Argument: 0, Operation: seccomp.Equal, Value: self}),
		// A limit on the limits of other processes; 0 is this one.
		argument("prlimit64", seccomp.Condition{Argument: 0, Operation: seccomp.Equal, Value: 0}),
		argument("ioctl",
			seccomp.Condition{Argument: 1, Operation: seccomp.NotEqual, Value: unix.TIOCSTI},
			seccomp.Condition{Argument: 1, Operation: seccomp.NotEqual, Value: unix.TIOCLINUX}),
	}
	for _, f := range families {
		l = append(l, argument("socket", seccomp.Condition{Argument: 0, Operation: seccomp.Equal, Value: f}))
	}
	return append(l, argument("socketpair", seccomp.Condition{Argument: 0, Operation: seccomp.Equal, Value: unix.AF_UNIX}))
}

func mainCalls() calls {
	return calls{slices.Concat(runtimeCalls, mainOnly), limits(mainFamilies)}
}

func helperCalls() calls {
	// Signal 0 asks whether a process exists.
	alive := argument("kill", seccomp.Condition{Argument: 1, Operation: seccomp.Equal, Value: 0})
	return calls{slices.Concat(runtimeCalls, helperOnly), append(limits(helperFamilies), alive)}
}

func singleCalls() calls {
	c := helperCalls()
	c.any = append(c.any, mainOnly...)
	return c
}

// filterCalls installs the filter on all threads and verifies it. A kernel or an
// architecture without seccomp is told to debug.
func filterCalls(c calls, debug func(string)) ([]string, error) {
	info, err := arch.GetInfo("")
	if err != nil || len(info.SyscallNames) == 0 {
		say(debug, "seccomp: no table of system calls for this architecture")
		return nil, nil
	}
	if !seccomp.Supported() {
		say(debug, "seccomp: the kernel has none")
		return nil, nil
	}
	known := func(name string) bool { _, ok := info.SyscallNames[name]; return ok }
	allow := seccomp.SyscallGroup{Action: seccomp.ActionAllow}
	for _, name := range c.any {
		if known(name) && !slices.Contains(allow.Names, name) {
			allow.Names = append(allow.Names, name)
		}
	}
	for _, l := range c.limited {
		if known(l.Name) {
			allow.NamesWithCondtions = append(allow.NamesWithCondtions, l)
		}
	}
	err = seccomp.LoadFilter(seccomp.Filter{
		Flag: seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionErrno,
			Syscalls:      []seccomp.SyscallGroup{allow},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	// The answer 2 is SECCOMP_MODE_FILTER. Threads that differ end the process.
	mode, _, e := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_GET_SECCOMP, 0, 0)
	if e != 0 || mode != 2 {
		return nil, errors.New("sandbox: the seccomp filter is not in place")
	}
	return []string{fmt.Sprintf("seccomp, %d system calls", len(allow.Names)+len(allow.NamesWithCondtions))}, nil
}
