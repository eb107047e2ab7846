/* SPDX-License-Identifier: BSD-2-Clause
 * Any bytes as the file of lifts: faults with places, or lifts that are whole; and what is written of them reads the same. */
#include "list/lifts.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct lifts *l)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct lift *one = &l->items[i];
		struct name name, own;
		must(one->list != NULL && one->list[0] != '\0' && one->provenance.lifted != NULL);
		must(name_from_wire(one->name, one->name_len, &own));
		must(name_from_text(str_from(one->text), &name, NULL) && name_eq(&name, &own));
		must(!lift_holds(one) || lifts_find(l, one->list, &own, one->action) == one);
	}
}

static bool text_eq(const char *a, const char *b)
{
	return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static void compare(const struct lifts *a, const struct lifts *b)
{
	must(a->count == b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct lift *x = &a->items[i], *y = &b->items[i];
		must(text_eq(x->list, y->list) && text_eq(x->text, y->text) && x->action == y->action);
		must(x->provenance.lifted_s == y->provenance.lifted_s &&
		     text_eq(x->provenance.lifted_by, y->provenance.lifted_by) &&
		     text_eq(x->provenance.lift_reason, y->provenance.lift_reason) &&
		     text_eq(x->provenance.lift_reference, y->provenance.lift_reference));
		must(text_eq(x->dropped, y->dropped) && text_eq(x->restored, y->restored));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err_list errors = {0};
	struct buf text = {NULL, 0, 0};
	struct lifts *l = lifts_parse((struct str){(const char *)data, size}, "lifts.yaml", &errors);
	must((l == NULL) == (errors.count > 0));
	for (size_t i = 0; i < errors.count; i++)
		must(errors.items[i].text[0] != '\0');
	err_list_finish(&errors);
	if (l == NULL)
		return 0;
	check(l);
	lifts_text(l, &text);
	struct lifts *again = lifts_parse(buf_str(&text), "lifts.yaml", &errors);
	must(again != NULL && errors.count == 0);
	compare(l, again);
	lifts_destroy(again);
	lifts_destroy(l);
	buf_finish(&text);
	return 0;
}
