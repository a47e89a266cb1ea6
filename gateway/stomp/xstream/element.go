package xstream

import "errors"

// Element is a value as it is written: an element named after the value's class, with a text or with elements in it.
type Element struct {
	Name     string
	Text     string
	Children []Element
}

const (
	// MaxSize bounds a text that is read, in bytes.
	MaxSize = 4 << 20
	// maxDepth bounds how deep elements are nested, and maxElements how many there are.
	maxDepth    = 100
	maxElements = 100_000
)

var (
	errTooLarge = errors.New("the text is larger than 4 MiB")
	errTooDeep  = errors.New("elements are nested more than 100 deep")
	errTooMany  = errors.New("there are more than 100,000 elements")
	// errNoElement is what XStream says of an object without members.
	errNoElement = errors.New("null")
	// errMalformed has no words, like XStream's own.
	errMalformed = errors.New("")
)

// single are the classes whose values are a text. Any other value holds elements.
func single(class string) bool {
	switch class {
	case "map", "list", "entry", "null":
		return false
	default:
		return true
	}
}
