/* SPDX-License-Identifier: BSD-2-Clause
 *
 * saring-explain: `saringctl explain --offline` without a daemon. It is of the daemon's own code, so that what it says is what
 * would be served; saringctl starts it, as saringd starts saring-compile. One request of the control protocol on stdin, as JSON and
 * without its frame; the reply on stdout. Exit status 0 when there is a reply, whatever it says. */
#include "base/base.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "ctl/proto.h"
#include "offline.h"
#include "version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* As text: stdout is a pipe to whoever asked. */
static bool write_reply(json_t *reply)
{
	char *text = ctl_json(reply, JSON_COMPACT);
	bool ok = file_write_all(STDOUT_FILENO, text, strlen(text));
	free(text);
	return ok;
}

static bool answer(const char *config_path)
{
	struct buf text = {0};
	struct err err = {.code = ERR_NONE};
	json_t *request = NULL, *reply;
	if (file_read_fd(STDIN_FILENO, "the request", CTL_REQUEST_MAX, &text, &err))
		request = ctl_frame_parse(text.ptr, text.len, &err);
	reply = request ? offline_answer(config_path, request) : ctl_reply_err(&err, NULL);
	bool ok = write_reply(reply);
	json_decref(reply);
	json_decref(request);
	buf_finish(&text);
	return ok;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("saring-explain %s\n", SARING_VERSION);
		return EXIT_DONE;
	}
	if (argc != 3 || strcmp(argv[1], "-c") != 0) {
		fprintf(stderr, "usage: saring-explain -c FILE < REQUEST\n");
		return EXIT_USAGE;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* nobody waits for it any more */
	(void)signal(SIGPIPE, SIG_IGN);
	log_open("saring-explain", LOG_LEVEL_ERROR);
	return answer(argv[2]) ? EXIT_DONE : EXIT_FAILED;
}
