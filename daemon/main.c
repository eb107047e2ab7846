/* SPDX-License-Identifier: BSD-2-Clause
 *
 * saringd: flags and exit statuses. */
#include "base/base.h"
#include "check.h"
#include "daemon.h"
#include "settings/load.h"
#include "version.h"

#include <getopt.h>
#include <stdio.h>

enum { EXIT_USAGE = 2 };
enum { OPTION_VERSION = 256, OPTION_HELP };

static void print_help(FILE *out)
{
	fprintf(out,
		"usage: saringd [-c FILE] [-t] [-v] [--version] [--help]\n"
		"\n"
		"Serve DNS in the foreground, as the configuration says.\n"
		"\n"
		"  -c FILE     the configuration; default %s\n"
		"  -t          check the configuration and every list, print each error as\n"
		"              FILE:LINE:COLUMN: text, and exit 0 when there is none, else 1\n"
		"  -v          log everything, whatever the configuration says\n"
		"  --version   print the version\n"
		"  --help      print this\n"
		"\n"
		"Exit status: 0 ended as asked, 1 it could not be done, 2 usage.\n",
		SETTINGS_PATH_DEFAULT);
}

static int usage(const char *text)
{
	if (text)
		fprintf(stderr, "saringd: %s\n", text);
	fprintf(stderr, "Try 'saringd --help'.\n");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
	    {"version", no_argument, NULL, OPTION_VERSION}, {"help", no_argument, NULL, OPTION_HELP}, {NULL, 0, NULL, 0}};
	struct daemon_options options = {.config_path = SETTINGS_PATH_DEFAULT, .argv = argv};
	bool check = false;
	int option;
	while ((option = getopt_long(argc, argv, "c:tvh", longs, NULL)) != -1) {
		switch (option) {
		case 'c':
			options.config_path = optarg;
			break;
		case 't':
			check = true;
			break;
		case 'v':
			options.debug = true;
			break;
		case OPTION_VERSION:
			printf("saringd %s\n", SARING_VERSION);
			return 0;
		case 'h':
		case OPTION_HELP:
			print_help(stdout);
			return 0;
		default:
			return usage(NULL); /* getopt has said what */
		}
	}
	if (optind < argc)
		return usage("it takes no operands");
	return check ? check_run(options.config_path, options.debug) : daemon_run(&options);
}
