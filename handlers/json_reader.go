package handlers

import (
	"encoding/binary"
	"math/bits"
)

// jsonReader goes through a JSON text once, and accepts what encoding/json does (a test compares them): strict, but strings
// are as they come, bytes that are no UTF-8 included. A delivery is read at the door before it is kept, and most of it is
// passed over: with a library that was a fifth of all that a delivery cost; this takes half of that (BenchmarkEssentials).
type jsonReader struct {
	body  []byte
	at    int
	depth int
}

// maximumDepth is how deep values may be nested: as deep as encoding/json allows.
const maximumDepth = 10_000

// peek returns the first byte of what comes next; 0 at the end.
func (r *jsonReader) peek() byte {
	for ; r.at < len(r.body); r.at++ {
		if next := r.body[r.at]; next > ' ' || next != ' ' && next != '\n' && next != '\t' && next != '\r' {
			return next
		}
	}
	return 0
}

func (r *jsonReader) ended() bool {
	r.peek()
	return r.at == len(r.body)
}

func (r *jsonReader) take(wanted byte) bool {
	if r.peek() != wanted || r.at == len(r.body) {
		return false
	}
	r.at++
	return true
}

// begins goes into an object or a list, and reports whether it has a first member.
func (r *jsonReader) begins(end byte) bool {
	r.peek()
	r.at++
	r.depth++
	return r.depth <= maximumDepth && r.peek() != end
}

// goesOn reports whether there is another member.
func (r *jsonReader) goesOn() bool {
	return r.peek() == ',' && r.accept(',')
}

// ends leaves an object or a list.
func (r *jsonReader) ends(end byte) bool {
	within := r.depth <= maximumDepth
	r.depth--
	return within && r.take(end)
}

// name reads the name of an object's member, quotes included, and the colon.
func (r *jsonReader) name() ([]byte, bool) {
	r.peek()
	begin := r.at
	if !r.text() {
		return nil, false
	}
	return r.body[begin:r.at], r.take(':')
}

// value reads a value, and returns it as it stands.
func (r *jsonReader) value() ([]byte, bool) {
	r.peek()
	begin := r.at
	ok := r.skip()
	return r.body[begin:r.at], ok
}

// skip passes over a value.
func (r *jsonReader) skip() bool {
	switch r.peek() {
	case '"':
		return r.text()
	case '{':
		for more := r.begins('}'); more; more = r.goesOn() {
			if _, ok := r.name(); !ok || !r.skip() {
				return false
			}
		}
		return r.ends('}')
	case '[':
		for more := r.begins(']'); more; more = r.goesOn() {
			if !r.skip() {
				return false
			}
		}
		return r.ends(']')
	case 't':
		return r.word("true")
	case 'f':
		return r.word("false")
	case 'n':
		return r.word("null")
	}
	return r.number()
}

func (r *jsonReader) word(wanted string) bool {
	left := r.body[r.at:]
	r.at += min(len(wanted), len(left))
	return len(left) >= len(wanted) && string(left[:len(wanted)]) == wanted
}

// text passes over a string.
func (r *jsonReader) text() bool {
	if !r.accept('"') {
		return false
	}
	for {
		r.at += plain(r.body[r.at:])
		if r.at == len(r.body) {
			return false
		}
		found := r.body[r.at]
		r.at++
		if found != '\\' {
			return found == '"' // else it is a control character
		}
		if !r.escape() {
			return false
		}
	}
}

// plain returns how many bytes it is to a string's next quote, backslash or control character. It looks at eight at a time
// (https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord): of those found in a word only the first is certain.
func plain(content []byte) int {
	const each, high = 0x0101010101010101, 0x8080808080808080
	at := 0
	for ; len(content)-at >= 8; at += 8 {
		word := binary.LittleEndian.Uint64(content[at:])
		quote, backslash := word^(each*'"'), word^(each*'\\')
		found := ((quote-each)&^quote | (backslash-each)&^backslash | (word-each*' ')&^word) & high
		if found != 0 {
			return at + bits.TrailingZeros64(found)/8
		}
	}
	for at < len(content) && content[at] != '"' && content[at] != '\\' && content[at] >= ' ' {
		at++
	}
	return at
}

// escape passes over what follows a backslash.
func (r *jsonReader) escape() bool {
	if r.at == len(r.body) {
		return false
	}
	kind := r.body[r.at]
	r.at++
	switch kind {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			if r.at == len(r.body) || !isHex(r.body[r.at]) {
				return false
			}
			r.at++
		}
		return true
	}
	return false
}

func isHex(digit byte) bool {
	return digit >= '0' && digit <= '9' || digit >= 'a' && digit <= 'f' || digit >= 'A' && digit <= 'F'
}

// number passes over a number.
func (r *jsonReader) number() bool {
	r.accept('-')
	if !r.accept('0') && r.digits() == 0 {
		return false
	}
	if r.accept('.') && r.digits() == 0 {
		return false
	}
	if r.accept('e') || r.accept('E') {
		if !r.accept('+') {
			r.accept('-')
		}
		return r.digits() > 0
	}
	return true
}

// accept passes over the byte, if it is the very next one.
func (r *jsonReader) accept(wanted byte) bool {
	if r.at == len(r.body) || r.body[r.at] != wanted {
		return false
	}
	r.at++
	return true
}

func (r *jsonReader) digits() (count int) {
	for r.at < len(r.body) && r.body[r.at] >= '0' && r.body[r.at] <= '9' {
		r.at++
		count++
	}
	return count
}
