/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image.h"

#define FILE_MAX (64 << 20)

static int read_all(int fd, char *data, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = read(fd, data + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EBADMSG;
		done += (size_t)n;
	}
	return 0;
}

static int read_open(int fd, char **ret, size_t *ret_size)
{
	struct stat st;
	char *data;
	int r;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > FILE_MAX)
		return -EFBIG;
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return -ENOMEM;
	r = read_all(fd, data, (size_t)st.st_size);
	if (r < 0) {
		free(data);
		return r;
	}
	*ret = data;
	*ret_size = (size_t)st.st_size;
	return 0;
}

static int read_file(const char *path, char **ret, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;

	if (fd < 0)
		return -errno;
	r = read_open(fd, ret, ret_size);
	close(fd);
	return r;
}

static bool begins(const char *data, size_t size, const char *with, size_t n)
{
	return size >= n && !memcmp(data, with, n);
}

int image_read(const char *path, struct canvas *ret)
{
	size_t size = 0;
	char *data = NULL;
	int r = read_file(path, &data, &size);

	if (r < 0)
		return r;
	if (begins(data, size, "\x89PNG\r\n\x1a\n", 8))
		r = image_decode_png(data, size, ret);
	else if (begins(data, size, "\xff\xd8\xff", 3))
		r = image_decode_jpeg(data, size, ret);
	else
		r = -EINVAL;
	free(data);
	return r;
}

static int write_all(int fd, const char *data, size_t size)
{
	ssize_t n;

	while (size > 0) {
		n = write(fd, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static int write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, data, size);
	if (close(fd) && r == 0)
		r = -errno;
	return r;
}

/* The file is replaced by rename(2), so its folder must be writable. */
int image_can_write(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) + 1 : 0;
	struct stat st;
	char *folder;
	int r = 0;

	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	folder = size ? strndup(path, size) : strdup(".");
	if (!folder)
		return -ENOMEM;
	if (access(folder, W_OK | X_OK))
		r = -errno;
	free(folder);
	return r;
}

int image_write_png(const char *path, const struct canvas *canvas)
{
	char *temporary;
	size_t size;
	void *data;
	int r;

	r = image_encode_png(canvas, &data, &size);
	if (r < 0)
		return r;
	if (asprintf(&temporary, "%s.new", path) < 0) {
		free(data);
		return -ENOMEM;
	}
	r = write_file(temporary, data, size);
	if (r == 0 && rename(temporary, path))
		r = -errno;
	if (r < 0)
		unlink(temporary);
	free(temporary);
	free(data);
	return r;
}
