/* SPDX-License-Identifier: BSD-2-Clause
 *
 * script.h - a policy that a test writes down: which verdict each name and each address has, and what is answered. script.c stands
 * in for all of policy/match.h, so that what the pipeline makes of a verdict is tested apart from how lists come to one. */
#ifndef SARING_TEST_QUERY_SCRIPT_H
#define SARING_TEST_QUERY_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "policy/match.h"
#include "policy/records.h"
#include "rig.h"

#define SCRIPT_RULES_MAX 16

struct script_rule {
	struct name name; /* itself alone; or */
	char address[ADDR_TEXT_MAX];
	enum verdict_kind kind;
	bool mandatory, shadow;
	bool ends; /* in left_s */
	uint32_t left_s;
	enum answer answer;
	enum code code;
	struct buf records;
	const char *text, *structured[POLICY_STRUCTURED_FORMS]; /* for the extended error; NULL: none */
};

struct policy {
	struct script_rule rules[SCRIPT_RULES_MAX];
	size_t rule_count;
};

/* What the pipeline asked last. */
extern struct addr script_client;
extern uint16_t script_type;
extern unsigned script_matched, script_matched_prepared;

/* For cmocka: *state is a rig whose policy is an empty script. */
int script_set_up(void **state);
int script_tear_down(void **state);
struct policy *script_policy(const struct rig *rig);

struct policy *script_create(void); /* policy_close frees it */
struct script_rule *script_name(struct policy *policy, const char *name, enum answer answer);
struct script_rule *script_address(struct policy *policy, const char *address, enum answer answer);
/* Add a record: an address for A and AAAA, a name for CNAME (`*.x` as it is), text for others. */
void script_record(struct script_rule *rule, uint16_t type, uint32_t ttl_s, const char *rdata);

#endif
