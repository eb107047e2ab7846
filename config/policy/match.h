/* SPDX-License-Identifier: BSD-2-Clause
 *
 * match.h - the read half of the policy: a verified, mapped image, and name x time -> verdict.
 *
 * policy_open maps the image, checks magic, version, checksum and every offset before anything is looked up, and compiles its few
 * regular expressions. A struct policy is immutable: any number of worker threads may match against it. It is not: a parser of
 * lists (saring-compile is), nor a keeper of generations (daemon/generation is).
 *
 * Precedence (saring-lists(5)): a mandatory allow, then a mandatory block, then an allow, then a block. Within one rank the most
 * specific name is the one reported: more labels first; at equal labels exact, then subtree, then subdomains; regular expressions
 * come after all names; then the order of lists in saring.yaml, then of lines. Entries that are lifted, expired, or of a list in
 * mode shadow never decide; lists in mode off are not in the image. */
#ifndef SARING_POLICY_MATCH_H
#define SARING_POLICY_MATCH_H

#include "base/base.h"
#include "base/err.h"
#include "base/str.h"
#include "policy/terms.h"
#include "wire/name.h"

struct policy;	       /* opaque; policy/image_map.c */
struct policy_scratch; /* a worker's own memory for regular expressions */

MUST_CHECK bool policy_open(const char *path, struct policy **ret, struct err *err);
void policy_close(struct policy *policy); /* takes NULL */

MUST_CHECK struct policy_scratch *policy_scratch_create(void);
void policy_scratch_destroy(struct policy_scratch *scratch);

enum verdict_kind { VERDICT_NONE, VERDICT_BLOCKED, VERDICT_ALLOWED };

/* By value: holds no pointer into the image. Numbers are valid with the policy that gave them only. */
struct verdict {
	enum verdict_kind kind;
	uint32_t entry;
	uint16_t list;
	bool mandatory;
	bool shadowed;	      /* kind may be NONE: an entry of a shadow list would have blocked */
	uint16_t shadow_list; /* which, when shadowed */
};

/* Find the entry that speaks for `name` (folded) at now_s (wall clock, seconds).
 * ret     always filled; kind is VERDICT_NONE when nothing decides
 * Returns true when some entry decides. Never allocates, never blocks, any worker thread with its own scratch. */
bool policy_match(const struct policy *policy, struct policy_scratch *scratch, const struct name *name, int64_t now_s,
		  struct verdict *ret);

/* What is to be sent for a verdict of kind BLOCKED on qname (folded). Slices are borrowed from the image, until the worker returns
 * to its event loop. answer is already NODATA where it would be NXDOMAIN but an allow entry in force lies below qname (RFC 8020).
 * ttl_s never outlives the entry's expiry. */
struct policy_answer {
	enum answer answer;
	enum code code;
	uint32_t ttl_s;
	uint32_t serial;	    /* for the synthesised SOA: the generation's */
	struct str extra_text;	    /* for EDE; may be empty */
	const uint8_t *ipv4, *ipv6; /* for ANSWER_ADDRESS: packed 4- and 16-byte addresses */
	size_t ipv4_count, ipv6_count;
	unsigned
	    owner_labels; /* of the entry's name: SOA owner is at or above qname, never a sibling; 0 for a regular expression */
};
void policy_answer(const struct policy *policy, const struct verdict *verdict, const struct name *qname, int64_t now_s,
		   struct policy_answer *ret);

/* What the image holds. */
struct policy_info {
	uint32_t generation;				/* as given to the compiler */
	size_t list_count, entry_count, in_force_count; /* in force at now_s */
	size_t bytes;
	int64_t compiled_at_s;
	uint8_t content_hash[16];
};
void policy_info(const struct policy *policy, int64_t now_s, struct policy_info *ret);

struct policy_list {
	struct str name, file, title;
	enum action action;
	enum mode mode;
	bool mandatory;
	size_t entry_count, in_force_count; /* in force at now_s; a shadow list has none */
	int64_t changed_at_s;		    /* the file's mtime at compile */
};
void policy_list(const struct policy *policy, uint16_t list, int64_t now_s, struct policy_list *ret);

#endif
