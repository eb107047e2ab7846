/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fixture.h - policies for tests: from settings and the text of lists by way of segments and images to a struct policy. Everything
 * that must work asserts that it does. */
#ifndef SARING_TEST_POLICY_FIXTURE_H
#define SARING_TEST_POLICY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compile/compile.h"
#include "list/lifts.h"
#include "policy/explain.h"
#include "policy/image.h"
#include "policy/match.h"

#define FIXTURE_LISTS_MAX 16
#define NOW_S ((int64_t)1700000000) /* 2023-11-14T22:13:20Z */

/* What saring.yaml would say of a list, and the list. Zeroes: not said. */
struct fixture_list {
	const char *name;
	const char *text;   /* of the list, in its format; borrowed for fixture_add only */
	size_t len;	    /* 0: text is terminated */
	enum format format; /* FORMAT_AUTO (not said) is YAML here: most tests' lists are */
	bool has_action, has_match, has_answer;
	enum action action; /* counts with has_action only, as match and answer do */
	enum match match;
	enum answer answer;
	bool mandatory, may_allow;
	bool bulk; /* in the bulk tier although it is YAML */
	enum mode mode;
	struct provenance provenance; /* borrowed */
};

struct fixture {
	struct arena arena;
	struct settings settings;				/* may be changed until fixture_compile */
	struct settings_list settings_lists[FIXTURE_LISTS_MAX]; /* so may these */
	struct source sources[FIXTURE_LISTS_MAX];
	uint32_t generation;
	int64_t now_s;
	struct lifts *lifts;  /* owned; NULL: none */
	struct buf images[2]; /* by enum image_tier; the bulk one is empty when no list is bulk */
	struct policy *policy;
	struct policy_scratch *scratch;
};

void fixture_init(struct fixture *f); /* answer nxdomain, ttl 10, no lists */
void fixture_finish(struct fixture *f);
/* A test with the fixture f, which is set up for it and finished after it. */
int fixture_set_up(void **state); /* *state: the fixture */
int fixture_tear_down(void **state);
#define FIXTURE_TEST(test, f) cmocka_unit_test_prestate_setup_teardown(test, fixture_set_up, fixture_tear_down, f)
/* Returns the list's number in settings. Its file is "NAME.yaml", or "NAME.txt" when it is of another format. */
size_t fixture_add(struct fixture *f, const struct fixture_list *list);
/* A YAML list from names and expressions, blank-separated, one a line from line 2 on: "x.example" is a subtree, "=x.example"
 * exact, "*.x.example" subdomains, "/re/" an expression (without blanks), each perhaps with "!expires=2030-01-01" or "!lifted=..."
 * behind it. */
size_t fixture_names(struct fixture *f, const char *name, enum action action, bool mandatory, enum mode mode, const char *names);
/* fixture_add for each, and fixture_open at now_s. */
void fixture_policy(struct fixture *f, const struct fixture_list *lists, size_t count, int64_t now_s);

struct compile_input fixture_input(const struct fixture *f, enum image_tier tier); /* bulk_hash: of images[IMAGE_BULK] as it is */
/* What stands in the file of lifts, from "LIST NAME TIME[ allow]" lines; before fixture_compile. */
void fixture_lifts(struct fixture *f, const char *lines);
void fixture_compile(struct fixture *f); /* both tiers, into f->images */
void fixture_open(struct fixture *f);	 /* compile, open; again: a new policy */

struct name name_of(const char *text);
struct name name_of_wire(const char *wire, size_t len); /* any octets; the root label is added */

/* Asked for A by nobody known. */
struct verdict verdict_of(struct fixture *f, const char *name);
struct verdict verdict_at(struct fixture *f, const struct name *name, int64_t now_s);
/* type 0: A; client NULL: not known */
struct verdict verdict_for(struct fixture *f, const char *name, uint16_t type, const char *client);
/* "-", or "block FILE:LINE", "allow ...", with " +shadow" where it is said. Asserts that policy_explain names the same one. Static
 * memory. */
const char *decision(struct fixture *f, const char *name);
const char *decision_for(struct fixture *f, const char *name, uint16_t type, const char *client);
struct policy_answer answer_of(struct fixture *f, const char *name, int64_t now_s); /* must be blocked */

#endif
