package lambda

import "time"

// streamSettings are what a mapping of a stream has besides.
type streamSettings struct {
	Position  string  // where the first batch begins
	Timestamp float64 // in seconds since 1970, of AT_TIMESTAMP, and of LATEST: when the mapping was made
	Retries   int     // -1: until the records are gone
	MaxAge    int     // seconds; -1: any
	Bisect    bool
}

// The bounds of a stream's mapping [Lambda API reference, CreateEventSourceMapping].
const (
	defaultStreamBatch = 100
	maxRetries         = 10_000
	minAge             = 60
	maxAge             = 604_800
)

// The positions where reading can start.
const (
	trimHorizon = "TRIM_HORIZON"
	latest      = "LATEST"
	atTimestamp = "AT_TIMESTAMP"
)

// streamInput is what the input of a stream's mapping has besides.
type streamInput struct {
	StartingPosition           *string
	StartingPositionTimestamp  *float64
	ParallelizationFactor      *int
	MaximumRetryAttempts       *int
	MaximumRecordAgeInSeconds  *int
	BisectBatchOnFunctionError *bool
}

// streamOutput is how that is shown.
type streamOutput struct {
	StartingPosition           string
	StartingPositionTimestamp  float64 `json:",omitempty"`
	ParallelizationFactor      int
	MaximumRetryAttempts       int
	MaximumRecordAgeInSeconds  int
	BisectBatchOnFunctionError bool
	TumblingWindowInSeconds    int
}

// newStreamSettings reads where to start, which cannot be changed later.
func newStreamSettings(in *mappingInput) (*streamSettings, *failure) {
	s := &streamSettings{Retries: -1, MaxAge: -1}
	if in.StartingPosition == nil {
		return nil, invalid("1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.")
	}
	switch s.Position = *in.StartingPosition; {
	case s.Position == atTimestamp && in.StartingPositionTimestamp == nil:
		return nil, invalid("StartingPositionTimestamp is required for the StartingPosition AT_TIMESTAMP")
	case s.Position == atTimestamp:
		s.Timestamp = *in.StartingPositionTimestamp
	case in.StartingPositionTimestamp != nil:
		return nil, invalid("StartingPositionTimestamp is only for the StartingPosition AT_TIMESTAMP")
	case s.Position == latest: // the same after a restart
		s.Timestamp = float64(time.Now().UnixMilli()) / 1000
	case s.Position != trimHorizon:
		return nil, invalid("1 validation error detected: Value '%.64s' at 'startingPosition' failed to satisfy constraint: Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]", s.Position)
	}
	return s, nil
}

// set applies an input; s is nil for a queue, which has nothing of this.
func (s *streamSettings) set(in *mappingInput) *failure {
	if s == nil {
		if in.streamInput != (streamInput{}) {
			return invalid("StartingPosition, ParallelizationFactor, MaximumRetryAttempts, MaximumRecordAgeInSeconds and BisectBatchOnFunctionError are not for SQS event sources")
		}
		return nil
	}
	if in.ScalingConfig != nil {
		return invalid("ScalingConfig is only for SQS event sources")
	}
	if n := in.ParallelizationFactor; n != nil && *n != 1 {
		return invalid("A ParallelizationFactor other than 1 is not supported yet.")
	}
	if n := in.MaximumRetryAttempts; n != nil {
		if s.Retries = *n; s.Retries < -1 || s.Retries > maxRetries {
			return invalid("MaximumRetryAttempts must be between -1 and %d", maxRetries)
		}
	}
	if n := in.MaximumRecordAgeInSeconds; n != nil {
		if s.MaxAge = *n; s.MaxAge != -1 && (s.MaxAge < minAge || s.MaxAge > maxAge) {
			return invalid("MaximumRecordAgeInSeconds must be -1, or between %d and %d", minAge, maxAge)
		}
	}
	if in.BisectBatchOnFunctionError != nil {
		s.Bisect = *in.BisectBatchOnFunctionError
	}
	return nil
}

func (s *streamSettings) output() *streamOutput {
	if s == nil {
		return nil
	}
	out := &streamOutput{
		StartingPosition: s.Position, ParallelizationFactor: 1, MaximumRetryAttempts: s.Retries, MaximumRecordAgeInSeconds: s.MaxAge,
		BisectBatchOnFunctionError: s.Bisect,
	}
	if s.Position == atTimestamp {
		out.StartingPositionTimestamp = s.Timestamp
	}
	return out
}

// kind is the source's service in complaints.
func (m *mapping) kind() string {
	if m.Stream != nil {
		return "kinesis"
	}
	return "SQS"
}
