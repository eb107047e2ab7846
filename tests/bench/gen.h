/* SPDX-License-Identifier: BSD-2-Clause
 *
 * gen.h - the parts of the load generator: what is asked (gen_query.c), how it is asked (gen_load.c), what is told of it
 * (gen_stats.c). One thread; whatever is impossible ends the program with a sentence. */
#ifndef SARING_BENCH_GEN_H
#define SARING_BENCH_GEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull
#define QUERY_MAX 300u	 /* header, name, type and class, OPT */
#define QUERY_LABEL 12u	 /* letters of the fresh label of class U */
#define QUERY_HEADER 12u /* octets */
#define HISTOGRAM_SIZE 4096u

struct gen_options {
	const char *path;	   /* of the queries */
	struct sockaddr_in server; /* IPv4 only: the rows compare servers, not address families */
	double seconds;
	double rate; /* queries a second, open loop; 0: closed loop */
	unsigned window;
	unsigned clients; /* sockets */
	pid_t pid;	  /* whose CPU time is told; 0: nobody's */
	uint64_t count;	  /* stop after so many; 0: by time alone */
	double interval_s;
	bool busy;
	bool edns;
};

uint64_t clock_ns(void);
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

/* ---- gen_query.c ---- */

enum kind {
	KIND_BLOCKED = 'B',   /* NXDOMAIN, NODATA or an address that is not the upstream's */
	KIND_FORWARDED = 'F', /* the upstream's 192.0.2.1 */
	KIND_UNIQUE = 'U',    /* as F; asked below a label that was never used before */
	KIND_ERROR = 'E',     /* of answers alone: no answer, or an rcode other than NOERROR and NXDOMAIN */
};

struct query {
	uint16_t len;
	uint8_t kind;
	uint8_t bytes[QUERY_MAX];
};

/* NAME as a query of class A, IN; false when it is no name. */
bool query_encode(const char *name, enum kind kind, bool edns, struct query *ret);
/* Lines "CLASS NAME". */
struct query *queries_read(const char *path, bool edns, size_t *ret_count);
/* The fresh label made of a number; every number gives another one. */
void query_label(uint8_t *label, uint64_t number);
enum kind answer_kind(const uint8_t *bytes, size_t len);
/* Does the answer repeat the question, octet for octet? number: of the fresh label, for class U. */
bool answer_matches(const struct query *query, uint64_t number, const uint8_t *bytes, size_t len);

/* ---- gen_stats.c ---- */

struct stats {
	uint64_t sent, answered, lost, wrong, errors, late;
	uint64_t histogram[HISTOGRAM_SIZE]; /* of latency, log-linear, steps of 1/64 */
	uint64_t latency_max_ns;
	/* silence: how long nothing was answered though something was due, as far as the generator itself was there to see it */
	uint64_t heard_ns;  /* the last answer, or the first query after a time when nothing was asked */
	uint64_t looked_ns; /* when it last looked for answers */
	uint64_t stall_ns, stall_interval_ns;
	uint64_t absent_ns; /* the longest time between two looks without waiting: what the machine took from the generator */
	/* where the clocks stood */
	uint64_t begin_ns, interval_begin_ns, interval_answered;
	double cpu_s, core_busy_s[2], core_steal_s[2];
	pid_t pid;
};

void stats_begin(struct stats *s, pid_t pid);
void stats_latency(struct stats *s, uint64_t ns);
/* A look for answers: got says whether there were any, due whether something was awaited, waited that it slept before. */
void stats_look(struct stats *s, uint64_t now_ns, bool got, bool due, bool waited);
/* One line "at=SECONDS qps=... stall=..." of the interval that ends now. */
void stats_interval(struct stats *s, uint64_t now_ns, FILE *out);
/* The line of results. */
void stats_print(struct stats *s, uint64_t end_ns, FILE *out);

/* ---- gen_load.c ---- */

void load_run(const struct gen_options *options, struct query *queries, size_t count);

#endif
