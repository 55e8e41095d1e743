/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/base/options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fusionfs/base/log.h"
#include "fusionfs/base/parse.h"
#include "libfusion/core/file/format.h"

static int complain_of_value(const char *option, const char *want)
{
	complain("bad option '%s': %s", option, want);
	return -EINVAL;
}

static int set_size(struct options *o, const char *text, const char *value)
{
	if (parse_bytes(value, &o->size) < 0)
		return complain_of_value(text,
					 "size is a number of bytes, such as "
					 "512M");
	return 0;
}

static int set_span(struct options *o, const char *text, const char *value)
{
	if (parse_bytes(value, &o->span) < 0 || o->span < SPAN_MIN ||
	    o->span > SPAN_MAX || o->span & (o->span - 1))
		return complain_of_value(text,
					 "span is a power of two from 16M to "
					 "64G");
	return 0;
}

static int set_members(struct options *o, const char *text, const char *value)
{
	uint64_t n;

	if (parse_bytes(value, &n) < 0 || n < 1 || n > MEMBERS_MAX)
		return complain_of_value(text,
					 "max_members is a number from 1 to "
					 "8192");
	o->max_members = (uint32_t)n;
	return 0;
}

/* user_NAME=N */
static int set_user_limit(struct options *o, const char *text,
			  const char *value)
{
	char name[32];
	int kind;

	snprintf(name, sizeof(name), "%.*s",
		 (int)(strcspn(text, "=") - strlen("user_")),
		 text + strlen("user_"));
	kind = quota_by_name(name);
	if (kind < 0 || parse_bytes(value, &o->user_limits[kind]) < 0 ||
	    o->user_limits[kind] == QUOTA_UNSET)
		return complain_of_value(text,
					 "what one user may have is a number, "
					 "such as 100 or 512M, 0 for no limit");
	return 0;
}

static int set_backing(struct options *o, const char *text, const char *value)
{
	if (*value != '/')
		return complain_of_value(text,
					 "backing is the absolute path of a "
					 "directory on a tmpfs");
	free(o->backing);
	o->backing = strdup(value);
	return o->backing ? 0 : -ENOMEM;
}

static int set_allow_other(struct options *o, const char *text,
			   const char *value)
{
	(void)text;
	(void)value;
	o->allow_other = true;
	return 0;
}

static int set_nonempty(struct options *o, const char *text, const char *value)
{
	(void)text;
	(void)value;
	o->nonempty = true;
	return 0;
}

static int set_remount(struct options *o, const char *text, const char *value)
{
	(void)text;
	(void)value;
	o->remount = true;
	return 0;
}

static int ignore_option(struct options *o, const char *text, const char *value)
{
	(void)o;
	(void)text;
	(void)value;
	return 0;
}

static int append_option(char **list, const char *text)
{
	char *longer;

	if (asprintf(&longer, "%s,%s", *list ? *list : "", text) < 0)
		return -ENOMEM;
	free(*list);
	*list = longer;
	return 0;
}

/* For the kernel, which sets them as it mounts. */
static int pass_to_kernel(struct options *o, const char *text,
			  const char *value)
{
	(void)value;
	return append_option(&o->mount_options, text);
}

/* mount(8)'s options for all filesystems; of two that contradict each other
 * the last one holds. */
static const struct {
	const char *name;
	unsigned long set, clear;
	bool given; /* to libfuse by this name */
} general[] = {
	{"defaults", 0, MS_RDONLY | MS_NOEXEC | MS_SYNCHRONOUS, false},
	{"ro", MS_RDONLY, 0, true},
	{"rw", 0, MS_RDONLY, false},
	{"noexec", MS_NOEXEC, 0, true},
	{"exec", 0, MS_NOEXEC, false},
	{"user", MS_NOEXEC, 0, false},
	{"users", MS_NOEXEC, 0, false},
	{"sync", MS_SYNCHRONOUS, 0, true},
	{"async", 0, MS_SYNCHRONOUS, false},
	{"dirsync", MS_DIRSYNC, 0, true},
	{"noatime", MS_NOATIME, MS_RELATIME | MS_STRICTATIME, true},
	{"atime", 0, MS_NOATIME, false},
	{"relatime", MS_RELATIME, MS_NOATIME | MS_STRICTATIME, false},
	{"norelatime", 0, MS_RELATIME, false},
	{"strictatime", MS_STRICTATIME, MS_NOATIME | MS_RELATIME, false},
	{"nostrictatime", 0, MS_STRICTATIME, false},
	{"nodiratime", MS_NODIRATIME, 0, false},
	{"diratime", 0, MS_NODIRATIME, false},
	{"nosymfollow", MS_NOSYMFOLLOW, 0, false},
	{"symfollow", 0, MS_NOSYMFOLLOW, false},
};

#define N_GENERAL (sizeof(general) / sizeof(*general))

void options_flags(unsigned long flags, char *list, size_t size)
{
	size_t len = 0;

	*list = 0;
	for (unsigned i = 0; i < N_GENERAL && len < size; i++)
		if (general[i].given && flags & general[i].set)
			len += (size_t)snprintf(list + len, size - len, ",%s",
						general[i].name);
}

static bool set_general_flag(struct options *o, const char *text)
{
	for (unsigned i = 0; i < N_GENERAL; i++)
		if (!strcmp(general[i].name, text)) {
			o->flags &= ~general[i].clear;
			o->flags |= general[i].set;
			return true;
		}
	return false;
}

enum value { NO_VALUE, VALUE, CHANGEABLE_VALUE };

static const struct {
	const char *name;
	enum value value;
	int (*set)(struct options *o, const char *text, const char *value);
} known[] = {
	{"size", CHANGEABLE_VALUE, set_size},
	{"span", CHANGEABLE_VALUE, set_span},
	{"max_members", CHANGEABLE_VALUE, set_members},
	{"backing", VALUE, set_backing},
	{"user_arenas", VALUE, set_user_limit},
	{"user_span", VALUE, set_user_limit},
	{"user_memory", VALUE, set_user_limit},
	{"user_members", VALUE, set_user_limit},
	{"user_files", VALUE, set_user_limit},
	{"user_ports", VALUE, set_user_limit},
	{"user_waits", VALUE, set_user_limit},
	{"user_bytes", VALUE, set_user_limit},
	{"allow_other", NO_VALUE, set_allow_other},
	{"nonempty", NO_VALUE, set_nonempty},
	{"remount", NO_VALUE, set_remount},
	/* For SELinux, if the kernel has it. */
	{"context", VALUE, pass_to_kernel},
	{"fscontext", VALUE, pass_to_kernel},
	{"defcontext", VALUE, pass_to_kernel},
	{"rootcontext", VALUE, pass_to_kernel},
	/* Options that the daemon sets itself, that only mount(8) and fstab(5)
	 * use, or that mean nothing where no file is stored. */
	{"dev", NO_VALUE, ignore_option},
	{"suid", NO_VALUE, ignore_option},
	{"nodev", NO_VALUE, ignore_option},
	{"nosuid", NO_VALUE, ignore_option},
	{"lazytime", NO_VALUE, ignore_option},
	{"nolazytime", NO_VALUE, ignore_option},
	{"iversion", NO_VALUE, ignore_option},
	{"noiversion", NO_VALUE, ignore_option},
	{"mand", NO_VALUE, ignore_option},
	{"nomand", NO_VALUE, ignore_option},
	{"silent", NO_VALUE, ignore_option},
	{"loud", NO_VALUE, ignore_option},
	{"auto", NO_VALUE, ignore_option},
	{"noauto", NO_VALUE, ignore_option},
	{"nouser", NO_VALUE, ignore_option},
	{"owner", NO_VALUE, ignore_option},
	{"group", NO_VALUE, ignore_option},
	{"_netdev", NO_VALUE, ignore_option},
	{"nofail", NO_VALUE, ignore_option},
	{"comment", VALUE, ignore_option},
	{"uhelper", VALUE, ignore_option},
	{"helper", VALUE, ignore_option},
	{"default_permissions", NO_VALUE, ignore_option},
	/* mount(8) copies these from the mount that it changes. */
	{"user_id", VALUE, ignore_option},
	{"group_id", VALUE, ignore_option},
};

static int set_option(struct options *o, const char *text)
{
	size_t len = strcspn(text, "=");
	bool has_value = text[len] == '=';
	int r;

	/* Remarks in fstab(5). */
	if (!strncmp(text, "x-", 2) || !strncmp(text, "X-", 2) ||
	    set_general_flag(o, text))
		return 0;
	for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strlen(known[i].name) != len ||
		    strncmp(known[i].name, text, len) != 0)
			continue;
		if ((known[i].value != NO_VALUE) != has_value)
			return complain_of_value(text,
						 has_value ? "takes no value"
							   : "needs a value");
		r = known[i].set(o, text, has_value ? text + len + 1 : NULL);
		if (r == 0 && known[i].value == CHANGEABLE_VALUE)
			r = append_option(&o->changeable, text);
		return r;
	}
	return complain_of_value(text, "no such option, see fusionfs --help");
}

static int set_options(struct options *o, const char *list)
{
	char *copy = strdup(list), *at = copy, *one;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	while (!r && (one = strsep(&at, ",")))
		if (*one)
			r = set_option(o, one);
	free(copy);
	return r;
}

static int set_flag(struct options *o, const char *arg)
{
	if (!strcmp(arg, "-f"))
		o->foreground = true;
	else if (!strcmp(arg, "-d"))
		o->foreground = o->debug = true;
	else if (!strcmp(arg, "-h") || !strcmp(arg, "--help"))
		o->help = true;
	else if (!strcmp(arg, "-V") || !strcmp(arg, "--version"))
		o->version = true;
	else {
		complain("bad argument '%s': no such option, or its value is "
			 "missing: see fusionfs --help",
			 arg);
		return -EINVAL;
	}
	return 0;
}

/* Each option is right by itself: check that an arena fits into all of them. */
static int check_combination(const struct options *o)
{
	struct geometry geo;
	uint64_t least;

	if (o->max_members > o->span >> 14) {
		complain("max_members=%u do not fit into a span of %" PRIu64
			 " MiB: at most %" PRIu64,
			 o->max_members, o->span >> 20, o->span >> 14);
		return -EINVAL;
	}
	if (geometry_init(&geo, o->span, o->max_members) < 0) {
		complain("span=%" PRIu64 "M is too small for max_members=%u: "
			 "give a larger span, or fewer members",
			 o->span >> 20, o->max_members);
		return -EINVAL;
	}
	least = format_least(&geo);
	if (o->size && o->size < least) {
		complain("size=%" PRIu64 " is too small for any arena: with a "
			 "span of %" PRIu64 "M and max_members=%u, %" PRIu64
			 "K are the least",
			 o->size, o->span >> 20, o->max_members, least >> 10);
		return -EINVAL;
	}
	return 0;
}

/* The mountpoint is the last of one or two names: mount(8) may put a source
 * before it, which is ignored. */
int options_parse(struct options *o, int argc, char **argv)
{
	int names = 0, r = 0;

	*o = (struct options){
		.span = SPAN_DEFAULT,
		.max_members = MEMBERS_DEFAULT,
	};
	for (int i = 0; i < N_QUOTAS; i++)
		o->user_limits[i] = QUOTA_UNSET;
	for (int i = 1; i < argc && !r; i++) {
		if (!strncmp(argv[i], "-o", 2) && argv[i][2])
			r = set_options(o, argv[i] + 2);
		else if (!strcmp(argv[i], "-o") && i + 1 < argc)
			r = set_options(o, argv[++i]);
		else if (argv[i][0] == '-' && argv[i][1])
			r = set_flag(o, argv[i]);
		else if (++names <= 2)
			o->mountpoint = argv[i];
	}
	if (r || o->help || o->version)
		return r;
	if (!names || names > 2 || !*o->mountpoint) {
		complain("%s: give one directory to mount on, see fusionfs "
			 "--help",
			 names > 2 ? "too many names" : "no mountpoint");
		return -EINVAL;
	}
	/* The running server checks the options of a remount. */
	return o->remount ? 0 : check_combination(o);
}

static bool is_option_changeable(const char *text)
{
	size_t len = strcspn(text, "=");

	for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].value == CHANGEABLE_VALUE &&
		    strlen(known[i].name) == len &&
		    !strncmp(known[i].name, text, len))
			return true;
	return false;
}

static int change_options(struct options *o, char *list)
{
	char *one;
	int r = *list ? 0 : -EINVAL;

	while (!r && (one = strsep(&list, ",")))
		r = is_option_changeable(one) ? set_option(o, one) : -EINVAL;
	return r ? r : check_combination(o);
}

/* *ret shares with @o the strings that no list can change. */
static int copy_with_changes(const struct options *o, const char *list,
			     struct options *ret)
{
	char *copy = strdup(list);
	int r;

	if (!copy)
		return -ENOMEM;
	*ret = *o;
	ret->changeable = NULL;
	r = change_options(ret, copy);
	free(copy);
	free(ret->changeable);
	ret->changeable = o->changeable;
	return r;
}

int options_check(const struct options *o, const char *list)
{
	struct options changed;

	return copy_with_changes(o, list, &changed);
}

int options_change(struct options *o, const char *list)
{
	struct options changed;
	int r = copy_with_changes(o, list, &changed);

	if (r == 0)
		*o = changed;
	return r;
}

void options_help(void)
{
	printf("Usage: fusionfs [-f] [-d] [-o OPTION[,OPTION...]] DIR\n"
	       "       mount -t fuse fusionfs DIR [-o OPTION[,OPTION...]]\n"
	       "Mount a world of shared-memory arenas on DIR; see "
	       "fusionfs(8).\n"
	       "\n"
	       "  -f           stay in the foreground\n"
	       "  -d           like -f, and print every request\n"
	       "  -h --help    this text\n"
	       "  -V --version the version and the arenas' format\n"
	       "\n"
	       "Options:\n"
	       "  allow_other    let other users in, as the modes of the "
	       "arenas say\n"
	       "  size=BYTES     most memory a new arena may take (K, M, G)\n"
	       "  span=BYTES     address space of a new arena: 16M to 64G, a "
	       "power of two (4G)\n"
	       "  nonempty       hide what is in DIR\n"
	       "  backing=DIR    where the memory is: a directory on a tmpfs\n"
	       "  max_members=N  processes in one arena (1024)\n"
	       "Most that one user may have, except root; 0 is no limit:\n"
	       "  user_arenas=N      arenas (7)\n"
	       "  user_span=BYTES    address space of these arenas (128G)\n"
	       "  user_memory=BYTES  sum of their limits (half of the tmpfs)\n"
	       "  user_members=N     processes in arenas (4096)\n"
	       "  user_files=N       open files and directories (16384)\n"
	       "  user_ports=N       open calls, inboxes and files of reactors "
	       "(1024)\n"
	       "  user_waits=N       requests that wait (1024)\n"
	       "  user_bytes=BYTES   text that the daemon keeps (64M)\n");
}
