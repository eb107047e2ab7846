/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_pihole.h - between the parts of the reader of Pi-hole's configuration. One thread. */
#ifndef SARING_SARINGCTL_CONVERT_PIHOLE_H
#define SARING_SARINGCTL_CONVERT_PIHOLE_H

#include "saringctl/convert.h"

/* convert_pihole_toml.c: pihole.toml of version 6. False when it is no TOML. */
MUST_CHECK bool pihole_toml(struct convert *c, struct str text, const char *path);

/* What both versions say, in the words of pihole.toml. key: of the note. */
void pihole_hosts_line(struct convert *c, struct str text, uint32_t line, const char *key); /* "ADDRESS NAME..." */
void pihole_cname(struct convert *c, struct str text, uint32_t line, const char *key);	    /* "NAME,TARGET[,TTL]" */
void pihole_reverse(struct convert *c, struct str text, uint32_t line, const char *key);    /* "true,PREFIX,SERVER[,DOMAIN]" */
void pihole_blocking(struct convert *c, struct str mode, uint32_t line, const char *key);
void pihole_privacy(struct convert *c, struct str level, uint32_t line, const char *key);
void pihole_query_log(struct convert *c, bool on, uint32_t line, const char *key);

#endif
