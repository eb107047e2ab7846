/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fact.h - one finished query, as those who are told of it on the main thread get it (observer_subscribe): plain data, put together
 * from what a worker noted (tap.h) and what the world of then knows: names in place of numbers.
 *
 * Everything a fact points to is borrowed until the callback returns. Main thread. Nothing of it is ever on disk, unless who is
 * told was asked to write it there; and client addresses leave the process only as log.privacy says. */
#ifndef SARING_OBSERVE_FACT_H
#define SARING_OBSERVE_FACT_H

#include "base/addr.h"
#include "base/base.h"
#include "base/str.h"
#include "observe/counters.h"
#include "observe/hits.h"
#include "observe/tap.h"
#include "settings/settings.h"
#include "wire/name.h"

enum fact_verdict {
	FACT_NONE,	  /* no entry had a say */
	FACT_ALLOWED,	  /* one has let it through */
	FACT_BLOCKED,	  /* one has blocked it; without a list, saring itself has: a private address for a public name */
	FACT_WOULD_BLOCK, /* one would have, were its list not in mode shadow */
};
extern const char *const fact_verdict_words[]; /* "none", "allowed", "blocked", "would-block" */

struct fact {
	int64_t at_us;		/* wall clock, when it ended */
	uint32_t took_us;	/* since it came in: from the batch it was received in, to its answer */
	uint32_t weight;	/* it stands for so many; 1 for whoever wants every query, and at usual rates */
	const uint8_t *address; /* the client's, wide (base/addr.h) */
	uint16_t port;
	enum tap_via via;
	const struct name *name; /* folded; len 0: the packet held no question */
	uint16_t type;		 /* asked for */
	enum counter fate;	 /* COUNTER_BLOCKED .. COUNTER_FAILED */
	bool answered;		 /* something was sent; else rcode and ttl_s are 0, but for the ttl_s of a block */
	uint16_t rcode;		 /* as sent, extended ones too (RFC 6891 section 6.1.3) */
	uint32_t ttl_s;		 /* blocked: so long the client may keep it; else the first record's as sent, 0 without one */
	enum fact_verdict verdict;
	bool by_answer;		/* the verdict is of what the answer held: a CNAME's target, an address */
	struct str list;	/* whose entry; ptr NULL: none */
	const struct hit *hit;	/* the entry; NULL: none, or it is not known any more. fact_entry says it in text */
	uint16_t group;		/* of the settings of world */
	const char *group_name; /* NULL: there are none, or they are not known any more */
	uint16_t upstream;	/* a number for the server whose answer it got; 0: none was asked for it */
	const char *server;	/* that server, as status shows it; NULL: none, or not known any more */
	uint64_t world;		/* serial of the world it ended in; 0: in none */
	enum privacy privacy;	/* log.privacy of that world; PRIVACY_NONE where it is not known any more */
};

/* What may be told of it while log.privacy is that: no more than now, and no more than when it was asked. */
enum privacy fact_privacy(const struct fact *f, enum privacy privacy);
/* The entry as explain shows it, made safe to print; NULL without one, or when it may not be told: one that is of the client's own
 * address says who asked. buf may be returned. */
const char *fact_entry(const struct fact *f, enum privacy privacy, char buf[HITS_TEXT_MAX]);
/* What may be told of the client: so many bits of its wide address, of which the others are cleared. False: nothing. */
MUST_CHECK bool fact_client(const struct fact *f, enum privacy privacy, uint8_t ret[ADDR_WIDE_LEN], unsigned *ret_bits);

#endif
