/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/pattern.h"

#include <stdatomic.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* pcre2 asks for frames when backtracking gets deep and doubles what it has; this much serves every doubling up to the heap limit,
 * and the match data besides. Pages that are never touched cost nothing. */
#define SLAB_BYTES ((size_t)PATTERN_HEAP_LIMIT_KIB * 1024 * 3)
#define SLAB_ALIGN 16

struct pattern {
	pcre2_code *code;
};

struct policy_scratch {
	pcre2_general_context *general;
	pcre2_match_context *limits;
	pcre2_match_data *data;
	uint8_t *slab;		   /* owned */
	size_t floor;		   /* below lies the match data */
	size_t top;		   /* next free byte */
	unsigned live;		   /* blocks above floor: at none, all of it is free again */
	size_t left;		   /* steps of this question */
	size_t steps;		   /* of them, those of the expression under way */
	_Atomic uint64_t *stopped; /* borrowed; may be NULL */
};

/* Called before each item of an expression is tried. */
static int on_step(pcre2_callout_block *block, void *arg)
{
	struct policy_scratch *s = arg;
	(void)block;
	if (s->steps == 0)
		return PCRE2_ERROR_MATCHLIMIT;
	s->steps--;
	return 0;
}

/* The thread that matches is the only one that writes it. */
static void count_stopped(const struct policy_scratch *s)
{
	if (s->stopped != NULL)
		atomic_store_explicit(s->stopped, atomic_load_explicit(s->stopped, memory_order_relaxed) + 1, memory_order_relaxed);
}

static void *slab_alloc(size_t size, void *arg)
{
	struct policy_scratch *s = arg;
	if (size > SLAB_BYTES || SLAB_BYTES - s->top < size)
		return NULL; /* pcre2 ends the match: no match */
	void *p = s->slab + s->top;
	s->top += (size + SLAB_ALIGN - 1) / SLAB_ALIGN * SLAB_ALIGN;
	if (s->top > SLAB_BYTES)
		s->top = SLAB_BYTES;
	s->live++;
	return p;
}

static void slab_free(void *block, void *arg)
{
	struct policy_scratch *s = arg;
	if (block == NULL)
		return;
	if (--s->live == 0)
		s->top = s->floor;
}

struct policy_scratch *policy_scratch_create(void)
{
	struct policy_scratch *s = base_alloc(sizeof(*s));
	s->slab = malloc(SLAB_BYTES); /* not zeroed: untouched pages stay the kernel's */
	must(s->slab != NULL);
	s->general = pcre2_general_context_create(slab_alloc, slab_free, s);
	must(s->general != NULL);
	s->limits = pcre2_match_context_create(s->general);
	s->data = pcre2_match_data_create(1, s->general);
	must(s->limits != NULL && s->data != NULL);
	s->floor = s->top;
	s->live = 0;
	(void)pcre2_set_match_limit(s->limits, PATTERN_MATCH_LIMIT);
	(void)pcre2_set_depth_limit(s->limits, PATTERN_DEPTH_LIMIT);
	(void)pcre2_set_heap_limit(s->limits, PATTERN_HEAP_LIMIT_KIB);
	(void)pcre2_set_callout(s->limits, on_step, s);
	pattern_begin(s, 0);
	return s;
}

void policy_scratch_destroy(struct policy_scratch *scratch)
{
	if (scratch == NULL)
		return;
	free(scratch->slab); /* everything of pcre2's lies in it */
	free(scratch);
}

void policy_scratch_count(struct policy_scratch *scratch, _Atomic uint64_t *stopped)
{
	scratch->stopped = stopped;
}

void pattern_begin(struct policy_scratch *scratch, size_t patterns)
{
	scratch->left = PATTERN_STEPS_ALL + PATTERN_STEPS_EACH * patterns;
}

bool pattern_compile(struct str text, struct pattern **ret, size_t *ret_offset, struct err *err)
{
	return pattern_compile_as(text, false, ret, ret_offset, err);
}

bool pattern_compile_as(struct str text, bool caseless, struct pattern **ret, size_t *ret_offset, struct err *err)
{
	/* Subjects are ASCII: an expression may not switch to UTF, and `$` means the end, not before a newline. Every item calls
	 * on_step: that costs an ordinary expression next to nothing, as most are told from a name's letters without being tried.
	 */
	const uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY |
				 PCRE2_AUTO_CALLOUT | (caseless ? PCRE2_CASELESS : 0u);
	int code = 0;
	PCRE2_SIZE offset = 0;
	pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, &code, &offset, NULL);
	if (compiled == NULL) {
		unsigned char why[160] = "";
		(void)pcre2_get_error_message(code, why, sizeof(why));
		if (ret_offset != NULL)
			*ret_offset = offset;
		return err_set(err, ERR_INPUT, "the regular expression is not valid at its character %zu: %s", (size_t)offset + 1,
			       (char *)why);
	}
	struct pattern *pattern = base_alloc(sizeof(*pattern));
	pattern->code = compiled;
	*ret = pattern;
	return true;
}

void pattern_destroy(struct pattern *pattern)
{
	if (pattern == NULL)
		return;
	pcre2_code_free(pattern->code);
	free(pattern);
}

bool pattern_match(const struct pattern *pattern, struct policy_scratch *scratch, struct str subject)
{
	must(scratch != NULL);
	const size_t given = MIN((size_t)PATTERN_STEPS_ONE, scratch->left);
	scratch->steps = given;
	/* Negative is no match, or a bound met. Zero means "matched, with more groups than the match data holds". */
	int rc = pcre2_match(pattern->code, (PCRE2_SPTR)subject.ptr, subject.len, 0, PCRE2_NO_JIT, scratch->data, scratch->limits);
	scratch->left -= given - scratch->steps;
	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
		count_stopped(scratch);
	return rc >= 0;
}

bool pattern_glob(struct policy_scratch *scratch, struct str pattern, const struct subject *subject, bool above)
{
	must(scratch != NULL);
	const size_t given = MIN((size_t)PATTERN_STEPS_ONE, scratch->left) * PATTERN_GLOB_STEPS;
	size_t steps = given;
	bool matches = above ? glob_match_above(pattern, subject, &steps) : glob_match(pattern, subject_str(subject), &steps);
	scratch->left -= (given - steps) / PATTERN_GLOB_STEPS;
	if (steps == 0 && !matches)
		count_stopped(scratch);
	return matches;
}
