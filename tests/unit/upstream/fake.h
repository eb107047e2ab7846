/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fake.h - an upstream server on loopback that does what a test's script says: UDP and TCP on one port of the kernel's choice, in
 * the test's own event loop. */
#ifndef SARING_TEST_FAKE_H
#define SARING_TEST_FAKE_H

#include "base/addr.h"
#include "wire/msg.h"

#include <event2/event.h>

struct fake;
struct fake_conn;

/* One query that came. By value: a script may keep it and answer later, as long as its connection lives. */
struct fake_query {
	struct fake *fake;
	bool tcp;
	struct addr peer;	/* of UDP: port included; of TCP too */
	struct fake_conn *conn; /* of TCP */
	struct msg_query q;	/* its slices are not kept */
	uint8_t bytes[512];
	size_t len;
	size_t question_len;
};
typedef void fake_script(struct fake_query *q, void *arg);

struct fake_counts {
	unsigned udp, tcp, connections;
};

struct fake *fake_create(struct event_base *base, fake_script *script, void *arg); /* on 127.0.0.1 */
struct fake *fake_create_at(struct event_base *base, const char *host, fake_script *script,
			    void *arg); /* NULL: no such address here */
void fake_destroy(struct fake *f);
const struct addr *fake_addr(const struct fake *f);
struct fake_counts fake_counts(const struct fake *f);
void fake_stop(struct fake *f);	 /* sockets closed: refuses */
void fake_start(struct fake *f); /* on the same port again */

/* A reply begun: header (flags besides QR, RD, RA) and the question as it came. */
struct wr fake_begin(const struct fake_query *q, uint16_t flags, uint8_t *buf, size_t cap);
/* An A record for the question's name, counted in the header. */
void fake_put_a(struct wr *w, uint32_t address);
void fake_send(const struct fake_query *q, const struct wr *w);			 /* the reply, framed over TCP */
void fake_send_bytes(const struct fake_query *q, const void *bytes, size_t len); /* the same, of bytes */
void fake_send_raw(const struct fake_query *q, const void *bytes, size_t len);	 /* over TCP: no frame */
void fake_send_elsewhere(const struct fake_query *q, const struct wr *w);	 /* over UDP: from another port */
void fake_hang_up(const struct fake_query *q);					 /* close its connection */
void fake_answer_a(const struct fake_query *q, uint32_t address);		 /* the plain good answer */
void fake_answer_rcode(const struct fake_query *q, uint16_t flags_and_rcode);	 /* header and question only */

#endif
