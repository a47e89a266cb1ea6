package management

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Lists: sorting, columns and pages, as RabbitMQ's management plugin has them (rabbit_mgmt_util.erl).

const (
	defaultPageSize = 100
	maxPageSize     = 500
)

// list answers a list: sorted by what the request asks for, else by the default keys; of all columns or those asked
// for; whole, or the page asked for.
func (c *call) list(items []object, defaultSort ...string) {
	if items == nil {
		items = []object{}
	}
	if len(defaultSort) == 0 {
		defaultSort = []string{"vhost", "name"}
	}
	query := c.r.URL.Query()
	if by := query.Get("sort"); by != "" {
		defaultSort = append([]string{by}, defaultSort...)
	}
	sortObjects(items, defaultSort)
	if query.Get("sort_reverse") == "true" {
		slices.Reverse(items)
	}
	p, err := readPage(query.Get("page"), query.Get("page_size"), query.Get("name"), query.Get("use_regex"))
	if err != nil {
		c.badRequest(err.Error())
		return
	}
	if p == nil {
		c.answer(items)
		return
	}
	c.page(p, items)
}

// page is what one page asks for.
type page struct {
	number, size int
	name         string
	pattern      *regexp.Regexp // of use_regex
}

func readPage(number, size, name, useRegex string) (*page, error) {
	if number == "" {
		if size != "" {
			return nil, fmt.Errorf("page number required when page size is given: page_size: %s", size)
		}
		return nil, nil
	}
	p := &page{size: defaultPageSize, name: name}
	var err error
	if p.number, err = strconv.Atoi(number); err != nil || p.number < 1 {
		return nil, fmt.Errorf("Invalid pagination parameters: page number %s page size %s", number, size)
	}
	if size != "" {
		if p.size, err = strconv.Atoi(size); err != nil || p.size < 1 || p.size > maxPageSize {
			return nil, fmt.Errorf("Invalid pagination parameters: page number %s page size %s", number, size)
		}
	}
	if useRegex == "true" && name != "" {
		if p.pattern, err = regexp.Compile("(?i)" + name); err != nil {
			return nil, fmt.Errorf("Invalid regex: %s", name)
		}
	}
	return p, nil
}

func (p *page) matches(o object) bool {
	name := fmt.Sprint(o["name"])
	if p.pattern != nil {
		return p.pattern.MatchString(name)
	}
	return strings.Contains(strings.ToLower(name), strings.ToLower(p.name))
}

func (c *call) page(p *page, items []object) {
	total := len(items)
	if p.name != "" {
		items = slices.DeleteFunc(items, func(o object) bool { return !p.matches(o) })
	}
	filtered := len(items)
	pages := max((filtered+p.size-1)/p.size, 1)
	if p.number > pages {
		c.fail(http.StatusBadRequest, "page_out_of_range", fmt.Sprintf("Page out of range, page: %d page size: %d, len: %d",
			p.number, p.size, filtered))
		return
	}
	from := (p.number - 1) * p.size
	items = items[from:min(from+p.size, filtered)]
	if c.expand != nil {
		for i := range items {
			items[i] = c.expand(items[i])
		}
	}
	if columns := c.columns(); columns != nil {
		items = pickAll(items, columns)
	}
	c.write(http.StatusOK, object{
		"total_count": total, "filtered_count": filtered, "item_count": len(items),
		"page": p.number, "page_size": p.size, "page_count": pages, "items": items,
	})
}

// columns are those asked for, each split at its dots; nil for all.
func (c *call) columns() [][]string {
	text := c.r.URL.Query().Get("columns")
	if text == "" {
		return nil
	}
	var columns [][]string
	for name := range strings.SplitSeq(text, ",") {
		columns = append(columns, strings.Split(name, "."))
	}
	return columns
}

// pick returns o with only the columns.
func pick(o object, columns [][]string) object {
	out := object{}
	for _, path := range columns {
		v, ok := o[path[0]]
		if !ok {
			continue
		}
		if len(path) == 1 {
			out[path[0]] = v
			continue
		}
		nested, ok := v.(object)
		if !ok {
			continue
		}
		inner := pick(nested, [][]string{path[1:]})
		if have, ok := out[path[0]].(object); ok {
			for k, v := range inner {
				have[k] = v
			}
			continue
		}
		out[path[0]] = inner
	}
	return out
}

func pickAll(items []object, columns [][]string) []object {
	out := make([]object, len(items))
	for i, o := range items {
		out[i] = pick(o, columns)
	}
	return out
}

// sortObjects sorts by the columns, the first that differs. Paths with dots lead into nested objects.
func sortObjects(items []object, by []string) {
	paths := make([][]string, len(by))
	for i, name := range by {
		paths[i] = strings.Split(name, ".")
	}
	slices.SortStableFunc(items, func(a, b object) int {
		for _, path := range paths {
			if order := compareValues(dig(a, path), dig(b, path)); order != 0 {
				return order
			}
		}
		return 0
	})
}

func dig(o object, path []string) any {
	var v any = o
	for _, name := range path {
		nested, ok := v.(object)
		if !ok {
			return nil
		}
		v = nested[name]
	}
	return v
}

// compareValues orders numbers before what is not there before text, as Erlang orders terms.
func compareValues(a, b any) int {
	x, okX := number(a)
	y, okY := number(b)
	switch {
	case okX && okY:
		return cmp.Compare(x, y)
	case okX:
		return -1
	case okY:
		return 1
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case uint32:
		return float64(v), true
	case uint16:
		return float64(v), true
	case float64:
		return v, true
	default:
		return 0, false
	}
}
