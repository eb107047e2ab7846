/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dns_client.h - a stub's questions to one server, which is the daemon's own listener: what does it say to a client on this
 * machine? Recursion desired, with EDNS, over UDP, and over TCP where the answer did not fit. Only an answer with the question's ID
 * and to this very question counts. What the daemon had to fetch for it is in its cache then. Many at once; each has a deadline,
 * and so has the whole. Blocks until then. One thread. */
#ifndef SARING_SARINGCTL_DNS_CLIENT_H
#define SARING_SARINGCTL_DNS_CLIENT_H

#include "base/addr.h"
#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
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
	uint16_t flags;	       /* of the header: MSG_RA, MSG_AD (wire/msg.h) */
	uint16_t answer_count; /* records in the answer section */
	bool tcp;
	uint16_t edes[DNS_EDES_MAX]; /* extended errors (RFC 8914) */
	size_t ede_count;
	char ede_text[EDNS_EDE_TEXT_MAX + 1]; /* of the first; "" for none, and for what is no UTF-8 */
};

/* Where to ask a listener that `status` shows ("dns://127.0.0.1:5300"): a wildcard's is this machine's own address. False for what
 * is none. */
MUST_CHECK bool dns_client_address(const char *endpoint, struct addr *ret);
/* Ask server for type A of each name; ret has count places, all filled. deadline_ms: of the whole, on the monotonic clock. */
void dns_client_ask(const struct addr *server, const struct name *names, size_t count, int64_t deadline_ms, struct dns_result *ret);

/* Ask server for one name and any type, and keep the message that came, which is put at the end of ret_message. ERR_UNREACHABLE
 * when none comes in time, ERR_INPUT when it is garbled. */
MUST_CHECK bool dns_client_fetch(const struct addr *server, const struct name *name, uint16_t type, int64_t timeout_ms,
				 struct dns_result *ret, struct buf *ret_message, struct err *err);

/* Ask once, over TCP or UDP as told (again over UDP when nothing comes, but never over TCP instead), whether the server checks
 * signatures, too: the AD bit is set in the question (RFC 6840 section 5.7), and in ret->flags as answered. ret_ms: how long it
 * took. Any thread. */
void dns_client_probe(const struct addr *server, const struct name *name, uint16_t type, bool tcp, int64_t timeout_ms,
		      struct dns_result *ret, int64_t *ret_ms);

/* "NXDOMAIN", or "RCODE23" for what has no name here. */
#define DNS_RCODE_MAX 16
const char *dns_client_rcode(uint16_t rcode, char buf[DNS_RCODE_MAX]);

/* What a message is taken for. */
struct dns_asked {
	const struct name *name;
	uint16_t type, id;
	bool wants_ad;
};
/* An answer to that question. False: it is none, or of another question (ret untouched then). ret_cut: the TC bit. Takes any
 * bytes. */
MUST_CHECK bool dns_client_parse(const uint8_t *bytes, size_t len, const struct dns_asked *asked, struct dns_result *ret,
				 bool *ret_cut);

#endif
