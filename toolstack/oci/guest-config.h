/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_GUEST_CONFIG_H
#define DOMLET_OCI_GUEST_CONFIG_H

/*
 * What of a configuration the guest gets to see. The configuration is written
 * for a runtime of the host and full of the host's paths; here the members that
 * the guest makes something of are named, and all others are taken out. Only
 * oci/ includes this.
 */

struct json_object;

/* Leaves in CONFIG, checked and with its mounts planned, what is the guest's.
 * What else is to be read of it is read before. */
void domlet_guest_config_keep(struct json_object *config);

/* The same for a process object. */
void domlet_guest_config_keep_process(struct json_object *process);

#endif
