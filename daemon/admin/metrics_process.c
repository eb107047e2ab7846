/* SPDX-License-Identifier: BSD-2-Clause
 *
 * metrics_process.c - what the kernel knows of this process, under the names that all who tell of it use. What it does not tell
 * (no /proc in this root) is left out. */
#include "admin/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static void write_cpu(struct openmetrics *om)
{
	struct rusage used;

	if (getrusage(RUSAGE_SELF, &used) != 0)
		return;
	openmetrics_family(om, OPENMETRICS_COUNTER, "process_cpu_seconds", "Processor time used, in user space and in the kernel.");
	openmetrics_real(om, OPENMETRICS_BARE,
			 (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
			     (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
}

static void write_memory(struct openmetrics *om)
{
	unsigned long long pages = 0, resident = 0;
	long page = sysconf(_SC_PAGESIZE);
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL)
		return;
	bool known = fscanf(f, "%llu %llu", &pages, &resident) == 2; // NOLINT(cert-err34-c): the kernel's own figures
	(void)fclose(f);
	if (!known || page <= 0)
		return;
	openmetrics_gauge(om, "process_virtual_memory_bytes", "Address space taken.", pages * (unsigned long long)page);
	openmetrics_gauge(om, "process_resident_memory_bytes", "Memory in use, shared pages and mapped files included.",
			  resident * (unsigned long long)page);
}

static void write_files(struct openmetrics *om)
{
	struct rlimit limit;
	uint64_t count = 0;
	DIR *dir = opendir("/proc/self/fd");

	if (dir != NULL) {
		while (readdir(dir) != NULL)
			count++;
		(void)closedir(dir);
		/* Not itself, "." and "..". */
		openmetrics_gauge(om, "process_open_fds", "Open file descriptors.", count > 3 ? count - 3 : 0);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		openmetrics_gauge(om, "process_max_fds", "The most there may be.", limit.rlim_cur);
}

void metrics_write_process(const struct metrics_source *source, struct openmetrics *om)
{
	char start[32];

	write_cpu(om);
	write_memory(om);
	write_files(om);
	openmetrics_family(om, OPENMETRICS_GAUGE, "process_start_time_seconds", "When saringd started.");
	(void)snprintf(start, sizeof(start), "%lld.%03lld", (long long)(source->started_at_ms / 1000),
		       (long long)(source->started_at_ms % 1000));
	openmetrics_text(om, start);
}
