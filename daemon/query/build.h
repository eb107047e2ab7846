/* SPDX-License-Identifier: BSD-2-Clause
 *
 * build.h - a message being built where the transport wants it: begun with header and question, closed with the OPT. For answer.c
 * and answer_here.c; inside daemon/query only. */
#ifndef SARING_QUERY_BUILD_H
#define SARING_QUERY_BUILD_H

#include "query/answer.h"
#include "query/query.h"
#include "wire/msg.h"
#include "wire/writer.h"

struct build {
	struct wr w;
	struct msg_header header;
	bool packing; /* packer is in use: few answers have names that are not the question's */
	struct name_packer packer;
};

void build_begin(struct build *b, struct service *s, const struct query *q, uint16_t rcode);
/* For names that are not the question's. */
struct name_packer *build_packer(struct build *b, const struct query *q);
/* A record's front, of class IN, up to its RDLENGTH. The owner is the last `labels` labels of the name asked: the question's own
 * octets, pointed to. */
void build_rr_head(struct build *b, const struct query *q, unsigned labels, uint16_t type, uint32_t ttl_s);
/* A whole record of the name asked, into the answer section. */
void build_rr(struct build *b, const struct query *q, uint16_t type, uint32_t ttl_s, const void *rdata, uint16_t len);
/* The links that the operator's own records lead q along, to where it was rewritten. False when they do not lead there. */
MUST_CHECK bool answer_put_links(struct build *b, struct service *s, const struct query *q);
/* Close the message: OPT last. What does not fit goes in this order: the EDE's text, its code, then every record (TC=1, question
 * and OPT only; RFC 8914 §3, RFC 2181 §9). Returns whether it came to that. */
bool build_end(struct build *b, struct service *s, const struct query *q, uint16_t rcode, const struct query_extra *extra);

#endif
