/* SPDX-License-Identifier: BSD-2-Clause
 *
 * jobs.h - saring-compile as a child process: started with the bytes of saring.yaml, watched, and reported on once.
 *
 * The child gets five file descriptors and no other: 0 and 1 are /dev/null, 2 a pipe to here, JOBS_CONFIG_FD a sealed memory file
 * with saring.yaml, JOBS_SUMMARY_FD a pipe for its JSON summary. What it writes is read as it comes, so that it never waits for us,
 * and kept up to JOBS_OUTPUT_MAX. After the deadline it is killed. Nothing here blocks the event loop. Main thread: the base must
 * be the one that owns signals, as the end of a child is seen by SIGCHLD. */
#ifndef SARING_JOBS_H
#define SARING_JOBS_H

#include "base/base.h"
#include "base/err.h"
#include "base/str.h"

#define JOBS_CONFIG_FD 3
#define JOBS_SUMMARY_FD 4
#define JOBS_OUTPUT_MAX 1048576u /* 1 MiB: of stderr, and of the summary */
#define JOBS_DEADLINE_MS 120000

struct event_base;
struct job;

struct job_compile {
	const char *program;	 /* path of saring-compile */
	const char *config_path; /* names the configuration; relative paths in it are taken from here */
	const char *image_path;	 /* to be written */
	uint32_t generation;
	const char *previous; /* the image before, from which the compiler may take over what is unchanged; NULL: none */
	struct str config;    /* the bytes of saring.yaml */
	int64_t deadline_ms;
	bool rehearse; /* what is compiled is looked at, and not to be in force */
};

/* What the compiler did about the bulk tier. */
enum job_bulk { JOB_BULK_NONE, JOB_BULK_KEPT, JOB_BULK_COMPILED };
extern const char *const job_bulk_words[]; /* "none", "kept", "compiled" */

struct job_result {
	bool ok;
	/* when ok */
	uint64_t lists, entries, bytes;
	double compile_seconds;
	const char *bulk;  /* of job_bulk_words; "none" when it was not said */
	uint64_t landlock; /* the ABI by which it was fenced in; 0: none */
	bool seccomp;
	uint64_t segments_kept, segments_made; /* lists not read again, and read */
	struct json_t *changes; /* owned: what became of lists since the image before, as the summary says it; NULL: not said */
	/* when not */
	struct err err;
	struct err_list errors; /* what is wrong in which file; empty when the child itself failed */
};

/* result is borrowed until the callback returns. The job is gone when it is called. */
typedef void job_callback(void *arg, const struct job_result *result);

/* Start a compile. All of `what` may go once this returns. The callback comes later, exactly once, from the event loop. */
MUST_CHECK struct job *job_start(struct event_base *base, const struct job_compile *what, job_callback *done, void *arg,
				 struct err *err);
/* Kill it and forget it: no callback. Takes NULL. */
void job_cancel(struct job *job);

/* Where saring-compile is: beside this program (a build directory), else in libexec. Call before the user is changed:
 * /proc/self/exe cannot be read after. */
MUST_CHECK bool job_find_compiler(char *buf, size_t size, struct err *err);

/* Read a summary. ret->errors and ret->changes are filled too (job_result_finish). False when it is no summary. */
MUST_CHECK bool job_summary_parse(struct str text, struct job_result *ret);
void job_result_finish(struct job_result *result);

#endif
