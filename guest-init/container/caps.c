/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "caps.h"

#include <sys/capability.h>
#include <sys/prctl.h>

/* The kernel's last capability, found by asking: /proc may be masked. */
static unsigned int count(void)
{
	unsigned int cap = 0;

	while (cap < 64 && prctl(PR_CAPBSET_READ, (unsigned long)cap, 0, 0, 0) >= 0)
		cap++;
	return cap;
}

int domlet_caps_bound(const struct domlet_process_config *p, struct domlet_failure *failure)
{
	unsigned int cap, caps = count();

	for (cap = 0; cap < caps; cap++)
		if (!(p->caps[DOMLET_CAPS_BOUNDING] >> cap & 1) &&
		    prctl(PR_CAPBSET_DROP, (unsigned long)cap, 0, 0, 0) < 0)
			return domlet_failure_set(failure, errno, "cannot drop capability %u from the bounding set: %s",
						  cap, domlet_failure_name(errno));
	if (prctl(PR_SET_KEEPCAPS, 1UL, 0, 0, 0) < 0)
		return domlet_failure_set(failure, errno, "cannot keep capabilities: %s", domlet_failure_name(errno));
	return 0;
}

static int set_flag(cap_t caps, cap_flag_t flag, uint64_t mask, unsigned int cap_count)
{
	unsigned int cap;

	for (cap = 0; cap < cap_count; cap++) {
		cap_value_t value = (cap_value_t)cap;

		if (mask >> cap & 1 && cap_set_flag(caps, flag, 1, &value, CAP_SET) < 0)
			return -1;
	}
	return 0;
}

static int raise_ambient(uint64_t mask, unsigned int cap_count)
{
	unsigned int cap;

	(void)prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL);
	for (cap = 0; cap < cap_count; cap++)
		/* One that is not permitted and inheritable can't be ambient;
		 * engines expect such a wish to be skipped. */
		if (mask >> cap & 1 &&
		    prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_RAISE, (unsigned long)cap, 0UL, 0UL) < 0 &&
		    errno != EPERM)
			return -1;
	return 0;
}

int domlet_caps_apply(const struct domlet_process_config *p, uint64_t kept, struct domlet_failure *failure)
{
	cap_t caps = cap_init();
	unsigned int cap_count = count();
	int rc = 0;

	if (!caps)
		return domlet_failure_set(failure, ENOMEM, "no memory for the capabilities");
	if (set_flag(caps, CAP_EFFECTIVE, p->caps[DOMLET_CAPS_EFFECTIVE] | kept, cap_count) < 0 ||
	    set_flag(caps, CAP_PERMITTED, p->caps[DOMLET_CAPS_PERMITTED] | kept, cap_count) < 0 ||
	    set_flag(caps, CAP_INHERITABLE, p->caps[DOMLET_CAPS_INHERITABLE], cap_count) < 0 || cap_set_proc(caps) < 0)
		rc = domlet_failure_set(failure, errno, "cannot set the capabilities: %s", domlet_failure_name(errno));
	cap_free(caps);
	if (rc < 0)
		return rc;
	(void)prctl(PR_SET_KEEPCAPS, 0UL, 0, 0, 0);
	if (raise_ambient(p->caps[DOMLET_CAPS_AMBIENT], cap_count) < 0)
		return domlet_failure_set(failure, errno, "cannot set the ambient capabilities: %s",
					  domlet_failure_name(errno));
	return 0;
}
