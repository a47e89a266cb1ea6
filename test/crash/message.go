package crash

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"

	"github.com/portico-mq/portico/test/crash/history"
)

// A body is text, so that every protocol carries it unchanged:
//
//	16 hexadecimal digits of the message's id
//	 8 hexadecimal digits of the CRC-32 of what follows
//	padding of a random length
const bodyHead = 16 + 8

var errBody = errors.New("a body that no publisher made")

const maxPadding = 3000

func encodeBody(m history.MessageID) []byte {
	padding := strings.Repeat(string(rune('a'+rand.IntN(26))), rand.IntN(maxPadding))
	return fmt.Appendf(nil, "%016x%08x%s", uint64(m), crc32.ChecksumIEEE([]byte(padding)), padding)
}

// decodeBody returns the id of a message that arrived whole.
func decodeBody(body []byte) (history.MessageID, error) {
	var id uint64
	var sum uint32
	if len(body) < bodyHead {
		return 0, errBody
	}
	if _, err := fmt.Fscanf(bytes.NewReader(body[:bodyHead]), "%16x%8x", &id, &sum); err != nil {
		return 0, errBody
	}
	if crc32.ChecksumIEEE(body[bodyHead:]) != sum {
		return 0, errBody
	}
	return history.MessageID(id), nil
}
