// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Process 1 of a domain whose boot is counted: says what domlet-init says
 * first, and does nothing more. (Its initrd holds domlet-init too, so that as
 * much is unpacked.)
 */
#include <unistd.h>

int main(void)
{
	static const char text[] = "domlet-init: started\n";

	(void)!write(STDERR_FILENO, text, sizeof text - 1);
	for (;;)
		pause();
}
