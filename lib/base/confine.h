/* SPDX-License-Identifier: BSD-2-Clause
 *
 * confine.h - what a short-lived program gives up before it reads a stranger's bytes. Nobody waits for it once its parent is gone;
 * nothing it runs into may gain rights, be read by a debugger, or take the machine's memory and time. Call once, at the start of
 * main, with one thread. */
#ifndef SARING_BASE_CONFINE_H
#define SARING_BASE_CONFINE_H

#include "base/base.h"

struct confine {
	uint64_t cpu_s;
	uint64_t memory_bytes; /* not held under a sanitizer: it maps terabytes */
	uint64_t open_files;   /* 0: as many as before */
	bool no_files;	       /* may make no file longer; not held under a sanitizer: it writes reports */
};
/* A limit that is lower already stays. SIGPIPE is ignored from here on: a reader that went away is an error like another. */
void confine(const struct confine *limits);

/* Built with a sanitizer, which opens files and asks for more than the program does. */
bool confine_is_sanitized(void);

#endif
