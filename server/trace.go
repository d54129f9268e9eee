package server

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
)

// A traceparent header's version, trace, parent and flags (https://www.w3.org/TR/trace-context/#traceparent-header).
var traceParent = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}`)

// traceOf gives a request's trace: the one that whoever forwarded it began, else a new one.
func traceOf(r *http.Request) string {
	if parent := r.Header.Get("Traceparent"); parent != "" {
		if found := traceParent.FindStringSubmatch(parent); found != nil && strings.Trim(found[1], "0") != "" {
			return found[1]
		}
	}
	return newTrace()
}

// newTrace gives 32 hex digits.
func newTrace() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails (https://pkg.go.dev/crypto/rand#Read)
	return hex.EncodeToString(random[:])
}
