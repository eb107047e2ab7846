/* SPDX-License-Identifier: BSD-2-Clause */
#include "qlog/queue.h"

#include <string.h>

enum text { TEXT_LIST, TEXT_ENTRY, TEXT_GROUP, TEXT_UPSTREAM, TEXT_COUNT };

/* What stands in front of a query's octets: the client's address, the name, the texts in their order. */
struct head {
	int64_t time_us;
	const char *transport, *fate, *verdict;
	uint32_t took_us;
	uint16_t port, type, rcode;
	bool blocked, answered;
	uint8_t client_len, name_len; /* name_len 0: not known */
	uint8_t text_lens[TEXT_COUNT];
};

/* Cut where a character of UTF-8 begins. */
static uint8_t length_of(struct str text)
{
	size_t len = MIN(text.len, (size_t)QUEUE_TEXT_MAX);

	while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
		len--;
	return (uint8_t)len;
}

bool queue_put(struct queue *q, const struct qlog_query *query)
{
	const struct str texts[TEXT_COUNT] = {query->list, query->entry, query->group, query->upstream};
	struct head h = {.time_us = query->time_us,
			 .transport = query->transport,
			 .fate = query->fate,
			 .verdict = query->verdict,
			 .took_us = query->took_us,
			 .port = query->port,
			 .type = query->type,
			 .rcode = query->rcode,
			 .blocked = query->blocked,
			 .answered = query->answered,
			 .client_len = query->client_len,
			 .name_len = query->name == NULL ? 0 : query->name->len};

	if (q->bytes.len + sizeof(h) + sizeof(query->client) + NAME_LEN_MAX + TEXT_COUNT * (size_t)QUEUE_TEXT_MAX > QUEUE_BYTES_MAX)
		return false;
	for (size_t i = 0; i < TEXT_COUNT; i++)
		h.text_lens[i] = length_of(texts[i]);
	buf_add(&q->bytes, &h, sizeof(h));
	buf_add(&q->bytes, query->client, query->client_len);
	if (query->name != NULL)
		buf_add(&q->bytes, query->name->wire, query->name->len);
	for (size_t i = 0; i < TEXT_COUNT; i++)
		buf_add(&q->bytes, texts[i].ptr, h.text_lens[i]);
	q->count++;
	return true;
}

static const char *take(struct str bytes, size_t *at, size_t len)
{
	const char *from = bytes.ptr + *at;

	must(len <= bytes.len - *at);
	*at += len;
	return from;
}

bool queue_get(struct str bytes, size_t *at, struct qlog_query *ret, struct name *ret_name)
{
	struct str texts[TEXT_COUNT];
	struct head h;

	if (*at == bytes.len)
		return false;
	memcpy(&h, take(bytes, at, sizeof(h)), sizeof(h));
	*ret = (struct qlog_query){.time_us = h.time_us,
				   .transport = h.transport,
				   .fate = h.fate,
				   .verdict = h.verdict,
				   .took_us = h.took_us,
				   .port = h.port,
				   .type = h.type,
				   .rcode = h.rcode,
				   .blocked = h.blocked,
				   .answered = h.answered,
				   .client_len = h.client_len};
	memcpy(ret->client, take(bytes, at, h.client_len), h.client_len);
	if (h.name_len > 0) {
		must(name_from_wire((const uint8_t *)take(bytes, at, h.name_len), h.name_len, ret_name));
		ret->name = ret_name;
	}
	for (size_t i = 0; i < TEXT_COUNT; i++) {
		texts[i].len = h.text_lens[i];
		texts[i].ptr = take(bytes, at, h.text_lens[i]);
	}
	ret->list = texts[TEXT_LIST];
	ret->entry = texts[TEXT_ENTRY];
	ret->group = texts[TEXT_GROUP];
	ret->upstream = texts[TEXT_UPSTREAM];
	return true;
}
