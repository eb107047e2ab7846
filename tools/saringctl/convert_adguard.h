/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_adguard.h - between the parts of the reader of AdGuardHome.yaml. One thread. */
#ifndef SARING_SARINGCTL_CONVERT_ADGUARD_H
#define SARING_SARINGCTL_CONVERT_ADGUARD_H

#include "saringctl/convert.h"

/* convert_adguard_lists.c: filters, rules, services */
void adguard_filters(struct convert *c, const struct yaml_node *node, const char *path);
void adguard_allow_filters(struct convert *c, const struct yaml_node *node, const char *path);
void adguard_rules(struct convert *c, const struct yaml_node *node, const char *path);
void adguard_filters_interval(struct convert *c, const struct yaml_node *node, const char *path);
void adguard_services(struct convert *c, const struct yaml_node *node, const char *path);
void adguard_safe_search(struct convert *c, const struct yaml_node *node, const char *path);
void adguard_settle_lists(struct convert *c);
/* The engines of a mapping, as safe-search has them; NULL when it is off. Owned by the caller. */
MUST_CHECK json_t *adguard_engines(const struct yaml_node *node);

/* convert_adguard_clients.c */
void adguard_clients(struct convert *c, const struct yaml_node *node, const char *path);
/* Hours in which services are blocked, as groups[].schedule, of those in which they are not. NULL: always. Owned by the caller. */
MUST_CHECK json_t *adguard_schedule(struct convert *c, const struct yaml_node *node, const char *path, const char *list);

#endif
