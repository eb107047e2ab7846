/* SPDX-License-Identifier: BSD-2-Clause
 *
 * message.h - the query that goes to an upstream server, and whether a reply is to it (RFC 5452 §9.1, 0x20).
 * Nothing of the client's packet goes along but its question, DO and CD. Any thread; nothing allocates. */
#ifndef SARING_UPSTREAM_MESSAGE_H
#define SARING_UPSTREAM_MESSAGE_H

#include "base/base.h"
#include "wire/cookie.h"
#include "wire/msg.h"

#define MESSAGE_QUESTION_MAX (NAME_LEN_MAX + 4)
#define MESSAGE_SLACK 8							 /* whole words may be read and written */
#define MESSAGE_OPT_LEN (11 + 4 + COOKIE_CLIENT_LEN + COOKIE_SERVER_MAX) /* with the longest cookie */
#define MESSAGE_QUERY_MAX (MSG_HEADER_LEN + MESSAGE_QUESTION_MAX + MESSAGE_OPT_LEN)

/* A question as it went out: letters in the case they had, type and class after the name. */
struct message_question {
	uint16_t len;
	uint8_t wire[MESSAGE_QUESTION_MAX + MESSAGE_SLACK];
};

/* Write name/type/IN; with mix_case each letter's case is a coin toss (draft-vixie-dnsext-dns0x20). */
void message_question_make(const struct name *name, uint16_t type, bool mix_case, struct message_question *ret);

struct message_flags {
	bool edns; /* with an OPT: size 1232, DO as said, no option but the cookie */
	bool dnssec_ok;
	bool checking_disabled;
	uint8_t cookie_len; /* 0: none */
	const uint8_t *cookie;
};
/* The whole query; RD and AD are set (RFC 6840 §5.7: AD asks to be told). Returns its length. */
size_t message_query(uint16_t id, const struct message_question *q, struct message_flags flags, uint8_t ret[MESSAGE_QUERY_MAX]);

enum message_match {
	MESSAGE_MATCH,	  /* QR, opcode, ID and the question, octet for octet */
	MESSAGE_CASE,	  /* all that, but for the case of letters */
	MESSAGE_BARE,	  /* header only and an error: no question to compare; to be believed over a stream only */
	MESSAGE_MISMATCH, /* not an answer to this */
};
enum message_match message_match(const uint8_t *bytes, size_t len, uint16_t id, const struct message_question *q);

/* A matched reply's question as it was asked, in lower case, so that what points to it does not carry our coin tosses on. */
void message_unmix(uint8_t *bytes, size_t len, const struct name *name);

/* What is of interest in a reply's OPT: the first of its kind counts, and of each OPT no more than EDNS_OPTIONS_MAX options. */
struct message_opt {
	const uint8_t *cookie; /* borrowed; NULL: none. Its length may be any. */
	uint16_t cookie_len;
};
/* A matched reply's, with its question's length (0: MESSAGE_BARE). One that cannot be read up to its OPT has none. */
void message_read_opt(const uint8_t *bytes, size_t len, size_t question_len, struct message_opt *ret);

/* A matched reply's flags and whole rcode (the OPT's high bits count where they could matter: an empty reply). */
uint16_t message_flags(const uint8_t *bytes, size_t len);
unsigned message_rcode(const uint8_t *bytes, size_t len);
/* Does the reply say that it could not take our OPT: FORMERR, NOTIMP, BADVERS (RFC 6891 §6.2.2, §7)? */
bool message_dislikes_edns(const uint8_t *bytes, size_t len);

#endif
