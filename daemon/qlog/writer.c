/* SPDX-License-Identifier: BSD-2-Clause */
#include "qlog/writer.h"

#include "base/addr.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/rrtype.h"

#include <errno.h>
#include <string.h>

#define ROW_BYTES 300	   /* of the file, with its texts and in the indexes: seldom more */
#define ROOM_STEPS_MAX 100 /* of trimming, between two batches */

/* ---- one query as a row ---- */

struct row_room {
	struct name name_wire;
	char name[NAME_TEXT_MAX], client[ADDR_TEXT_MAX], type[RRTYPE_TEXT_MAX], rcode[RCODE_TEXT_MAX];
};

static const char *client_text(const struct qlog_query *q, char buf[ADDR_TEXT_MAX])
{
	struct addr a = {.len = 0};

	if (q->client_len == 4) {
		a.in = (struct sockaddr_in){.sin_family = AF_INET};
		a.len = sizeof(a.in);
		memcpy(&a.in.sin_addr, q->client, 4);
	} else if (q->client_len == 16) {
		a.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
		a.len = sizeof(a.in6);
		memcpy(&a.in6.sin6_addr, q->client, 16);
	}
	return a.len == 0 ? "" : addr_host_to_text(&a, buf);
}

static void make_row(const struct qlog_query *q, struct row_room *room, struct row *ret)
{
	*ret = (struct row){.time_us = q->time_us,
			    .took_us = q->took_us,
			    .port = q->port,
			    .blocked = q->blocked,
			    .client = str_from(client_text(q, room->client)),
			    .name = str_from(q->name == NULL ? "" : name_to_text(q->name, room->name)),
			    .type = str_from(q->type == 0 ? "" : rrtype_to_text(q->type, room->type)),
			    .transport = str_from(q->transport),
			    .fate = str_from(q->fate),
			    .rcode = str_from(q->answered ? rcode_to_text(q->rcode, room->rcode) : ""),
			    .verdict = str_from(q->verdict),
			    .list = q->list,
			    .entry = q->entry,
			    .group = q->group,
			    .upstream = q->upstream};
}

/* ---- what fails ---- */

static void say_failing(struct qlog *q, const struct err *err)
{
	pthread_mutex_lock(&q->lock);
	const bool same = q->failing && strcmp(q->info.error, err->text) == 0;
	memcpy(q->info.error, err->text, sizeof(q->info.error));
	const uint64_t dropped = q->info.dropped;
	pthread_mutex_unlock(&q->lock);
	if (same)
		return;
	if (!q->failing)
		q->failing_dropped = dropped;
	q->failing = true;
	log_warning("querylog.failed error=\"%s\"", err->text);
}

static void say_well(struct qlog *q)
{
	if (!q->failing)
		return;
	q->failing = false;
	pthread_mutex_lock(&q->lock);
	q->info.error[0] = '\0';
	const uint64_t dropped = q->info.dropped;
	pthread_mutex_unlock(&q->lock);
	log_info("querylog.resumed file=\"%s\" dropped=%llu", q->mine.path, (unsigned long long)(dropped - q->failing_dropped));
}

static void close_store(struct qlog *q)
{
	rows_close(q->store);
	q->store = NULL;
}

/* The one that is broken is kept for whoever wants to look at it, and the log begins anew. */
static void begin_anew(struct qlog *q, const struct err *why)
{
	struct err err = {0};

	close_store(q);
	if (rows_set_aside(q->mine.path, &err))
		log_warning("querylog.begun_anew file=\"%s\" moved_to=\"%s" ROWS_DAMAGED "\" error=\"%s\"", q->mine.path,
			    q->mine.path, why->text);
	else
		say_failing(q, &err);
}

static void end_badly(struct qlog *q, enum rows_end end, const struct err *err)
{
	if (end == ROWS_BROKEN)
		begin_anew(q, err);
	else
		say_failing(q, err);
}

/* ---- a turn ---- */

static bool have_store(struct qlog *q)
{
	struct err err = {0};
	enum rows_end end = ROWS_OK;

	if (q->store != NULL && rows_is_elsewhere(q->store)) {
		log_warning("querylog.gone file=\"%s\"", q->mine.path);
		close_store(q);
	}
	/* A broken one is moved aside, and then there is none in the way. */
	for (int tries = 0; q->store == NULL && tries < 2; tries++) {
		q->store = rows_open(q->mine.path, q->group, &end, &err);
		if (q->store != NULL || end != ROWS_BROKEN)
			break;
		begin_anew(q, &err);
	}
	if (q->store == NULL)
		end_badly(q, ROWS_LATER, &err);
	return q->store != NULL;
}

/* Of a small file a batch takes no more than half of what is left where trimming begins. */
static size_t batch_rows(const struct qlog *q)
{
	const uint64_t fit = q->mine.bytes_max / 20 / ROW_BYTES + 1;

	return q->mine.bytes_max > 0 && fit < ROWS_BATCH_ROWS ? (size_t)fit : ROWS_BATCH_ROWS;
}

/* One transaction's worth, from *at on. */
static enum rows_end write_some(struct qlog *q, size_t *at, size_t *ret_rows, struct err *err)
{
	const struct str bytes = buf_str(&q->work.bytes);
	const size_t end_at = *at + ROWS_BATCH_BYTES;
	struct qlog_query query;
	struct row_room room;
	struct row row;
	const size_t rows_max = batch_rows(q);
	enum rows_end end = rows_begin(q->store, err);

	for (*ret_rows = 0; end == ROWS_OK && *ret_rows < rows_max && *at < end_at && queue_get(bytes, at, &query, &room.name_wire);
	     ++*ret_rows) {
		make_row(&query, &room, &row);
		end = rows_add(q->store, &row, err);
	}
	return end == ROWS_OK ? rows_commit(q->store, err) : end;
}

/* True when there is more to do. */
static bool trim_some(struct qlog *q)
{
	const struct orders *o = &q->mine;
	const struct rows_bounds bounds = {.before_us = o->retention_s == 0 ? 0 : (clock_wall_s() - o->retention_s) * 1000000,
					   .bytes_max = o->bytes_max};
	struct err err = {0};
	bool more = false;
	enum rows_end end = rows_trim(q->store, &bounds, &more, &err);

	if (end != ROWS_OK)
		end_badly(q, end, &err);
	return end == ROWS_OK && more;
}

/* A burst may bring more than its bound leaves of the file: what is needed is made between two batches, before it is full. */
static void make_room(struct qlog *q)
{
	for (unsigned i = 0; i < ROOM_STEPS_MAX && q->store != NULL && rows_is_tight(q->store, q->mine.bytes_max) && trim_some(q);
	     i++)
		;
}

/* False: what is left is tried again later. */
static bool write_all(struct qlog *q)
{
	struct err err = {0};

	while (q->done < q->work.bytes.len) {
		size_t at = q->done, rows = 0;
		enum rows_end end = write_some(q, &at, &rows, &err);
		if (end != ROWS_OK) {
			end_badly(q, end, &err);
			return false;
		}
		q->done = at;
		q->work.count -= rows;
		pthread_mutex_lock(&q->lock);
		q->info.written += rows;
		pthread_mutex_unlock(&q->lock);
		make_room(q);
		if (q->store == NULL)
			return false;
	}
	buf_reset(&q->work.bytes);
	q->work.count = q->done = 0;
	return true;
}

static void note_size(struct qlog *q)
{
	const uint64_t rows = q->store == NULL ? 0 : rows_count(q->store), bytes = q->store == NULL ? 0 : rows_bytes(q->store);

	pthread_mutex_lock(&q->lock);
	q->info.rows = rows;
	q->info.bytes = bytes;
	pthread_mutex_unlock(&q->lock);
}

/* True when there is more to do at once. */
static bool take_turn(struct qlog *q)
{
	bool more = false, well = false;

	if (!q->mine.on)
		return false;
	if (have_store(q)) {
		well = write_all(q);
		/* Where the file is full by its own bound, trimming is what makes room. */
		more = q->store != NULL && trim_some(q);
	}
	if (well && q->store != NULL)
		say_well(q);
	note_size(q);
	return more;
}

/* ---- its loop ---- */

/* What could not be written to a file that is not to be written any more. */
static void give_up_work(struct qlog *q)
{
	pthread_mutex_lock(&q->lock);
	q->info.dropped += q->work.count;
	pthread_mutex_unlock(&q->lock);
	buf_reset(&q->work.bytes);
	q->work.count = q->done = 0;
}

/* Waits for news. Locked on entry and return. */
static void wait_for_news(struct qlog *q, bool hurry)
{
	struct timespec end;

	writer_until(QLOG_WRITE_MS, &end);
	while (!hurry && !q->orders.stop && orders_name_same_file(&q->orders, &q->mine) &&
	       (q->queue.count < WAKE_ROWS || q->work.count > 0) && pthread_cond_timedwait(&q->news, &q->lock, &end) != ETIMEDOUT)
		;
}

/* The queue, when all that was taken before is done with. Locked. */
static void take_queue(struct qlog *q)
{
	if (q->work.bytes.len > 0)
		return;
	const struct queue work = q->work;
	q->work = q->queue;
	q->queue = work;
}

/* Takes `before`. */
static void follow_orders(struct qlog *q, const struct orders *orders, struct queue *before)
{
	if (!orders_name_same_file(orders, &q->mine)) {
		(void)take_turn(q);
		give_up_work(q);
		buf_finish(&q->work.bytes);
		q->work = *before;
		(void)take_turn(q);
		give_up_work(q);
		close_store(q);
		say_well(q);
	}
	q->mine = *orders;
}

void *writer_main(void *arg)
{
	struct qlog *q = arg;
	bool more = false;

	for (bool stop = false; !stop;) {
		pthread_mutex_lock(&q->lock);
		wait_for_news(q, more);
		const struct orders orders = q->orders;
		struct queue before = {.count = 0};
		const bool another = !orders_name_same_file(&orders, &q->mine);
		if (another) {
			before = q->before;
			q->before = (struct queue){.count = 0};
		} else {
			take_queue(q);
		}
		stop = orders.stop && !another;
		pthread_mutex_unlock(&q->lock);
		follow_orders(q, &orders, &before);
		more = take_turn(q) || another;
	}
	give_up_work(q);
	close_store(q);
	pthread_mutex_lock(&q->lock);
	q->ended = true;
	pthread_cond_signal(&q->ended_cond);
	pthread_mutex_unlock(&q->lock);
	return NULL;
}
