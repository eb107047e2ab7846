/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dns_client.h - a stub's questions to one server: does a name resolve there? Type A, recursion desired, with EDNS, over UDP, and
 * over TCP where the answer did not fit. Many at once; each has a deadline, and so has the whole. One thread. */
#ifndef SARING_SARINGCTL_DNS_CLIENT_H
#define SARING_SARINGCTL_DNS_CLIENT_H

#include "base/addr.h"
#include "base/base.h"
#include "wire/edns.h"
#include "wire/name.h"

#define DNS_CLIENT_MS 6000     /* the longest wait for one answer, all tries together */
#define DNS_CLIENT_TRY_MS 2500 /* until it is asked again */
#define DNS_CLIENT_WINDOW 32   /* questions under way at once */

enum dns_outcome {
	DNS_ANSWERED,
	DNS_SILENT,	 /* no answer in time */
	DNS_UNREACHABLE, /* nobody listens there */
	DNS_GARBLED,	 /* an answer that is none */
};
#define DNS_EDES_MAX 4

struct dns_result {
	enum dns_outcome outcome;
	uint16_t rcode;	       /* all twelve bits */
	uint16_t answer_count; /* records in the answer section */
	bool tcp;
	uint16_t edes[DNS_EDES_MAX]; /* extended errors (RFC 8914) */
	size_t ede_count;
	char ede_text[EDNS_EDE_TEXT_MAX + 1]; /* of the first; "" for none, and for what is no UTF-8 */
};

/* Ask server for each name; ret has count places, all filled. deadline_ms: of the whole, on the monotonic clock. */
void dns_client_ask(const struct addr *server, const struct name *names, size_t count, int64_t deadline_ms, struct dns_result *ret);

/* An answer to the question for that name, with that id. False: it is none, or of another question (ret untouched then). ret_cut:
 * the TC bit. Takes any bytes. */
MUST_CHECK bool dns_client_parse(const uint8_t *bytes, size_t len, uint16_t id, const struct name *name, struct dns_result *ret,
				 bool *ret_cut);

#endif
