/* SPDX-License-Identifier: BSD-2-Clause */
#include "outlets.h"

#include <stdlib.h>
#include <string.h>

struct outlets {
	struct outlets_config config;
	struct qlog *qlog;
	struct dnstap *dnstap;
	struct observer_subscriber *facts; /* NULL: none are wanted */
	uint64_t world;			   /* that is acted by */
};

static const struct settings *settings_of(const struct outlets *o)
{
	return generation_current(o->config.generations)->settings;
}

static void put_client(const struct fact *f, enum privacy privacy, struct qlog_query *q)
{
	uint8_t wide[ADDR_WIDE_LEN];
	unsigned bits;

	if (!fact_client(f, privacy, wide, &bits))
		return;
	const size_t skip = addr_wide_is_v4(wide) ? ADDR_WIDE_LEN - 4 : 0;
	q->client_len = (uint8_t)(ADDR_WIDE_LEN - skip);
	memcpy(q->client, wide + skip, q->client_len);
	if (privacy == PRIVACY_FULL)
		q->port = f->port;
}

static void take(void *arg, const struct fact *f)
{
	struct outlets *o = arg;
	const enum privacy privacy = f->privacy; /* another world may be in force by now */
	char entry[HITS_TEXT_MAX];

	if (privacy == PRIVACY_NONE)
		return;
	struct qlog_query q = {.time_us = f->at_us,
			       .took_us = f->took_us,
			       .type = f->type,
			       .rcode = f->rcode,
			       .answered = f->answered,
			       .blocked = f->fate == COUNTER_BLOCKED,
			       .name = f->name->len == 0 ? NULL : f->name,
			       .transport = tap_via_words[f->via],
			       .fate = counter_names[f->fate],
			       .verdict = f->verdict == FACT_NONE ? NULL : fact_verdict_words[f->verdict],
			       .list = f->list,
			       .entry = str_from(fact_entry(f, privacy, entry)),
			       .group = str_from(f->group_name),
			       .upstream = str_from(f->server)};
	put_client(f, privacy, &q);
	qlog_take(o->qlog, &q);
}

void outlets_follow(struct outlets *o)
{
	const struct generation *g = generation_current(o->config.generations);

	if (g == NULL || g->serial == o->world) {
		dnstap_tick(o->dnstap);
		return;
	}
	/* What came up to now is of the settings of then. */
	if (o->facts != NULL)
		observer_drain(o->config.observer);
	o->world = g->serial;
	qlog_follow(o->qlog, g->settings);
	dnstap_follow(o->dnstap, g->settings);
	const bool wants = qlog_is_on(o->qlog);
	if (wants && o->facts == NULL)
		o->facts = observer_subscribe(o->config.observer, take, o, true);
	if (!wants && o->facts != NULL) {
		observer_unsubscribe(o->config.observer, o->facts);
		o->facts = NULL;
	}
}

struct outlets *outlets_create(const struct outlets_config *config)
{
	struct outlets *o = base_alloc(sizeof(*o));

	o->config = *config;
	o->qlog = qlog_create(config->group);
	o->dnstap = dnstap_create(config->workers, config->group);
	return o;
}

void outlets_destroy(struct outlets *o)
{
	if (o == NULL)
		return;
	if (o->facts != NULL) {
		observer_drain(o->config.observer);
		observer_unsubscribe(o->config.observer, o->facts);
	}
	qlog_destroy(o->qlog);
	dnstap_destroy(o->dnstap);
	free(o);
}

struct frames_seat *outlets_seat(struct outlets *o, unsigned worker)
{
	return dnstap_seat(o->dnstap, worker);
}

void outlets_info(struct outlets *o, struct outlets_info *ret)
{
	qlog_info(o->qlog, &ret->queries);
	dnstap_info(o->dnstap, &ret->dnstap);
	ret->file = settings_of(o)->query_log_file;
}
