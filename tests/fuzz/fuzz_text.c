/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as text that is shown: in quotes (str_escape), in the JSON of the control socket, in a line of the log. Whatever it is,
 * a line stays one line, JSON stays JSON, all is UTF-8 without a control character, and where nothing was cut the text can be had
 * back. The first octet is the size of a buffer, the second that of a word in front. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "ctl/proto.h"

#define TEXT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing that steers a terminal: C0, DEL, C1. */
static void check_harmless(struct str s)
{
	must(str_is_utf8(s));
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		must(c >= 0x20 && c != 0x7f);
		must(c != 0xc2 || (unsigned char)s.ptr[i + 1] >= 0xa0);
	}
}

/* The text that was escaped so. */
static void check_round_trip(struct str text, const char *escaped)
{
	size_t at = 0;
	for (const char *p = escaped; *p != '\0'; at++) {
		unsigned c = (unsigned char)*p++;
		if (c == '\\' && *p >= '0' && *p <= '9') {
			c = (unsigned)(p[0] - '0') * 100 + (unsigned)(p[1] - '0') * 10 + (unsigned)(p[2] - '0');
			p += 3;
		} else if (c == '\\') {
			c = (unsigned char)*p++;
		}
		must(at < text.len && c == (unsigned char)text.ptr[at]);
	}
	must(at == text.len);
}

static void check_escape(struct str text, size_t size, bool keep_utf8)
{
	static char buf[4 * TEXT_MAX + 1];
	memset(buf, 'x', sizeof(buf));
	must(str_escape(text, keep_utf8, buf, size) == buf);
	if (size > 0) {
		must(memchr(buf, '\0', size) != NULL);
		check_harmless(str_from(buf));
	}
	must(buf[size] == 'x' || size == sizeof(buf));
	(void)str_escape(text, keep_utf8, buf, sizeof(buf));
	check_harmless(str_from(buf));
	check_round_trip(text, buf);
	for (const char *p = buf; !keep_utf8 && *p != '\0'; p++)
		must((unsigned char)*p < 0x80);
}

static void check_json(struct str text)
{
	struct err said = {0}, heard = {0}, err = {0};
	struct buf frame = {0};
	json_t *result;
	char *copy = str_dup(text);
	(void)err_set_at(&said, ERR_INPUT, copy, 1, 2, "'%s' is not it", copy);
	const bool has_file = copy[0] != '\0';
	free(copy);
	json_t *reply = ctl_reply_err(&said, NULL);
	json_object_set_new(reply, "text", ctl_text(text));
	ctl_frame_put(&frame, reply);
	json_decref(reply);
	const uint8_t *head = (const uint8_t *)frame.ptr;
	must(ctl_frame_len(head) == frame.len - CTL_FRAME_HEAD);
	struct str json = {frame.ptr + CTL_FRAME_HEAD, frame.len - CTL_FRAME_HEAD};
	must(str_is_utf8(json));
	for (size_t i = 0; i < json.len; i++)
		must((unsigned char)json.ptr[i] >= 0x20);
	json_t *again = ctl_frame_parse(json.ptr, json.len, &err);
	must(again != NULL && !ctl_reply_parse(again, &result, NULL, &heard) && heard.code == ERR_INPUT);
	must(heard.line == (has_file ? 1 : 0));
	const char *back = json_string_value(json_object_get(again, "text"));
	must(back != NULL || text.ptr == NULL);
	if (str_is_utf8(text) && memchr(text.ptr, '\0', text.len) == NULL)
		must(strlen(back) == text.len && memcmp(back, text.ptr, text.len) == 0);
	json_decref(again);
	buf_finish(&frame);
}

static void check_log(struct str text, int word)
{
	static int memory_fd = -1;
	static char line[TEXT_MAX];
	if (memory_fd < 0) {
		memory_fd = memfd_create("log", MFD_CLOEXEC);
		must(memory_fd >= 0);
		log_open("saringd", LOG_LEVEL_WARNING);
	}
	char *copy = str_dup(text);
	int kept_fd = dup(STDERR_FILENO);
	must(kept_fd >= 0 && dup2(memory_fd, STDERR_FILENO) >= 0);
	log_warning("%*s name=\"%s\"", word * 8, "", copy);
	must(dup2(kept_fd, STDERR_FILENO) >= 0);
	close(kept_fd);
	free(copy);
	ssize_t n = pread(memory_fd, line, sizeof(line), 0);
	must(ftruncate(memory_fd, 0) == 0 && lseek(memory_fd, 0, SEEK_SET) == 0);
	must(n > 0 && line[n - 1] == '\n');
	check_harmless((struct str){line, (size_t)n - 1});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > TEXT_MAX)
		return 0;
	struct str text = {(const char *)data + 2, size - 2};
	check_escape(text, data[0], false);
	check_escape(text, data[0], true);
	check_json(text);
	check_log(text, data[1]);
	return 0;
}
