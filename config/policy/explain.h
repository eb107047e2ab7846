/* SPDX-License-Identifier: BSD-2-Clause
 *
 * explain.h - every entry that matches a question, in order of rank, with its provenance and why it lost. For the control socket;
 * not the query path. Slices are borrowed from the images. */
#ifndef SARING_POLICY_EXPLAIN_H
#define SARING_POLICY_EXPLAIN_H

#include "policy/match.h"

#define POLICY_CONTACTS_MAX 16

struct policy_entry {
	struct str list, file; /* file as saring.yaml names it */
	uint32_t line;
	struct str entry; /* as written, or the name; may point into entry_text */
	char entry_text[NAME_TEXT_MAX];
	enum match match;
	enum action action; /* the entry's own: an allow rule in a block list is allow */
	enum answer answer;
	enum mode mode; /* the entry's own, or its list's: SHADOW when either is */
	bool mandatory;
	enum code code;
	enum sub_error sub_error;			   /* that is sent with the code; SUB_ERROR_NONE: none is */
	struct str authority, reason, reference;	   /* ptr NULL: not said */
	struct str organization, language;		   /* said of the entry or its list, over those of block: */
	struct str lifted_by, lift_reason, lift_reference; /* of the lifting that counts */
	struct str contact[POLICY_CONTACTS_MAX];
	size_t contact_count;
	struct str added, review, expires, lifted; /* as written; ptr NULL: not said */
};

enum why_not {
	WHY_DECIDES,	   /* this one decides */
	WHY_LESS_SPECIFIC, /* "less specific" */
	WHY_LOWER_RANK,	   /* "a mandatory allow outranks it", ... by the decider's rank */
	WHY_SAME,	   /* "the same name, further down", "the same name, in a later list" */
	WHY_LIFTED,	   /* "lifted" */
	WHY_EXPIRED,	   /* "expired" */
	WHY_SHADOW,	   /* "shadow" */
	WHY_CONDITION,	   /* "not for this type", "not for this client", "not for this name" */
	WHY_GROUP,	   /* "not in the group's lists": it is not in the question's */
};
struct policy_hit {
	enum why_not why_not;
	char why_not_text[64]; /* "" for WHY_DECIDES */
	struct policy_entry entry;
};
/* Fills at most max; returns how many matched in all. The decider, if any, is first, and is the one policy_match gives. */
size_t policy_explain(const struct policy *policy, struct policy_scratch *scratch, const struct policy_question *question,
		      int64_t now_s, struct policy_hit *ret, size_t max);
/* The same of the entries that speak about an address in an answer to it (rpz-ip): the decider is policy_match_answer's. */
size_t policy_explain_answer(const struct policy *policy, const struct addr *address, const struct policy_question *question,
			     int64_t now_s, struct policy_hit *ret, size_t max);

#endif
