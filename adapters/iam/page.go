package iam

import (
	"encoding/base64"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

// listed is what the answer to a listing has beside its items.
type listed struct {
	IsTruncated bool
	Marker      string
}

const maxPage = 1000

// page gives the part of a sorted list that a request asks for. The marker is the place of its first item.
func page[T any](in *input, all []T) ([]T, listed, error) {
	size := 100
	if in.MaxItems != nil {
		if size = int(*in.MaxItems); size < 1 || size > maxPage {
			return nil, listed{}, validation("1 validation error detected: Value '" + itoa(size) +
				"' at 'maxItems' failed to satisfy constraint: Member must have value between 1 and 1000")
		}
	}
	from := 0
	if in.Marker != "" {
		text, err := base64.StdEncoding.DecodeString(in.Marker)
		if err == nil {
			from, err = strconv.Atoi(string(text))
		}
		if err != nil || from < 0 {
			return nil, listed{}, validation("Invalid Marker.")
		}
	}
	from = min(from, len(all))
	to := min(from+size, len(all))
	items := make([]T, 0, to-from)
	items = append(items, all[from:to]...)
	if to == len(all) {
		return items, listed{}, nil
	}
	return items, listed{true, base64.StdEncoding.EncodeToString([]byte(itoa(to)))}, nil
}
