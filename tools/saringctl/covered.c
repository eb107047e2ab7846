/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/covered.h"

#include "base/rand.h"

#include <stdlib.h>

#define NODES_MIN 1024

/* A name that is wanted, or one above it. */
struct covered_node {
	uint64_t hash; /* 0: nobody's */
	uint8_t marks; /* bit of each enum match that an entry of this name has */
};

void covered_init(struct covered *c)
{
	*c = (struct covered){.node_count = NODES_MIN};
	rand_bytes(&c->seed, sizeof(c->seed));
	c->nodes = base_alloc(c->node_count * sizeof(c->nodes[0]));
}

void covered_finish(struct covered *c)
{
	free(c->nodes);
	*c = (struct covered){.nodes = NULL};
}

static uint64_t hash_of(const struct covered *c, const uint8_t *wire, size_t len)
{
	return siphash13(&c->seed, wire, len) | 1;
}

static struct covered_node *node_of(const struct covered *c, uint64_t hash)
{
	size_t at = (hash >> 1) & (c->node_count - 1);

	while (c->nodes[at].hash != 0 && c->nodes[at].hash != hash)
		at = (at + 1) & (c->node_count - 1);
	return &c->nodes[at];
}

static void grow(struct covered *c)
{
	struct covered_node *old = c->nodes;
	const size_t count = c->node_count;

	c->node_count *= 2;
	c->nodes = base_alloc(c->node_count * sizeof(c->nodes[0]));
	for (size_t i = 0; i < count; i++)
		if (old[i].hash != 0)
			*node_of(c, old[i].hash) = old[i];
	free(old);
}

void covered_want(struct covered *c, const struct name *name)
{
	size_t at = 0;

	for (unsigned labels = name->labels;; labels--, at += 1u + name->wire[at]) {
		uint64_t hash = hash_of(c, name->wire + at, name->len - at);
		struct covered_node *n = node_of(c, hash);
		if (n->hash == 0) {
			n->hash = hash;
			if (2 * ++c->used > c->node_count)
				grow(c);
		}
		if (labels == 0)
			return;
	}
}

void covered_entry(struct covered *c, const uint8_t *wire, size_t len, enum match match)
{
	struct covered_node *n = node_of(c, hash_of(c, wire, len));

	if (n->hash != 0)
		n->marks |= (uint8_t)(1u << match);
}

bool covered_is(const struct covered *c, const struct name *name, struct name *ret)
{
	size_t at = 0;

	for (unsigned labels = name->labels;; labels--, at += 1u + name->wire[at]) {
		const unsigned speaks = 1u << MATCH_SUBTREE | (labels == name->labels ? 1u << MATCH_EXACT : 1u << MATCH_SUBDOMAINS);
		const struct covered_node *n = node_of(c, hash_of(c, name->wire + at, name->len - at));
		if ((n->marks & speaks) != 0)
			return ret == NULL || name_suffix(name, labels, ret);
		if (labels == 0)
			return false;
	}
}
