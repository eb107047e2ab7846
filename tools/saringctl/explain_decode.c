/* SPDX-License-Identifier: BSD-2-Clause
 *
 * explain_decode.c - a message's bytes in words, for explain_show.h. ldns prints the records; what it does not know of OPT is
 * printed here. */
#include "saringctl/explain_show.h"

#include "base/hex.h"
#include "base/str.h"
#include "ctl/proto.h"
#include "wire/msg.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

static void add_line(json_t *lines, struct str line)
{
	must(json_array_append_new(lines, ctl_text(line)) == 0);
}

static void add_head(json_t *lines, const struct msg_header *h)
{
	static const struct {
		uint16_t bit;
		const char *word;
	} flags[] = {{MSG_QR, "qr"}, {MSG_AA, "aa"}, {MSG_TC, "tc"}, {MSG_RD, "rd"},
		     {MSG_RA, "ra"}, {MSG_AD, "ad"}, {MSG_CD, "cd"}};
	const ldns_lookup_table *rcode = ldns_lookup_by_id(ldns_rcodes, h->flags & MSG_RCODE);
	char line[128];
	size_t used =
	    (size_t)snprintf(line, sizeof(line), ";; rcode: %s, id: %u, flags:", rcode != NULL ? rcode->name : "?", h->id);
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if ((h->flags & flags[i].bit) != 0)
			used += (size_t)snprintf(line + used, sizeof(line) - used, " %s", flags[i].word);
	add_line(lines, str_from(line));
}

static void add_question(json_t *lines, const struct msg_question *q)
{
	char name[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX], line[NAME_TEXT_MAX + RRTYPE_TEXT_MAX + 16];
	bool root = q->name.labels == 0;
	(void)snprintf(line, sizeof(line), "; %s%s IN %s", root ? "" : name_to_text(&q->name, name), ".",
		       rrtype_to_text(q->type, type));
	add_line(lines, STR_LIT(";; QUESTION"));
	add_line(lines, str_from(line));
}

/* The record that begins at `at`, by ldns: it knows every type. OPT is not for it: ldns 1.8.3 crashed over one that breaks its
 * form.
 */
static void add_record(json_t *lines, const uint8_t *bytes, size_t len, size_t at)
{
	ldns_rr *rr = NULL;
	if (ldns_wire2rr(&rr, bytes, len, &at, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
		return;
	char *text = ldns_rr2str(rr);
	if (text != NULL)
		add_line(lines, str_trim(str_from(text)));
	free(text);
	ldns_rr_free(rr);
}

static void add_option(json_t *lines, uint16_t code, const uint8_t *data, uint16_t len)
{
	char line[MSG_UDP_EDNS_MAX * 4 + 64], text[MSG_UDP_EDNS_MAX * 4 + 1];
	size_t used;
	if (code == EDNS_EDE && len >= 2) {
		(void)str_clean((struct str){(const char *)data + 2, len - 2u}, true, text, sizeof(text));
		(void)snprintf(line, sizeof(line), ";; EDNS: extended error %u%s%s", (unsigned)(data[0] << 8 | data[1]),
			       len > 2 ? ": " : "", text);
	} else {
		used = (size_t)snprintf(line, sizeof(line), ";; EDNS: option %u:", code);
		for (size_t i = 0; i < len && used + 4 < sizeof(line); i++)
			used += (size_t)snprintf(line + used, sizeof(line) - used, " %02x", data[i]);
	}
	add_line(lines, str_from(line));
}

static void add_opt(json_t *lines, const uint8_t *bytes, const struct msg_rr *rr)
{
	struct rd options = rd_init(bytes + rr->rdata_pos, rr->rdata_len);
	const uint8_t *data;
	uint16_t code, len;
	char line[80];
	(void)snprintf(line, sizeof(line), ";; EDNS: version %u, payload %u%s", (unsigned)(rr->ttl_s >> 16 & 0xff), rr->class,
		       (rr->ttl_s & EDNS_DO) != 0 ? ", DO" : "");
	add_line(lines, str_from(line));
	while (edns_next(&options, &code, &data, &len))
		add_option(lines, code, data, len);
}

static void add_section(json_t *lines, struct rd *r, unsigned count, const char *title)
{
	struct msg_rr rr;
	bool titled = false;
	for (; count > 0; count--) {
		size_t at = r->pos;
		if (!msg_read_rr(r, &rr))
			return;
		if (rr.type == RRTYPE_OPT) {
			add_opt(lines, r->base, &rr);
			continue;
		}
		if (!titled)
			add_line(lines, str_from(title));
		titled = true;
		add_record(lines, r->base, r->len, at);
	}
}

static void add_message(json_t *lines, const uint8_t *bytes, size_t len)
{
	struct rd r = rd_init(bytes, len);
	struct msg_header header;
	struct msg_question question;
	msg_read_header(&r, &header);
	add_head(lines, &header);
	if (header.qdcount != 1 || !msg_read_question(&r, &question))
		return;
	add_question(lines, &question);
	add_section(lines, &r, header.ancount, ";; ANSWER");
	add_section(lines, &r, header.nscount, ";; AUTHORITY");
	add_section(lines, &r, header.arcount, ";; ADDITIONAL");
}

json_t *explain_decode(const char *hex)
{
	uint8_t *bytes = base_alloc(MSG_LEN_MAX);
	const size_t len = strlen(hex) / 2;
	json_t *lines = NULL;
	if (len >= MSG_HEADER_LEN && len <= MSG_LEN_MAX && hex_to_bytes(str_from(hex), bytes, len)) {
		lines = json_array();
		must(lines != NULL);
		add_message(lines, bytes, len);
	}
	free(bytes);
	return lines;
}
