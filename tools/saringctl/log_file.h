/* SPDX-License-Identifier: BSD-2-Clause
 *
 * log_file.h - queries out of the query log's file (qlog/format.h), for `log --since`: it is read as it lies there, so that it
 * matters neither whether the daemon runs nor how long ago a query was. */
#ifndef SARINGCTL_LOG_FILE_H
#define SARINGCTL_LOG_FILE_H

#include "base/base.h"
#include "base/err.h"

#include <jansson.h>

struct log_file_ask {
	const char *path;
	int64_t since_us, until_us; /* until_us 0: up to now */
	const char *client;	    /* an address or a prefix; "": any */
	const char *name;	    /* and all below it; NULL: any */
	bool blocked;		    /* those alone, and what a list in mode shadow would have blocked */
	size_t limit;		    /* the newest */
};
/* An array as the daemon's `log` gives it, oldest first. */
MUST_CHECK bool log_file_read(const struct log_file_ask *ask, json_t **ret, struct err *err);

#endif
