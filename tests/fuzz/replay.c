// SPDX-License-Identifier: GPL-2.0-or-later
/* TARGET_replay DIRECTORY: gives each file there to the target. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

#define INPUT_MAX (1u << 20)

static void replay(const char *path)
{
	uint8_t *data = malloc(INPUT_MAX), *exact;
	FILE *f = fopen(path, "rb");
	size_t len;

	if (!f || !data) {
		fprintf(stderr, "can't read %s\n", path);
		exit(1);
	}
	len = fread(data, 1, INPUT_MAX, f);
	fclose(f);
	/* Of its own size, so that a sanitizer sees the first byte behind it. */
	exact = realloc(data, len ? len : 1);
	(void)LLVMFuzzerTestOneInput(exact ? exact : data, len);
	free(exact ? exact : data);
}

int main(int argc, char **argv)
{
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
	const struct dirent *e;
	unsigned int count = 0;
	char path[4096];

	if (!dir) {
		fprintf(stderr, "usage: replay DIRECTORY\n");
		return 2;
	}
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], e->d_name);
		replay(path);
		count++;
	}
	closedir(dir);
	printf("%u inputs\n", count);
	return count ? 0 : 1;
}
