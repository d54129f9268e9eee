package promotion

import "time"

// Artifact is one artifact of a workflow run, as GitHub lists it.
type Artifact struct {
	ID      int64
	Name    string
	Size    int64 // bytes of its zip
	Created time.Time
	Expires time.Time // zero: never
	Expired bool
}

// Evidence is what a stage's artifacts said: numbers and names, never their contents. A nil part was not asked for, or
// could not be read.
type Evidence struct {
	Tests    *TestResults
	Coverage *CoverageResult
	Digests  []ReportedDigest
	Problems []EvidenceProblem // what is wrong with it, in the order in which it was read
	Kept     []KeptArtifact    // artifacts that are kept longer than the policy wants
}

// EvidenceProblem is one thing that the artifacts do not prove, and the code with which its gate refuses.
type EvidenceProblem struct {
	Reason   Reason
	Artifact string
	Detail   string
}

// KeptArtifact is an artifact that is there for longer than the policy's artifacts.max_retention_days.
type KeptArtifact struct {
	Name string
	Days int // 0: for ever
}

// TestResults is the sum of an artifact's JUnit files.
type TestResults struct {
	Files    int
	Tests    int
	Failures int
	Errors   int
	Skipped  int
	Took     time.Duration
	Failed   []string // the first failed or errored tests' names
}

// CoverageResult is the coverage of lines (statements, for Go) that an artifact reports, in percent.
type CoverageResult struct {
	Format  string // istanbul, cobertura, lcov, go
	Percent float64
	Covered int64 // lines or statements; 0 when the format gives only the percentage
	Lines   int64
}

// ReportedDigest is one line of a digest artifact: what a run says it used or built.
type ReportedDigest struct {
	Image  string // what stood before the "@", without its tag; "" when the line was a digest alone
	Tag    string // the tag that stood after the image's name, if one did
	Digest Digest
}

// EvidenceError says that an artifact was fetched and does not hold what it should: what was expected, what was found.
type EvidenceError struct{ Detail string }

// Error gives the detail.
func (e *EvidenceError) Error() string { return e.Detail }

// ProvenanceClaim is what an attestation must prove of a digest.
type ProvenanceClaim struct {
	Digest     Digest
	Repository Repository
	Commit     Commit
	Workflows  []string // exact paths; the signer must be one of them, of this repository
}

// ProvenanceError says that attestations are there and none proves the claim: why each was refused.
type ProvenanceError struct{ Detail string }

// Error gives the detail.
func (e *ProvenanceError) Error() string { return e.Detail }
