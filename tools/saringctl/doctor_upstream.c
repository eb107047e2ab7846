/* SPDX-License-Identifier: BSD-2-Clause
 *
 * doctor_upstream.c - asks each server that saring would ask, from here, by UDP and by TCP, all at once: a thread for each
 * question, which touches nothing but its own probe. */
#include "saringctl/doctor.h"

#include "base/arena.h"
#include "saringctl/dns_client.h"
#include "wire/msg.h"
#include "wire/rrtype.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_MS 3000
#define PROBES_MAX 128 /* two for each server; more servers than that are named, and not asked */

struct probe {
	pthread_t thread;
	bool started, tcp;
	struct addr server;
	struct name name;
	struct dns_result result;
	int64_t took_ms;
};

struct target {
	const char *text;	  /* of the endpoint */
	const char *group;	  /* whose alone it is; NULL: everybody's */
	char zone[NAME_TEXT_MAX]; /* that it is asked about; "": any */
	struct probe *udp, *tcp;
};

static void *probe_run(void *arg)
{
	struct probe *p = arg;
	dns_client_probe(&p->server, &p->name, RRTYPE_SOA, p->tcp, PROBE_MS, &p->result, &p->took_ms);
	return NULL;
}

static const char *outcome(const struct probe *p, char *buf, size_t size)
{
	switch (p->result.outcome) {
	case DNS_ANSWERED:
		(void)snprintf(buf, size, "%lld ms", (long long)p->took_ms);
		return buf;
	case DNS_SILENT:
		return "no answer";
	case DNS_UNREACHABLE:
		return "nobody there";
	case DNS_GARBLED:
		return "an answer that is none";
	}
	return "?";
}

static bool is_answered(const struct probe *p)
{
	return p->result.outcome == DNS_ANSWERED;
}

static const char CHECK_WAY[] =
    "Is the address right, and does a firewall let port 53 through, UDP and TCP? What it says by itself:\n"
    "kdig @%s . SOA";

static void judge(struct doctor *d, const struct target *t)
{
	char name[128], udp[64], tcp[64], host[ADDR_TEXT_MAX];
	const struct dns_result *r = is_answered(t->udp) ? &t->udp->result : &t->tcp->result;
	bool any = is_answered(t->udp) || is_answered(t->tcp), routed = t->zone[0] != '\0';
	bool refuses = any && (r->rcode == RCODE_REFUSED || (!routed && (r->flags & MSG_RA) == 0));
	(void)snprintf(name, sizeof(name), "upstream");
	(void)addr_host_to_text(&t->udp->server, host);
	enum health state = !any || refuses								 ? HEALTH_PROBLEM
			    : !is_answered(t->udp) || !is_answered(t->tcp) || r->rcode == RCODE_SERVFAIL ? HEALTH_WARNING
													 : HEALTH_OK;
	doctor_find(d, state, name, "%s%s%s: UDP %s, TCP %s%s%s", t->text,
		    routed	       ? " for "
		    : t->group != NULL ? " of the group "
				       : "",
		    routed	       ? t->zone
		    : t->group != NULL ? t->group
				       : "",
		    outcome(t->udp, udp, sizeof(udp)), outcome(t->tcp, tcp, sizeof(tcp)),
		    !any			 ? ""
		    : refuses			 ? "; refuses to look up names for others"
		    : r->rcode == RCODE_SERVFAIL ? "; it cannot look up names (SERVFAIL)"
		    : (r->flags & MSG_AD) != 0	 ? "; checks DNSSEC"
		    : routed			 ? ""
						 : "; does not check DNSSEC",
		    "");
	if (state == HEALTH_OK)
		return;
	if (refuses)
		doctor_remedy(d, "Such a server knows its own zones only, or does not serve this machine: name a recursive one "
				 "('upstream.servers'), or let it serve this address.");
	else if (any && !is_answered(t->tcp))
		doctor_remedy(d, "Answers too big for UDP come by TCP: let TCP port %u through to %s.", addr_port(&t->tcp->server),
			      host);
	else
		doctor_remedy(d, CHECK_WAY, host);
}

struct plan {
	struct probe *probes;
	struct target targets[PROBES_MAX / 2];
	size_t count, left_out;
};

/* Who is to be asked twice, for whatever zone or group, is asked once. */
static bool is_planned(const struct plan *p, const struct endpoint *e, const struct name *zone)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct probe *one = p->targets[i].udp;
		if ((p->targets[i].zone[0] != '\0') == (zone != NULL) && addr_eq(&one->server, &e->addr) &&
		    (zone == NULL || name_eq(&one->name, zone)))
			return true;
	}
	return false;
}

static void plan_add(struct plan *p, const struct endpoint *e, const struct name *zone, const char *group)
{
	if (is_planned(p, e, zone))
		return;
	if (p->count == ARRAY_LEN(p->targets)) {
		p->left_out++;
		return;
	}
	struct target *t = &p->targets[p->count];
	t->text = e->text;
	t->group = group;
	t->udp = &p->probes[2 * p->count];
	t->tcp = &p->probes[2 * p->count + 1];
	t->zone[0] = '\0';
	if (zone != NULL)
		(void)name_to_text(zone, t->zone);
	for (int tcp = 0; tcp < 2; tcp++) {
		struct probe *one = tcp ? t->tcp : t->udp;
		*one = (struct probe){.tcp = tcp != 0, .server = e->addr, .result = {.outcome = DNS_SILENT}};
		if (zone != NULL)
			one->name = *zone;
		else
			must(name_from_text(STR_LIT("."), &one->name, NULL));
	}
	p->count++;
}

void doctor_upstream(struct doctor *d)
{
	struct arena arena = {0};
	struct endpoint found[SETTINGS_SERVERS_MAX];
	struct plan *p = base_alloc(sizeof(*p));
	const struct endpoint *servers = d->s->servers;
	size_t count = d->s->server_count;
	p->probes = base_alloc(PROBES_MAX * sizeof(struct probe));
	if (count == 0) {
		count = settings_resolv_conf("/etc/resolv.conf", d->s, found, ARRAY_LEN(found), &arena);
		servers = found;
	}
	for (size_t i = 0; i < count; i++)
		plan_add(p, &servers[i], NULL, NULL);
	for (size_t i = 0; i < d->s->group_count; i++)
		for (size_t k = 0; k < d->s->groups[i].server_count; k++)
			plan_add(p, &d->s->groups[i].servers[k], NULL, d->s->groups[i].name);
	/* of a prefix that is many zones, the first stands for all */
	for (size_t i = 0; i < d->s->route_item_count; i++)
		for (size_t k = 0; d->s->route_items[i].zone_count > 0 && k < d->s->route_items[i].server_count; k++)
			plan_add(p, &d->s->route_items[i].servers[k], &d->s->route_items[i].zones[0].name, NULL);
	for (size_t i = 0; i < 2 * p->count; i++)
		p->probes[i].started = pthread_create(&p->probes[i].thread, NULL, probe_run, &p->probes[i]) == 0;
	for (size_t i = 0; i < 2 * p->count; i++) {
		if (p->probes[i].started)
			(void)pthread_join(p->probes[i].thread, NULL);
		else
			(void)probe_run(&p->probes[i]);
	}
	for (size_t i = 0; i < p->count; i++)
		judge(d, &p->targets[i]);
	if (p->left_out > 0)
		doctor_find(d, HEALTH_UNKNOWN, "upstream", "%zu more servers were not asked", p->left_out);
	free(p->probes);
	free(p);
	arena_finish(&arena);
}
