/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/rrtype.h"

#include <stdio.h>

static const struct {
	const char *word;
	uint16_t type;
} types[] = {
#define X(name, value) {#name, value},
    RRTYPE_TABLE(X)
#undef X
};

char *rrtype_to_text(uint16_t type, char buf[RRTYPE_TEXT_MAX])
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (types[i].type != type)
			continue;
		(void)snprintf(buf, RRTYPE_TEXT_MAX, "%s", types[i].word);
		return buf;
	}
	(void)snprintf(buf, RRTYPE_TEXT_MAX, "TYPE%u", type);
	return buf;
}

bool rrtype_from_text(struct str text, uint16_t *ret)
{
	static const struct str generic = {"TYPE", 4};
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (!str_eq_nocase(text, str_from(types[i].word)))
			continue;
		*ret = types[i].type;
		return true;
	}
	uint64_t number;
	if (text.len <= generic.len || text.len > generic.len + 5 || !str_eq_nocase((struct str){text.ptr, generic.len}, generic) ||
	    !str_to_u64((struct str){text.ptr + generic.len, text.len - generic.len}, &number) || number > UINT16_MAX)
		return false;
	*ret = (uint16_t)number;
	return true;
}

char *rcode_to_text(uint16_t rcode, char buf[RCODE_TEXT_MAX])
{
	/* RFC 6895 section 2.3 */
	static const char *const words[] = {"NOERROR",	"FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",   "REFUSED",
					    "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE",  NULL,
					    NULL,	NULL,	   NULL,       NULL,	   "BADVERS",  "BADKEY",
					    "BADTIME",	"BADMODE", "BADNAME",  "BADALG",   "BADTRUNC", "BADCOOKIE"};

	if (rcode < ARRAY_LEN(words) && words[rcode] != NULL)
		(void)snprintf(buf, RCODE_TEXT_MAX, "%s", words[rcode]);
	else
		(void)snprintf(buf, RCODE_TEXT_MAX, "RCODE%u", (unsigned)rcode);
	return buf;
}
