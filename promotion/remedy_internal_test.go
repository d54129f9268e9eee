package promotion

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// What asking again cannot mend is not sent away to ask again in a minute.
func TestRemedies(t *testing.T) {
	t.Parallel()
	refused := &PausedError{Fault: FaultRegistryCredentials, What: "registry.example.com", Mend: "give the server credentials for it", Err: errors.New("401 Unauthorized")}
	for want, err := range map[string]error{
		"whoever runs Verbatim can mend it: give the server credentials for it": fromRegistry(fmt.Errorf("read the tags: %w", refused)),
		"asking again changes nothing":                                          fromRegistry(&PermanentError{Err: errors.New("there is no such repository")}),
		"ask again in a minute":                                                 fromGitHub(errors.New("it did not answer")),
	} {
		facts := Facts{Scope: &ScopeFact{Allowed: true}, Inspection: &InspectionFact{Err: err}, Image: Image{Tag: "{sha}"}}
		for _, gate := range []Gate{digestGate(facts, CandidateDigest{}), unclear("registry", err)} {
			if !strings.HasPrefix(gate.Next, want) || strings.Contains(gate.Next, "in a minute") != strings.HasPrefix(want, "ask again in") {
				t.Errorf("%v: got %q, want %q", err, gate.Next, want)
			}
		}
	}
}
