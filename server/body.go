package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// How many bytes of bodies whose signature was not looked at yet are held at once: of usual ones (a thousand), and of larger
	// ones (two of the largest). Whoever fills the one leaves the other free.
	maximumUsual = 32 << 20
	maximumLarge = 64 << 20
	// bodyTime is how long a body may take: GitHub gives a delivery up after ten seconds
	// (https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/troubleshooting-webhooks#timed-out).
	bodyTime = 8 * time.Second
	// usualBody is how large a buffer begins: a usual delivery has 20 KB.
	usualBody = 32 << 10
	// maximumKept is how large a buffer is kept for the next body.
	maximumKept = 256 << 10
)

// allowance is how many bytes may still be held for senders of whom nothing is known yet.
type allowance struct{ left atomic.Int64 }

func newAllowance(bytes int64) *allowance {
	a := &allowance{}
	a.left.Store(bytes)
	return a
}

// take takes bytes from the allowance, if there are so many left.
func (a *allowance) take(bytes int) bool {
	if a.left.Add(-int64(bytes)) < 0 {
		a.left.Add(int64(bytes))
		return false
	}
	return true
}

func (a *allowance) giveBack(bytes int) { a.left.Add(int64(bytes)) }

// allowances are those for usual bodies and for larger ones.
type allowances struct{ usual, large *allowance }

// body is a delivery's body while it is read. It counts what it holds, not what the sender announced.
type body struct {
	content []byte
	sums    []hash.Hash // one a secret, of what was read so far
	limits  allowances
	limit   *allowance // of which it holds something
	held    int
}

// buffers are the slices (*[]byte) that bodies are read into: they are not needed any more when the essentials are taken out.
var buffers = sync.Pool{New: func() any { buffer := make([]byte, 0, usualBody); return &buffer }}

// newBody returns a body to read into, or false when others hold all of the allowance.
func newBody(limits allowances, secrets [][]byte) (*body, bool) {
	buffer, _ := buffers.Get().(*[]byte)
	read := &body{content: (*buffer)[:0], limits: limits, limit: limits.usual, sums: make([]hash.Hash, 0, 2)}
	if !limits.usual.take(cap(read.content)) {
		buffers.Put(buffer)
		return nil, false
	}
	read.held = cap(read.content)
	for _, secret := range secrets {
		read.sums = append(read.sums, hmac.New(sha256.New, secret))
	}
	return read, true
}

// release ends the use of the body's content.
func (b *body) release() {
	b.verified()
	if cap(b.content) <= maximumKept {
		buffer := b.content[:0]
		buffers.Put(&buffer)
	}
	b.content = nil
}

// verified gives the allowance back: what is held from now on, GitHub sent.
func (b *body) verified() {
	b.limit.giveBack(b.held)
	b.held = 0
}

// signed reports whether the signature is of what was read, under one of the secrets.
func (b *body) signed(signature []byte) bool {
	var room [sha256.Size]byte
	for _, sum := range b.sums {
		if hmac.Equal(sum.Sum(room[:0]), signature) {
			return true
		}
	}
	return false
}

var (
	errTooLarge = refusal{status: http.StatusRequestEntityTooLarge, reason: "expected at most 25 MB"}
	errFull     = refusal{status: http.StatusServiceUnavailable, reason: "too many bytes of deliveries are being read at the moment; deliver it again", after: "10"}
	errSlow     = refusal{status: http.StatusBadRequest, reason: "the body took longer than 8 seconds"}
	errCut      = refusal{status: http.StatusBadRequest, reason: "the body could not be read to its end"}
)

// read reads the body to its end.
func (b *body) read(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength > MaximumPayload {
		return errTooLarge
	}
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Now().Add(bodyTime)) // a recorder in a test has no connection, and so no deadline
	for {
		if len(b.content) == cap(b.content) && !b.grow(r.ContentLength) {
			return errFull
		}
		count, err := r.Body.Read(b.content[len(b.content):cap(b.content)])
		part := b.content[len(b.content) : len(b.content)+count]
		for _, sum := range b.sums {
			sum.Write(part)
		}
		b.content = b.content[:len(b.content)+count]
		switch {
		case len(b.content) > MaximumPayload:
			return errTooLarge
		case errors.Is(err, io.EOF):
			_ = connection.SetReadDeadline(time.Time{}) // the answer may take longer
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errSlow
		case err != nil:
			return errCut
		}
	}
}

// grow doubles the buffer, if the allowance lets it: not beyond what the sender announced, so that it has to send half of that
// before it is held.
func (b *body) grow(announced int64) bool {
	size := 2 * cap(b.content)
	if announced >= int64(cap(b.content)) && announced < int64(size) {
		size = int(announced) + 1 // one more, in which the end is found
	}
	size = min(size, MaximumPayload+1)
	limit := b.limits.usual
	if size > maximumKept {
		limit = b.limits.large
	}
	if !limit.take(size) {
		return false
	}
	larger := make([]byte, len(b.content), size)
	copy(larger, b.content)
	b.limit.giveBack(b.held)
	b.content, b.limit, b.held = larger, limit, size
	return true
}
