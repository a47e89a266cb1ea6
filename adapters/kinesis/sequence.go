package kinesis

import (
	"fmt"
	"math/big"
	"strconv"
	"time"
)

// A sequence number is a decimal number of 186 bits whose hexadecimal form has fields, observed on
// AWS and written down by kinesalite (db/index.js, version 2):
//
//	2  CCCCCCCCC  S  NNNNNNNNNNNNNNNN  00  TTTTTTTTT  SSSSSSSS  2
//
// C is when the shard was created and T when the record came, both in seconds; S is the shard's
// number, whose last digit stands in front too; N orders the records of a shard. Here N is the
// record's sequence in the log, so that a sequence number leads back to the place of its record.
type sequenceNumber struct {
	shardCreated int64 // seconds since 1970
	shard        int
	sequence     uint64
	arrived      int64 // seconds since 1970
}

const sequenceFormat = "2%09x%01x%016x00%09x%08x2"

// sequenceDigits is the length of the hexadecimal form.
const sequenceDigits = 47

func (s sequenceNumber) String() string {
	digits := fmt.Sprintf(sequenceFormat, s.shardCreated, s.shard&0xf, s.sequence, s.arrived, s.shard)
	n, ok := new(big.Int).SetString(digits, 16)
	if !ok {
		panic("kinesis: a sequence number with a time before 1970 or a negative shard")
	}
	return n.String()
}

// maxSequenceText bounds what is parsed; real ones have 56 digits.
const maxSequenceText = 129

// parseSequenceNumber reads a sequence number; ok is false for one that this format did not make.
func parseSequenceNumber(text string) (s sequenceNumber, ok bool) {
	if len(text) > maxSequenceText {
		return s, false
	}
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return s, false
	}
	digits := n.Text(16)
	if len(digits) != sequenceDigits || digits[0] != '2' || digits[sequenceDigits-1] != '2' || digits[27:29] != "00" {
		return s, false
	}
	number := func(from, to int) uint64 {
		v, err := strconv.ParseUint(digits[from:to], 16, 64)
		if err != nil {
			panic("kinesis: big.Int wrote " + digits) // it writes nothing but digits
		}
		return v
	}
	s = sequenceNumber{
		shardCreated: int64(number(1, 10)),
		sequence:     number(11, 27),
		arrived:      int64(number(29, 38)),
		shard:        int(number(38, 46)),
	}
	return s, number(10, 11) == uint64(s.shard&0xf)
}

// epochSeconds is a time as the JSON protocol writes it: seconds with milliseconds after the point.
func epochSeconds(t time.Time) float64 {
	return float64(t.UnixMilli()) / 1000
}

// fromEpoch is the reverse of epochSeconds.
func fromEpoch(seconds float64) time.Time {
	return time.UnixMilli(int64(seconds * 1000))
}
