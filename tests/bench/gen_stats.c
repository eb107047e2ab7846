/* SPDX-License-Identifier: BSD-2-Clause */
#include "gen.h"

#include <string.h>
#include <time.h>

#define STEP_BITS 6u /* a histogram's step is 1/64 of the value */
#define STEPS (1u << STEP_BITS)
#define STAT_TICKS 100.0 /* a second in /proc/stat */

/* CPU seconds of a process with all its threads, to the nanosecond; 0 when it is gone. */
static double process_cpu_s(pid_t pid)
{
	clockid_t clock;
	struct timespec t;

	if (pid == 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
		return 0;
	return (double)t.tv_sec + (double)t.tv_nsec / (double)NS_PER_S;
}

static void core_times(unsigned core, double *ret_busy_s, double *ret_steal_s)
{
	char line[512], id[16];
	unsigned long v[8];
	FILE *f = fopen("/proc/stat", "r");

	*ret_busy_s = *ret_steal_s = 0;
	if (f == NULL)
		return;
	int id_len = snprintf(id, sizeof(id), "cpu%u ", core);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, id, (size_t)id_len) != 0 || sscanf(line + id_len, "%lu %lu %lu %lu %lu %lu %lu %lu", &v[0], &v[1],
								     &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 8)
			continue;
		*ret_busy_s = (double)(v[0] + v[1] + v[2] + v[5] + v[6]) / STAT_TICKS; /* all but idle, iowait and steal */
		*ret_steal_s = (double)v[7] / STAT_TICKS;
	}
	fclose(f);
}

void stats_begin(struct stats *s, pid_t pid)
{
	memset(s, 0, sizeof(*s));
	s->pid = pid;
	s->cpu_s = process_cpu_s(pid);
	for (unsigned i = 0; i < 2; i++)
		core_times(i, &s->core_busy_s[i], &s->core_steal_s[i]);
	s->begin_ns = s->interval_begin_ns = s->heard_ns = s->looked_ns = clock_ns();
}

void stats_latency(struct stats *s, uint64_t ns)
{
	uint64_t at = ns;

	if (ns >= STEPS) {
		unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - STEP_BITS;
		at = ((uint64_t)shift << STEP_BITS) + (ns >> shift);
	}
	s->histogram[at < HISTOGRAM_SIZE ? at : HISTOGRAM_SIZE - 1]++;
	if (ns > s->latency_max_ns)
		s->latency_max_ns = ns;
}

/* Nanoseconds where a step of the histogram begins. */
static double step_ns(unsigned step)
{
	if (step < 2 * STEPS)
		return step;
	return (double)((uint64_t)(step % STEPS + STEPS) << (step / STEPS - 1));
}

static double percentile_us(const struct stats *s, double part)
{
	uint64_t all = 0, below = 0;

	for (unsigned i = 0; i < HISTOGRAM_SIZE; i++)
		all += s->histogram[i];
	for (unsigned i = 0; i < HISTOGRAM_SIZE; i++) {
		below += s->histogram[i];
		if (below > 0 && (double)below >= part * (double)all)
			return step_ns(i) / 1000;
	}
	return 0;
}

void stats_look(struct stats *s, uint64_t now_ns, bool got, bool due, bool waited)
{
	/* A look that finds nothing proves silence until now. One that finds something proves none since the look before, unless it
	 * was awaited: the generator may have been off the processor itself. */
	uint64_t until_ns = !got || waited ? now_ns : s->looked_ns;

	if (due && until_ns > s->heard_ns) {
		uint64_t silent_ns = until_ns - s->heard_ns;
		if (silent_ns > s->stall_ns)
			s->stall_ns = silent_ns;
		if (silent_ns > s->stall_interval_ns)
			s->stall_interval_ns = silent_ns;
	}
	if (!waited && now_ns - s->looked_ns > s->absent_ns)
		s->absent_ns = now_ns - s->looked_ns;
	if (got || !due)
		s->heard_ns = now_ns;
	s->looked_ns = now_ns;
}

void stats_interval(struct stats *s, uint64_t now_ns, FILE *out)
{
	double seconds = (double)(now_ns - s->interval_begin_ns) / (double)NS_PER_S;

	fprintf(out, "at=%.1f qps=%.0f stall=%.0f lost=%lu\n", (double)(now_ns - s->begin_ns) / (double)NS_PER_S,
		(double)(s->answered - s->interval_answered) / seconds, (double)s->stall_interval_ns / 1000, s->lost);
	s->interval_begin_ns = now_ns;
	s->interval_answered = s->answered;
	s->stall_interval_ns = 0;
}

void stats_print(struct stats *s, uint64_t end_ns, FILE *out)
{
	double seconds = (double)(end_ns - s->begin_ns) / (double)NS_PER_S,
	       cpu_s = s->pid != 0 ? process_cpu_s(s->pid) - s->cpu_s : 0;
	double busy_s[2], steal_s[2], answered = s->answered > 0 ? (double)s->answered : 1;

	for (unsigned i = 0; i < 2; i++)
		core_times(i, &busy_s[i], &steal_s[i]);
	fprintf(out, "qps=%.0f cpu_us=%.3f core0_us=%.3f sent=%lu answered=%lu lost=%lu wrong=%lu err=%lu late=%lu ",
		(double)s->answered / seconds, cpu_s * 1e6 / answered, (busy_s[0] - s->core_busy_s[0]) * 1e6 / answered, s->sent,
		s->answered, s->lost, s->wrong, s->errors, s->late);
	fprintf(out, "p50=%.1f p99=%.1f p999=%.1f max=%.0f stall=%.0f absent=%.0f ", percentile_us(s, .5), percentile_us(s, .99),
		percentile_us(s, .999), (double)s->latency_max_ns / 1000, (double)s->stall_ns / 1000, (double)s->absent_ns / 1000);
	fprintf(out, "srvcpu=%.0f%% core0=%.0f%% core1=%.0f%% steal=%.2f\n", 100 * cpu_s / seconds,
		100 * (busy_s[0] - s->core_busy_s[0]) / seconds, 100 * (busy_s[1] - s->core_busy_s[1]) / seconds,
		steal_s[0] - s->core_steal_s[0]);
}
