/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fixture.h - policies made by hand for tests: settings and lists without a parser, compiled and opened from memory. */
#ifndef SARING_TEST_POLICY_FIXTURE_H
#define SARING_TEST_POLICY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/compile.h"
#include "policy/explain.h"
#include "policy/image.h"
#include "policy/match.h"

#define FIXTURE_LISTS_MAX 8
#define FIXTURE_ENTRIES_MAX 64
#define NOW_S ((int64_t)1700000000)

struct fixture {
	struct arena arena;
	struct settings settings;
	struct settings_list settings_lists[FIXTURE_LISTS_MAX];
	struct list lists[FIXTURE_LISTS_MAX];
	struct list_entry entries[FIXTURE_LISTS_MAX][FIXTURE_ENTRIES_MAX];
	struct list *list_pointers[FIXTURE_LISTS_MAX];
	int64_t changed_at_s[FIXTURE_LISTS_MAX];
	uint32_t generation;
	int64_t now_s;
	struct buf image;
	struct policy *policy;
	struct policy_scratch *scratch;
};

void fixture_init(struct fixture *f); /* answer nxdomain, ttl 10 */
void fixture_finish(struct fixture *f);
/* Returns the list's number. Its file is "NAME.yaml". */
size_t fixture_list(struct fixture *f, const char *name, enum action action, bool mandatory, enum mode mode);
/* Lines count from 1 in each list; text is parsed as a name unless match is MATCH_REGEX. */
struct list_entry *fixture_entry(struct fixture *f, size_t list, const char *text, enum match match);
struct provenance *fixture_provenance(struct fixture *f, struct list_entry *entry);
void fixture_expires(struct fixture *f, struct list_entry *entry, int64_t at_s);
void fixture_lifted(struct fixture *f, struct list_entry *entry, int64_t at_s);

struct compile_input fixture_input(const struct fixture *f);
void fixture_compile(struct fixture *f); /* into f->image; must succeed */
void fixture_open(struct fixture *f);	 /* compile, open */

struct name name_of(const char *text);
struct name name_of_wire(const char *wire, size_t len); /* any octets; the root label is added */

struct verdict verdict_of(struct fixture *f, const char *name);
struct verdict verdict_at(struct fixture *f, const struct name *name, int64_t now_s);
/* "-", or "block NAME.yaml:LINE", "allow ...", with " +shadow" where it is said. Static memory. */
const char *decision(struct fixture *f, const char *name);
struct policy_answer answer_of(struct fixture *f, const char *name, int64_t now_s); /* must be blocked */

#endif
