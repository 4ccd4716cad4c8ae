// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/json_text.h"

#include <stdbool.h>
#include <string.h>

enum {
	VALUE_BYTES = 256,
	INDENT_COLUMNS = 2,
};

static bool is_block(const json_t *value)
{
	return json_is_object(value) || (json_is_array(value) && json_array_size(value) &&
					 json_is_object(json_array_get(value, 0)));
}

/* A value on one line; longer ones are cut. */
static const char *format_value(const json_t *value, char text[static VALUE_BYTES])
{
	size_t used = 0;
	const json_t *item;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_STRING:
		snprintf(text, VALUE_BYTES, "%s", json_string_value(value));
		break;
	case JSON_INTEGER:
		snprintf(text, VALUE_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		snprintf(text, VALUE_BYTES, "%g", json_real_value(value));
		break;
	case JSON_TRUE:
		return "yes";
	case JSON_FALSE:
		return "no";
	case JSON_ARRAY:
		*text = '\0';
		json_array_foreach(value, i, item)
		{
			char word[VALUE_BYTES];

			used += (size_t)snprintf(text + used, VALUE_BYTES - used, "%s%s",
						 i ? ", " : "", format_value(item, word));
			if (used >= VALUE_BYTES)
				break;
		}
		return *text ? text : "none";
	case JSON_OBJECT:
		return "...";
	case JSON_NULL:
	default:
		return "-";
	}
	return text;
}

static void print_name(FILE *out, const char *name)
{
	for (; *name; name++)
		fputc(*name == '_' ? ' ' : *name, out);
}

static void print_blanks(FILE *out, int columns)
{
	fprintf(out, "%*s", columns, "");
}

static int width_of_column(const json_t *rows, const char *name)
{
	size_t width = strlen(name);
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const json_t *value = json_object_get(row, name);
		char text[VALUE_BYTES];
		size_t length = value ? strlen(format_value(value, text)) : 1;

		if (length > width)
			width = length;
	}
	return (int)width;
}

/* One line of a table: the names (`row` NULL), or a row's values. Numbers stand at the right of
 * their column; the last column is not padded. */
static void print_line(FILE *out, const json_t *rows, const json_t *row, int indent)
{
	json_t *first = json_array_get(rows, 0);
	size_t left = json_object_size(first);
	const char *name;
	const json_t *sample;

	print_blanks(out, indent);
	json_object_foreach(first, name, sample)
	{
		const json_t *value = json_object_get(row, name);
		char text[VALUE_BYTES];
		const char *word = value ? format_value(value, text) : "-";
		int padding = width_of_column(rows, name) - (int)strlen(row ? word : name);
		bool is_last = --left == 0;

		if (json_is_number(sample))
			print_blanks(out, padding);
		if (row)
			fputs(word, out);
		else
			print_name(out, name);
		if (!is_last)
			print_blanks(out, INDENT_COLUMNS + (json_is_number(sample) ? 0 : padding));
	}
	fputc('\n', out);
}

static void print_table(FILE *out, const json_t *rows, int indent)
{
	const json_t *row;
	size_t i;

	print_line(out, rows, NULL, indent);
	json_array_foreach(rows, i, row)
	{
		print_line(out, rows, row, indent);
	}
}

static int width_of_names(json_t *object)
{
	size_t width = 0;
	const char *name;
	const json_t *value;

	json_object_foreach(object, name, value)
	{
		if (!is_block(value) && strlen(name) > width)
			width = strlen(name);
	}
	return (int)width;
}

static void print_object(FILE *out, json_t *object, int indent)
{
	int width = width_of_names(object);
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		char text[VALUE_BYTES];

		print_blanks(out, indent);
		print_name(out, name);
		if (json_is_object(value)) {
			fputc('\n', out);
			print_object(out, value, indent + INDENT_COLUMNS);
		} else if (is_block(value)) {
			fputc('\n', out);
			print_table(out, value, indent + INDENT_COLUMNS);
		} else {
			print_blanks(out, width - (int)strlen(name) + INDENT_COLUMNS);
			fprintf(out, "%s\n", format_value(value, text));
		}
	}
}

void xlvs_json_print_text(FILE *out, const json_t *document)
{
	char text[VALUE_BYTES];

	if (json_is_object(document))
		print_object(out, (json_t *)document, 0);
	else if (is_block(document))
		print_table(out, document, 0);
	else
		fprintf(out, "%s\n", format_value(document, text));
}
