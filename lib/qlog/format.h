/* SPDX-License-Identifier: BSD-2-Clause
 *
 * format.h - what the query log's file is: an SQLite database, written by saringd (daemon/qlog) and read by saringctl and whoever
 * has sqlite3.
 *
 *      log       a row for each query. id: when it was finished, in microseconds since the epoch; of several in one microsecond
 *                each takes the next that is free. So a row needs neither a column nor an index for its time, and the oldest
 *                rows are the first of the tree.
 *      names, clients, lists, entries, words     texts that rows name by id
 *      state     how many rows there are
 *      queries   a view for people: a row for each query with its texts
 *
 * NULL stands for what there was not, or what log.privacy does not let be written. */
#ifndef SARING_QLOG_FORMAT_H
#define SARING_QLOG_FORMAT_H

enum qlog_format {
	QLOG_APPLICATION_ID = 0x7361726c, /* "sarl", in the file's header */
	QLOG_SCHEMA = 1,		  /* user_version; a reader takes no other */
};
#define QLOG_FILE "queries.db" /* below state, where nothing else is said */

#endif
