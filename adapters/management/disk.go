package management

import (
	"encoding/json"
	"net/http"
)

// diskLimit is the body of PUT /portico/v1/disk/limit: one of the two. Fraction is of the machine's memory.
type diskLimit struct {
	Bytes    *int64   `json:"bytes"`
	Fraction *float64 `json:"fraction"`
}

// setDiskLimit changes until the next start how much room there must be. When it answers, the alarm is on or off by
// the new limit.
func (s *server) setDiskLimit(w http.ResponseWriter, r *http.Request) {
	if s.opts.Disk == nil {
		fail(w, http.StatusNotImplemented, "not_implemented", "The room on disk cannot be told on this system.")
		return
	}
	var in diskLimit
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		fail(w, http.StatusBadRequest, "bad_request", "The body is not a limit in JSON.")
		return
	}
	var bytes int64
	switch {
	case in.Bytes != nil && in.Fraction == nil && *in.Bytes >= 0:
		bytes = *in.Bytes
	case in.Fraction != nil && in.Bytes == nil && *in.Fraction >= 0 && *in.Fraction <= 1000:
		if !s.hasMemory(w) {
			return
		}
		bytes = int64(*in.Fraction * float64(s.opts.Memory.Status().Total))
	default:
		fail(w, http.StatusBadRequest, "bad_request", "The limit is either bytes or a fraction of the memory, from 0.")
		return
	}
	if err := s.opts.Disk.SetLimit(bytes); err != nil {
		s.opts.Logger.Error("the room on disk cannot be told", "err", err)
		fail(w, http.StatusInternalServerError, "internal_error", "The room on disk cannot be told.")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
