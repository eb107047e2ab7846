/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What operators write of records: the first octet is a type, the rest its data as text. What is read is written as text that reads
 * the same. And the same octets as a hosts file: what comes of it is looked up again, and every name of it is found. */
#include <stdint.h>
#include <string.h>

#include "base/base.h"
#include "settings/hosts.h"
#include "settings/locals.h"
#include "wire/rdata_text.h"
#include "wire/reader.h"
#include "wire/rrtype.h"
#include "wire/svcb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_data(uint16_t type, struct str text)
{
	struct buf first = {0}, written = {0}, second = {0};
	struct err err = {0};
	if (rdata_text_read(type, text, &first, &err)) {
		must(first.len > 0 && first.len <= UINT16_MAX);
		if (type == RRTYPE_HTTPS || type == RRTYPE_SVCB)
			must(svcb_is_sound(rd_init(first.ptr, first.len)));
		rdata_text_write(type, buf_str(&first), &written);
		/* four octets of text for one of data: what is long may not be read again */
		if (written.len <= RDATA_TEXT_LEN_MAX) {
			must(rdata_text_read(type, buf_str(&written), &second, &err));
			must(first.len == second.len && memcmp(first.ptr, second.ptr, first.len) == 0);
		}
	} else {
		must(err.text[0] != '\0');
	}
	buf_finish(&first);
	buf_finish(&written);
	buf_finish(&second);
}

static void check_head(struct str text)
{
	struct rdata_text_head head;
	struct str rest = text;
	if (rdata_text_head(&rest, &head))
		must(head.type != 0 && rest.ptr >= text.ptr && rest.ptr + rest.len == text.ptr + text.len);
}

static void on_fault(void *arg, uint32_t line, uint32_t column, const char *text)
{
	size_t *told = arg;
	must(line > 0 && column > 0 && text[0] != '\0');
	++*told;
}

static void check_hosts(struct str text)
{
	static const char *const sources[] = {"saring.yaml", "hosts"};
	struct hosts hosts = {.count = 0};
	size_t told = 0;
	hosts_read(&hosts, text, 1, on_fault, &told);
	must(told <= HOSTS_TOLD_MAX && (told > 0) == (hosts.faults > 0));
	struct locals *l = locals_build(NULL, 0, hosts.items, hosts.count, sources, 2);
	must((l == NULL) == (hosts.count == 0));
	for (size_t i = 0; i < hosts.count; i++) {
		struct locals_found found;
		struct name name;
		must(name_from_wire((const uint8_t *)hosts.items[i].name.ptr, hosts.items[i].name.len, &name));
		locals_find(l, &name, true, &found);
		must(found.kind == LOCALS_HERE && locals_of_type(&found, hosts.items[i].type) != NULL);
	}
	locals_destroy(l);
	hosts_finish(&hosts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t types[] = {RRTYPE_A,  RRTYPE_AAAA, RRTYPE_CNAME, RRTYPE_PTR,  RRTYPE_TXT,
					 RRTYPE_MX, RRTYPE_SRV,	 RRTYPE_SVCB,  RRTYPE_HTTPS};
	if (size == 0)
		return 0;
	struct str text = {(const char *)data + 1, size - 1};
	check_data(types[data[0] % ARRAY_LEN(types)], text);
	check_head(text);
	check_hosts(text);
	return 0;
}
