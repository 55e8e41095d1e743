/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Make a file or a directory, and remove it, again and again
 *
 *   remake file|dir PATH TIMES
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int make(const char *path, int is_dir)
{
	int fd;

	if (is_dir)
		return mkdir(path, 0755);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	return fd < 0 ? -1 : close(fd);
}

int main(int argc, char **argv)
{
	int is_dir = argc == 4 && !strcmp(argv[1], "dir");

	if (argc != 4)
		return 2;
	for (int n = atoi(argv[3]); n > 0; n--) {
		if (make(argv[2], is_dir) == 0 &&
		    (is_dir ? rmdir(argv[2]) : unlink(argv[2])) == 0)
			continue;
		perror(argv[2]);
		return 1;
	}
	return 0;
}
