/* SPDX-License-Identifier: BSD-2-Clause
 *
 * doctor.h - saringctl doctor: what may keep a saring from doing its work on this machine, each looked at by itself, with what was
 * seen and what to do about it. Nothing is changed. Works without the daemon, without a configuration and without root; what could
 * not be looked at is said, and is no problem. One thread, but for the questions to servers (doctor_upstream.c). */
#ifndef SARING_SARINGCTL_DOCTOR_H
#define SARING_SARINGCTL_DOCTOR_H

#include "saringctl/context.h"
#include "saringctl/progress.h"

#include <sys/types.h>

enum health { HEALTH_OK, HEALTH_WARNING, HEALTH_PROBLEM, HEALTH_UNKNOWN };

struct finding {
	char *name, *seen; /* owned */
	char *remedy;	   /* owned; lines; NULL: nothing is to be done */
	enum health state;
};

struct doctor {
	struct context *ctx;
	struct settings *s; /* owned; the defaults where the configuration cannot be read or has faults */
	bool has_config;    /* it could be read, faulty or not */
	json_t *status;	    /* owned; what the daemon says of itself; NULL: it does not */
	bool denied;	    /* there is a daemon, and it does not talk to this user */
	pid_t pid;	    /* the daemon's; 0: not known */
	bool has_user;	    /* the next two are known */
	uid_t uid;	    /* whom the daemon runs as, or would */
	gid_t gid;
	char user[64];
	struct finding *findings; /* owned */
	size_t count;
	struct progress progress;
};

/* One more finding. */
void doctor_find(struct doctor *d, enum health state, const char *name, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* What to do about the last one. */
void doctor_remedy(struct doctor *d, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The checks, in the order they are shown. */
void doctor_configuration(struct doctor *d); /* cmd_config.c's check, summed up */
void doctor_daemon(struct doctor *d);
void doctor_ports(struct doctor *d);
void doctor_resolver(struct doctor *d); /* resolv.conf, nsswitch.conf */
void doctor_upstream(struct doctor *d);
void doctor_rights(struct doctor *d);
void doctor_system(struct doctor *d); /* clock, limits, memory, disk, IPv6 */
void doctor_lists(struct doctor *d);  /* of the fetched ones: how old */

/* ---- cmd_config.c ---- */
/* What `check` finds, in numbers; first: the first error as a line, or "". */
void config_sum_up(const char *path, struct progress *progress, size_t *ret_errors, size_t *ret_warnings, size_t *ret_lists,
		   char *first, size_t size);

/* ---- doctor_proc.c: /proc, as far as this user may look ---- */
struct proc_socket {
	struct addr addr; /* where it is bound */
	uint64_t inode;
};
/* Sockets bound to a port in this network namespace: UDP ones, or listening TCP ones. Returns how many; false in *ret_known when
 * /proc cannot be read. */
size_t proc_sockets(bool tcp, uint16_t port, struct proc_socket *ret, size_t max, bool *ret_known);
/* The process that holds it, prefer before others; its name as the kernel has it ("systemd-resolve") and the program's path where
 * that can be read. False: nobody whom this user may look at. */
MUST_CHECK bool proc_holder(uint64_t inode, pid_t prefer, pid_t *ret_pid, char *name, size_t size);
/* The first line of a file of /proc or /sys, or "". */
void proc_line(const char *path, char *ret, size_t size);
/* The number behind "KEY:" in a file, as of /proc/meminfo; -1 when there is none. */
int64_t proc_number(const char *path, const char *key);
/* The first two numbers of a line of /proc/PID/limits that begins with `what`; false when it cannot be read. */
MUST_CHECK bool proc_limit(pid_t pid, const char *what, uint64_t *ret_soft);

#endif
