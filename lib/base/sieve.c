/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/sieve.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* By name, as the library knows them: those that this machine, or an older library, does not have are passed over. Names that only
 * one architecture has, or only a newer C library uses, stand beside the others. */

static const char *const both[] = {
    /* files that are open, and those to be opened */
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "lseek", "_llseek", "close", "close_range", "open",
    "openat", "openat2", "fstat", "fstat64", "newfstatat", "fstatat64", "stat", "stat64", "lstat", "lstat64", "statx", "statfs",
    "fstatfs", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents", "getdents64", "getcwd", "fcntl",
    "fcntl64", "dup", "dup2", "dup3", "fadvise64", "fadvise64_64", "readahead", "umask",
    /* memory */
    "munmap", "mremap", "madvise", "brk", "mseal",
    /* waiting, and time */
    "futex", "futex_time64", "futex_waitv", "futex_wait", "futex_wake", "poll", "ppoll", "ppoll_time64", "select", "_newselect",
    "pselect6", "pselect6_time64", "nanosleep", "clock_nanosleep", "clock_nanosleep_time64", "clock_gettime", "clock_gettime64",
    "clock_getres", "clock_getres_time64", "gettimeofday", "time", "times", "getrusage",
    /* oneself */
    "getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getuid32", "geteuid32", "getgid32", "getegid32",
    "getgroups", "getgroups32", "uname", "sysinfo", "getrlimit", "ugetrlimit", "setrlimit", "sched_getaffinity", "sched_yield",
    "getcpu", "membarrier", "rseq", "set_robust_list", "get_robust_list", "set_tid_address", "set_thread_area", "arch_prctl",
    "riscv_hwprobe", "getrandom", "prctl", "capget",
    /* signals, to oneself */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "sigaltstack", "rt_sigtimedwait", "restart_syscall", "exit",
    "exit_group",
    /* to be confined further */
    "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp"};

static const char *const reader[] = {
    "pwrite64",	       "pwritev",	   "pwritev2", "ftruncate", "ftruncate64",     "fallocate", "fsync",	 "fdatasync",
    "sync_file_range", "sync_file_range2", "flock",    "mkdir",	    "mkdirat",	       "rename",    "renameat",	 "renameat2",
    "unlink",	       "unlinkat",	   "rmdir",    "fchmod",    "fchmodat",	       "fchmodat2", "chmod",	 "fchown",
    "fchown32",	       "fchownat",	   "chown",    "lchown",    "copy_file_range", "sendfile",  "sendfile64"};

static const char *const fetcher[] = {"connect",
				      "getsockname",
				      "getpeername",
				      "getsockopt",
				      "setsockopt",
				      "sendto",
				      "sendmsg",
				      "sendmmsg",
				      "send",
				      "recvfrom",
				      "recvmsg",
				      "recvmmsg",
				      "recvmmsg_time64",
				      "recv",
				      "shutdown",
				      "bind",
				      "pipe",
				      "pipe2",
				      "eventfd2",
				      "epoll_create1",
				      "epoll_ctl",
				      "epoll_wait",
				      "epoll_pwait",
				      "epoll_pwait2",
				      "mmap",
				      "mmap2",
				      "mprotect",
				      "sched_getparam",
				      "sched_getscheduler",
				      "sched_get_priority_min",
				      "sched_get_priority_max"};

/* Nobody who has not been taken over does any of these. */
static const char *const deadly[] = {"execve",
				     "execveat",
				     "fork",
				     "vfork",
				     "ptrace",
				     "process_vm_readv",
				     "process_vm_writev",
				     "kcmp",
				     "kill",
				     "tkill",
				     "rt_sigqueueinfo",
				     "rt_tgsigqueueinfo",
				     "pidfd_open",
				     "pidfd_getfd",
				     "pidfd_send_signal",
				     "mount",
				     "umount",
				     "umount2",
				     "move_mount",
				     "open_tree",
				     "fsopen",
				     "fsmount",
				     "mount_setattr",
				     "pivot_root",
				     "chroot",
				     "unshare",
				     "setns",
				     "bpf",
				     "perf_event_open",
				     "init_module",
				     "finit_module",
				     "delete_module",
				     "kexec_load",
				     "kexec_file_load",
				     "add_key",
				     "request_key",
				     "keyctl",
				     "userfaultfd",
				     "io_uring_setup",
				     "io_uring_enter",
				     "io_uring_register",
				     "open_by_handle_at",
				     "setuid",
				     "setgid",
				     "setreuid",
				     "setregid",
				     "setresuid",
				     "setresgid",
				     "setgroups",
				     "setfsuid",
				     "setfsgid",
				     "capset",
				     "personality",
				     "swapon",
				     "swapoff",
				     "reboot",
				     "iopl",
				     "ioperm",
				     "modify_ldt",
				     "settimeofday",
				     "clock_settime",
				     "adjtimex",
				     "acct",
				     "quotactl",
				     "mknod",
				     "mknodat",
				     "shmget",
				     "shmat",
				     "msgget",
				     "semget",
				     "mq_open"};

static bool add_all(scmp_filter_ctx ctx, uint32_t action, const char *const *names, size_t count)
{
	bool ok = true;

	for (size_t i = 0; i < count && ok; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);
		ok = number < 0 || seccomp_rule_add(ctx, action, number, 0) == 0;
	}
	return ok;
}

/* let through where the argument is as cmp says, EPERM elsewhere. */
static bool add_if(scmp_filter_ctx ctx, const char *name, struct scmp_arg_cmp cmp)
{
	int number = seccomp_syscall_resolve_name(name);

	return number < 0 || seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, number, 1, &cmp) == 0;
}

static bool add_refusal(scmp_filter_ctx ctx, const char *name, struct scmp_arg_cmp cmp)
{
	int number = seccomp_syscall_resolve_name(name);

	return number < 0 || seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EPERM), number, 1, &cmp) == 0;
}

/* Limits are one's own, of process 0, and so are signals (abort). Files that are terminals are asked whether they are. */
static bool add_common(scmp_filter_ctx ctx)
{
	return add_all(ctx, SCMP_ACT_ALLOW, both, ARRAY_LEN(both)) &&
	       add_all(ctx, SCMP_ACT_KILL_PROCESS, deadly, ARRAY_LEN(deadly)) &&
	       add_if(ctx, "prlimit64", SCMP_A0(SCMP_CMP_EQ, 0)) && add_refusal(ctx, "prlimit64", SCMP_A0(SCMP_CMP_NE, 0)) &&
	       add_if(ctx, "tgkill", SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid())) &&
	       add_if(ctx, "ioctl", SCMP_A1(SCMP_CMP_EQ, TCGETS)) && add_if(ctx, "ioctl", SCMP_A1(SCMP_CMP_EQ, FIONREAD)) &&
	       add_if(ctx, "ioctl", SCMP_A1(SCMP_CMP_EQ, FIONBIO));
}

static bool add_reader(scmp_filter_ctx ctx)
{
	static const char *const maps[] = {"mmap", "mmap2", "mprotect", "pkey_mprotect"};
	bool ok = add_all(ctx, SCMP_ACT_ALLOW, reader, ARRAY_LEN(reader));

	for (size_t i = 0; i < ARRAY_LEN(maps) && ok; i++)
		ok = add_if(ctx, maps[i], SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) &&
		     add_refusal(ctx, maps[i], SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
	/* a library that looks for a server of its own (nscd) is told no, and does without */
	int number = seccomp_syscall_resolve_name("socket");
	return ok && (number < 0 || seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), number, 0) == 0);
}

/* clone3(2) keeps its flags in memory, where no filter can look: without it a thread is made by clone(2). */
static bool add_fetcher(scmp_filter_ctx ctx)
{
	static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
	bool ok = add_all(ctx, SCMP_ACT_ALLOW, fetcher, ARRAY_LEN(fetcher)) &&
		  add_if(ctx, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) &&
		  add_refusal(ctx, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)) &&
		  add_if(ctx, "socketpair", SCMP_A0(SCMP_CMP_EQ, AF_UNIX));

	for (size_t i = 0; i < ARRAY_LEN(families) && ok; i++)
		ok = add_if(ctx, "socket", SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
	return ok;
}

bool sieve_apply(enum sieve which)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));

	if (ctx == NULL)
		return false;
	/* looked up by halves instead of one after the other, where the library can */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	bool ok = add_common(ctx) && (which == SIEVE_READER ? add_reader(ctx) : add_fetcher(ctx)) && seccomp_load(ctx) == 0;
	seccomp_release(ctx);
	return ok;
}
