/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/lane.h"

#include <stdlib.h>

static struct lane_list *bucket_of(struct lanes *lanes, const struct server *server)
{
	uintptr_t at = (uintptr_t)server;
	return &lanes->buckets[(at >> 4 ^ at >> 10) % LANE_BUCKETS]; /* allocations differ in these bits */
}

void lanes_init(struct lanes *lanes)
{
	for (size_t i = 0; i < LANE_BUCKETS; i++)
		LIST_INIT(&lanes->buckets[i]);
}

struct lane *lane_of(struct lanes *lanes, struct server *server)
{
	struct lane_list *bucket = bucket_of(lanes, server);
	struct lane *lane;
	LIST_FOREACH(lane, bucket, link)
	{
		if (lane->server == server)
			return lane;
	}
	lane = calloc(1, sizeof(*lane));
	if (lane == NULL)
		return NULL;
	lane->server = server_ref(server);
	TAILQ_INIT(&lane->queue);
	TAILQ_INIT(&lane->out);
	TAILQ_INIT(&lane->ports);
	LIST_INSERT_HEAD(bucket, lane, link);
	return lane;
}

static void sweep(struct lane_list *bucket)
{
	struct lane *lane, *next;
	for (lane = LIST_FIRST(bucket); lane != NULL; lane = next) {
		next = LIST_NEXT(lane, link);
		if (lane->open > 0 || lane->waits || lane->port_count > 0) {
			cookies_forget(&lane->cookies);
			continue;
		}
		LIST_REMOVE(lane, link);
		server_unref(lane->server);
		free(lane);
	}
}

void lanes_sweep(struct lanes *lanes)
{
	for (size_t i = 0; i < LANE_BUCKETS; i++)
		sweep(&lanes->buckets[i]);
}

void lanes_finish(struct lanes *lanes)
{
	for (size_t i = 0; i < LANE_BUCKETS; i++) {
		struct lane *lane, *next;
		for (lane = LIST_FIRST(&lanes->buckets[i]); lane != NULL; lane = next) {
			must(lane->open == 0 && lane->port_count == 0);
			next = LIST_NEXT(lane, link);
			server_unref(lane->server);
			free(lane);
		}
		LIST_INIT(&lanes->buckets[i]);
	}
}
