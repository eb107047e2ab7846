/* SPDX-License-Identifier: BSD-2-Clause */
#include "dnstap/encode.h"

#include "settings/settings.h"
#include "wire/msg.h"

#include "dnstap.pb-c.h"

#include <stdlib.h>
#include <string.h>

#define ARCOUNT_AT 10
#define RULE_MAX 1024

/* Where the additional section begins; 0: the message is not to be read. */
static size_t additional_at(const uint8_t *bytes, size_t len)
{
	struct rd rd = rd_init(bytes, len);
	struct msg_header header;
	struct msg_question question;
	struct msg_rr rr;

	msg_read_header(&rd, &header);
	for (unsigned i = 0; i < header.qdcount; i++) {
		if (!msg_read_question(&rd, &question))
			return 0;
	}
	for (unsigned i = 0; i < (unsigned)header.ancount + header.nscount; i++) {
		if (!msg_read_rr(&rd, &rr))
			return 0;
	}
	return rd.bad ? 0 : rd.pos;
}

static ProtobufCBinaryData data(const void *bytes, size_t len)
{
	return (ProtobufCBinaryData){.len = len, .data = (uint8_t *)(uintptr_t)bytes};
}

static ProtobufCBinaryData address(const uint8_t wide[ADDR_WIDE_LEN])
{
	return addr_wide_is_v4(wide) ? data(wide + ADDR_WIDE_LEN - 4, 4) : data(wide, ADDR_WIDE_LEN);
}

static void put_client(const struct frame *f, uint8_t wide[ADDR_WIDE_LEN], Dnstap__Message *m)
{
	const bool v4 = addr_wide_is_v4(f->client);

	memcpy(wide, f->client, ADDR_WIDE_LEN);
	m->has_socket_family = true;
	m->socket_family = v4 ? DNSTAP__SOCKET_FAMILY__INET : DNSTAP__SOCKET_FAMILY__INET6;
	if (f->privacy == PRIVACY_ANONYMOUS)
		addr_bits_clear(wide, v4 ? ADDR_WIDE_V4_BITS + PRIVACY_IPV4_BITS : PRIVACY_IPV6_BITS, ADDR_WIDE_LEN * 8);
	if (f->privacy == PRIVACY_FULL || f->privacy == PRIVACY_ANONYMOUS) {
		m->has_query_address = true;
		m->query_address = address(wide);
	}
	if (f->privacy == PRIVACY_FULL) {
		m->has_query_port = true;
		m->query_port = f->client_port;
	}
}

static void put_times(const struct frame *f, Dnstap__Message *m)
{
	m->has_query_time_sec = m->has_query_time_nsec = true;
	m->query_time_sec = (uint64_t)(f->came_us / 1000000);
	m->query_time_nsec = (uint32_t)(f->came_us % 1000000) * 1000;
	if (f->type != FRAME_ANSWER)
		return;
	m->has_response_time_sec = m->has_response_time_nsec = true;
	m->response_time_sec = (uint64_t)(f->left_us / 1000000);
	m->response_time_nsec = (uint32_t)(f->left_us % 1000000) * 1000;
}

/* room: for a message that is cut. */
static void put_message(const struct frame *f, struct buf *room, Dnstap__Message *m)
{
	const uint8_t *bytes = frame_octets(f);
	size_t len = f->message_len;

	if (len > 0 && f->privacy != PRIVACY_FULL) {
		len = additional_at(bytes, len);
		if (len == 0)
			return;
		buf_add(room, bytes, len);
		memset(room->ptr + ARCOUNT_AT, 0, 2);
		bytes = (const uint8_t *)room->ptr;
	}
	if (len == 0)
		return;
	if (f->type == FRAME_QUESTION) {
		m->has_query_message = true;
		m->query_message = data(bytes, len);
	} else {
		m->has_response_message = true;
		m->response_message = data(bytes, len);
	}
}

static void put_policy(const struct frame *f, char rule[RULE_MAX], Dnstap__Policy *p)
{
	static char type[] = "saring";
	const uint8_t *list = frame_octets(f) + f->message_len, *entry = list + f->list_len, *value = entry + f->entry_len;
	const bool tells = f->match != FRAME_BY_CLIENT || f->privacy == PRIVACY_FULL; /* else entry and value say who asked */
	size_t len = MIN((size_t)f->list_len, (size_t)RULE_MAX / 2);
	size_t more = tells ? MIN((size_t)f->entry_len, RULE_MAX - 1 - len) : 0;

	memcpy(rule, list, len);
	rule[len++] = '/';
	memcpy(rule + len, entry, more);
	p->type = type;
	p->has_rule = true;
	p->rule = data(rule, len + more);
	p->has_action = f->action != 0;
	p->action = (Dnstap__Policy__Action)f->action;
	p->has_match = f->match != 0;
	p->match = (Dnstap__Policy__Match)f->match;
	p->has_value = f->value_len > 0 && tells;
	p->value = data(value, f->value_len);
}

size_t encode_frame(const struct frame *frame, const struct encode_as *as, struct buf *ret)
{
	static const Dnstap__SocketProtocol protocols[] = {[TAP_UDP] = DNSTAP__SOCKET_PROTOCOL__UDP,
							   [TAP_TCP] = DNSTAP__SOCKET_PROTOCOL__TCP,
							   [TAP_TLS] = DNSTAP__SOCKET_PROTOCOL__DOT,
							   [TAP_HTTPS] = DNSTAP__SOCKET_PROTOCOL__DOH};
	Dnstap__Dnstap d = DNSTAP__DNSTAP__INIT;
	Dnstap__Message m = DNSTAP__MESSAGE__INIT;
	Dnstap__Policy p = DNSTAP__POLICY__INIT;
	uint8_t client[ADDR_WIDE_LEN];
	char rule[RULE_MAX];
	struct buf cut = {0};

	m.type = frame->type == FRAME_QUESTION ? DNSTAP__MESSAGE__TYPE__CLIENT_QUERY : DNSTAP__MESSAGE__TYPE__CLIENT_RESPONSE;
	m.has_socket_protocol = true;
	m.socket_protocol = protocols[frame->via];
	put_client(frame, client, &m);
	if (frame->server_port != 0) {
		m.has_response_address = m.has_response_port = true;
		m.response_address = address(frame->server);
		m.response_port = frame->server_port;
	}
	put_times(frame, &m);
	put_message(frame, &cut, &m);
	if (frame->has_policy) {
		put_policy(frame, rule, &p);
		m.policy = &p;
	}
	d.type = DNSTAP__DNSTAP__TYPE__MESSAGE;
	d.message = &m;
	d.has_identity = as->identity[0] != '\0';
	d.identity = data(as->identity, strlen(as->identity));
	d.has_version = as->version[0] != '\0';
	d.version = data(as->version, strlen(as->version));
	const size_t len = dnstap__dnstap__get_packed_size(&d);
	(void)dnstap__dnstap__pack(&d, buf_grow(ret, len));
	buf_finish(&cut);
	return len;
}
