/* SPDX-License-Identifier: BSD-2-Clause
 *
 * saring-compile - the only program that reads list text for the daemon: saring.yaml and its lists in, a policy image out, and
 * gone. saringd starts it for every reload; a person may, to look for errors. What a list's author could make it do ends with this
 * process. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/confine.h"
#include "base/err.h"
#include "saring-compile/work.h"
#include "settings/load.h"
#include "version.h"

#define FD_MAX 1048576
#define CPU_LIMIT_S 600
#define MEMORY_LIMIT_BYTES ((uint64_t)8 * 1024 * 1024 * 1024)

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char usage[] =
    "usage: saring-compile -c FILE -o IMAGE -g GENERATION [--previous IMAGE] [--config-fd N] [--summary-fd N] [--rehearse]\n"
    "       saring-compile -c FILE --check [--config-fd N] [--summary-fd N]\n"
    "       saring-compile --probe FILE --format FORMAT [--may-allow]\n"
    "                      [--key KEY --signature FILE --state DIR --list NAME]\n";

static bool number_from(const char *text, uint64_t max, uint64_t *ret)
{
	return str_to_u64(str_from(text), ret) && *ret <= max;
}

static bool options_agree(const struct options *o)
{
	const int of_key = (o->key != NULL) + (o->signature != NULL) + (o->state != NULL) + (o->list != NULL);
	bool compiles = o->output != NULL || o->has_generation || o->previous != NULL || o->rehearse;
	if (o->probe != NULL)
		return o->has_format && !o->check && !compiles && (of_key == 0 || of_key == 4);
	if (of_key > 0 || o->has_format || o->may_allow)
		return false;
	return o->check ? !compiles : o->output != NULL && o->has_generation;
}

/* Returns -1 to go on, else the exit status. */
static int options_parse(int argc, char **argv, struct options *o)
{
	enum {
		OPT_CONFIG_FD = 256,
		OPT_SUMMARY_FD,
		OPT_CHECK,
		OPT_PREVIOUS,
		OPT_PROBE,
		OPT_FORMAT,
		OPT_MAY_ALLOW,
		OPT_REHEARSE,
		OPT_KEY,
		OPT_SIGNATURE,
		OPT_STATE,
		OPT_LIST,
		OPT_VERSION,
		OPT_HELP
	};
	static const struct option table[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"output", required_argument, NULL, 'o'},
	    {"generation", required_argument, NULL, 'g'},
	    {"config-fd", required_argument, NULL, OPT_CONFIG_FD},
	    {"summary-fd", required_argument, NULL, OPT_SUMMARY_FD},
	    {"check", no_argument, NULL, OPT_CHECK},
	    {"previous", required_argument, NULL, OPT_PREVIOUS},
	    {"probe", required_argument, NULL, OPT_PROBE},
	    {"format", required_argument, NULL, OPT_FORMAT},
	    {"may-allow", no_argument, NULL, OPT_MAY_ALLOW},
	    {"rehearse", no_argument, NULL, OPT_REHEARSE},
	    {"key", required_argument, NULL, OPT_KEY},
	    {"signature", required_argument, NULL, OPT_SIGNATURE},
	    {"state", required_argument, NULL, OPT_STATE},
	    {"list", required_argument, NULL, OPT_LIST},
	    {"version", no_argument, NULL, OPT_VERSION},
	    {"help", no_argument, NULL, OPT_HELP},
	    {NULL, 0, NULL, 0},
	};
	*o = (struct options){.config = SETTINGS_PATH_DEFAULT, .config_fd = FD_NONE, .summary_fd = FD_NONE};
	uint64_t n = 0;
	bool ok = true;
	int word = 0;
	for (int opt; ok && (opt = getopt_long(argc, argv, "c:o:g:", table, NULL)) != -1;) {
		switch (opt) {
		case 'c':
			o->config = optarg;
			break;
		case 'o':
			o->output = optarg;
			break;
		case 'g':
			ok = o->has_generation = number_from(optarg, UINT32_MAX, &n);
			o->generation = (uint32_t)n;
			break;
		case OPT_CONFIG_FD:
			ok = number_from(optarg, FD_MAX, &n);
			o->config_fd = (int)n;
			break;
		case OPT_SUMMARY_FD:
			ok = number_from(optarg, FD_MAX, &n);
			o->summary_fd = (int)n;
			break;
		case OPT_CHECK:
			o->check = true;
			break;
		case OPT_PREVIOUS:
			o->previous = optarg;
			break;
		case OPT_PROBE:
			o->probe = optarg;
			break;
		case OPT_FORMAT:
			word = terms_find(format_words, str_from(optarg));
			ok = o->has_format = word >= 0;
			o->format = word >= 0 ? (enum format)word : FORMAT_AUTO;
			break;
		case OPT_MAY_ALLOW:
			o->may_allow = true;
			break;
		case OPT_REHEARSE:
			o->rehearse = true;
			break;
		case OPT_KEY:
			o->key = optarg;
			break;
		case OPT_SIGNATURE:
			o->signature = optarg;
			break;
		case OPT_STATE:
			o->state = optarg;
			break;
		case OPT_LIST:
			o->list = optarg;
			break;
		case OPT_VERSION:
			(void)printf("saring-compile %s\n", SARING_VERSION);
			return EXIT_DONE;
		case OPT_HELP:
			(void)fputs(usage, stdout);
			return EXIT_DONE;
		default:
			ok = false;
		}
	}
	if (!ok || optind != argc || !options_agree(o)) {
		(void)fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct options o;
	struct work work;
	int status = options_parse(argc, argv, &o);
	if (status >= 0)
		return status;
	confine(&(struct confine){.cpu_s = CPU_LIMIT_S, .memory_bytes = MEMORY_LIMIT_BYTES});
	if (o.probe != NULL)
		return probe_run(&o);
	int64_t start_ns = clock_mono_ns();
	bool ok = work_run(&o, &work);
	err_list_print(&work.errors, stderr);
	if (o.summary_fd != FD_NONE && !summary_write(&o, &work, ok, clock_mono_ns() - start_ns)) {
		(void)fprintf(stderr, "can't write the summary: %s\n", strerror(errno));
		ok = false;
	}
	work_finish(&work);
	return ok ? EXIT_DONE : EXIT_FAILED;
}
