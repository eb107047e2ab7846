/* SPDX-License-Identifier: BSD-2-Clause */
#include "jobs.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "child.h"
#include "version.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMPILER_NAME "saring-compile"
#define FD_FLOOR 10	  /* ours lie above the child's five, so that no dup2 in it hits one that is still needed */
#define LOG_LINES_MAX 100 /* of what a failed child said */
#define READ_STEP 65536
#define READS_MAX 32 /* in one turn of the loop: a child that never stops talking does not stop us */

struct job_pipe {
	int fd;
	struct event *event;
	struct buf bytes;
	bool cut; /* there was more than JOBS_OUTPUT_MAX */
};

struct job {
	pid_t pid; /* 0: none, or reaped */
	int status;
	int64_t started_ms;
	bool timed_out;
	struct event *on_child, *on_deadline;
	struct job_pipe errors, summary;
	job_callback *done;
	void *arg;
};

/* ---- what it says ---- */

const char *const job_bulk_words[] = {[JOB_BULK_NONE] = "none", [JOB_BULK_KEPT] = "kept", [JOB_BULK_COMPILED] = "compiled", NULL};

static uint64_t json_to_u64(const json_t *value)
{
	json_int_t number = json_integer_value(value);
	return number > 0 ? (uint64_t)number : 0;
}

static void summary_error(const json_t *item, struct err_list *list)
{
	const char *file = json_string_value(json_object_get(item, "file"));
	const char *text = json_string_value(json_object_get(item, "text"));
	uint64_t line = json_to_u64(json_object_get(item, "line")), column = json_to_u64(json_object_get(item, "column"));
	err_list_add_at(list, file ? file : "", (uint32_t)MIN(line, UINT32_MAX), (uint32_t)MIN(column, UINT32_MAX), "%s",
			text ? text : "no reason was given");
}

static const char *summary_bulk(const json_t *value)
{
	const char *word = json_string_value(value);
	for (size_t i = 0; word && job_bulk_words[i]; i++)
		if (strcmp(word, job_bulk_words[i]) == 0)
			return job_bulk_words[i];
	return job_bulk_words[JOB_BULK_NONE];
}

bool job_summary_parse(struct str text, struct job_result *ret)
{
	json_error_t fault;
	json_t *root = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &fault);
	json_t *ok = json_object_get(root, "ok");
	bool good = json_is_boolean(ok);
	if (good && json_is_true(ok)) {
		ret->ok = true;
		ret->lists = json_to_u64(json_object_get(root, "lists"));
		ret->entries = json_to_u64(json_object_get(root, "entries"));
		ret->bytes = json_to_u64(json_object_get(root, "bytes"));
		ret->compile_seconds = json_number_value(json_object_get(root, "compile_seconds"));
		ret->bulk = summary_bulk(json_object_get(root, "bulk"));
		const json_t *segments = json_object_get(root, "segments");
		ret->segments_kept = json_to_u64(json_object_get(segments, "kept"));
		ret->segments_made = json_to_u64(json_object_get(segments, "made"));
		const json_t *sandbox = json_object_get(root, "sandbox");
		ret->landlock = json_to_u64(json_object_get(sandbox, "landlock"));
		ret->seccomp = json_is_true(json_object_get(sandbox, "seccomp"));
		ret->changes = json_incref(json_object_get(root, "changes"));
	} else if (good) {
		ret->ok = false;
		size_t i;
		json_t *item;
		json_array_foreach(json_object_get(root, "errors"), i, item)
		{
			summary_error(item, &ret->errors);
		}
		ret->errors.swallowed += (size_t)json_to_u64(json_object_get(root, "more"));
		good = ret->errors.count > 0;
	}
	json_decref(root);
	return good;
}

void job_result_finish(struct job_result *result)
{
	err_list_finish(&result->errors);
	json_decref(result->changes);
	result->changes = NULL;
}

/* What a child said on stderr is for the log, line by line: of one that failed without saying why in its summary, all there is; of
 * one that went well, its warnings. */
static void log_stderr(const struct job *job, bool failed)
{
	struct str rest = buf_str(&job->errors.bytes);
	for (int lines = 0; rest.ptr && rest.len > 0 && lines < LOG_LINES_MAX; lines++) {
		char text[1024];
		struct str line = str_trim(str_cut(&rest, '\n'));
		if (line.len == 0)
			continue;
		(void)str_escape(line, true, text, sizeof(text));
		if (failed)
			log_error("compile.said pid=%d text=\"%s\"", (int)job->pid, text);
		else
			log_warning("compile.warning text=\"%s\"", text);
	}
}

static void job_conclude(const struct job *job, struct job_result *ret)
{
	bool said = !job->summary.cut && job_summary_parse(buf_str(&job->summary.bytes), ret);
	bool clean = WIFEXITED(job->status) && WEXITSTATUS(job->status) == (ret->ok ? 0 : 1);
	if (said && clean && !job->timed_out) {
		if (ret->ok) {
			log_debug("compile.sandbox landlock=%" PRIu64 " seccomp=%s", ret->landlock, ret->seccomp ? "yes" : "no");
			log_stderr(job, false);
			return;
		}
		size_t count = ret->errors.count + ret->errors.swallowed;
		(void)err_set(&ret->err, ERR_INPUT, count == 1 ? "there is %zu error" : "there are %zu errors", count);
		return;
	}
	ret->ok = false;
	if (job->timed_out)
		(void)err_set(&ret->err, ERR_LIMIT, "%s took too long and was killed after %lld s", COMPILER_NAME,
			      (long long)((clock_mono_ms() - job->started_ms) / 1000));
	else if (WIFSIGNALED(job->status) && WTERMSIG(job->status) == SIGSYS)
		(void)err_set(&ret->err, ERR_INTERNAL,
			      "%s was ended for a system call that it never makes: a list may have taken it over", COMPILER_NAME);
	else if (WIFSIGNALED(job->status))
		(void)err_set(&ret->err, ERR_INTERNAL, "%s was ended by signal %d (%s)", COMPILER_NAME, WTERMSIG(job->status),
			      strsignal(WTERMSIG(job->status)));
	else if (job->summary.cut)
		(void)err_set(&ret->err, ERR_LIMIT, "%s wrote a summary of more than %u bytes", COMPILER_NAME, JOBS_OUTPUT_MAX);
	else
		(void)err_set(&ret->err, ERR_INTERNAL, "%s ended with status %d and no summary", COMPILER_NAME,
			      WEXITSTATUS(job->status));
	log_stderr(job, true);
}

/* ---- its life ---- */

static void pipe_finish(struct job_pipe *p)
{
	if (p->event)
		event_free(p->event);
	if (p->fd >= 0)
		close(p->fd);
	buf_finish(&p->bytes);
}

static void job_free(struct job *job)
{
	if (job->on_child)
		event_free(job->on_child);
	if (job->on_deadline)
		event_free(job->on_deadline);
	pipe_finish(&job->errors);
	pipe_finish(&job->summary);
	free(job);
}

/* Take what is there. Returns false at the end. */
static bool pipe_drain(struct job_pipe *p)
{
	for (int reads = 0; reads < READS_MAX; reads++) {
		char bytes[READ_STEP];
		ssize_t n = read(p->fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0)
			return false;
		size_t room = (size_t)JOBS_OUTPUT_MAX - p->bytes.len;
		buf_add(&p->bytes, bytes, MIN((size_t)n, room));
		p->cut |= (size_t)n > room;
	}
	return true;
}

static void job_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct job_pipe *p = arg;
	(void)fd, (void)what;
	if (!pipe_drain(p))
		(void)event_del(p->event);
}

static void job_on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct job *job = arg;
	(void)fd, (void)what;
	job->timed_out = true;
	(void)kill(job->pid, SIGKILL);
}

/* The child may have ended with its last words still in the pipes; nothing else holds them open. */
static void job_on_child(evutil_socket_t fd, short what, void *arg)
{
	struct job *job = arg;
	(void)fd, (void)what;
	pid_t pid = waitpid(job->pid, &job->status, WNOHANG);
	if (pid != job->pid)
		return;
	(void)pipe_drain(&job->errors);
	(void)pipe_drain(&job->summary);
	struct job_result result = {0};
	job_conclude(job, &result);
	job_callback *done = job->done;
	void *done_arg = job->arg;
	job->pid = 0;
	job_free(job);
	done(done_arg, &result);
	job_result_finish(&result);
}

void job_cancel(struct job *job)
{
	if (!job)
		return;
	child_end(job->pid);
	job_free(job);
}

/* ---- its birth ---- */

static int fd_lift(int fd)
{
	if (fd < 0 || fd >= FD_FLOOR)
		return fd;
	int lifted = fcntl(fd, F_DUPFD_CLOEXEC, FD_FLOOR);
	int saved = errno;
	close(fd);
	errno = saved;
	return lifted;
}

static bool pipe_open(struct job_pipe *p, int *ret_write_end, struct err *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set_errno(err, ERR_IO, "opening a pipe to %s", COMPILER_NAME);
	p->fd = fd_lift(ends[0]);
	*ret_write_end = fd_lift(ends[1]);
	if (p->fd < 0 || *ret_write_end < 0 || fcntl(p->fd, F_SETFL, O_NONBLOCK) < 0)
		return err_set_errno(err, ERR_IO, "setting up a pipe to %s", COMPILER_NAME);
	return true;
}

/* Sealed, so that what the daemon read is what the compiler reads. */
static int config_fd(struct str bytes, struct err *err)
{
	int fd = fd_lift(memfd_create("saring.yaml", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	if (fd < 0 || !file_write_all(fd, bytes.ptr, bytes.len) || lseek(fd, 0, SEEK_SET) < 0) {
		(void)err_set_errno(err, ERR_IO, "handing the configuration to %s", COMPILER_NAME);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	return fd;
}

/* fds: the child's ends of stderr, configuration, summary. */
static bool spawn(const struct job_compile *what, const int fds[3], pid_t *ret_pid, struct err *err)
{
	char generation[16], config[16], summary[16];
	snprintf(generation, sizeof(generation), "%u", what->generation);
	snprintf(config, sizeof(config), "%d", JOBS_CONFIG_FD);
	snprintf(summary, sizeof(summary), "%d", JOBS_SUMMARY_FD);
	const char *rehearse = what->rehearse ? "--rehearse" : NULL, *previous = what->previous ? "--previous" : NULL;
	/* What may be absent stands last, and alone: there is no previous image to a rehearsal. */
	must(!what->rehearse || !what->previous);
	const char *argv[] = {COMPILER_NAME,
			      "-c",
			      what->config_path,
			      "-o",
			      what->image_path,
			      "-g",
			      generation,
			      "--config-fd",
			      config,
			      "--summary-fd",
			      summary,
			      rehearse ? rehearse : previous,
			      what->previous,
			      NULL};
	const int all[] = {CHILD_FD_NULL, CHILD_FD_NULL, fds[0], [JOBS_CONFIG_FD] = fds[1], [JOBS_SUMMARY_FD] = fds[2]};
	return child_start(what->program, argv, all, ARRAY_LEN(all), ret_pid, err);
}

static bool watch(struct job *job, struct event_base *base, int64_t deadline_ms)
{
	struct timeval tv = {.tv_sec = (time_t)(deadline_ms / 1000), .tv_usec = (suseconds_t)(deadline_ms % 1000 * 1000)};
	job->on_child = evsignal_new(base, SIGCHLD, job_on_child, job);
	job->on_deadline = evtimer_new(base, job_on_deadline, job);
	job->errors.event = event_new(base, job->errors.fd, EV_READ | EV_PERSIST, job_on_readable, &job->errors);
	job->summary.event = event_new(base, job->summary.fd, EV_READ | EV_PERSIST, job_on_readable, &job->summary);
	return job->on_child && job->on_deadline && job->errors.event && job->summary.event &&
	       event_add(job->on_child, NULL) == 0 && event_add(job->on_deadline, &tv) == 0 &&
	       event_add(job->errors.event, NULL) == 0 && event_add(job->summary.event, NULL) == 0;
}

struct job *job_start(struct event_base *base, const struct job_compile *what, job_callback *done, void *arg, struct err *err)
{
	int fds[3] = {-1, -1, -1}; /* the child's ends: stderr, configuration, summary */
	struct job *job = base_alloc(sizeof(*job));
	job->done = done;
	job->arg = arg;
	job->errors.fd = job->summary.fd = -1;
	job->started_ms = clock_mono_ms();

	bool ok = pipe_open(&job->errors, &fds[0], err) && (fds[1] = config_fd(what->config, err)) >= 0 &&
		  pipe_open(&job->summary, &fds[2], err);
	/* Watched before it is born: a child that ends at once is not missed. */
	if (ok && !watch(job, base, what->deadline_ms > 0 ? what->deadline_ms : JOBS_DEADLINE_MS))
		ok = err_set(err, ERR_MEMORY, "watching %s", COMPILER_NAME);
	ok = ok && spawn(what, fds, &job->pid, err);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (ok)
		return job;
	job_free(job);
	return NULL;
}

bool job_find_compiler(char *buf, size_t size, struct err *err)
{
	child_find(COMPILER_NAME, buf, size);
	return buf[0]
		   ? true
		   : err_set(err, ERR_NOT_FOUND, "%s is neither beside this program nor in %s", COMPILER_NAME, SARING_LIBEXECDIR);
}
