/* SPDX-License-Identifier: BSD-2-Clause
 * Any bytes as the answer to saringctl's own question: none, or one whose figures hold and whose text can be shown. */
#include "saringctl/dns_client.h"

#include "base/str.h"
#include "wire/rrtype.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct name name;
	struct dns_result result;
	bool cut = false;
	must(name_from_text(STR_LIT("t.me"), &name, NULL));
	struct dns_asked asked = {.name = &name, .type = RRTYPE_A, .id = size >= 2 ? be_get_u16(data) : (uint16_t)0};
	if (!dns_client_parse(data, size, &asked, &result, &cut))
		return 0;
	must(size >= 12 + 6 + 4 && (data[2] & 0x80) != 0);
	must(result.outcome == DNS_ANSWERED || result.outcome == DNS_GARBLED);
	must(result.rcode <= 0xfff && result.ede_count <= DNS_EDES_MAX && !result.tcp);
	must(strlen(result.ede_text) <= EDNS_EDE_TEXT_MAX && str_is_utf8(str_from(result.ede_text)));
	must(result.ede_text[0] == '\0' || result.ede_count > 0);
	asked.type = RRTYPE_AAAA;
	must(!dns_client_parse(data, size, &asked, &result, &cut));
	asked.type = RRTYPE_A;
	asked.id++;
	must(!dns_client_parse(data, size, &asked, &result, &cut));
	return 0;
}
