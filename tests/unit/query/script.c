/* SPDX-License-Identifier: BSD-2-Clause */
#include "script.h"

#include "wire/rrtype.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_PREPARED 0x5ca1ab1eu
#define SCRIPT_TTL_S 10

struct addr script_client;
uint16_t script_type;
unsigned script_matched, script_matched_prepared;

struct policy *script_create(void)
{
	struct policy *policy = calloc(1, sizeof(*policy));

	assert_non_null(policy);
	return policy;
}

int script_set_up(void **state)
{
	static const char config[] = "listen: [dns://127.0.0.1:5300]\n"
				     "upstream: {servers: [dns://127.0.0.1:1]}\n"
				     "lists: [{name: script, file: script.yaml}]\n";

	*state = rig_create(rig_settings(config), script_create());
	script_matched = script_matched_prepared = 0;
	return 0;
}

int script_tear_down(void **state)
{
	rig_destroy(*state);
	return 0;
}

struct policy *script_policy(const struct rig *rig)
{
	return generation_current(rig->gs)->policy;
}

static struct script_rule *add(struct policy *policy, enum answer answer)
{
	assert_true(policy->rule_count < SCRIPT_RULES_MAX);
	struct script_rule *rule = &policy->rules[policy->rule_count++];
	rule->kind = VERDICT_BLOCKED;
	rule->answer = answer;
	rule->code = CODE_FILTERED;
	return rule;
}

struct script_rule *script_name(struct policy *policy, const char *name, enum answer answer)
{
	struct script_rule *rule = add(policy, answer);
	struct err err;

	assert_true(name_from_text(str_from(name), &rule->name, &err));
	return rule;
}

struct script_rule *script_address(struct policy *policy, const char *address, enum answer answer)
{
	struct script_rule *rule = add(policy, answer);

	assert_true(strlen(address) < sizeof(rule->address));
	strcpy(rule->address, address);
	return rule;
}

void script_record(struct script_rule *rule, uint16_t type, uint32_t ttl_s, const char *rdata)
{
	uint8_t bytes[16];
	struct name name;
	struct err err;
	struct record record = {.type = type, .ttl_s = ttl_s, .rdata = str_from(rdata)};

	if (type == RRTYPE_A || type == RRTYPE_AAAA) {
		assert_int_equal(inet_pton(type == RRTYPE_A ? AF_INET : AF_INET6, rdata, bytes), 1);
		record.rdata = (struct str){(const char *)bytes, type == RRTYPE_A ? 4 : 16};
	} else if (type == RRTYPE_CNAME) {
		assert_true(name_from_text(str_from(rdata), &name, &err));
		record.rdata = (struct str){(const char *)name.wire, name.len};
	}
	assert_true(records_add(&rule->records, &record));
}

/* ---- match.h ---- */

bool policy_open(const char *path, const struct policy *previous, struct policy **ret, struct err *err)
{
	(void)path;
	(void)previous;
	(void)ret;
	return err_set(err, ERR_IO, "a script is not opened");
}

void policy_close(struct policy *policy)
{
	if (policy == NULL)
		return;
	for (size_t i = 0; i < policy->rule_count; i++)
		buf_finish(&policy->rules[i].records);
	free(policy);
}

const char *policy_bulk_file(const struct policy *policy)
{
	(void)policy;
	return "";
}

struct policy_scratch {
	int unused;
};

struct policy_scratch *policy_scratch_create(void)
{
	return calloc(1, sizeof(struct policy_scratch));
}

void policy_scratch_count(struct policy_scratch *scratch, _Atomic uint64_t *stopped)
{
	(void)scratch, (void)stopped;
}

void policy_scratch_destroy(struct policy_scratch *scratch)
{
	free(scratch);
}

static bool say(const struct policy *policy, const struct script_rule *rule, struct verdict *ret)
{
	if (rule->shadow) {
		ret->shadowed = true;
		return false;
	}
	ret->kind = rule->kind;
	ret->rule = (uint32_t)(rule - policy->rules);
	ret->mandatory = rule->mandatory;
	ret->labels = rule->name.labels;
	return true;
}

bool policy_match(const struct policy *policy, struct policy_scratch *scratch, const struct policy_question *question,
		  int64_t now_s, struct verdict *ret)
{
	assert_non_null(scratch);
	assert_true(now_s > 0);
	script_client = *question->client;
	script_type = question->type;
	script_matched++;
	*ret = (struct verdict){.kind = VERDICT_NONE};
	for (size_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].name.len > 0 && name_eq(&policy->rules[i].name, question->name))
			return say(policy, &policy->rules[i], ret);
	return false;
}

void policy_prepare(const struct policy *policy, const struct name *name, struct policy_prepared *ret)
{
	(void)policy;
	ret->hashes[0] = SCRIPT_PREPARED + name->len;
}

/* Each step belongs to the name it was begun with. */
void policy_fetch(const struct policy *policy, const struct name *name, struct policy_prepared *p)
{
	(void)policy;
	assert_int_equal(p->hashes[0], SCRIPT_PREPARED + name->len);
}

void policy_fetch_records(const struct policy *policy, struct policy_prepared *p)
{
	(void)policy;
	assert_true(p->hashes[0] > SCRIPT_PREPARED);
}

bool policy_match_prepared(const struct policy *policy, struct policy_scratch *scratch, const struct policy_question *question,
			   const struct policy_prepared *prepared, int64_t now_s, struct verdict *ret)
{
	assert_int_equal(prepared->hashes[0], SCRIPT_PREPARED + question->name->len);
	script_matched_prepared++;
	return policy_match(policy, scratch, question, now_s, ret);
}

bool policy_has_answer_addresses(const struct policy *policy)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].address[0] != '\0')
			return true;
	return false;
}

bool policy_match_answer(const struct policy *policy, const struct addr *address, const struct policy_question *question,
			 int64_t now_s, struct verdict *ret)
{
	char text[ADDR_TEXT_MAX];

	(void)now_s;
	assert_non_null(question->client);
	addr_host_to_text(address, text);
	*ret = (struct verdict){.kind = VERDICT_NONE};
	for (size_t i = 0; i < policy->rule_count; i++)
		if (strcmp(policy->rules[i].address, text) == 0)
			return say(policy, &policy->rules[i], ret);
	return false;
}

void policy_answer(const struct policy *policy, const struct verdict *verdict, const struct name *qname, bool owns, int64_t now_s,
		   struct policy_answer *ret)
{
	const struct script_rule *rule = &policy->rules[verdict->rule];

	(void)now_s;
	assert_int_equal(verdict->kind, VERDICT_BLOCKED);
	assert_true(verdict->rule < policy->rule_count);
	assert_true(!owns || name_eq(&rule->name, qname));
	*ret = (struct policy_answer){.answer = rule->answer,
				      .code = rule->code,
				      .ttl_s = rule->ends ? MIN(SCRIPT_TTL_S, rule->left_s) : SCRIPT_TTL_S,
				      .left_s = rule->ends ? rule->left_s : UINT32_MAX,
				      .serial = 1,
				      .extra_text = str_from(rule->text),
				      .records = buf_str(&rule->records),
				      .owner_labels = owns ? verdict->labels : 0};
}

void policy_answer_own(const struct policy *policy, const struct verdict *verdict, const struct name *qname, bool owns,
		       const struct own_answer *own, int64_t now_s, struct policy_answer *a)
{
	(void)policy, (void)verdict, (void)qname, (void)owns, (void)now_s;
	a->answer = own->has_answer ? own->answer : a->answer;
}

bool policy_in_force(const struct policy *policy, const struct verdict *verdict, int64_t now_s)
{
	(void)now_s;
	return !policy->rules[verdict->rule].ends || policy->rules[verdict->rule].left_s > 0;
}

void policy_structured(const struct policy *policy, const struct verdict *verdict, struct policy_structured *ret)
{
	for (size_t form = 0; form < POLICY_STRUCTURED_FORMS; form++)
		ret->forms[form] = str_from(policy->rules[verdict->rule].structured[form]);
}

void policy_info(const struct policy *policy, int64_t now_s, struct policy_info *ret)
{
	(void)now_s;
	*ret = (struct policy_info){.list_count = 1, .entry_count = policy->rule_count};
}

size_t policy_in_force_count(const struct policy *policy, int64_t now_s)
{
	(void)now_s;
	return policy->rule_count;
}

void policy_list(const struct policy *policy, uint16_t list, int64_t now_s, struct policy_list *ret)
{
	(void)policy;
	(void)now_s;
	assert_int_equal(list, 0);
	*ret = (struct policy_list){.name = str_from("script")};
}
