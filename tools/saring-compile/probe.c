/* SPDX-License-Identifier: BSD-2-Clause */
#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "list/list.h"
#include "import/report.h"
#include "import/signed_list.h"
#include "saring-compile/enclose.h"
#include "saring-compile/work.h"

#define REFUSAL "this is no list of names: " /* what segment_import says before it says what it looks like */

/* Is it what the key has signed, and no older than what is in force? */
static bool is_signed(const struct options *o, struct str text, struct err *err)
{
	struct minisign_key key;
	struct signed_record record;
	struct signed_verdict verdict = {.serial = 0};
	if (!minisign_key_from_text(str_from(o->key), &key))
		return err_set(err, ERR_USAGE, "'%s' is not a public key of minisign", o->key);
	if (!signed_record_read(o->state, o->list, &record, err))
		return false;
	const struct signed_question question = {
	    .key = &key, .key_text = o->key, .signature = o->signature, .shown = "its signature", .record = &record};
	if (!signed_judge(&question, text, &verdict, err))
		return false;
	buf_finish(&verdict.signature);
	return true;
}

static json_t *not_signed(const struct err *err)
{
	char text[sizeof(*err)];
	(void)err_format(err, text, sizeof(text));
	json_t *why = json_string(text);
	return json_pack("{s:o, s:b}", "refused", why == NULL ? json_string("its signature is not UTF-8") : why, "signed", 0);
}

static json_t *refusal(const struct err_list *errors)
{
	must(errors->items != NULL);
	const struct err *first = &errors->items[0];
	char text[sizeof(first->text) + 64];
	if (strncmp(first->text, REFUSAL, strlen(REFUSAL)) == 0 || first->line <= 1)
		(void)snprintf(text, sizeof(text), "%s",
			       first->text + (strncmp(first->text, REFUSAL, strlen(REFUSAL)) == 0 ? strlen(REFUSAL) : 0));
	else
		(void)snprintf(text, sizeof(text), "line %u: %s", first->line, first->text);
	json_t *why = json_string(text);
	return json_pack("{s:o}", "refused", why == NULL ? json_string("it is not UTF-8") : why);
}

int probe_run(const struct options *o)
{
	const struct segment_settings how = {.format = o->format, .action = ACTION_BLOCK, .may_allow = o->may_allow};
	struct err_list errors = {NULL, 0, 0};
	struct err err = {.code = ERR_NONE};
	struct buf text = {NULL, 0, 0};
	struct segment *s = NULL;
	bool unsigned_ = false;
	(void)enclose(o, NULL);
	/* as source.c has it, so that what is taken can be read */
	if (file_read(o->probe, o->format == FORMAT_YAML ? LIST_BYTES_MAX : SOURCE_BYTES_MAX, &text, &err))
		unsigned_ = o->key != NULL && !is_signed(o, buf_str(&text), &err);
	else
		err_list_add(&errors, &err);
	if (err.code == ERR_NONE)
		s = segment_import(buf_str(&text), &how, o->probe, o->probe, &errors);
	json_t *report = s != NULL ? report_to_json(segment_report(s)) : unsigned_ ? not_signed(&err) : refusal(&errors);
	must(report != NULL);
	bool written = json_dumpf(report, stdout, JSON_COMPACT) == 0 && fputc('\n', stdout) != EOF && fflush(stdout) == 0;
	bool ok = s != NULL && written;
	json_decref(report);
	segment_destroy(s);
	err_list_finish(&errors);
	buf_finish(&text);
	return ok ? 0 : 1;
}
