/* SPDX-License-Identifier: BSD-2-Clause
 *
 * impact_report.h - an impact as it is told, to people and to programs. One thread. */
#ifndef SARING_SARINGCTL_IMPACT_REPORT_H
#define SARING_SARINGCTL_IMPACT_REPORT_H

#include "saringctl/impact.h"
#include "saringctl/popular.h"

struct impact_told {
	struct impact impact;
	struct day day;
	bool has_day, has_popular;
	struct popular popular;
	struct impact_sum sum; /* has_day */
	uint64_t clients;      /* that asked the most frequent names that are hit, about */
};
void impact_report(const struct output *o, const struct impact_told *told);

#endif
