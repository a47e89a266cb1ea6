package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// column is one column of a list: the key in the API's objects, and the name that is shown.
type column struct{ key, name string }

// columnsNamed are columns that are shown by the names of their keys.
func columnsNamed(names ...string) []column {
	columns := make([]column, len(names))
	for i, name := range names {
		columns[i] = column{name, name}
	}
	return columns
}

// row is one object of the API.
type row = map[string]any

// show prints a list in the format that the user wants.
func (c *client) show(out io.Writer, columns []column, rows []row) error {
	switch c.opts.formatter {
	case "json":
		return showJSON(out, columns, rows)
	case "csv":
		return c.showCSV(out, columns, rows)
	case "pretty_table":
		showPretty(out, columns, rows)
		return nil
	}
	for i, r := range rows {
		if i == 0 && !c.opts.noHeaders {
			fmt.Fprintln(out, strings.Join(titles(columns), "\t"))
		}
		fmt.Fprintln(out, strings.Join(cells(columns, r), "\t"))
	}
	return nil
}

func titles(columns []column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}

func cells(columns []column, r row) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = cell(r[c.key])
	}
	return out
}

// cell prints a value as rabbitmqctl's tables do: texts bare, lists in brackets, the rest as JSON.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = cell(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		return compactJSON(v)
	}
}

// compactJSON prints a value as JSON without escaping for browsers.
func compactJSON(v any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil { // what was decoded can be encoded
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// showJSON prints one object a line, its keys in the order of the columns.
func showJSON(out io.Writer, columns []column, rows []row) error {
	fmt.Fprintln(out, "[")
	for i, r := range rows {
		if i > 0 {
			fmt.Fprint(out, ",")
		}
		parts := make([]string, len(columns))
		for j, c := range columns {
			parts[j] = compactJSON(c.name) + ":" + compactJSON(r[c.key])
		}
		fmt.Fprintf(out, "{%s}\n", strings.Join(parts, ","))
	}
	fmt.Fprintln(out, "]")
	return nil
}

// showCSV quotes every field, as rabbitmqctl does.
func (c *client) showCSV(out io.Writer, columns []column, rows []row) error {
	line := func(fields []string) {
		for i := range fields {
			fields[i] = `"` + strings.ReplaceAll(fields[i], `"`, `""`) + `"`
		}
		fmt.Fprintln(out, strings.Join(fields, ","))
	}
	for i, r := range rows {
		if i == 0 && !c.opts.noHeaders {
			line(titles(columns))
		}
		line(cells(columns, r))
	}
	return nil
}

// showPretty draws a table with lines.
func showPretty(out io.Writer, columns []column, rows []row) {
	if len(rows) == 0 {
		return
	}
	lines := [][]string{titles(columns)}
	for _, r := range rows {
		lines = append(lines, cells(columns, r))
	}
	widths := make([]int, len(columns))
	for _, line := range lines {
		for i, text := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	rule := func(left, middle, right string) {
		parts := make([]string, len(widths))
		for i, w := range widths {
			parts[i] = strings.Repeat("─", w+2)
		}
		fmt.Fprintln(out, left+strings.Join(parts, middle)+right)
	}
	rule("┌", "┬", "┐")
	for n, line := range lines {
		if n > 0 {
			rule("├", "┼", "┤")
		}
		for i, text := range line {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if n == 0 {
				text = "\x1b[1m" + text + "\x1b[0m"
			}
			fmt.Fprintf(out, "│ %s%s ", text, padding)
		}
		fmt.Fprintln(out, "│")
	}
	rule("└", "┴", "┘")
}
