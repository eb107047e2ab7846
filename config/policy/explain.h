/* SPDX-License-Identifier: BSD-2-Clause
 *
 * explain.h - every entry that matches a name, in order of rank, with its provenance and why it lost. For the control socket; not
 * the query path. Slices are borrowed from the image. */
#ifndef SARING_POLICY_EXPLAIN_H
#define SARING_POLICY_EXPLAIN_H

#include "policy/match.h"

struct policy_entry {
	struct str list, file; /* file as saring.yaml names it */
	uint32_t line;
	struct str entry; /* as written */
	enum match match;
	enum action action;
	enum mode mode;
	bool mandatory;
	enum code code;
	struct str authority, reason, reference; /* ptr NULL: not said */
	struct str contact[16];
	size_t contact_count;
	struct str added, review, expires, lifted; /* as written; ptr NULL: not said */
};
void policy_entry(const struct policy *policy, uint32_t entry, struct policy_entry *ret);

enum why_not {
	WHY_DECIDES,	   /* this one decides */
	WHY_LESS_SPECIFIC, /* "less specific" */
	WHY_LOWER_RANK,	   /* "a mandatory allow outranks it", ... by the decider's rank */
	WHY_SAME,	   /* "the same name, further down" */
	WHY_LIFTED,	   /* "lifted" */
	WHY_EXPIRED,	   /* "expired" */
	WHY_SHADOW,	   /* "shadow" */
};
struct policy_hit {
	uint32_t entry;
	enum why_not why_not;
	char why_not_text[64]; /* "" for WHY_DECIDES */
};
/* Fills at most max; returns how many matched in all. The decider, if any, is first. */
size_t policy_explain(const struct policy *policy, struct policy_scratch *scratch, const struct name *name, int64_t now_s,
		      struct policy_hit *ret, size_t max);

#endif
