/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#define ROWS_DEFAULT 24
#define COLUMNS_DEFAULT 80
#define BEGIN "\033[?1049h\033[?25l" /* the alternate screen, without a cursor */
#define END "\033[?25h\033[?1049l"

static struct termios before;
static bool begun;
static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	ended = 1;
	(void)number;
}

/* A new size: what waits for a key is woken, and draws anew. */
static void on_resize(int number)
{
	(void)number;
}

static void write_all(const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			ended = 1; /* the terminal is gone */
			return;
		}
		bytes += n;
		len -= (size_t)n;
	}
}

bool screen_begin(struct err *err)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction end = {.sa_handler = on_signal}, resize = {.sa_handler = on_resize}, ignore = {.sa_handler = SIG_IGN};
	struct termios raw;

	if (!output_is_terminal(stdout) || isatty(STDIN_FILENO) != 1 || tcgetattr(STDIN_FILENO, &before) != 0)
		return err_set(err, ERR_USAGE, "-i needs a terminal");
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		(void)sigaction(ends[i], &end, NULL);
	(void)sigaction(SIGWINCH, &resize, NULL);
	(void)sigaction(SIGTSTP, &ignore, NULL);
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
	begun = true;
	write_all(BEGIN, sizeof(BEGIN) - 1);
	return true;
}

void screen_end(void)
{
	if (!begun)
		return;
	begun = false;
	write_all(END, sizeof(END) - 1);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

void screen_size(size_t *ret_rows, size_t *ret_columns)
{
	struct winsize size = {.ws_row = 0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		size = (struct winsize){.ws_row = 0};
	*ret_rows = size.ws_row > 0 ? size.ws_row : ROWS_DEFAULT;
	*ret_columns = size.ws_col > 0 ? size.ws_col : COLUMNS_DEFAULT;
}

size_t screen_columns(void)
{
	size_t rows, columns;

	screen_size(&rows, &columns);
	return columns;
}

void screen_show(const struct buf *lines)
{
	struct buf out = {0};
	size_t rows, columns, row = 1;
	const char *at = lines->ptr, *end = lines->ptr + lines->len;

	screen_size(&rows, &columns);
	buf_add_c(&out, "\033[H");
	while (at < end && row <= rows) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((line_end == NULL ? end : line_end) - at);
		buf_add(&out, at, len);
		buf_add_c(&out, row < rows ? "\033[K\r\n" : "\033[K");
		at += len + 1;
		row++;
	}
	buf_add_c(&out, "\033[J");
	write_all(out.ptr, out.len);
	buf_finish(&out);
}

int screen_key(int64_t wait_ms)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	unsigned char key;

	if (ended)
		return -1;
	int n = poll(&p, 1, (int)wait_ms);
	if (ended)
		return -1;
	if (n <= 0)
		return 0; /* nothing, or a new size */
	if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q' || key == 3)
		return -1;
	return key;
}

void screen_put(struct buf *out, const char *text, size_t width, bool right)
{
	const size_t len = strlen(text);
	size_t used = 0, at = 0;
	mbstate_t state;

	memset(&state, 0, sizeof(state));
	while (at < len) {
		wchar_t c;
		size_t n = mbrtowc(&c, text + at, len - at, &state);
		if (n == 0 || n > len - at) { /* no character of this locale: output_safe leaves none */
			n = 1;
			c = L'?';
			memset(&state, 0, sizeof(state));
		}
		int wide = wcwidth(c);
		if (used + (size_t)MAX(wide, 0) > width)
			break;
		used += (size_t)MAX(wide, 0);
		at += n;
	}
	for (size_t i = used; right && i < width; i++)
		buf_add_c(out, " ");
	buf_add(out, text, at);
	for (size_t i = used; !right && i < width; i++)
		buf_add_c(out, " ");
}

void screen_line(struct buf *out)
{
	buf_add_c(out, "\n");
}
