/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_blocky.h - between the parts of the reader of Blocky's config.yml. One thread. */
#ifndef SARING_SARINGCTL_CONVERT_BLOCKY_H
#define SARING_SARINGCTL_CONVERT_BLOCKY_H

#include "saringctl/convert.h"

struct client; /* convert_blocky_clients.c */

/* What is known while the file is walked: the reader's own, from blocky_know_clients to blocky_settle. Nodes are borrowed from the
 * tree, json is owned. */
struct blocky {
	const struct yaml_node *names; /* clientLookup.clients */
	const struct yaml_node *schedules, *list_schedules;
	json_t *lists;	  /* Blocky's group -> names of lists here */
	json_t *denied;	  /* those of them that have something to deny */
	json_t *fallback; /* groups of default; NULL: not said */
	struct client *clients;
	size_t client_count;
	int64_t refresh_s;
	bool has_refresh;
};

static inline struct blocky *blocky_own(struct convert *c)
{
	return c->reader;
}

/* convert_blocky_lists.c: what stands under blocking */
extern const struct convert_row blocky_blocking_rows[];
/* After the walk: what is said of all lists. */
void blocky_settle_lists(struct convert *c);

/* convert_blocky_clients.c. Before the walk: which addresses clients' names stand for. */
void blocky_know_clients(struct convert *c, const struct yaml_node *root);
/* After it: who gets which lists and servers. The reader's own ends. */
void blocky_settle(struct convert *c);
void blocky_client_lookup(struct convert *c, const struct yaml_node *node, const char *path);
void blocky_client_lists(struct convert *c, const struct yaml_node *node, const char *path);
void blocky_client_servers(struct convert *c, const struct yaml_node *node, const char *path);

/* convert_blocky_zone.c: records in the words of a zone file (RFC 1035 §5.1) */
void blocky_zone(struct convert *c, const struct yaml_node *node, const char *path);

#endif
