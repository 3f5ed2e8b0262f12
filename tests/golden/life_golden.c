/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lives of a domain and its containers, each a readable trace:
 *
 *     EVENT [CONTAINER [CODE]] -> ACTION…  = DOMAIN, CONTAINER'S STATE…
 *
 * Everything after the event is what core answers. "life_golden DIRECTORY"
 * compares, "life_golden --update DIRECTORY" rewrites; the difference is then
 * for git diff and a person.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/base/file.h"
#include "../../toolstack/core/life.h"

static bool read_event(const char *line, struct domlet_life_event *ev)
{
	char name[32];

	*ev = (struct domlet_life_event){ .type = DOMLET_EV_LAUNCH };
	if (sscanf(line, "%31s %u %u", name, &ev->container, &ev->code) < 1)
		return false;
	while (ev->type < DOMLET_EV_COUNT && strcmp(name, domlet_life_event_type_name(ev->type)) != 0)
		ev->type++;
	return ev->type < DOMLET_EV_COUNT && ev->container < DOMLET_CONTAINER_MAX;
}

static void write_container(FILE *f, const struct domlet_life *life, uint32_t i)
{
	const struct domlet_container_life *c = &life->container[i];

	if (c->state == DOMLET_CONTAINER_NONE && !c->keeps && !c->create_answered)
		return; /* there never was one */
	(void)fprintf(f, ", %u %s", i, domlet_container_state_name(c->state));
	if (c->failed)
		(void)fprintf(f, " failed");
	if (c->exit_known)
		(void)fprintf(f, " %u", c->exit_code);
}

static void write_step(FILE *f, struct domlet_life *life, const struct domlet_life_event *ev)
{
	struct domlet_life_actions out;
	char event[64] = "", actions[4096] = "";
	size_t used = 0;

	if (ev->type < DOMLET_EV_ARRIVE)
		(void)snprintf(event, sizeof event, "%s", domlet_life_event_type_name(ev->type));
	else if (ev->type == DOMLET_EV_ARRIVE || ev->type == DOMLET_EV_EXITED)
		(void)snprintf(event, sizeof event, "%s %u %u", domlet_life_event_type_name(ev->type), ev->container,
			       ev->code);
	else
		(void)snprintf(event, sizeof event, "%s %u", domlet_life_event_type_name(ev->type), ev->container);
	domlet_life_step(life, ev, &out);
	for (size_t i = 0; i < out.len; i++) {
		const struct domlet_life_action *a = &out.act[i];

		used += (size_t)snprintf(actions + used, sizeof actions - used, " %s",
					 domlet_life_action_type_name(a->type));
		if (a->type >= DOMLET_ACT_PUBLISH)
			used += (size_t)snprintf(actions + used, sizeof actions - used, " %u", a->container);
	}
	(void)fprintf(f, "%-18s ->%-40s = %s", event, actions, domlet_domain_state_name(life->domain.state));
	for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		write_container(f, life, i);
	(void)fputc('\n', f);
}

/* NULL: a line is no event. */
static char *result_of(char *text, size_t *len)
{
	struct domlet_life life = { 0 };
	struct domlet_life_event ev;
	char *result = NULL, *rest = text, *line;
	FILE *f = open_memstream(&result, len);

	while ((line = strsep(&rest, "\n")) && f) {
		if (!rest && !*line) /* after the last */
			break;
		if (*line == '#' || !*line) {
			(void)fprintf(f, "%s\n", line);
		} else if (read_event(line, &ev)) {
			write_step(f, &life, &ev);
		} else {
			(void)fprintf(stderr, "no event: %s\n", line);
			(void)fprintf(f, "?\n");
		}
	}
	if (f)
		(void)fclose(f);
	return result;
}

static bool check(const char *path, bool update)
{
	char *text = NULL, *result;
	struct domlet_error err;
	size_t len, result_len = 0;
	bool same;
	FILE *f;

	if (domlet_file_read(path, 1 << 20, &text, &len, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return false;
	}
	char *before = strdup(text);

	result = result_of(text, &result_len);
	same = before && result && strcmp(before, result) == 0;
	if (!same && !update)
		(void)fprintf(stderr, "%s: expected\n%s\nbut got\n%s\n", path, before, result);
	if (update && result && (f = fopen(path, "w"))) {
		same = fwrite(result, 1, result_len, f) == result_len;
		same = fclose(f) == 0 && same;
	}
	free(before);
	free(text);
	free(result);
	return same;
}

int main(int argc, char **argv)
{
	bool update = argc == 3 && strcmp(argv[1], "--update") == 0, ok = true;
	const char *dir = argv[argc - 1];
	DIR *d = argc < 2 ? NULL : opendir(dir);
	unsigned int traces = 0;
	struct dirent *e;
	char path[PATH_MAX];

	while (d && (e = readdir(d))) {
		if (!strstr(e->d_name, ".txt"))
			continue;
		(void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		ok = check(path, update) && ok;
		traces++;
	}
	if (d)
		(void)closedir(d);
	return ok && traces ? 0 : 1;
}
