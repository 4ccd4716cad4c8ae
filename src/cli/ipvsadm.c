// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ipvsadm_run.h"

int main(int argc, char **argv)
{
	return xlvs_ipvsadm_main(NULL, argc, argv);
}
