/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A JSON document as text for people, whatever it holds: an object's values one a line behind
 * their names, objects within it as indented blocks, arrays of objects as tables. Underscores in
 * names become blanks. */
#ifndef XLVS_CLI_JSON_TEXT_H
#define XLVS_CLI_JSON_TEXT_H

#include <jansson.h>
#include <stdio.h>

void xlvs_json_print_text(FILE *out, const json_t *document);

#endif
