/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_blocky_zone.c - Blocky's customDNS.zone: a zone file's text within config.yml, as records. Each stands on
 * one line; of directives $ORIGIN and $TTL are known. */
#include "saringctl/convert_blocky.h"

#include <ldns/ldns.h>
#include <string.h>

static bool zone_line(struct convert *c, const char *line, uint32_t *ttl, ldns_rdf **origin, ldns_rdf **prev, uint32_t at,
		      const char *path)
{
	ldns_rr *rr = NULL;
	if (ldns_rr_new_frm_str(&rr, line, *ttl, *origin, prev) != LDNS_STATUS_OK || rr == NULL)
		return false;
	char *owner = ldns_rdf2str(ldns_rr_owner(rr)), *type = ldns_rr_type2str(ldns_rr_get_type(rr));
	struct buf data = {0};
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		char *part = ldns_rdf2str(ldns_rr_rdf(rr, i));
		buf_printf(&data, "%s%s", i == 0 ? "" : " ", part);
		free(part);
	}
	static const char *const known[] = {"A", "AAAA", "CNAME", "TXT", "PTR", "MX", "SRV", "HTTPS", "SVCB"};
	bool is_known = false;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		is_known = is_known || strcmp(type, known[i]) == 0;
	if (is_known)
		convert_record(c, str_from(owner), type, buf_str(&data), ldns_rr_ttl(rr), at, path);
	else
		convert_left(c, at, path, "records of type %s are not served", type);
	buf_finish(&data);
	free(owner);
	free(type);
	ldns_rr_free(rr);
	return true;
}

void blocky_zone(struct convert *c, const struct yaml_node *node, const char *path)
{
	uint32_t ttl = 3600, at = node->line + (node->style == YAML_STYLE_BLOCK_SCALAR ? 1 : 0);
	ldns_rdf *origin = ldns_dname_new_frm_str("."), *prev = NULL;
	struct str rest = node->kind == YAML_SCALAR ? node->text : STR_LIT("");
	for (; rest.ptr != NULL; at++) {
		struct str one = str_cut(&rest, '\n'), trimmed = str_trim(one);
		const char *line = arena_strndup(&c->arena, one.ptr, one.len);
		uint64_t value;
		if (trimmed.len == 0 || trimmed.ptr[0] == ';')
			continue;
		if (str_starts(trimmed, "$ORIGIN ")) {
			struct str name = str_trim((struct str){trimmed.ptr + 8, trimmed.len - 8});
			ldns_rdf *made = ldns_dname_new_frm_str(arena_strndup(&c->arena, name.ptr, name.len));
			if (made != NULL) {
				ldns_rdf_deep_free(origin);
				origin = made;
			}
		} else if (str_starts(trimmed, "$TTL ") &&
			   str_to_u64(str_trim((struct str){trimmed.ptr + 5, trimmed.len - 5}), &value))
			ttl = (uint32_t)value;
		else if (!zone_line(c, line, &ttl, &origin, &prev, at, path))
			convert_left(c, at, path, "not a record on one line");
	}
	ldns_rdf_deep_free(origin);
	ldns_rdf_deep_free(prev);
}
