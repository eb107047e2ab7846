/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_blocky.h - between the two halves of the reader of Blocky's config.yml. One thread. */
#ifndef SARING_SARINGCTL_CONVERT_BLOCKY_H
#define SARING_SARINGCTL_CONVERT_BLOCKY_H

#include "saringctl/convert.h"

extern const struct convert_row blocky_blocking_rows[];

/* Before the walk: which addresses clients' names stand for. */
void blocky_know_clients(struct convert *c, const struct yaml_node *root);
/* After it: who gets which lists and servers. */
void blocky_settle(struct convert *c);

void blocky_client_lookup(struct convert *c, const struct yaml_node *node, const char *path);
void blocky_client_servers(struct convert *c, const struct yaml_node *node, const char *path);
void blocky_fqdn_only(struct convert *c, const struct yaml_node *node, const char *path);
void blocky_zone(struct convert *c, const struct yaml_node *node, const char *path);

#endif
