/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_DOM0_CGROUP_H
#define DOMLET_DOM0_CGROUP_H

/*
 * The control groups of dom0 that a container's processes there sit in: where
 * linux.cgroupsPath is, making it and taking it away. Version 2 alone. Nothing
 * is recorded here: the caller writes down what it is about to make.
 */

#include <stdbool.h>
#include <stddef.h>

struct domlet_error;

/* The absolute directory for a configuration's linux.cgroupsPath (NULL or "":
 * one of domlet's own, called NAME), into PATH. systemd's form
 * "slice:prefix:name" is the directory that systemd would give the scope; an
 * empty slice is system.slice. EINVAL. */
int domlet_cgroup_path(const char *cgroups_path, const char *name, char *path, size_t len, struct domlet_error *err);
/* One that is there before its container is made is used, but is not ours to remove. */
bool domlet_cgroup_exists(const char *path);
/* The directories above PATH, each with the controllers that callers read. */
void domlet_cgroup_make_parents(const char *path);
/* PATH itself. 1 when it is new, 0 when it was there. */
int domlet_cgroup_make(const char *path, struct domlet_error *err);
/* EBUSY, in runc's words: whoever is put into PATH would be frozen. */
int domlet_cgroup_refuse_frozen(const char *path, struct domlet_error *err);
/* How many there are in PATH and below. */
unsigned int domlet_cgroup_processes(const char *path);
/* Removes PATH (NULL: none), waiting a little for proxies in it that are about
 * to end. */
void domlet_cgroup_remove(const char *path);

/* A monitor's own, so that nobody who ends or counts the processes of an
 * engine, a unit or a session meets it there: domlet.slice/UUID where systemd
 * has that slice, else domlet/UUID; by the UUID of its domain. */
void domlet_cgroup_of_monitor(const char *uuid, char *path, size_t len);
/* Makes PATH and moves this process there. Where it can't be (version 1), all is as before. */
int domlet_cgroup_enter(const char *path, struct domlet_error *err);
/* Out of PATH (NULL: none), which is removed. What can't be is for who removes it later. */
void domlet_cgroup_leave(const char *path);

#endif
