package provenance

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
)

var payloadPattern = regexp.MustCompile(`"payload":"([^"]*)"`)

// replacePayload puts another payload, in base64, into a bundle.
func replacePayload(bundle, payload string) string {
	return payloadPattern.ReplaceAllString(bundle, `"payload":"`+payload+`"`)
}

// alter makes the statement name another digest, under the old signature.
func alter(t testing.TB, bundle string) string {
	t.Helper()
	payload, err := base64.StdEncoding.DecodeString(payloadPattern.FindStringSubmatch(bundle)[1])
	if err != nil {
		t.Fatal(err)
	}
	altered := strings.Replace(string(payload), strings.TrimPrefix(digest.String(), "sha256:"), strings.TrimPrefix(otherDigest.String(), "sha256:"), 1)
	return replacePayload(bundle, base64.StdEncoding.EncodeToString([]byte(altered)))
}
