/* SPDX-License-Identifier: BSD-2-Clause
 *
 * identity.h - which policy is this? What `policy.saring. CH TXT` says (query/chaos.c), so that anybody who may ask can compare two
 * servers. Made when a world is built, on the main thread; but for what changes with the time alone, nothing of it is made by a
 * query. */
#ifndef SARING_IDENTITY_H
#define SARING_IDENTITY_H

#include "base/base.h"
#include "policy/match.h"

#define IDENTITY_TEXT_MAX 48
#define IDENTITY_CONTENT_HEX 33 /* a content hash in hexadecimal digits, and the NUL */

enum {
	IDENTITY_GENERATION, /* "generation=2": how often this server has compiled; its own affair */
	IDENTITY_CONTENT,    /* "content=...": struct policy_info's content_hash; the same where the policy is the same */
	IDENTITY_LIFTS,	     /* "lifts=11": lifts on record */
	IDENTITY_ENTRIES,    /* "entries=11" */
	IDENTITY_IN_FORCE,   /* "in-force=0", at a time; identity_in_force */
	IDENTITY_COMPILED,   /* "compiled=2017-08-10T06:30:00Z" */
	IDENTITY_COUNT,
};

struct identity {
	char texts[IDENTITY_COUNT][IDENTITY_TEXT_MAX]; /* that of IDENTITY_IN_FORCE is empty */
};
/* NULL: no policy, no texts. */
void identity_make(const struct policy *policy, struct identity *ret);
/* Any worker thread, of its batch's policy. Allocates nothing. Returns ret. */
const char *identity_in_force(const struct policy *policy, int64_t now_s, char ret[IDENTITY_TEXT_MAX]);
const char *identity_content(const uint8_t hash[16], char ret[IDENTITY_CONTENT_HEX]);

#endif
