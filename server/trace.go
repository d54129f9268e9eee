package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
)

// A traceparent header's version, trace, parent and flags (https://www.w3.org/TR/trace-context/#traceparent-header).
var traceParent = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}`)

type traceKey struct{}

// withTrace gives the request's context with its trace: the one that whoever forwarded it began, else a new one.
func withTrace(r *http.Request) context.Context {
	if found := traceParent.FindStringSubmatch(r.Header.Get("Traceparent")); found != nil && strings.Trim(found[1], "0") != "" {
		return context.WithValue(r.Context(), traceKey{}, found[1])
	}
	return context.WithValue(r.Context(), traceKey{}, newTrace())
}

func traceOf(ctx context.Context) string {
	trace, _ := ctx.Value(traceKey{}).(string)
	return trace
}

// newTrace gives 32 hex digits.
func newTrace() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails (https://pkg.go.dev/crypto/rand#Read)
	return hex.EncodeToString(random[:])
}
