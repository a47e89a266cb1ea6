package kinesis

import (
	"crypto/md5" // the service's hash of partition keys, not a protection
	"math/big"
)

// Partition keys are hashed to 128-bit numbers, and each shard holds a range of them [API reference,
// PutRecord: "An MD5 hash function is used to map partition keys to 128-bit integer values"].

// hashSpace is the number of hash keys, 2^128.
var hashSpace = new(big.Int).Lsh(big.NewInt(1), 128)

// hashOf gives the hash key of a partition key.
func hashOf(partitionKey string) *big.Int {
	sum := md5.Sum([]byte(partitionKey))
	return new(big.Int).SetBytes(sum[:])
}

// parseHashKey reads an explicit hash key; ok is false when it is out of the range.
func parseHashKey(s string) (key *big.Int, ok bool) {
	key, ok = new(big.Int).SetString(s, 10)
	if !ok || key.Sign() < 0 || key.Cmp(hashSpace) >= 0 {
		return nil, false
	}
	return key, true
}

// rangeStart is the first hash key of shard i of n: the space is cut into n parts of one size, and
// what is left over goes to the last.
func rangeStart(i, n int) *big.Int {
	width := new(big.Int).Div(hashSpace, big.NewInt(int64(n)))
	return width.Mul(width, big.NewInt(int64(i)))
}

// rangeEnd is the last hash key of shard i of n.
func rangeEnd(i, n int) *big.Int {
	if i == n-1 {
		return new(big.Int).Sub(hashSpace, big.NewInt(1))
	}
	end := rangeStart(i+1, n)
	return end.Sub(end, big.NewInt(1))
}

// shardFor tells which of n shards holds a hash key.
func shardFor(key *big.Int, n int) int {
	width := new(big.Int).Div(hashSpace, big.NewInt(int64(n)))
	return min(int(new(big.Int).Div(key, width).Int64()), n-1)
}
