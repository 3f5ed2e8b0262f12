/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STANDIN_STORE_H
#define DOMLET_STANDIN_STORE_H

/* What the stand-in's libxl writes to xenstore of a domain and its disks, and the script of a disk. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <libxl.h>

#define STANDIN_DISKS_MAX 16

bool standin_put_domain(uint32_t domid, const char *uuid, const libxl_domain_config *config);
void standin_remove_domain(uint32_t domid);

/* The number of "xvda" to "xvdp" in xenstore. */
unsigned int standin_disk_number(const libxl_device_disk *disk);
bool standin_put_disk(uint32_t domid, const libxl_device_disk *disk);
/* Of a domain, all that xenstore knows; returns their count. */
unsigned int standin_find_disks(uint32_t domid, unsigned int numbers[static STANDIN_DISKS_MAX]);
/* Tells the guest to let go of it (machine.py); then its nodes are removed. */
void standin_close_disk(uint32_t domid, unsigned int number);
bool standin_remove_disk(uint32_t domid, unsigned int number);
/* A disk's script, as libxl runs it; 0 when there is none, below 0 when it can't be run. */
pid_t standin_run_script(uint32_t domid, unsigned int number, const char *command);

#endif
