/* SPDX-License-Identifier: BSD-2-Clause */
#include "premises.h"

#include "base/addr.h"
#include "base/log.h"
#include "child.h"
#include "jobs.h"
#include "listen/handed.h"
#include "startup.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STARTED_AGAIN "SARINGD_STARTED_AGAIN" /* in the environment: a second time would change nothing */

void premises_init(struct premises *p)
{
	*p = (struct premises){.control = {.fd = -1}, .state_lock = -1};
}

/* "dns://127.0.0.1:53" */
static void name_endpoints(struct premises *p)
{
	p->listen = base_alloc((p->sockets.addr_count + 1) * sizeof(*p->listen));
	for (size_t i = 0; i < p->sockets.addr_count; i++) {
		char host[ADDR_TEXT_MAX], text[ADDR_TEXT_MAX + 8];
		snprintf(text, sizeof(text), "dns://%s", addr_to_text(&p->sockets.addrs[i], host));
		p->listen[i] = base_strdup(text);
	}
}

/* What listens: what the service manager hands over, and what is opened here; and the manager keeps that for who comes after us. */
static bool open_sockets(struct premises *p, const struct settings *s, struct err *err)
{
	size_t count;
	struct listener *handed = handed_take(&count);
	bool ok = sockets_open(s->listen, s->listen_count, p->worker_count, handed, count, &p->sockets, err);
	free(handed);
	if (!ok)
		return false;
	p->has_successor = handed_keep(p->sockets.all, p->sockets.count);
	name_endpoints(p);
	return true;
}

/* The unit lends a user that is not root the right to bind low ports, and its filter may forbid to give it up. Who is started anew
 * by that user has it no more, and finds the ports bound. Returns when there is nothing to give up, or all that there is has
 * failed. */
static void give_up_lent(const struct premises *p, char *const *argv)
{
	if (p->privs.plan != PRIVS_STAY || privs_give_up())
		return;
	if (getenv(STARTED_AGAIN) == NULL)
		handed_exec(argv, p->sockets.all, p->sockets.count, STARTED_AGAIN);
	log_warning("user.capabilities text=\"the capabilities that were lent to bind ports cannot be given up\"");
}

static bool open_paths(struct premises *p, const struct settings *s, struct err *err)
{
	const struct privs *privs = &p->privs;
	return startup_own_dir(s->state, 0750, privs->uid, privs->gid, err) &&
	       startup_own_parent(s->control_socket, 0750, privs->uid, p->control_group, err) &&
	       control_socket_open(s->control_socket, privs->uid, p->control_group, &p->control, err);
}

bool premises_open(struct premises *p, const struct settings *boot, char *const *argv, struct err *err)
{
	if (!privs_resolve(boot->user, geteuid(), &p->privs, err) ||
	    !privs_group(boot->control_group, p->privs.gid, &p->control_group, err) ||
	    !job_find_compiler(p->compiler, sizeof(p->compiler), err))
		return false;
	child_find("saring-fetch", p->fetcher, sizeof(p->fetcher));
	p->worker_count = boot->workers ? boot->workers : startup_cores(SETTINGS_WORKERS_MAX);
	if (!open_sockets(p, boot, err))
		return false;
	give_up_lent(p, argv);
	if (!open_paths(p, boot, err))
		return false;
	startup_say_user(&p->privs, boot->user);
	return privs_drop(&p->privs, err) && startup_lock_state(boot->state, &p->state_lock, err);
}

void premises_close(struct premises *p)
{
	control_socket_close(&p->control);
	for (size_t i = 0; p->listen && i < p->sockets.addr_count; i++)
		free((void *)(uintptr_t)p->listen[i]);
	free(p->listen);
	sockets_close(&p->sockets);
	if (p->state_lock >= 0)
		close(p->state_lock);
	premises_init(p);
}
