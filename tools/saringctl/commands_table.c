/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/commands.h"

#include "saringctl/context.h"

#include <assert.h>
#include <limits.h>

#define PROVENANCE_BITS                                                                                                         \
	(OPTION_BIT(OPTION_REASON) | OPTION_BIT(OPTION_AUTHORITY) | OPTION_BIT(OPTION_REFERENCE) | OPTION_BIT(OPTION_CONTACT) | \
	 OPTION_BIT(OPTION_REVIEW) | OPTION_BIT(OPTION_EXPIRES))
/* said of a change, for the audit log */
#define RECORD_BITS (OPTION_BIT(OPTION_REASON) | OPTION_BIT(OPTION_REFERENCE))

#define LIFT_BITS (RECORD_BITS | OPTION_BIT(OPTION_FORCE) | OPTION_BIT(OPTION_CLOSURE) | OPTION_BIT(OPTION_DRY_RUN))

/* In the order that the overview shows them, within their purpose. */
const struct command commands_table[] = {
    {
	.verb = "status",
	.purpose = PURPOSE_DAEMON,
	.run = cmd_status,
	.operands = "",
	.summary = "is it up, what is loaded, how it does",
	.examples = "saringctl status\n"
		    "saringctl --json status | jq .queries",
    },
    {
	.verb = "check",
	.purpose = PURPOSE_SETUP,
	.run = cmd_check,
	.operands = "[FILE]",
	.max = 1,
	.summary = "read configuration and lists without the daemon: errors and warnings",
	.details = "FILE is a saring.yaml, which is checked with all its lists, or a YAML list, which is checked alone.\n"
		   "Warnings: duplicates, entries covered by others, expired, past review, over-broad.",
	.examples = "saringctl check\n"
		    "saringctl check ./saring.yaml",
	.failed = "there are errors",
	.alone = true,
    },
    {
	.verb = "reload",
	.purpose = PURPOSE_DAEMON,
	.run = cmd_reload,
	.operands = "",
	.options = RECORD_BITS,
	.summary = "read configuration and lists again; on an error nothing changes",
	.examples = "saringctl reload --reason \"new upstream servers\"",
    },
    {
	.verb = "explain",
	.alias = "why",
	.purpose = PURPOSE_ANSWERS,
	.run = cmd_explain,
	.operands = "NAME",
	.min = 1,
	.max = 1,
	.options = OPTION_BIT(OPTION_TYPE) | OPTION_BIT(OPTION_CLIENT) | OPTION_BIT(OPTION_AT) | OPTION_BIT(OPTION_OFFLINE) |
		   OPTION_BIT(OPTION_NO_ASK),
	.summary = "what would be answered, and the entry that decides",
	.details = "Every entry that matches and why it lost, how the answer comes about, and the bytes that would be sent.\n"
		   "What the daemon does not know yet it is asked for, as any client would ask, unless --no-ask is given.",
	.examples = "saringctl explain web.telegram.org\n"
		    "saringctl why ads.example.com --type AAAA --client 192.0.2.7",
    },
    {
	.verb = "impact",
	.purpose = PURPOSE_ANSWERS,
	.run = cmd_impact,
	.operands = "FILE|LIST|NAME...",
	.min = 1,
	.max = INT_MAX,
	.options = OPTION_BIT(OPTION_FORMAT) | OPTION_BIT(OPTION_MATCH) | OPTION_BIT(OPTION_POPULAR),
	.summary = "what a list, a file or names would hit, were they enforced",
	.details =
	    "Of the last day's queries, as the daemon has counted them; and which public suffixes, popular names and names of the\n"
	    "operator's own would be blocked. Without the daemon the latter alone, and the exit status is 3.",
	.examples = "saringctl impact ads\n"
		    "saringctl impact new-hosts.txt --format hosts",
    },
    {
	.verb = "pause",
	.purpose = PURPOSE_ANSWERS,
	.run = cmd_pause,
	.operands = "[DURATION]",
	.max = 1,
	.options = OPTION_BIT(OPTION_GROUP) | OPTION_BIT(OPTION_LIST) | OPTION_BIT(OPTION_CLIENT) | RECORD_BITS,
	.summary = "blocking off for a while: for everybody, a group, a list or a client",
	.details = "DURATION is 30m, 2h, 1d...; without one it lasts until 'saringctl resume'. It survives a restart.\n"
		   "Lists with 'mandatory: true' go on blocking. In force when it returns.",
	.examples = "saringctl pause 10m\n"
		    "saringctl pause 2h --group kids --reason \"film night\"\n"
		    "saringctl pause --client 192.0.2.7",
	.failed = "there is no such group or list, or the list is mandatory",
    },
    {
	.verb = "resume",
	.purpose = PURPOSE_ANSWERS,
	.run = cmd_resume,
	.operands = "[NAME...]",
	.max = INT_MAX,
	.options = OPTION_BIT(OPTION_GROUP) | OPTION_BIT(OPTION_LIST) | OPTION_BIT(OPTION_CLIENT) | RECORD_BITS,
	.summary = "end pauses: every one, or that of a group, a list or a client; or what 'allow' let through",
	.details = "Without options and names every pause ends; names that are let through stay so until they are named.",
	.examples = "saringctl resume\n"
		    "saringctl resume --group kids\n"
		    "saringctl resume cdn.example.com",
    },
    {
	.verb = "allow",
	.purpose = PURPOSE_ANSWERS,
	.run = cmd_allow,
	.operands = "NAME...",
	.min = 1,
	.max = INT_MAX,
	.options = OPTION_BIT(OPTION_FOR) | OPTION_BIT(OPTION_CLIENT) | RECORD_BITS,
	.summary = "let names, and all below them, through for a while",
	.details =
	    "Needs --for. Lists with 'mandatory: true' go on blocking. For good: 'saringctl list add' to a list that allows.",
	.examples = "saringctl allow shop.example.com --for 30m\n"
		    "saringctl allow cdn.example.com --for 2h --client 192.0.2.7 --reason \"a form does not load\"",
    },
    {
	.verb = "list",
	.purpose = PURPOSE_LISTS,
	.run = cmd_list,
	.operands = "",
	.summary = "the lists, as the daemon has them",
	.examples = "saringctl list",
    },
    {
	.verb = "list",
	.sub = "show",
	.purpose = PURPOSE_LISTS,
	.run = cmd_list_show,
	.operands = "LIST",
	.min = 1,
	.max = 1,
	.options = OPTION_BIT(OPTION_UNUSED),
	.summary = "a list's entries with their provenance and how often each was hit",
	.details = "With --unused only those that were never hit since counting began, which is said. Hits are the daemon's.",
	.examples = "saringctl list show ads --unused",
    },
    {
	.verb = "list",
	.sub = "add",
	.purpose = PURPOSE_LISTS,
	.run = cmd_list_add,
	.operands = "LIST NAME...",
	.min = 2,
	.max = INT_MAX,
	.options = OPTION_BIT(OPTION_MATCH) | PROVENANCE_BITS | OPTION_BIT(OPTION_FORCE),
	.summary = "add names to a list's file; in force when it returns",
	.details = "A name that was lifted or has expired is put in force again. A block list takes a public suffix (com, co.uk) "
		   "only with "
		   "--force.",
	.examples = "saringctl list add house ads.example.com --reason \"tv tracker\" --expires 7d",
    },
    {
	.verb = "list",
	.sub = "remove",
	.purpose = PURPOSE_LISTS,
	.run = cmd_list_remove,
	.operands = "LIST NAME...",
	.min = 2,
	.max = INT_MAX,
	.options = RECORD_BITS,
	.summary = "remove names, as if they had never been there",
	.examples = "saringctl list remove house ads.example.com",
	.failed = "a name is not in the list (the others are removed), or it could not be done",
    },
    {
	.verb = "list",
	.sub = "lift",
	.purpose = PURPOSE_LISTS,
	.run = cmd_list_lift,
	.operands = "LIST [NAME...]",
	.min = 1,
	.max = INT_MAX,
	.options = LIFT_BITS,
	.summary = "no longer in force, kept for the record",
	.details =
	    "Without NAME the whole list is lifted. In a list that cannot be edited a name stays lifted until the list drops it.\n"
	    "Then each name is asked for at the daemon's own listeners. What else still blocks is named, and lifted with "
	    "--closure.",
	.examples = "saringctl list lift telegram-2017 --reason \"order withdrawn\"\n"
		    "saringctl list lift ads cdn.example.com --dry-run",
	.failed = "a name is in no entry of the list, or is still blocked afterwards",
    },
    {
	.verb = "unblock",
	.purpose = PURPOSE_LISTS,
	.run = cmd_unblock,
	.operands = "NAME...",
	.min = 1,
	.max = INT_MAX,
	.options = LIFT_BITS,
	.summary = "lift a name in every list that has it",
	.details = "Needs --reason. As 'list lift' in each of these lists.",
	.examples = "saringctl unblock t.me --closure --reason \"order withdrawn\"",
	.failed = "no list has an entry of a name, or one is still blocked afterwards",
    },
    {
	.verb = "list",
	.sub = "mode",
	.purpose = PURPOSE_LISTS,
	.run = cmd_list_mode,
	.operands = "LIST enforce|shadow|off",
	.min = 2,
	.max = 2,
	.options = RECORD_BITS,
	.summary = "enforce a list, only count what it would do, or leave it out",
	.details = "Written to saring.yaml; in force when it returns.",
	.examples = "saringctl list mode ads shadow",
    },
    {
	.verb = "list",
	.sub = "fetch",
	.purpose = PURPOSE_LISTS,
	.run = cmd_list_fetch,
	.operands = "[LIST...]",
	.max = INT_MAX,
	.options = OPTION_BIT(OPTION_FORCE) | RECORD_BITS,
	.summary = "fetch lists with a url now, all or those named; in force when it returns",
	.details = "A copy that has changed by more than the list's max-change, or of which little can be read, is taken only with "
		   "--force.",
	.examples = "saringctl list fetch\n"
		    "saringctl list fetch ads --force",
	.failed = "a list could not be fetched, or was refused",
    },
    {
	.verb = "list",
	.sub = "import",
	.purpose = PURPOSE_LISTS,
	.run = cmd_list_import,
	.operands = "LIST FILE",
	.min = 2,
	.max = 2,
	.options = OPTION_BIT(OPTION_FORMAT) | PROVENANCE_BITS | OPTION_BIT(OPTION_FORCE),
	.summary = "add what a file of another format holds to a YAML list; in force when it returns",
	.details = "FILE \"-\" is standard input. Says what was taken, changed and left out, and why, with line numbers.",
	.examples = "saringctl list import house blocked.txt --format domains --authority \"Example ISP\"",
    },
    {
	.verb = "list",
	.sub = "export",
	.purpose = PURPOSE_LISTS,
	.run = cmd_list_export,
	.operands = "LIST",
	.min = 1,
	.max = 1,
	.options = OPTION_BIT(OPTION_FORMAT),
	.summary = "write a list in another format to standard output",
	.details = "Without --format as YAML. What the format has no words for is left out, and said on standard error.",
	.examples = "saringctl list export ads --format rpz > ads.rpz",
	.alone = true,
    },
    {
	.verb = "cache",
	.purpose = PURPOSE_DAEMON,
	.run = cmd_cache,
	.operands = "",
	.summary = "the cache in figures",
	.examples = "saringctl cache",
    },
    {
	.verb = "cache",
	.sub = "flush",
	.purpose = PURPOSE_DAEMON,
	.run = cmd_cache_flush,
	.operands = "[NAME]",
	.max = 1,
	.options = RECORD_BITS,
	.summary = "empty the cache, or forget NAME and all below it",
	.examples = "saringctl cache flush example.com",
    },
    {
	.verb = "log",
	.purpose = PURPOSE_HAPPENED,
	.run = cmd_log,
	.operands = "",
	.options = OPTION_BIT(OPTION_FOLLOW) | OPTION_BIT(OPTION_BLOCKED) | OPTION_BIT(OPTION_CLIENT) | OPTION_BIT(OPTION_NAME) |
		   OPTION_BIT(OPTION_NUMBER) | OPTION_BIT(OPTION_SINCE) | OPTION_BIT(OPTION_UNTIL),
	.summary = "the last queries, and each as it comes",
	.details = "The newest 100 of those the daemon keeps in memory, oldest first.\n"
		   "With --follow the last ten, then each as it comes; with --json one document a line.\n"
		   "With --since from the query log (log.queries), whether or not the daemon runs.",
	.examples = "saringctl log --blocked --client 192.0.2.7\n"
		    "saringctl log --since 7d --name example.com\n"
		    "saringctl log --follow --name example.com",
    },
    {
	.verb = "top",
	.purpose = PURPOSE_HAPPENED,
	.run = cmd_top,
	.operands = "[names|blocked|clients|lists]",
	.max = 1,
	.options = OPTION_BIT(OPTION_NUMBER) | OPTION_BIT(OPTION_INTERACTIVE),
	.summary = "what was asked or blocked most in the last day, who asks most, and which lists block most",
	.details = "With -i on the whole terminal, refreshed each second: n, b, c and l choose what is shown, q ends it.",
	.examples = "saringctl top blocked -n 20\n"
		    "saringctl top -i",
    },
    {
	.verb = "stats",
	.purpose = PURPOSE_HAPPENED,
	.run = cmd_stats,
	.operands = "",
	.options = OPTION_BIT(OPTION_SINCE) | OPTION_BIT(OPTION_RESET),
	.summary = "queries and blocks over time, and how long they took",
	.details =
	    "Of the last hour when --since is not given. Seconds are kept for five minutes, minutes for a day, hours for 30 days,\n"
	    "the latter two over restarts of the daemon.",
	.examples = "saringctl stats --since 1d",
    },
    {
	.verb = "audit",
	.purpose = PURPOSE_RECORD,
	.run = cmd_audit,
	.operands = "",
	.options = OPTION_BIT(OPTION_SINCE) | OPTION_BIT(OPTION_UNTIL) | OPTION_BIT(OPTION_NUMBER) | OPTION_BIT(OPTION_FOLLOW),
	.summary = "who changed what, when and why: the audit log",
	.details = "The newest 100 records, oldest first. With the daemon down they are read from its files.\n"
		   "With --follow the last ten, then each as it comes; with --json one document a line.",
	.examples = "saringctl audit --since 7d\n"
		    "saringctl audit --follow",
    },
    {
	.verb = "audit",
	.sub = "verify",
	.purpose = PURPOSE_RECORD,
	.run = cmd_audit_verify,
	.operands = "[PATH]",
	.max = 1,
	.summary = "is the audit log what was written? Every damage with its place",
	.details = "PATH is a folder of an audit log, or one file of it; otherwise that of the configuration's state directory is "
		   "looked at.",
	.examples = "saringctl audit verify",
	.failed = "the log is damaged, or cannot be read",
	.alone = true,
    },
    {
	.verb = "report",
	.purpose = PURPOSE_RECORD,
	.run = cmd_report,
	.operands = "",
	.options = OPTION_BIT(OPTION_SINCE) | OPTION_BIT(OPTION_UNTIL) | OPTION_BIT(OPTION_FORMAT) | OPTION_BIT(OPTION_OUTPUT),
	.summary = "a transparency report: what is blocked, on whose order, since when, and what was lifted",
	.details =
	    "--format is text, json or html; --since is 30 days ago when not given. The daemon need not run, but knows of hits.",
	.examples = "saringctl report --since 90d --format html -o report.html",
    },
    {
	.verb = "review",
	.purpose = PURPOSE_RECORD,
	.run = cmd_review,
	.operands = "",
	.options = OPTION_BIT(OPTION_DUE),
	.summary = "entries that are due to be looked at again, or about to end",
	.details = "Read from the lists' files, with or without the daemon, which knows how often they were hit.\n"
		   "Without --due what is past its review; with it also what is due, or ends by itself, within that time.",
	.examples = "saringctl review --due 30d",
    },
    {
	.verb = "groups",
	.purpose = PURPOSE_DAEMON,
	.run = cmd_groups,
	.operands = "",
	.summary = "the groups of clients: their lists, what is in force now, and when that changes",
	.examples = "saringctl groups",
    },
    {
	.verb = "upstream",
	.purpose = PURPOSE_DAEMON,
	.run = cmd_upstream,
	.operands = "",
	.summary = "each upstream server: state, latency, sent, failed",
	.examples = "saringctl upstream",
    },
    {
	.verb = "doctor",
	.purpose = PURPOSE_SETUP,
	.run = cmd_doctor,
	.operands = "",
	.summary = "what keeps saring from working on this machine, and what to do about it",
	.details = "Looks at port 53, resolv.conf, the configuration, the daemon, each upstream server, clock, rights, limits, "
		   "memory and disk.\n"
		   "Changes nothing; works without the daemon and without root, and says what it could not look at.",
	.examples = "saringctl doctor\n"
		    "saringctl --json doctor | jq '.checks[] | select(.state == \"problem\")'",
	.failed = "there is a problem",
	.alone = true,
    },
    {
	.verb = "import-config",
	.purpose = PURPOSE_SETUP,
	.run = cmd_import_config,
	.operands = "pihole|adguardhome|blocky FILE",
	.min = 2,
	.max = 2,
	.options = OPTION_BIT(OPTION_OUTPUT) | OPTION_BIT(OPTION_FORCE),
	.summary = "turn another product's configuration into one of saring",
	.details = "FILE is AdGuardHome.yaml, Blocky's config.yml, or of Pi-hole a file or its folder, such as /etc/pihole.\n"
		   "Says what was taken, changed in meaning and left out, and why, with each place.\n"
		   "--output names a folder for saring.yaml and lists/; without it saring.yaml goes to standard output.\n"
		   "Nothing that is there is replaced, unless --force is given.",
	.examples = "saringctl import-config pihole /etc/pihole\n"
		    "saringctl import-config adguardhome AdGuardHome.yaml --output new",
	.failed = "FILE is no configuration of that product, or a file is there already",
	.alone = true,
    },
    {
	.verb = "completion",
	.purpose = PURPOSE_SETUP,
	.run = cmd_completion,
	.operands = "bash|zsh|fish",
	.min = 1,
	.max = 1,
	.summary = "a script for the shell, which then completes what is typed of saringctl",
	.details = "Packages install it where the shell looks for it by itself.",
	.examples = "source <(saringctl completion bash)\n"
		    "saringctl completion fish > ~/.config/fish/completions/saringctl.fish",
	.alone = true,
    },
    {
	.verb = "complete",
	.purpose = PURPOSE_HIDDEN,
	.run = cmd_complete,
	.operands = "lists|groups",
	.min = 1,
	.max = 1,
	.summary = "what a completion asks for as it is used",
	.alone = true,
    },
};
static_assert(ARRAY_LEN(commands_table) <= COMMANDS_MAX, "room for every verb");
const size_t commands_count = ARRAY_LEN(commands_table);
