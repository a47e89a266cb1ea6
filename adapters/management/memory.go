package management

import (
	"encoding/json"
	"net/http"

	"github.com/portico-mq/portico/internal/memory"
)

// memoryStatus is the body of GET /portico/v1/memory; all but Exceeded in bytes.
type memoryStatus struct {
	Used     int64 `json:"used"`
	Limit    int64 `json:"limit"`
	Total    int64 `json:"total"`
	Exceeded bool  `json:"exceeded"`
}

func (s *server) getMemory(w http.ResponseWriter, _ *http.Request) {
	if !s.hasMemory(w) {
		return
	}
	st := s.opts.Memory.Status()
	answer(w, http.StatusOK, memoryStatus{Used: st.Used, Limit: st.Limit, Total: st.Total, Exceeded: st.Exceeded})
}

// memoryLimit is the body of PUT /portico/v1/memory/limit: one of the two.
type memoryLimit struct {
	Bytes    *int64   `json:"bytes"`
	Fraction *float64 `json:"fraction"`
}

// setMemoryLimit changes the limit until the next start. When it answers, the
// alarm is on or off by the new limit.
func (s *server) setMemoryLimit(w http.ResponseWriter, r *http.Request) {
	if !s.hasMemory(w) {
		return
	}
	var in memoryLimit
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		fail(w, http.StatusBadRequest, "bad_request", "The body is not a limit in JSON.")
		return
	}
	var limit memory.Limit
	switch {
	case in.Bytes != nil && in.Fraction == nil && *in.Bytes > 0:
		limit.Bytes = *in.Bytes
	case in.Fraction != nil && in.Bytes == nil && *in.Fraction >= 0 && *in.Fraction <= 1:
		limit.Fraction = *in.Fraction
	default:
		fail(w, http.StatusBadRequest, "bad_request", "The limit is either bytes, more than 0, or a fraction from 0 to 1.")
		return
	}
	if err := s.opts.Memory.SetLimit(limit); err != nil {
		s.opts.Logger.Error("the memory of the process cannot be told", "err", err)
		fail(w, http.StatusInternalServerError, "internal_error", "The memory of the process cannot be told.")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// hasMemory answers 501 where the memory of a process cannot be told.
func (s *server) hasMemory(w http.ResponseWriter) bool {
	if s.opts.Memory == nil {
		fail(w, http.StatusNotImplemented, "not_implemented", "The memory of a process cannot be told on this system.")
		return false
	}
	return true
}
