/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/confine.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static void limit(__rlimit_resource_t resource, rlim_t value)
{
	struct rlimit now;
	if (getrlimit(resource, &now) != 0)
		return;
	struct rlimit less = {MIN(now.rlim_cur, value), MIN(now.rlim_max, value)};
	(void)setrlimit(resource, &less);
}

bool confine_is_sanitized(void)
{
	return SANITIZED;
}

void confine(const struct confine *limits)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	limit(RLIMIT_CPU, limits->cpu_s);
	if (limits->open_files > 0)
		limit(RLIMIT_NOFILE, limits->open_files);
	if (SANITIZED) /* which looks for leaks as a debugger, too */
		return;
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_AS, limits->memory_bytes);
	if (limits->no_files)
		limit(RLIMIT_FSIZE, 0);
}
