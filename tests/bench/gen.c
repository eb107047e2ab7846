/* SPDX-License-Identifier: BSD-2-Clause
 *
 * gen - a load generator for DNS over UDP, one thread; every answer is checked: its question, and what was to be answered.
 *
 * gen -q FILE -s IP:PORT [-t SECONDS] [-w WINDOW | -r RATE] [-c CLIENTS] [-n COUNT] [-p PID] [-i SECONDS] [-b] [-e]
 *
 *   -w  closed loop, so many queries outstanding, split over the clients (128)
 *   -r  open loop at so many a second; latency counts from when a query was due (no coordinated omission)
 *   -c  so many sockets, each with a port of its own: SO_REUSEPORT spreads them over a server's workers (1)
 *   -n  stop after so many queries (one pass fills a cache)
 *   -p  tell the CPU time of that process too, all of its threads
 *   -i  a line of figures every so many seconds, before the last one of all
 *   -b  never sleep: a generator that waits has to be woken up, and the waking is charged to the server. It yields the processor
 *       whenever nothing came, so that an upstream beside it gets its turn
 *   -e  queries with EDNS
 *
 * gen -W NAME -s IP:PORT [-t SECONDS] [-x B|F] [-u]
 *
 * asks NAME (-u: a fresh label below it) every 2 ms until the answer is of that class, and prints the milliseconds it took.
 *
 * FILE has lines "CLASS NAME": B must be answered as blocked, F as forwarded, U as F below a fresh label. Forwarded means that the
 * first answer is 192.0.2.1; blocked is NXDOMAIN, NODATA or any other address. */
#include "gen.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WAIT_NS (2 * NS_PER_MS)
#define ANSWER_MAX 1500u

uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("gen: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

/* Asks until the answer is of the class wanted; true when it came to that. */
static bool wait_for(const struct gen_options *options, const char *name, enum kind want, bool fresh)
{
	struct query query;
	uint8_t bytes[ANSWER_MAX];
	uint64_t begin_ns = clock_ns();
	uint16_t id = 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&options->server, sizeof(options->server)) != 0)
		die("no socket");
	if (!query_encode(name, fresh ? KIND_UNIQUE : KIND_BLOCKED, options->edns, &query))
		die("'%s' is no name", name);
	while ((double)(clock_ns() - begin_ns) < options->seconds * (double)NS_PER_S) {
		id++;
		query.bytes[0] = (uint8_t)(id >> 8);
		query.bytes[1] = (uint8_t)id;
		if (fresh)
			query_label(&query.bytes[QUERY_HEADER + 1], clock_ns());
		if (send(fd, query.bytes, query.len, 0) < 0)
			(void)recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT); /* takes what ICMP said off the socket */
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		struct timespec wait = {.tv_nsec = (long)WAIT_NS};
		if (ppoll(&readable, 1, &wait, NULL) <= 0)
			continue;
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n > (ssize_t)QUERY_HEADER && answer_kind(bytes, (size_t)n) == want) {
			printf("%.1f\n", (double)(clock_ns() - begin_ns) / (double)NS_PER_MS);
			return true;
		}
		nanosleep(&wait, NULL);
	}
	puts("never");
	return false;
}

static void parse_server(char *text, struct sockaddr_in *ret)
{
	char *colon = strrchr(text, ':');

	*ret = (struct sockaddr_in){.sin_family = AF_INET};
	if (colon == NULL)
		die("-s takes IP:PORT");
	*colon = '\0';
	ret->sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, text, &ret->sin_addr) != 1 || ret->sin_port == 0)
		die("-s takes IP:PORT, IPv4");
}

int main(int argc, char **argv)
{
	struct gen_options options = {.seconds = 2, .window = 128, .clients = 1};
	const char *wait_name = NULL;
	enum kind want = KIND_BLOCKED;
	bool fresh = false;
	int o;

	while ((o = getopt(argc, argv, "q:s:t:w:r:c:n:p:i:beW:x:u")) != -1) {
		switch (o) {
		case 'q':
			options.path = optarg;
			break;
		case 's':
			parse_server(optarg, &options.server);
			break;
		case 't':
			options.seconds = strtod(optarg, NULL);
			break;
		case 'w':
			options.window = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'r':
			options.rate = strtod(optarg, NULL);
			break;
		case 'c':
			options.clients = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'n':
			options.count = strtoull(optarg, NULL, 10);
			break;
		case 'p':
			options.pid = (pid_t)strtol(optarg, NULL, 10);
			break;
		case 'i':
			options.interval_s = strtod(optarg, NULL);
			break;
		case 'b':
			options.busy = true;
			break;
		case 'e':
			options.edns = true;
			break;
		case 'W':
			wait_name = optarg;
			break;
		case 'x':
			want = *optarg == 'F' ? KIND_FORWARDED : KIND_BLOCKED;
			break;
		case 'u':
			fresh = true;
			break;
		default:
			return 2;
		}
	}
	if (options.server.sin_port == 0 || (options.path == NULL) == (wait_name == NULL)) {
		fprintf(stderr, "usage: gen -q FILE -s IP:PORT ... | -W NAME -s IP:PORT ...; see the head of gen.c\n");
		return 2;
	}
	prctl(PR_SET_TIMERSLACK, 1);
	if (wait_name != NULL)
		return wait_for(&options, wait_name, want, fresh) ? 0 : 1;
	size_t count;
	struct query *queries = queries_read(options.path, options.edns, &count);
	load_run(&options, queries, count);
	free(queries);
	return 0;
}
