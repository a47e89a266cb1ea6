package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-stomp/stomp/v3/frame"
)

var limits = Limits{Command: 20, Header: 100, Headers: 5, HeaderBytes: 200, Body: 50}

// generous limits for what clients really send.
var generous = Limits{Command: 64, Header: 4096, Headers: 100, HeaderBytes: 16384, Body: 1 << 20}

// text shows a frame in one line.
func text(f *Frame) string {
	s := f.Command
	for _, h := range f.Headers {
		s += fmt.Sprintf(" %q=%q", h.Name, h.Value)
	}
	return s + fmt.Sprintf(" %q", f.Body)
}

// readAll reads frames as text until the end; the error is nil at a clean end.
func readAll(r *Reader) ([]string, error) {
	var got []string
	for {
		f, err := r.Read()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		got = append(got, text(f))
	}
}

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		in     string
		strict bool
		want   []string
	}{
		"nothing":                 {"", true, nil},
		"line ends and NULs":      {"\n\r\n\x00\n\x00\x00", true, nil},
		"bare":                    {"BEGIN\n\n\x00", true, []string{`BEGIN ""`}},
		"unknown command":         {"FOO bar\n\n\x00", true, []string{`FOO bar ""`}},
		"body to NUL":             {"SEND\na:b\n\nbody\n\x00", true, []string{`SEND "a"="b" "body\n"`}},
		"body by length":          {"SEND\ncontent-length:3\n\na\x00b\x00", true, []string{`SEND "content-length"="3" "a\x00b"`}},
		"length with spaces":      {"SEND\ncontent-length: 1 \n\nx\x00", true, []string{`SEND "content-length"=" 1 " "x"`}},
		"length zero":             {"SEND\ncontent-length:0\n\n\x00", true, []string{`SEND "content-length"="0" ""`}},
		"first length counts":     {"SEND\ncontent-length:1\ncontent-length:9\n\nx\x00", true, []string{`SEND "content-length"="1" "x"`}},
		"length on any command":   {"ACK\ncontent-length:2\n\n\x00\x00\x00", true, []string{`ACK "content-length"="2" "\x00\x00"`}},
		"CR LF":                   {"SEND\r\na:b\r\n\r\nx\r\n\x00", true, []string{`SEND "a"="b" "x\r\n"`}},
		"between frames":          {"\n\r\n\x00A\n\n\x00\n\n\x00\r\nB\n\n\x00", true, []string{`A ""`, `B ""`}},
		"first header wins":       {"A\na:1\nb:2\na:3\n\n\x00", true, []string{`A "a"="1" "b"="2" ""`}},
		"colons in the value":     {"A\na:b:c::\n\n\x00", true, []string{`A "a"="b:c::" ""`}},
		"empty name and value":    {"A\n:\n\n\x00", true, []string{`A ""="" ""`}},
		"spaces stay":             {"A\n a : b \n\n\x00", true, []string{`A " a "=" b " ""`}},
		"escapes":                 {"A\na\\cb:\\\\n\\n\\r\\c\n\n\x00", true, []string{`A "a:b"="\\n\n\r:" ""`}},
		"escaped names are equal": {"A\n\\c:1\n\\c:2\n\n\x00", true, []string{`A ":"="1" ""`}},
		"undefined, lenient":      {"A\na:\\tb\\\n\n\x00", false, []string{`A "a"="\\tb\\" ""`}},
		"defined, lenient":        {"A\na:\\c\\\\\n\n\x00", false, []string{`A "a"=":\\" ""`}},
		"UTF-8":                   {"A\né:€\n\n😀\x00", true, []string{`A "é"="€" "😀"`}},
		"limits reached": {
			"COMMANDOF20CHARACTER\nh1:" + strings.Repeat("x", 97) + "\r\nh2:" + strings.Repeat("x", 88) + "\n3:\n4:\n\n" + strings.Repeat("b", 50) + "\x00",
			true,
			[]string{`COMMANDOF20CHARACTER "h1"="` + strings.Repeat("x", 97) + `" "h2"="` + strings.Repeat("x", 88) + `" "3"="" "4"="" "` + strings.Repeat("b", 50) + `"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, src := range []io.Reader{
				strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in)),
				iotest.HalfReader(strings.NewReader(c.in)), iotest.DataErrReader(strings.NewReader(c.in)),
			} {
				r := NewReader(src, limits)
				r.SetStrict(c.strict)
				got, err := readAll(r)
				if err != nil || !slices.Equal(got, c.want) {
					t.Errorf("from %T: %v, %v", src, got, err)
				}
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want error
	}{
		"cut in the command":   {"SEN", io.ErrUnexpectedEOF},
		"cut in a header":      {"SEND\nab", io.ErrUnexpectedEOF},
		"cut in the body":      {"SEND\n\nab", io.ErrUnexpectedEOF},
		"cut in a long body":   {"SEND\ncontent-length:5\n\nab", io.ErrUnexpectedEOF},
		"command":              {strings.Repeat("A", 21), &SyntaxError{CommandTooLong, 20}},
		"header":               {"A\na:" + strings.Repeat("x", 99), &SyntaxError{HeaderTooLong, 100}},
		"headers":              {"A\n1:\n2:\n3:\n4:\n5:\n6:\n", &SyntaxError{TooManyHeaders, 5}},
		"repeated headers":     {"A\n1:\n1:\n1:\n1:\n1:\n1:\n", &SyntaxError{TooManyHeaders, 5}},
		"header bytes":         {"A\n1:" + strings.Repeat("x", 90) + "\n2:" + strings.Repeat("x", 90) + "\n3:" + strings.Repeat("x", 90), &SyntaxError{HeadersTooLong, 14}},
		"body":                 {"A\n\n" + strings.Repeat("x", 51), &SyntaxError{BodyTooLong, 50}},
		"announced body":       {"A\ncontent-length:51\n\n", &SyntaxError{BodyTooLong, 50}},
		"4 GiB announced":      {"SEND\ncontent-length:4294967296\n\n", &SyntaxError{BodyTooLong, 50}},
		"more than an integer": {"SEND\ncontent-length:99999999999999999999\n\n", &SyntaxError{BodyTooLong, 50}},
		"negative length":      {"SEND\ncontent-length:-1\n\n", &SyntaxError{Reason: BadContentLength}},
		"no length":            {"SEND\ncontent-length:\n\n", &SyntaxError{Reason: BadContentLength}},
		"a word for a length":  {"SEND\ncontent-length:ten\n\n", &SyntaxError{Reason: BadContentLength}},
		"length too short":     {"SEND\ncontent-length:1\n\nab\x00", &SyntaxError{Reason: BodyNotEnded}},
		"no colon":             {"SEND\nab\n\n\x00", &SyntaxError{Reason: BadHeader}},
		"NUL in a header":      {"SEND\na:\x00\n\n\x00", &SyntaxError{Reason: BadHeader}},
		"CR in a header":       {"SEND\na:b\rc\n\n\x00", &SyntaxError{Reason: BadHeader}},
		"undefined escape":     {"SEND\na:\\t\n\n\x00", &SyntaxError{Reason: BadEscape}},
		"escape of nothing":    {"SEND\na:b\\\n\n\x00", &SyntaxError{Reason: BadEscape}},
		"undefined in a name":  {"SEND\n\\x:b\n\n\x00", &SyntaxError{Reason: BadEscape}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, src := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				r := NewReader(src, limits)
				r.SetStrict(true)
				got, err := readAll(r)
				if len(got) != 0 || (!errors.Is(err, c.want) && !reflect.DeepEqual(err, c.want)) {
					t.Errorf("from %T: %v, %v; want %v", src, got, err, c.want)
				}
			}
		})
	}
}

// errTooFar ends a source that is read further than its reader should go.
var errTooFar = errors.New("read too far")

// endless gives the head, then bytes of the fill for ever, up to a bound.
type endless struct {
	head string
	fill byte
	left int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.head != "" {
		n := copy(p, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	if e.left <= 0 {
		return 0, errTooFar
	}
	n := min(len(p), e.left)
	for i := range n {
		p[i] = e.fill
	}
	e.left -= n
	return n, nil
}

func TestEndlessFramesStopAtTheLimits(t *testing.T) {
	for name, src := range map[string]*endless{
		"command":     {fill: 'A'},
		"header":      {head: "SEND\n", fill: 'h'},
		"headers":     {head: "SEND\n" + strings.Repeat("a:b\n", 50), fill: ':'},
		"body":        {head: "SEND\n\n", fill: 'b'},
		"4 GiB":       {head: "SEND\ncontent-length:4294967296\n\n", fill: 'b'},
		"body, known": {head: fmt.Sprintf("SEND\ncontent-length:%d\n\n", generous.Body), fill: 'b'},
	} {
		src.left = 4 << 20
		r := NewReader(src, generous)
		_, err := r.Read()
		if s := new(SyntaxError); !errors.As(err, &s) {
			t.Errorf("%s: %v", name, err)
		}
		if len(r.buf) > generous.Body+2*startBuffer+generous.HeaderBytes {
			t.Errorf("%s: a buffer of %d bytes", name, len(r.buf))
		}
	}
}

func TestAnnouncedBodyCostsNothing(t *testing.T) {
	big := generous
	big.Body = 8 << 30
	r := NewReader(strings.NewReader("SEND\ncontent-length:4294967296\n\nabc"), big)
	if _, err := r.Read(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	if len(r.buf) != startBuffer {
		t.Errorf("a buffer of %d bytes for three", len(r.buf))
	}
}

func TestLargeBufferIsGivenBack(t *testing.T) {
	large := "SEND\n\n" + strings.Repeat("x", 1<<20) + "\x00"
	r := NewReader(strings.NewReader(large+"A\n\n\x00"), generous)
	for range 2 {
		if _, err := r.Read(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Read(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if len(r.buf) > keepBuffer {
		t.Errorf("%d bytes kept", len(r.buf))
	}
}

func TestReadDoesNotAllocate(t *testing.T) {
	one := "SEND\ndestination:/queue/a\npersistent:true\ncontent-length:5\n\nhello\x00\n"
	r := NewReader(strings.NewReader(strings.Repeat(one, 300)), generous)
	if _, err := r.Read(); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(200, func() {
		if _, err := r.Read(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func TestTrimAndGet(t *testing.T) {
	r := NewReader(strings.NewReader("A\na:  b \n\n\x00"), limits)
	f, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	f.Trim()
	if v, ok := f.Get("a"); !ok || string(v) != "b " {
		t.Errorf("%q, %v", v, ok)
	}
	if _, ok := f.Get("b"); ok {
		t.Error("found what is not there")
	}
}

// recordings returns the bytes of what clients and servers were recorded to say, by file name.
func recordings(t testing.TB) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	for _, pattern := range []string{"testdata/*.client", "testdata/*.server"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatal("no recordings", err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[filepath.Base(name)] = data
		}
	}
	return all
}

// TestRecordingsAgainstGoStomp reads what was recorded with our reader and with go-stomp's.
func TestRecordingsAgainstGoStomp(t *testing.T) {
	for name, data := range recordings(t) {
		r := NewReader(bytes.NewReader(data), generous)
		r.SetStrict(true)
		got, err := readAll(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var want []string
		theirs := frame.NewReader(bytes.NewReader(data))
		for {
			f, err := theirs.Read()
			if err != nil {
				break
			}
			if f == nil {
				continue // a heart-beat
			}
			same := Frame{Command: f.Command, Body: f.Body}
			for i := range f.Header.Len() {
				k, v := f.Header.GetAt(i)
				same.Headers = append(same.Headers, Header{[]byte(k), []byte(v)})
			}
			want = append(want, text(&same))
		}
		if len(want) < 3 || !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want)
		}
	}
}
