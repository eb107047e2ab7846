/* SPDX-License-Identifier: BSD-2-Clause
 *
 * record.h - what is known of a list that is fetched, from one start to the next: <copy>.json beside the copy. And the copy's
 * way into its place and out again. Main thread. */
#ifndef SARING_FETCH_RECORD_H
#define SARING_FETCH_RECORD_H

#include "base/base.h"
#include "base/err.h"
#include "ctl/download.h"
#include "fetch/run.h"

#define FETCH_RECORD_BYTES_MAX 16384

struct fetch_record {
	char url[2048]; /* that the copy came from; "": there is no copy */
	char etag[512], last_modified[64];
	char format[16]; /* as saring.yaml had it */
	uint64_t entries, bytes;
	uint8_t hash[FETCH_HASH_SIZE];
	int64_t fetched_at_s;		    /* when what is in the copy came; 0: never */
	int64_t checked_at_s;		    /* when the server was last asked */
	unsigned failures;		    /* in a row */
	int64_t refused_since_s;	    /* since when what comes is refused; 0: it is not */
	uint8_t signature[FETCH_HASH_SIZE]; /* of a list with a key: of its signature's bytes; else zeroes */
	char error[512];		    /* of the last; "": it went well */
};

/* What there is for this copy. A record that is absent or can't be read, or that is of another copy than the one there, says
 * nothing of the copy: ret->url is "" then. */
void fetch_record_load(const char *copy, struct fetch_record *ret);
MUST_CHECK bool fetch_record_save(const char *copy, const struct fetch_record *record, struct err *err);

/* Names beside the copy, which no list's copy can have. */
void fetch_record_new(const char *copy, char *buf, size_t size); /* what is being fetched */
void fetch_record_old(const char *copy, char *buf, size_t size); /* what was there before the newest */
/* Put the fetched file in the copy's place; what was there is kept as the old one. signature: of a list with a key its place, where
 * the new one goes first; else NULL. A stop in between leaves a pair that does not fit, which is refused, and fetched anew. */
MUST_CHECK bool fetch_record_take(const char *copy, const char *signature, struct err *err);
/* Put the old one back; where there was none, there is none again. */
MUST_CHECK bool fetch_record_take_back(const char *copy, const char *signature, struct err *err);
/* Remove what is beside the copy. */
void fetch_record_clean(const char *copy, const char *signature);

#endif
