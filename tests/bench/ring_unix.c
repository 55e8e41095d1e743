/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages through unix sockets, of kind seqpacket, one for each receiver; how
 * many those are is the argument. */
#include <sys/socket.h>

#include "ring_load.h"

static unsigned n_receivers = 1;
static int fd[PEERS_MAX][2];

static int send_prepare(void)
{
	for (unsigned i = 0; i < n_receivers; i++)
		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd[i]))
			return -errno;
	return 0;
}

static void send_serve(unsigned i)
{
	static char buffer[MESSAGE_MAX];
	ssize_t n;

	peers_ready();
	while ((n = recv(fd[i][1], buffer, sizeof(buffer), 0)) > 0)
		got(i, buffer, (size_t)n);
}

static int send_enter(void)
{
	return 0;
}

static int send_to(unsigned n, const void *data, size_t size)
{
	for (unsigned i = 0; i < n; i++)
		if (send(fd[i][0], data, size, MSG_NOSIGNAL) != (ssize_t)size)
			return -errno;
	return 0;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1;

	if (n < 1 || n > PEERS_MAX)
		worker_fail("receivers", EINVAL);
	n_receivers = (unsigned)n;
	return send_main(n_receivers);
}
