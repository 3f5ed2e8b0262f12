// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Grants and event channels of the stand-in, for both sides. A domain's memory
 * is a file of which page N has the grant reference N; a second file has a byte
 * for each, which says whether dom0 may map it. A port is a datagram socket
 * beside them, and dom0's end of it another one. A guest finds all of that in
 * /xen, dom0 in the domain's folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xengnttab.h>

#include "fault.h"

#define PAGE 4096
#define FIRST_REF 8 /* as Xen's: a few are reserved */

struct xengntdev_handle {
	int memory, grants; /* a guest's own */
};

struct xenevtchn_handle {
	int fd;
	evtchn_port_t port;
	struct sockaddr_un own, far;
	int connected; /* to far, whose name may not be ours to see later */
};

static int open_in(const char *folder, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	return open(path, O_RDWR | O_CLOEXEC);
}

static void folder_of(char *folder, size_t len, uint32_t domid)
{
	(void)snprintf(folder, len, "/run/standin/by-domid/%u/root/xen", domid);
}

/* The guest's side */

xengntshr_handle *xengntshr_open(struct xentoollog_logger *logger, unsigned int flags)
{
	xengntshr_handle *h = calloc(1, sizeof(struct xengntdev_handle));
	struct xengntdev_handle *own = (struct xengntdev_handle *)h;

	(void)logger, (void)flags;
	if (!own)
		return NULL;
	own->memory = open_in("/xen", "memory");
	own->grants = open_in("/xen", "grants");
	if (own->memory >= 0 && own->grants >= 0)
		return h;
	(void)xengntshr_close(h);
	return NULL;
}

int xengntshr_close(xengntshr_handle *h)
{
	struct xengntdev_handle *own = (struct xengntdev_handle *)h;

	close(own->memory);
	close(own->grants);
	free(own);
	return 0;
}

void *xengntshr_share_pages(xengntshr_handle *h, uint32_t domid, int count, uint32_t *refs, int writable)
{
	static uint32_t next = FIRST_REF;
	struct xengntdev_handle *own = (struct xengntdev_handle *)h;
	off_t at = (off_t)next * PAGE;
	size_t len = (size_t)count * PAGE;
	void *pages;

	if (domid != 0 || !writable) {
		errno = ENOSYS;
		return NULL;
	}
	if (ftruncate(own->memory, at + (off_t)len) < 0)
		return NULL;
	pages = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, own->memory, at);
	if (pages == MAP_FAILED)
		return NULL;
	for (int i = 0; i < count; i++) {
		refs[i] = next++;
		if (pwrite(own->grants, "\1", 1, refs[i]) != 1)
			return NULL;
	}
	return pages;
}

int xengntshr_unshare(xengntshr_handle *h, void *pages, uint32_t count)
{
	(void)h;
	return munmap(pages, (size_t)count * PAGE);
}

/* dom0's */

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned int flags)
{
	(void)logger, (void)flags;
	if (standin_fault("gnttab_open")) {
		errno = EMFILE;
		return NULL;
	}
	return calloc(1, sizeof(struct xengntdev_handle));
}

int xengnttab_close(xengnttab_handle *h)
{
	free(h);
	return 0;
}

static int map_page(int memory, int grants, uint32_t ref, void *where, int protection)
{
	char granted = 0;

	if (pread(grants, &granted, 1, ref) != 1 || granted != 1) {
		errno = EINVAL;
		return -1;
	}
	return mmap(where, PAGE, protection, MAP_SHARED | MAP_FIXED, memory, (off_t)ref * PAGE) == MAP_FAILED ? -1 : 0;
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *h, uint32_t count, uint32_t domid, uint32_t *refs,
				      int protection)
{
	size_t len = (size_t)count * PAGE;
	char folder[64];
	int memory, grants, code, r = 0;
	char *pages;

	(void)h;
	if (standin_fault("gnttab_map")) {
		errno = EINVAL;
		return NULL;
	}
	folder_of(folder, sizeof folder, domid);
	memory = open_in(folder, "memory");
	grants = open_in(folder, "grants");
	pages = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory < 0 || grants < 0 || pages == MAP_FAILED)
		r = -1;
	for (uint32_t i = 0; r == 0 && i < count; i++)
		r = map_page(memory, grants, refs[i], pages + (size_t)i * PAGE, protection);
	code = errno;
	if (r < 0 && pages != MAP_FAILED)
		(void)munmap(pages, len);
	close(memory);
	close(grants);
	errno = code;
	return r < 0 ? NULL : pages;
}

void *xengnttab_map_grant_ref(xengnttab_handle *h, uint32_t domid, uint32_t ref, int protection)
{
	return xengnttab_map_domain_grant_refs(h, 1, domid, &ref, protection);
}

int xengnttab_unmap(xengnttab_handle *h, void *pages, uint32_t count)
{
	(void)h;
	return munmap(pages, (size_t)count * PAGE);
}

/* Both sides' event channels: what is sent to a port that is pending already
 * is the same event, so that a full queue is no failure. */

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
	struct xenevtchn_handle *h = calloc(1, sizeof *h);

	(void)logger, (void)flags;
	if (!h || standin_fault("evtchn_open")) {
		free(h);
		errno = EMFILE;
		return NULL;
	}
	h->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	h->own.sun_family = h->far.sun_family = AF_UNIX;
	return h;
}

int xenevtchn_close(xenevtchn_handle *h)
{
	if (h->own.sun_path[0])
		(void)unlink(h->own.sun_path);
	close(h->fd);
	free(h);
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *h)
{
	return h->fd;
}

static int bind_port(xenevtchn_handle *h, const char *folder, evtchn_port_t port, const char *own, const char *far)
{
	(void)snprintf(h->own.sun_path, sizeof h->own.sun_path, "%s/port-%u.%s", folder, port, own);
	(void)snprintf(h->far.sun_path, sizeof h->far.sun_path, "%s/port-%u.%s", folder, port, far);
	(void)unlink(h->own.sun_path); /* of one who was killed */
	if (bind(h->fd, (struct sockaddr *)&h->own, sizeof h->own) < 0)
		return -1;
	h->port = port;
	return (int)port;
}

xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle *h, uint32_t domid)
{
	static evtchn_port_t last = 2;

	(void)domid;
	return bind_port(h, "/xen", ++last, "guest", "dom0");
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *h, uint32_t domid, evtchn_port_t port)
{
	char folder[64], guest[sizeof h->far.sun_path + 16];
	int r;

	if (standin_fault("evtchn_bind")) {
		errno = EINVAL;
		return -1;
	}
	folder_of(folder, sizeof folder, domid);
	(void)snprintf(guest, sizeof guest, "%s/port-%u.guest", folder, port);
	if (access(guest, F_OK) < 0) {
		errno = EINVAL;
		return -1;
	}
	r = bind_port(h, folder, port, "dom0", "guest");
	/* What was sent before is not lost, so Xen makes each new one pending. */
	if (r >= 0)
		(void)sendto(h->fd, "e", 1, MSG_DONTWAIT, (struct sockaddr *)&h->own, sizeof h->own);
	h->connected = r >= 0 && connect(h->fd, (struct sockaddr *)&h->far, sizeof h->far) == 0;
	return r;
}

int xenevtchn_notify(xenevtchn_handle *h, evtchn_port_t port)
{
	(void)port;
	if (h->connected)
		(void)send(h->fd, "e", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		(void)sendto(h->fd, "e", 1, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&h->far, sizeof h->far);
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *h)
{
	bool any = false;
	char c;

	while (recv(h->fd, &c, 1, MSG_DONTWAIT) == 1)
		any = true;
	if (any)
		return (xenevtchn_port_or_error_t)h->port;
	errno = EAGAIN;
	return -1;
}

int xenevtchn_unmask(xenevtchn_handle *h, evtchn_port_t port)
{
	(void)h, (void)port;
	return 0;
}
