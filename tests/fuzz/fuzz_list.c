/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as a YAML list: a list or faults with places, never both; and what is read once reads the same again. */
#include "list/list.h"

#include <string.h>

static void check_entry(const struct list *list, const struct list_entry *entry)
{
	struct name name;
	must(entry->text != NULL && entry->line > 0 && entry->column > 0);
	if (entry->match == MATCH_REGEX) {
		must(entry->name == NULL && strlen(entry->text) <= LIST_REGEX_LEN_MAX);
	} else {
		must(name_from_wire(entry->name, entry->name_len, &name));
		struct name folded = name;
		name_fold(&folded);
		must(name_eq(&name, &folded));
	}
	struct provenance p = list_provenance(entry->provenance, &list->provenance, NULL);
	must((p.lifted != NULL) ==
	     (list->provenance.lifted != NULL || (entry->provenance != NULL && entry->provenance->lifted != NULL)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err_list errors = {0};
	struct str text = {(const char *)data, size};
	struct list *list = list_parse(text, "/list.yaml", "list.yaml", &errors);
	must((list == NULL) == (errors.count > 0));
	for (size_t i = 0; i < errors.count; i++)
		must(errors.items[i].text[0] != '\0' && strcmp(errors.items[i].file, "list.yaml") == 0);
	for (size_t i = 0; list != NULL && i < list->entry_count; i++)
		check_entry(list, &list->entries[i]);
	list_destroy(list);
	err_list_finish(&errors);
	return 0;
}
