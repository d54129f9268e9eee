package attestationtest_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/verbatim-dev/verbatim/internal/attestationtest"
)

func TestTrustedRootIsReadAsItIsWritten(t *testing.T) {
	authority := attestationtest.New()
	written := authority.TrustedRootJSON()
	read, err := root.NewTrustedRootFromJSON(written)
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	var a, b bytes.Buffer // protojson puts spaces as it likes
	if json.Compact(&a, written) != nil || json.Compact(&b, again) != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("got:\n%s\nwant:\n%s", again, written)
	}
	if len(read.FulcioCertificateAuthorities()) != 1 || len(read.TimestampingAuthorities()) != 1 || len(read.RekorLogs())+len(read.CTLogs()) != 0 {
		t.Errorf("expected one certificate authority, one timestamp authority and no logs, found %s", written)
	}
}
