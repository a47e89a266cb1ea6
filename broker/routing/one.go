package routing

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/portico-mq/portico/broker/property"
)

// HashOf takes from a message what decides where it goes: equal values go to
// the same destination. It must be safe for concurrent use and keep nothing.
type HashOf[M any] func(key string, headers property.RawTable, message M) string

// one are the kinds that lead a message to one of their destinations. They keep
// bindings in the order of their destinations' names, so that the same message
// goes the same way after a restart, in whatever order bindings are added then.
type one[D comparable, M any] struct {
	entries []*entry[D, M]
	choose  func(entries []*entry[D, M], key string, headers property.RawTable, message M) *entry[D, M]
}

func (x *one[D, M]) add(e *entry[D, M]) error {
	at, _ := slices.BinarySearchFunc(x.entries, e, byName[D, M])
	x.entries = slices.Insert(x.entries, at, e)
	return nil
}

func (x *one[D, M]) remove(e *entry[D, M]) {
	if at := slices.Index(x.entries, e); at >= 0 {
		x.entries = slices.Delete(x.entries, at, at+1)
	}
}

func byName[D comparable, M any](a, b *entry[D, M]) int {
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	return strings.Compare(a.Key, b.Key)
}

func (x *one[D, M]) match(key string, headers property.RawTable, message M, into *Matches[D]) {
	if len(x.entries) > 0 {
		x.choose(x.entries, key, headers, message).match(message, into)
	}
}

func random[D comparable, M any](entries []*entry[D, M], _ string, _ property.RawTable, _ M) *entry[D, M] {
	return entries[rand.IntN(len(entries))]
}

func modulus[D comparable, M any](entries []*entry[D, M], key string, _ property.RawTable, _ M) *entry[D, M] {
	return entries[mix(fnv(fnvStart, key))%uint64(len(entries))]
}

// weighted gives every binding a share in proportion to its weight: each draws a number from its name and the hashed
// value, and the best draw wins (rendezvous hashing). A binding that comes or goes moves no messages but its own.
func weighted[D comparable, M any](of HashOf[M]) func([]*entry[D, M], string, property.RawTable, M) *entry[D, M] {
	return func(entries []*entry[D, M], key string, headers property.RawTable, message M) *entry[D, M] {
		value := fnv(fnvStart, of(key, headers, message))
		var best *entry[D, M]
		least := math.Inf(1)
		for _, e := range entries {
			draw := float64(mix(fnv(value, e.Name))>>11+1) / (1 << 53) // in (0, 1]
			if cost := -math.Log(draw) / max(e.Weight, math.SmallestNonzeroFloat32); best == nil || cost < least {
				best, least = e, cost
			}
		}
		return best
	}
}

const (
	fnvStart = 14695981039346656037
	fnvPrime = 1099511628211
)

// fnv is FNV-1a, which stays the same over restarts as maphash does not.
func fnv(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}

// mix spreads what differs in few bits over all of them (the finish of MurmurHash3).
func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
