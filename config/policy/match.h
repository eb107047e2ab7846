/* SPDX-License-Identifier: BSD-2-Clause
 *
 * match.h - the read half of the policy: verified, mapped images, and question x time -> verdict.
 *
 * A policy is two images of one format (image.h): the live tier (small, hand-edited lists; compiled anew by every edit) and the
 * bulk tier (everything else; shared by all policies that name it, so that an edit maps it but once). policy_open checks magic,
 * version, checksum and every offset before anything is looked up, and compiles the few regular expressions. A struct policy is
 * immutable: any number of worker threads may match against it. It is not: a parser of lists (saring-compile is), nor a keeper of
 * generations (daemon/generation is).
 *
 * Precedence (saring-lists(5)): a mandatory allow, then a mandatory block, then an allow, then a block. Between mandatory and
 * ordinary, imported adblock rules keep their own order: allow lists and `@@...$important`, then `$important`, then `@@`, then
 * block. Within one rank the most specific is the one reported: a client's address first, then more labels; at equal labels exact,
 * then subtree, then subdomains; patterns and regular expressions come after all names; then the order of lists in saring.yaml,
 * then of lines. Entries that are lifted (in their list, or by a lift that outranks it), expired, or of a list in mode shadow never
 * decide; lists in mode off are not in an image. */
#ifndef SARING_POLICY_MATCH_H
#define SARING_POLICY_MATCH_H

#include "base/addr.h"
#include "base/base.h"
#include "base/err.h"
#include "base/str.h"
#include "policy/list_mask.h"
#include "policy/terms.h"
#include "wire/name.h"

struct policy;	       /* opaque; policy/image_join.c */
struct policy_scratch; /* a worker's own memory for regular expressions */

/* path: the live image; the bulk image it names lies in the same directory. previous (may be NULL): a policy whose bulk tier is
 * shared when it is the same; otherwise the bulk image is read and verified. Open and close on one thread (the main one). Bodies
 * are checked by reading the files, so that the new image's pages become resident only as they are used. */
MUST_CHECK bool policy_open(const char *path, const struct policy *previous, struct policy **ret, struct err *err);
void policy_close(struct policy *policy); /* takes NULL; the bulk tier goes with the last policy that shares it */
/* The bulk image's file name in that directory, "" for none; borrowed. For whoever removes old files. */
const char *policy_bulk_file(const struct policy *policy);

/* For a policy that is about to be replaced: its pages are no longer counted as the process's own, so that the old and the new one
 * are not both. Who still reads it is given them again. A bulk tier that another policy shares is left as it is. Main thread. */
void policy_cool(const struct policy *policy);

MUST_CHECK struct policy_scratch *policy_scratch_create(void);
void policy_scratch_destroy(struct policy_scratch *scratch);
/* Where to count patterns that met a bound, which is then a name they do not match; NULL: nowhere. Borrowed for the scratch's life.
 */
void policy_scratch_count(struct policy_scratch *scratch, _Atomic uint64_t *stopped);

/* What is asked. */
struct policy_question {
	const struct name *name; /* folded */
	uint16_t type;
	const struct addr *client; /* v4-mapped unmapped; NULL: not known, entries that need it then say nothing */
	/* Those that act for who asks, mandatory ones among them; the others' entries say nothing. NULL: all. By their places in
	 * the saring.yaml that the policy was compiled from. */
	const struct list_mask *lists;
};

enum verdict_kind { VERDICT_NONE, VERDICT_BLOCKED, VERDICT_ALLOWED };

/* By value: holds no pointer into an image. Numbers are valid with the policy that gave them only. */
struct verdict {
	enum verdict_kind kind;
	uint32_t rule;	/* in its tier */
	uint16_t list;	/* of the policy */
	uint8_t labels; /* of the entry's name; 0 for what has none */
	bool bulk;	/* which tier */
	bool mandatory;
	bool shadowed;	      /* kind may be NONE: an entry of a shadow list would have blocked */
	uint16_t shadow_list; /* which, when shadowed */
	uint32_t shadow_rule; /* and that entry, as above */
	uint8_t shadow_labels;
	bool shadow_bulk;
};

/* Find the entry that speaks for the question at now_s (wall clock, seconds).
 * ret     always filled; kind is VERDICT_NONE when nothing decides
 * Returns true when some entry decides. Never allocates, never blocks, any worker thread with its own scratch. */
bool policy_match(const struct policy *policy, struct policy_scratch *scratch, const struct policy_question *question,
		  int64_t now_s, struct verdict *ret);
/* The same in up to four steps, for a batch of questions: each step asks for the memory that the next one will touch, and is done
 * for the whole batch before the next one. policy_match_prepared may follow any of the others; the more were done, the less it
 * waits. What is prepared is valid with that policy and name only.
 *
 *      policy_prepare        the hashes; asks for the filter's words
 *      policy_fetch          asks the filter, once for all; asks for the bucket of the most specific suffix that may be in a list
 *      policy_fetch_records  asks for what stands in the bucket
 *
 * For a name that is in no list the last one is a look at `place`. Fields are the policy's own. */
#define POLICY_HASHES_MAX 16 /* names with fewer labels have their hashes kept; others' are made where they are needed */
#define POLICY_REST_MAX 32
struct policy_prepared {
	uint64_t hashes[POLICY_HASHES_MAX]; /* [n]: of the suffix of n labels */
	uint64_t may[2]; /* when judged, for each tier: bit n for a suffix of n labels that may be there; n < 64 */
	struct {	 /* when judged: of the first suffix that may be there; labels 0: none */
		uint32_t bucket, from, to; /* from, to: has_records */
		uint8_t tier, labels, r_len;
		uint8_t r[POLICY_REST_MAX];
	} place;
	uint8_t places[POLICY_HASHES_MAX]; /* of the labels in wire */
	bool judged, has_records;
};
void policy_prepare(const struct policy *policy, const struct name *name, struct policy_prepared *ret);
void policy_fetch(const struct policy *policy, const struct name *name, struct policy_prepared *p);
void policy_fetch_records(const struct policy *policy, struct policy_prepared *p);
bool policy_match_prepared(const struct policy *policy, struct policy_scratch *scratch, const struct policy_question *question,
			   const struct policy_prepared *prepared, int64_t now_s, struct verdict *ret);

/* Does an entry speak about an address found in an answer (rpz-ip)? The longest prefix, by the same ranks. */
bool policy_has_answer_addresses(const struct policy *policy);
bool policy_match_answer(const struct policy *policy, const struct addr *address, const struct policy_question *question,
			 int64_t now_s, struct verdict *ret);

/* What is to be sent for a verdict of kind BLOCKED on qname (folded). Slices are borrowed from the image, until the worker returns
 * to its event loop. owns: the verdict is of qname itself, not of a CNAME's target or an address. answer is already NODATA where it
 * would be NXDOMAIN but an allow entry in force lies below qname (RFC 8020). Neither ttl_s nor left_s outlives the entry: both are
 * 0 in its last second. */
struct policy_answer {
	enum answer answer;
	enum code code;
	uint32_t ttl_s;
	uint32_t left_s;	    /* the most that any record of the answer may have; UINT32_MAX: the entry has no end */
	uint32_t serial;	    /* for the synthesised SOA: the generation's */
	struct str extra_text;	    /* for EDE; may be empty */
	const uint8_t *ipv4, *ipv6; /* for ANSWER_ADDRESS: packed 4- and 16-byte addresses */
	size_t ipv4_count, ipv6_count;
	struct str records;    /* for ANSWER_LOCAL: see policy/records.h */
	unsigned owner_labels; /* of the entry's name when owns, else 0; the SOA's owner is at or above qname, never a sibling */
};
/* The same for a client that wants structured errors (draft-ietf-dnsop-structured-dns-error), the longest first: whole, without the
 * justification, without organization and language as well. Empty: there is none. */
#define POLICY_STRUCTURED_FORMS 3
struct policy_structured {
	struct str forms[POLICY_STRUCTURED_FORMS];
};
void policy_structured(const struct policy *policy, const struct verdict *verdict, struct policy_structured *ret);
void policy_answer(const struct policy *policy, const struct verdict *verdict, const struct name *qname, bool owns, int64_t now_s,
		   struct policy_answer *ret);

/* The same for a client of a group with an answer of its own, done to what policy_answer gave. It outranks what block:, the list
 * and the entry say, but for an entry's own records and rpz-tcp-only, which are all there is to those entries. */
void policy_answer_own(const struct policy *policy, const struct verdict *verdict, const struct name *qname, bool owns,
		       const struct own_answer *own, int64_t now_s, struct policy_answer *a);
/* How long whoever is told now may believe it: now_s has begun, and nobody knows how much of it is over, so that the second in
 * which the entry ends is not counted. A client that keeps an answer for so long has forgotten it when the entry is no longer in
 * force. */
static inline uint32_t policy_left(int64_t until_s, int64_t now_s)
{
	if (until_s == INT64_MAX)
		return UINT32_MAX;
	if (until_s <= now_s)
		return 0;
	return (uint32_t)MIN((uint64_t)until_s - (uint64_t)now_s - 1, (uint64_t)UINT32_MAX);
}
/* Whoever is told now may keep nothing of a beyond until_s, as with the end of an entry. */
static inline void policy_answer_until(int64_t until_s, int64_t now_s, struct policy_answer *a)
{
	a->left_s = MIN(a->left_s, policy_left(until_s, now_s));
	a->ttl_s = MIN(a->ttl_s, a->left_s);
}

/* Is the entry of a verdict still in force at now_s, which may be later than when it was judged? */
bool policy_in_force(const struct policy *policy, const struct verdict *verdict, int64_t now_s);

/* What the images hold, both tiers together. */
struct policy_info {
	uint32_t generation;				/* as given to the compiler */
	size_t list_count, entry_count, in_force_count; /* in force at now_s */
	size_t bytes;
	int64_t compiled_at_s;
	/* The same on every machine whose lists say the same under the same settings, wherever they lie and whenever they were
	 * compiled by this version; another for any entry, provenance or setting of a list that differs. */
	uint8_t content_hash[16];
	size_t lift_count;	   /* entries that say when they were lifted, or will be: the lifts on record */
	uint8_t settings_hash[16]; /* of saring.yaml's bytes, as given to the compiler */
	uint8_t lifts_hash[16];	   /* of the file of lifts, likewise; zeroes: there was none */
};
void policy_info(const struct policy *policy, int64_t now_s, struct policy_info *ret);
/* The in_force_count alone. Any thread, from the batch's policy. */
size_t policy_in_force_count(const struct policy *policy, int64_t now_s);

struct policy_list {
	struct str name, file, title;
	enum action action;
	enum mode mode;
	enum format format; /* what it was read as */
	bool mandatory;
	size_t entry_count, in_force_count; /* in force at now_s; a shadow list has none, and what is lifted is none */
	int64_t changed_at_s;		    /* the file's mtime at compile */
	uint8_t content[16];		    /* hash of its text and of how it is read: segment.h, segment_key */
	uint8_t identity[40];		    /* of the file that was read: source.h's struct source_identity, as bytes */
};
/* A lift that outranks a list which cannot be edited here (saring-lists(5), LIFTS): who, when and why, as written; ptr NULL: not
 * said. Those of lists in mode off are in no image. */
struct policy_lift {
	struct str name;
	uint16_t list; /* of the policy */
	struct str lifted;
	int64_t lifted_s;
};
size_t policy_lift_count(const struct policy *policy);
/* By their lists, those of one in the order of the file of lifts. False: it lifts nothing any more, as its list is not in this
 * policy. */
bool policy_lift(const struct policy *policy, size_t index, struct policy_lift *ret);
/* How many are that list's, and the first of them: found without a look at the others. */
size_t policy_list_lifts(const struct policy *policy, uint16_t list, size_t *ret_first);

/* Does that list have an entry of that very name, in force or not? */
bool policy_list_has(const struct policy *policy, uint16_t list, const struct name *name);

/* In the order of saring.yaml, those in mode off left out. */
void policy_list(const struct policy *policy, uint16_t list, int64_t now_s, struct policy_list *ret);

#endif
