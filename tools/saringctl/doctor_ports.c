/* SPDX-License-Identifier: BSD-2-Clause
 *
 * doctor_ports.c - the ports that saringd wants: free, its own, or somebody else's, and how that somebody lets go of it. */
#include "saringctl/doctor.h"

#include <string.h>

#define SOCKETS_MAX 64 /* at one port */

/* Programs that sit at port 53, and how they leave it. name: how the process's name begins. */
static const struct {
	const char *name, *remedy;
} usual[] = {
    {"systemd-resolve", "Let systemd-resolved go on, without its listener at port 53, and ask saring:\n"
			"mkdir -p /etc/systemd/resolved.conf.d\n"
			"printf '[Resolve]\\nDNS=127.0.0.1\\nDNSStubListener=no\\n' > /etc/systemd/resolved.conf.d/saring.conf\n"
			"ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf\n"
			"systemctl restart systemd-resolved"},
    {"dnsmasq", "A dnsmasq of libvirt, lxc or NetworkManager needs the address of its bridge alone: let saring listen at the "
		"addresses of this\n"
		"machine instead of a wildcard. One of its own package: 'port=0' in /etc/dnsmasq.conf keeps DHCP and ends DNS, or\n"
		"systemctl disable --now dnsmasq"},
    {"named", "BIND listens everywhere: 'listen-on { ... };' in its options keeps it to other addresses, or\n"
	      "systemctl disable --now named"},
    {"unbound", "'interface:' and 'port:' in unbound.conf move it (and saring can ask it: upstream.servers), or\n"
		"systemctl disable --now unbound"},
    {"docker", "A container publishes the port: stop it, or publish it at another address ('-p 192.0.2.1:53:53/udp').\n"
	       "docker ps --filter publish=53"},
    {"pihole-FTL", "Pi-hole: systemctl disable --now pihole-FTL"},
    {"AdGuardHome", "AdGuard Home: systemctl disable --now AdGuardHome"},
    {"saringd", "Another saringd runs: is it another configuration's? Name it with -c or -s, or\n"
		"systemctl stop saringd"},
};

static bool is_any6(const struct addr *a)
{
	return a->sa.sa_family == AF_INET6 && addr_is_any(a);
}

/* Could both be bound? [::] takes IPv4 too, unless its owner said otherwise, which nobody can see from outside. */
static bool collides(const struct addr *wanted, const struct addr *taken)
{
	if (is_any6(taken) && wanted->sa.sa_family == AF_INET)
		return true;
	return wanted->sa.sa_family == taken->sa.sa_family &&
	       (addr_is_any(wanted) || addr_is_any(taken) || addr_same_host(wanted, taken));
}

static void remedy(struct doctor *d, const char *name, uint16_t port)
{
	for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
		if (strncmp(name, usual[i].name, strlen(usual[i].name)) == 0) {
			doctor_remedy(d, "%s", usual[i].remedy);
			return;
		}
	}
	doctor_remedy(d,
		      "Stop it, move it to another address, or let saring listen elsewhere ('listen' in saring.yaml).\n"
		      "ss -lnptu 'sport = :%u'",
		      port);
}

/* True: somebody else sits there, and that was said. */
static bool find_other(struct doctor *d, const struct endpoint *e, bool tcp, bool *ret_own, bool *ret_known)
{
	struct proc_socket sockets[SOCKETS_MAX];
	uint16_t port = addr_port(&e->addr);
	size_t count = proc_sockets(tcp, port, sockets, ARRAY_LEN(sockets), ret_known);
	for (size_t i = 0; i < count; i++) {
		char name[64] = "", at[ADDR_TEXT_MAX];
		pid_t pid = 0;
		if (!collides(&e->addr, &sockets[i].addr))
			continue;
		bool seen = proc_holder(sockets[i].inode, d->pid, &pid, name, sizeof(name));
		if ((seen && pid == d->pid && d->pid > 0) || (!seen && (d->status != NULL || d->denied))) {
			*ret_own = true; /* whom we may not see is the daemon, if one runs */
			continue;
		}
		(void)addr_to_text(&sockets[i].addr, at);
		if (seen)
			doctor_find(d, HEALTH_PROBLEM, "port", "%s (%s) is taken: %s, process %ld, sits at %s", e->text,
				    tcp ? "TCP" : "UDP", name, (long)pid, at);
		else
			doctor_find(d, HEALTH_PROBLEM, "port", "%s (%s) is taken at %s, by a process that only root may see",
				    e->text, tcp ? "TCP" : "UDP", at);
		remedy(d, name, port);
		return true;
	}
	return false;
}

/* Which of the addresses in use is at fault is said once: at the first. */
static void look_at(struct doctor *d, const struct endpoint *e)
{
	bool own = false, known = false;
	if (addr_port(&e->addr) == 0) {
		doctor_find(d, HEALTH_OK, "port", "%s: whichever is free", e->text);
		return;
	}
	if (find_other(d, e, false, &own, &known) || find_other(d, e, true, &own, &known))
		return;
	if (!known)
		doctor_find(d, HEALTH_UNKNOWN, "port", "%s: /proc/net cannot be read here", e->text);
	else if (own)
		doctor_find(d, HEALTH_OK, "port", "%s: saringd listens there", e->text);
	else if (d->status != NULL) {
		doctor_find(d, HEALTH_PROBLEM, "port",
			    "%s stands in the configuration, and the running saringd does not listen there", e->text);
		doctor_remedy(d, "systemctl restart saringd");
	} else
		doctor_find(d, HEALTH_OK, "port", "%s is free", e->text);
}

void doctor_ports(struct doctor *d)
{
	for (size_t i = 0; i < d->s->listen_count; i++)
		look_at(d, &d->s->listen[i]);
}
