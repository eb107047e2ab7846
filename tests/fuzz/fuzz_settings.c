/* SPDX-License-Identifier: BSD-2-Clause
 * Any bytes as saring.yaml: errors with places, in order, or settings that keep every promise of settings.h. */
#include "settings/load.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_servers(const struct settings *s, const struct endpoint *servers, size_t count)
{
	must(count <= SETTINGS_SERVERS_MAX);
	for (size_t i = 0; i < count; i++) {
		must(addr_port(&servers[i].addr) != 0 && !addr_is_any(&servers[i].addr) && !settings_is_self(s, &servers[i].addr));
		must(strncmp(servers[i].text, "dns://", 6) == 0 && servers[i].line > 0 && servers[i].column > 0);
	}
}

static void check_lists(const struct settings *s)
{
	must(s->list_count <= SETTINGS_LISTS_MAX);
	bool address = s->block_answer == ANSWER_ADDRESS;
	for (size_t i = 0; i < s->list_count; i++) {
		const struct settings_list *list = &s->lists[i];
		must(list->name != NULL && strlen(list->name) >= 1 && strlen(list->name) <= 64 &&
		     strpbrk(list->name, "/ \n") == NULL);
		must(list->file != NULL && list->file[0] == '/' && list->file_shown != NULL);
		must(list->match != MATCH_REGEX && list->provenance.lifted == NULL && list->line > 0);
		must(list->max_change_percent <= 1000 && (list->refresh_s == 0 || list->refresh_s >= 60));
		must(list->url == NULL ||
		     (list->file_shown == list->url && list->name[0] != '.' && strncmp(list->url, "http", 4) == 0 &&
		      strcmp(strrchr(list->file, '/') + 1, list->name) == 0));
		address |= list->has_answer && list->answer == ANSWER_ADDRESS;
		for (size_t j = 0; j < i; j++)
			must(strcmp(list->name, s->lists[j].name) != 0);
	}
	must(!address || s->address_count > 0);
}

static void check_settings(const struct settings *s)
{
	must(s->listen_count >= 1 && s->listen_count <= SETTINGS_LISTEN_MAX);
	must(s->workers <= SETTINGS_WORKERS_MAX && s->allow_count <= SETTINGS_ALLOW_MAX &&
	     s->address_count <= SETTINGS_ADDRESSES_MAX);
	must(s->timeout_ms >= 100 && s->block_ttl_s <= 3600);
	must(s->min_ttl_s >= 0 && s->min_ttl_s <= s->max_ttl_s && s->min_ttl_s <= s->max_negative_ttl_s && s->serve_stale_s >= 0);
	must(s->control_socket[0] == '/' && strlen(s->control_socket) <= 107 && s->state[0] == '/');
	check_servers(s, s->servers, s->server_count);
	must(s->route_count <= SETTINGS_ZONES_MAX);
	for (size_t i = 0; i < s->route_count; i++) {
		must(s->routes[i].zone.len > 0 && s->routes[i].server_count > 0);
		check_servers(s, s->routes[i].servers, s->routes[i].server_count);
	}
	check_lists(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err_list errors = {0};
	struct settings *s = settings_parse((struct str){(const char *)data, size}, "/etc/saring/saring.yaml", &errors);
	must((s == NULL) == (errors.count > 0));
	if (s != NULL)
		check_settings(s);
	for (size_t i = 0; i < errors.count; i++) {
		const struct err *err = &errors.items[i];
		must(err->text[0] != '\0' && strchr(err->text, '\033') == NULL);
		must(err->line > 0 || size > SETTINGS_BYTES_MAX);
		must(i == 0 || errors.items[i - 1].line < err->line ||
		     (errors.items[i - 1].line == err->line && errors.items[i - 1].column <= err->column));
	}
	err_list_finish(&errors);
	settings_destroy(s);
	return 0;
}
