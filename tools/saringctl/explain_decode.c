/* SPDX-License-Identifier: BSD-2-Clause
 *
 * explain_decode.c - a message's bytes in words, for explain_show.h. ldns prints the records; what it does not know of OPT is
 * printed here. */
#include "saringctl/explain_show.h"

#include "base/str.h"
#include "ctl/proto.h"
#include "wire/msg.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Returns how many; 0 when it is none. */
static size_t from_hex(const char *hex, uint8_t *ret, size_t cap)
{
	size_t len = strlen(hex);
	if (len % 2 != 0 || len / 2 > cap)
		return 0;
	for (size_t i = 0; i < len / 2; i++) {
		int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return 0;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return len / 2;
}

static void add_line(json_t *lines, struct str line)
{
	must(json_array_append_new(lines, ctl_text(line)) == 0);
}

/* Of what ldns prints all but what says when and by whom it was received, as it was not, and the OPT. */
static bool is_wanted(struct str line)
{
	static const char *const unwanted[] = {";; Query time", ";; WHEN", ";; SERVER", ";; MSG SIZE", ";; EDNS", "; "};
	for (size_t i = 0; i < ARRAY_LEN(unwanted); i++)
		if (str_starts(line, unwanted[i]))
			return false;
	return str_trim(line).len > 0;
}

static void add_packet(json_t *lines, const uint8_t *bytes, size_t len)
{
	ldns_pkt *packet = NULL;
	if (ldns_wire2pkt(&packet, bytes, len) != LDNS_STATUS_OK)
		return;
	char *text = ldns_pkt2str(packet);
	struct str rest = str_from(text), head = {NULL, 0}; /* of a section, until it has something */
	while (rest.ptr != NULL && rest.len > 0) {
		struct str line = str_cut(&rest, '\n');
		if (!is_wanted(line))
			continue;
		bool is_head = line.len > 9 && memcmp(line.ptr + line.len - 9, " SECTION:", 9) == 0;
		if (!is_head && head.ptr != NULL)
			add_line(lines, head);
		if (!is_head)
			add_line(lines, str_trim(line));
		head = is_head ? line : (struct str){NULL, 0};
	}
	free(text);
	ldns_pkt_free(packet);
}

static void add_option(json_t *lines, uint16_t code, const uint8_t *data, uint16_t len)
{
	char line[512], text[400];
	size_t used;
	if (code == EDNS_EDE && len >= 2) {
		(void)str_escape((struct str){(const char *)data + 2, len - 2u}, true, text, sizeof(text));
		(void)snprintf(line, sizeof(line), ";; EDNS: extended error %u%s%s", (unsigned)(data[0] << 8 | data[1]),
			       len > 2 ? ": " : "", text);
	} else {
		used = (size_t)snprintf(line, sizeof(line), ";; EDNS: option %u:", code);
		for (size_t i = 0; i < len && used + 8 < sizeof(line); i++)
			used += (size_t)snprintf(line + used, sizeof(line) - used, " %02x", data[i]);
	}
	add_line(lines, str_from(line));
}

/* The OPT, which ends the message. */
static void add_edns(json_t *lines, const uint8_t *bytes, size_t len)
{
	struct rd r = rd_init(bytes, len);
	struct msg_header header;
	struct msg_question question;
	struct msg_rr rr;
	char line[80];
	msg_read_header(&r, &header);
	unsigned records = (unsigned)header.ancount + header.nscount + header.arcount;
	if (!rd_ok(&r) || header.qdcount != 1 || !msg_read_question(&r, &question))
		return;
	while (records-- > 0 && msg_read_rr(&r, &rr)) {
		uint16_t code, option_len;
		const uint8_t *data;
		if (rr.type != RRTYPE_OPT)
			continue;
		struct rd options = rd_init(bytes + rr.rdata_pos, rr.rdata_len);
		(void)snprintf(line, sizeof(line), ";; EDNS: version %u, payload %u%s", (unsigned)(rr.ttl_s >> 16 & 0xff), rr.class,
			       (rr.ttl_s & EDNS_DO) != 0 ? ", DO" : "");
		add_line(lines, str_from(line));
		while (edns_next(&options, &code, &data, &option_len))
			add_option(lines, code, data, option_len);
	}
}

json_t *explain_decode(const char *hex)
{
	uint8_t *bytes = base_alloc(MSG_LEN_MAX);
	size_t len = from_hex(hex, bytes, MSG_LEN_MAX);
	json_t *lines = NULL;
	if (len >= MSG_HEADER_LEN) {
		lines = json_array();
		must(lines != NULL);
		add_packet(lines, bytes, len);
		add_edns(lines, bytes, len);
	}
	free(bytes);
	return lines;
}
