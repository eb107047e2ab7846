/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/import_rdata.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <string.h>

#include "wire/rdata_text.h"
#include "wire/rrtype.h"

bool rdata_is_barred(uint16_t type)
{
	switch (type) {
	case RRTYPE_SOA:
	case RRTYPE_NS:
	case RRTYPE_DNAME:
	case RRTYPE_SIG:
	case RRTYPE_KEY:
	case RRTYPE_NXT:
	case RRTYPE_OPT:
	case RRTYPE_DS:
	case RRTYPE_RRSIG:
	case RRTYPE_NSEC:
	case RRTYPE_DNSKEY:
	case RRTYPE_NSEC3:
	case RRTYPE_NSEC3PARAM:
	case RRTYPE_CDS:
	case RRTYPE_CDNSKEY:
	case RRTYPE_CSYNC:
	case RRTYPE_ZONEMD:
	case RRTYPE_NXNAME:
		return true;
	}
	return type == 0 || (type >= 249 && type <= 255); /* TKEY to ANY */
}

bool rdata_is_nowhere(uint16_t type, struct str rdata)
{
	static const uint8_t zero[16], loop4[4] = {127, 0, 0, 1}, loop6[16] = {[15] = 1};
	if (type == RRTYPE_A && rdata.len == 4)
		return memcmp(rdata.ptr, zero, 4) == 0 || memcmp(rdata.ptr, loop4, 4) == 0;
	if (type == RRTYPE_AAAA && rdata.len == 16)
		return memcmp(rdata.ptr, zero, 16) == 0 || memcmp(rdata.ptr, loop6, 16) == 0;
	return false;
}

static bool read_address(int family, struct str text, struct buf *ret)
{
	char copy[INET6_ADDRSTRLEN + 1];
	uint8_t bytes[16];
	if (text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (inet_pton(family, copy, bytes) != 1)
		return false;
	buf_add(ret, bytes, family == AF_INET ? 4 : 16);
	return true;
}

/* A dot at the end that no backslash takes away. */
static bool is_absolute(struct str text)
{
	size_t slashes = 0;
	if (text.len == 0 || text.ptr[text.len - 1] != '.')
		return false;
	while (slashes + 1 < text.len && text.ptr[text.len - 2 - slashes] == '\\')
		slashes++;
	return slashes % 2 == 0;
}

bool rdata_name(struct str text, const struct name *origin, struct name *ret)
{
	if (str_eq_c(text, "@") && origin != NULL) {
		*ret = *origin;
		return true;
	}
	if (str_eq_c(text, ".")) {
		*ret = (struct name){.len = 1};
		return true;
	}
	if (!name_from_text(text, ret, NULL))
		return false;
	if (origin == NULL || origin->labels == 0 || is_absolute(text))
		return true;
	if (ret->len - 1 + origin->len > NAME_LEN_MAX)
		return false;
	memcpy(ret->wire + ret->len - 1, origin->wire, origin->len);
	ret->len = (uint8_t)(ret->len - 1 + origin->len);
	ret->labels = (uint8_t)(ret->labels + origin->labels);
	return true;
}

/* The owner is of no matter and always the same; the type as a number, which is right for those ldns has no word for. */
static bool read_by_ldns(uint16_t type, struct str text, const struct name *origin, struct buf *ret)
{
	struct buf line = {0};
	ldns_rr *rr = NULL;
	ldns_rdf *zone = NULL;
	bool good = false;
	buf_printf(&line, "x. 0 IN TYPE%u ", (unsigned)type);
	buf_add_str(&line, text);
	if (origin != NULL)
		zone = ldns_dname_new_frm_data(origin->len, origin->wire);
	ldns_status status = ldns_rr_new_frm_str(&rr, line.ptr, 0, zone, NULL);
	ldns_buffer *wire = status == LDNS_STATUS_OK ? ldns_buffer_new(512) : NULL;
	if (wire != NULL && ldns_rr_get_type(rr) == (ldns_rr_type)type && ldns_rr_rd_count(rr) > 0 &&
	    ldns_rr_rdata2buffer_wire(wire, rr) == LDNS_STATUS_OK && ldns_buffer_position(wire) > 0) {
		buf_add(ret, ldns_buffer_begin(wire), ldns_buffer_position(wire));
		good = true;
	}
	if (wire != NULL)
		ldns_buffer_free(wire);
	if (status == LDNS_STATUS_OK)
		ldns_rr_free(rr);
	ldns_rdf_deep_free(zone);
	buf_finish(&line);
	return good;
}

static bool is_good(uint16_t type, struct str rdata)
{
	struct name name;
	switch (type) { /* what the daemon looks into */
	case RRTYPE_A:
		return rdata.len == 4;
	case RRTYPE_AAAA:
		return rdata.len == 16;
	case RRTYPE_CNAME:
	case RRTYPE_PTR:
		return name_from_wire((const uint8_t *)rdata.ptr, rdata.len, &name);
	}
	return rdata.len <= UINT16_MAX;
}

/* The types whose own form ldns is given: those that local data has. Of others (CERT, IPSECKEY, APL, ...) only the generic form is
 * taken: ldns 1.8.3 leaks memory on some of their faults. */
static bool has_own_form(uint16_t type)
{
	switch (type) {
	case RRTYPE_HINFO:
	case RRTYPE_MX:
	case RRTYPE_TXT:
	case RRTYPE_RP:
	case RRTYPE_AFSDB:
	case RRTYPE_SRV:
	case RRTYPE_NAPTR:
	case RRTYPE_KX:
	case RRTYPE_SSHFP:
	case RRTYPE_TLSA:
	case RRTYPE_SMIMEA:
	case RRTYPE_SVCB:
	case RRTYPE_HTTPS:
	case RRTYPE_SPF:
	case RRTYPE_URI:
	case RRTYPE_CAA:
		return true;
	}
	return false;
}

bool rdata_read(uint16_t type, struct str text, const struct name *origin, struct buf *ret)
{
	struct name name;
	bool is_generic = str_starts(text, "\\#");
	buf_reset(ret);
	if (rdata_is_barred(type) || text.len == 0 || text.len > RDATA_TEXT_MAX || memchr(text.ptr, '\0', text.len) != NULL)
		return false;
	if (!is_generic && (type == RRTYPE_A || type == RRTYPE_AAAA))
		return read_address(type == RRTYPE_A ? AF_INET : AF_INET6, text, ret);
	if (!is_generic && (type == RRTYPE_CNAME || type == RRTYPE_PTR)) {
		if (!rdata_name(text, origin, &name))
			return false;
		buf_add(ret, name.wire, name.len);
		return true;
	}
	return (is_generic || has_own_form(type)) && read_by_ldns(type, text, origin, ret) && is_good(type, buf_str(ret));
}
