package synctrace

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Verdict is what a check found.
type Verdict struct {
	// How many answers of each kind were checked.
	Confirms, Declares, Deletes, Settlements, Commits int
	Faults                                            []string
}

// trace is a run's calls, with what they wrote where.
type trace struct {
	dataDir  string
	syncs    []Call // of the data directory, that succeeded
	messages map[string][]Call
	states   map[string][]Call // by queue id
	metas    map[string][]Call // writes of a stream's configuration, by queue id
	records  map[string][]Call // writes to the metadata, by queue id or key
}

var (
	messageName = regexp.MustCompile(`\w+#\d+ `)
	stateOf     = regexp.MustCompile(`\bQ(\w{22})\.s`)
	streamDir   = regexp.MustCompile(`/streams/Q(\w{22})/`)
	queueID     = regexp.MustCompile(`"id":"(\w{22})"`)
	queueKey    = regexp.MustCompile(`\$KV\.portico\.queue\.n[\w-]*\.n([\w-]*)`)
)

func newTrace(calls []Call, dataDir string) *trace {
	t := &trace{
		dataDir: dataDir, messages: map[string][]Call{}, states: map[string][]Call{},
		metas: map[string][]Call{}, records: map[string][]Call{},
	}
	for _, c := range calls {
		switch {
		case !strings.HasPrefix(c.Path, dataDir) || strings.HasPrefix(c.Result, "-1"):
		case c.Name == "syncfs":
			if c.Result == "0" {
				t.syncs = append(t.syncs, c)
			}
		case strings.Contains(c.Path, "/batches/"):
			// What is prepared there is not in the log yet.
		case strings.HasPrefix(c.Name, "write") || strings.HasPrefix(c.Name, "pwrite"):
			t.addWrite(c)
		}
	}
	return t
}

func (t *trace) addWrite(c Call) {
	add := func(to map[string][]Call, names [][]string) {
		for _, m := range names {
			name := m[len(m)-1]
			to[name] = append(to[name], c)
		}
	}
	if id := streamDir.FindStringSubmatch(c.Path); id != nil && strings.Contains(c.Path, "/meta.inf") {
		add(t.metas, [][]string{id})
	}
	if !strings.HasSuffix(c.Path, ".blk") {
		return
	}
	if strings.Contains(c.Path, "/streams/KV_") {
		add(t.records, queueID.FindAllStringSubmatch(c.Data, -1))
		add(t.records, queueKey.FindAllStringSubmatch(c.Data, -1))
		return
	}
	add(t.messages, messageName.FindAllStringSubmatch(c.Data, -1))
	add(t.states, stateOf.FindAllStringSubmatch(c.Data, -1))
}

// synced reports whether one of the writes began after begun and was followed by a sync that ended before answered.
func (t *trace) synced(writes []Call, begun, answered int) bool {
	for _, w := range writes {
		if w.Start < begun {
			continue
		}
		for _, s := range t.syncs {
			if s.Start > w.End && s.End < answered {
				return true
			}
		}
	}
	return false
}

// Check goes through the history that the run wrote to the file historyPath, answer by answer. dataDir is the data
// directory. The history's events are those of the load of the parent package.
func Check(calls []Call, historyPath, dataDir string) Verdict {
	k := &checker{trace: newTrace(calls, dataDir), ids: map[string]string{}, begun: map[string]event{}}
	var lines []Call
	for _, c := range calls {
		if c.Path == historyPath && c.Name == "write" {
			lines = append(lines, c)
		}
	}
	slices.SortFunc(lines, func(a, b Call) int { return a.Start - b.Start })
	for _, c := range lines {
		k.event(strings.Fields(c.Data), c)
	}
	return k.verdict
}

type event struct {
	words []string
	at    int
}

type checker struct {
	trace   *trace
	ids     map[string]string // of queues
	begun   map[string]event  // settlements, transactions and deletions under way
	verdict Verdict
}

func (k *checker) event(words []string, c Call) {
	v, t := &k.verdict, k.trace
	switch what := words[0]; what {
	case "settle", "begin", "delete":
		k.begun[what+words[1]] = event{words[2:], c.End}
	case "confirm":
		v.Confirms++
		k.demand(t.synced(t.messages[words[1]+" "], 0, c.Start), "message "+words[1])
	case "queue":
		v.Declares++
		k.ids[words[1]] = words[2]
		k.demand(t.synced(t.metas[words[2]], 0, c.Start), "the log of queue "+words[1])
		k.demand(t.synced(t.records[words[2]], 0, c.Start), "the record of queue "+words[1])
	case "deleted":
		v.Deletes++
		key := base64.RawURLEncoding.EncodeToString([]byte(words[1]))
		k.demand(t.synced(t.records[key], k.begun["delete"+words[1]].at, c.Start), "the deletion of queue "+words[1])
	case "settled":
		v.Settlements++
		s := k.begun["settle"+words[1]]
		queue, _, _ := strings.Cut(s.words[0], "#")
		k.demand(t.synced(t.states[k.ids[queue]], s.at, c.Start), "settlement "+words[1])
	case "commit":
		v.Commits++
		for _, w := range k.begun["begin"+words[1]].words {
			if m, ok := strings.CutPrefix(w, "+"); ok {
				k.demand(t.synced(t.messages[m+" "], 0, c.Start), "transaction "+words[1]+"'s message "+m)
			}
		}
	}
}

func (k *checker) demand(synced bool, what string) {
	if !synced {
		k.verdict.Faults = append(k.verdict.Faults, fmt.Sprintf("%s was answered before it was written and synced", what))
	}
}
