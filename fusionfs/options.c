/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fusionfs/log.h"
#include "libfusion/core/layout.h"

int parse_bytes(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t n;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	if (*end && (unit = strchr(units, toupper((unsigned char)*end)))) {
		unsigned shift = 10 * (unsigned)(unit - units + 1);

		if (n > UINT64_MAX >> shift)
			return -EINVAL;
		n <<= shift;
		end++;
	}
	if (*end && !(*end == '\n' && !end[1]))
		return -EINVAL;
	*ret = n;
	return 0;
}

static int bad_value(const char *option, const char *want)
{
	complain("bad option '%s': %s", option, want);
	return -EINVAL;
}

static int set_size(struct options *o, const char *text, const char *value)
{
	if (parse_bytes(value, &o->size) < 0)
		return bad_value(text, "size is a number of bytes, such as "
				       "512M");
	return 0;
}

static int set_span(struct options *o, const char *text, const char *value)
{
	if (parse_bytes(value, &o->span) < 0 || o->span < SPAN_MIN ||
	    o->span > SPAN_MAX || o->span & (o->span - 1))
		return bad_value(text, "span is a power of two from 16M to "
				       "64G");
	return 0;
}

static int set_members(struct options *o, const char *text, const char *value)
{
	uint64_t n;

	if (parse_bytes(value, &n) < 0 || n < 1 || n > MEMBERS_MAX)
		return bad_value(text, "max_members is a number from 1 to "
				       "8192");
	o->max_members = (uint32_t)n;
	return 0;
}

static int set_backing(struct options *o, const char *text, const char *value)
{
	if (*value != '/')
		return bad_value(text, "backing is the absolute path of a "
				       "directory on a tmpfs");
	free(o->backing);
	o->backing = strdup(value);
	return 0;
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

static int ignore(struct options *o, const char *text, const char *value)
{
	(void)o;
	(void)text;
	(void)value;
	return 0;
}

/* For the kernel. */
static int pass_on(struct options *o, const char *text, const char *value)
{
	char *list;

	(void)value;
	if (asprintf(&list, "%s,%s", o->mount_options ? o->mount_options : "",
		     text) < 0)
		return -ENOMEM;
	free(o->mount_options);
	o->mount_options = list;
	return 0;
}

static const struct {
	const char *name;
	bool has_value;
	int (*set)(struct options *o, const char *text, const char *value);
} known[] = {
	{"size", true, set_size},
	{"span", true, set_span},
	{"max_members", true, set_members},
	{"backing", true, set_backing},
	{"allow_other", false, set_allow_other},
	{"nonempty", false, set_nonempty},
	{"ro", false, pass_on},
	{"noexec", false, pass_on},
	{"noatime", false, pass_on},
	{"sync", false, pass_on},
	{"dirsync", false, pass_on},
	/* What we set ourselves, what mount(8) and fstab(5) know and what has
	 * no meaning where nothing is stored. */
	{"rw", false, ignore},
	{"dev", false, ignore},
	{"suid", false, ignore},
	{"nodev", false, ignore},
	{"nosuid", false, ignore},
	{"exec", false, ignore},
	{"async", false, ignore},
	{"atime", false, ignore},
	{"diratime", false, ignore},
	{"nodiratime", false, ignore},
	{"relatime", false, ignore},
	{"norelatime", false, ignore},
	{"strictatime", false, ignore},
	{"nostrictatime", false, ignore},
	{"lazytime", false, ignore},
	{"nolazytime", false, ignore},
	{"iversion", false, ignore},
	{"noiversion", false, ignore},
	{"mand", false, ignore},
	{"nomand", false, ignore},
	{"silent", false, ignore},
	{"loud", false, ignore},
	{"auto", false, ignore},
	{"noauto", false, ignore},
	{"user", false, ignore},
	{"nouser", false, ignore},
	{"users", false, ignore},
	{"owner", false, ignore},
	{"group", false, ignore},
	{"_netdev", false, ignore},
	{"nofail", false, ignore},
	{"defaults", false, ignore},
	{"default_permissions", false, ignore},
};

static int set_option(struct options *o, const char *text)
{
	size_t len = strcspn(text, "=");
	bool has_value = text[len] == '=';

	if (!strncmp(text, "x-", 2))
		return 0; /* a remark in fstab(5) */
	for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strlen(known[i].name) != len ||
		    strncmp(known[i].name, text, len) != 0)
			continue;
		if (known[i].has_value != has_value)
			return bad_value(text, has_value ? "takes no value"
							 : "needs a value");
		return known[i].set(o, text, has_value ? text + len + 1 : NULL);
	}
	return bad_value(text, "no such option, see fusionfs --help");
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
		complain("bad argument '%s': see fusionfs --help", arg);
		return -EINVAL;
	}
	return 0;
}

/* The mountpoint is the last of one or two names: mount(8) may put a source
 * before it, which says nothing here. */
int options_parse(struct options *o, int argc, char **argv)
{
	int names = 0, r = 0;

	*o = (struct options){
		.span = SPAN_DEFAULT,
		.max_members = MEMBERS_DEFAULT,
	};
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
	if (o->max_members > o->span >> 14) {
		complain("max_members=%u do not fit into a span of %" PRIu64
			 " MiB: at most %" PRIu64,
			 o->max_members, o->span >> 20, o->span >> 14);
		return -EINVAL;
	}
	return 0;
}

void options_help(void)
{
	printf("Usage: fusionfs [-f] [-d] [-o OPTION[,OPTION...]] DIR\n"
	       "       mount -t fuse fusionfs DIR [-o OPTION[,OPTION...]]\n"
	       "Mount a world of shared-memory arenas on DIR; see "
	       "fusionfs(8).\n"
	       "\n"
	       "  -f           stay in the foreground\n"
	       "  -d           the same, and print every request\n"
	       "  -h --help    this text\n"
	       "  -V --version the version and the arenas' format\n"
	       "\n"
	       "Options:\n"
	       "  allow_other    let other users in, as the modes of the "
	       "arenas say\n"
	       "  size=BYTES     most memory a new arena may take (K, M, G)\n"
	       "  span=BYTES     its address space: 16M to 64G, power of two "
	       "(4G)\n"
	       "  nonempty       hide what is in DIR\n"
	       "  backing=DIR    where the memory is: a directory on a tmpfs\n"
	       "  max_members=N  processes in one arena (1024)\n");
}
