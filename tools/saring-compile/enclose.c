/* SPDX-License-Identifier: BSD-2-Clause */
#include "saring-compile/enclose.h"

#include "base/buf.h"
#include "base/confine.h"
#include "base/fence.h"
#include "base/sieve.h"
#include "saring-compile/files.h"

/* What libraries look up by themselves: names of hosts, times, the language of messages. */
static const char *const shared[] = {"/etc/hosts",	  "/etc/localtime", "/usr/share/zoneinfo", "/usr/lib/locale",
				     "/usr/share/locale", "/dev/null",	    "/dev/urandom"};

static void open_probe(struct fence *f, const struct options *o)
{
	fence_read_beside(f, o->probe);
	if (o->signature != NULL)
		fence_read_beside(f, o->signature);
	if (o->state != NULL)
		fence_read(f, o->state);
}

static void open_lists(struct fence *f, const struct settings *s)
{
	for (size_t i = 0; i < s->list_count; i++) {
		fence_read_beside(f, s->lists[i].file);
		if (s->lists[i].signature != NULL)
			fence_read_beside(f, s->lists[i].signature);
	}
}

/* What was served, and will be. A rehearsal and a check change nothing of the daemon's. */
static void open_state(struct fence *f, const struct options *o, const struct settings *s)
{
	if (o->check || o->rehearse)
		fence_read(f, s->state);
	else
		fence_write(f, s->state);
	if (o->previous != NULL)
		fence_read_beside(f, o->previous);
	if (o->output != NULL) {
		struct buf folder = {0};
		files_beside(o->output, ".", &folder);
		fence_write(f, folder.ptr);
		buf_finish(&folder);
	}
}

struct enclosure enclose(const struct options *o, const struct settings *s)
{
	struct enclosure ret = {0};
	struct fence fence;
	if (confine_is_sanitized())
		return ret;
	fence_begin(&fence, FENCE_NET_NONE);
	for (size_t i = 0; i < ARRAY_LEN(shared); i++)
		fence_read(&fence, shared[i]);
	if (s == NULL)
		open_probe(&fence, o);
	else
		open_lists(&fence, s);
	if (s != NULL)
		open_state(&fence, o, s);
	ret.landlock = fence_close(&fence);
	ret.seccomp = sieve_apply(SIEVE_READER);
	return ret;
}
