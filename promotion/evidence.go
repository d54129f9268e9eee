package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Artifact is one artifact of a workflow run, as GitHub lists it.
type Artifact struct {
	ID      int64
	Name    string
	Size    int64 // bytes of it, as it is kept
	Created time.Time
	Expires time.Time // zero: never
	Expired bool
}

// ArtifactContent is what the address of an artifact answered: a zip archive, a gzip file or a raw one.
type ArtifactContent struct {
	Name  string // the artifact's, which is the file's where there is only one
	Type  string // the answer's media type; "" where it had none
	Bytes []byte
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
	Signers    []ProvenanceSigner // the signer must be one of them, of this repository
}

// ProvenanceSigner is a workflow that may have built an image, and where it may have run.
type ProvenanceSigner struct {
	Workflow    string   // its exact path
	Branches    []string // or patterns of branches: those whose runs the stage counts
	MergeGroups bool     // so are those of a merge queue that goes to one of them
}

// Allows reports whether what the signer ran for is a branch that its stage counts: never a tag, nor the test merge of a pull
// request. The trigger is the event, as the certificate says it: a branch of anybody's can be called like a merge queue's.
func (s ProvenanceSigner) Allows(ref, trigger string) bool {
	branch, isBranch := strings.CutPrefix(ref, "refs/heads/")
	if !isBranch {
		return false
	}
	if base := mergeGroupBase(branch); base != "" {
		return s.MergeGroups && trigger == "merge_group" && matchesAny(s.Branches, base)
	}
	return matchesAny(s.Branches, branch)
}

// ProvenanceError says that attestations are there and none proves the claim: why each was refused.
type ProvenanceError struct{ Detail string }

// Error gives the detail.
func (e *ProvenanceError) Error() string { return e.Detail }

func (e *Evidence) problems() []EvidenceProblem {
	if e == nil {
		return nil
	}
	return e.Problems
}

// lacksArtifact reports whether an artifact that proves something was not there, or could not be read.
func (v Verification) lacksArtifact() bool {
	return slices.ContainsFunc(v.Evidence.problems(), func(problem EvidenceProblem) bool { return problem.Reason == EvidenceMissing })
}

// expectedOf says what evidence has to show.
func expectedOf(reason Reason) string {
	switch reason {
	case TestsFailed:
		return "at least one test, and none that failed"
	case CoverageLow:
		return "enough coverage"
	case DigestMismatch:
		return "the digest that was recorded"
	default:
		return "an artifact of this name that proves the stage"
	}
}

// proofText says what evidence shows, behind the word that a stage passed.
func proofText(evidence *Evidence) string {
	if evidence == nil {
		return ""
	}
	var proofs []string
	if tests := evidence.Tests; tests != nil {
		proofs = append(proofs, fmt.Sprintf("%d tests, %d skipped", tests.Tests, tests.Skipped))
	}
	if coverage := evidence.Coverage; coverage != nil {
		proofs = append(proofs, "coverage "+percent(coverage.Percent))
	}
	if len(evidence.Digests) > 0 {
		proofs = append(proofs, "its artifact names this digest")
	}
	if len(proofs) == 0 {
		return ""
	}
	return ": " + strings.Join(proofs, ", ")
}

// percent never rounds up: what is below a minimum must not look as if it reached it.
func percent(value float64) string {
	return strings.TrimSuffix(strings.TrimSuffix(fmt.Sprintf("%.2f", float64(int64(value*100))/100), "0"), ".0") + "%"
}

// EvidenceSource fetches and reads what stages' runs uploaded.
type EvidenceSource struct {
	Artifacts ArtifactReader
	Read      EvidenceReader
	Limit     int64 // bytes of an artifact, as it is kept
}

// gathered is what the artifacts of one run said; each artifact is fetched at most once, and they are listed at most once.
type gathered struct {
	source     EvidenceSource
	repository Repository
	run        Run
	listed     bool
	artifacts  []Artifact
	archives   map[int64]archive
}

type archive struct {
	content ArtifactContent
	err     error
}

func (s EvidenceSource) of(repository Repository, run Run) *gathered {
	return &gathered{source: s, repository: repository, run: run, archives: map[int64]archive{}}
}

// list gives the run's artifacts.
func (g *gathered) list(ctx context.Context) ([]Artifact, error) {
	if g.listed {
		return g.artifacts, nil
	}
	artifacts, err := g.source.Artifacts.Artifacts(ctx, g.repository, g.run.ID)
	if err != nil {
		return nil, fromGitHub(fmt.Errorf("list the artifacts of run %d of %s: %w", g.run.ID, g.repository.FullName(), err))
	}
	g.artifacts, g.listed = artifacts, true
	return artifacts, nil
}

// fetch returns the content of the one artifact of that name that the attempt made. An *EvidenceError says why there is none.
func (g *gathered) fetch(ctx context.Context, name string, read stageRun) (ArtifactContent, error) {
	artifacts, err := g.list(ctx)
	if err != nil {
		return ArtifactContent{}, err
	}
	var found []Artifact
	var names []string
	for _, artifact := range artifacts {
		if !slices.Contains(names, artifact.Name) {
			names = append(names, artifact.Name)
		}
		if artifact.Name == name {
			found = append(found, artifact)
		}
	}
	within := slices.DeleteFunc(slices.Clone(found), func(artifact Artifact) bool { return !read.made(artifact.Created) })
	switch {
	case len(found) == 0:
		return ArtifactContent{}, &EvidenceError{Detail: fmt.Sprintf("the run has no artifact %q; it has %s (names must match exactly)", name, listedNames(names))}
	case read.Endless:
		return ArtifactContent{}, &EvidenceError{Detail: fmt.Sprintf("whether artifact %q was made within attempt %d cannot be told: GitHub does not know when attempt %d began; run the stage again", name, read.Attempt, read.Attempt+1)}
	case len(within) == 0:
		return ArtifactContent{}, &EvidenceError{Detail: fmt.Sprintf("artifact %q was made at %s, not within this attempt (from %s)", name, clockText(found[len(found)-1].Created), clockText(read.RunStarted))}
	case len(within) > 1:
		return ArtifactContent{}, &EvidenceError{Detail: fmt.Sprintf("the attempt made %d artifacts of the name %q: which one counts cannot be told", len(within), name)}
	case within[0].Expired:
		return ArtifactContent{}, &EvidenceError{Detail: fmt.Sprintf("artifact %q has expired (at %s)", name, clockText(within[0].Expires))}
	case within[0].Size > g.source.Limit:
		return ArtifactContent{}, &EvidenceError{Detail: fmt.Sprintf("artifact %q has %d bytes; at most %d are read", name, within[0].Size, g.source.Limit)}
	}
	artifact := within[0]
	known, asked := g.archives[artifact.ID]
	if !asked {
		known.content, known.err = g.source.Artifacts.Download(ctx, g.repository, artifact, g.source.Limit)
		if errors.Is(known.err, ErrNotFound) {
			known.err = &EvidenceError{Detail: fmt.Sprintf("artifact %q has expired, or was deleted", name)}
		}
		g.archives[artifact.ID] = known
	}
	return known.content, known.err
}

func listedNames(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	if len(names) > 10 {
		return strings.Join(names[:10], ", ") + fmt.Sprintf(" and %d more", len(names)-10)
	}
	return strings.Join(names, ", ")
}

// prove reads what the stage's policy wants proven. What cannot be told for now is an error; all else is in the evidence.
func (g *gathered) prove(ctx context.Context, stage Stage, read stageRun, retention int) (*Evidence, error) {
	evidence := &Evidence{}
	problem := func(artifact string, err error) error {
		wrong := (*EvidenceError)(nil)
		if !errors.As(err, &wrong) {
			return fromGitHub(fmt.Errorf("read artifact %q of run %d of %s: %w", artifact, g.run.ID, g.repository.FullName(), err))
		}
		evidence.Problems = append(evidence.Problems, EvidenceProblem{Reason: EvidenceMissing, Artifact: artifact, Detail: wrong.Detail})
		return nil
	}
	if stage.JUnit != nil {
		tests, err := readArtifact(ctx, g, stage.JUnit.Artifact, read, g.source.Read.Tests)
		if err == nil {
			evidence.Tests = &tests
			evidence.judgeTests(stage.JUnit.Artifact)
		} else if err = problem(stage.JUnit.Artifact, err); err != nil {
			return nil, err
		}
	}
	if stage.Coverage != nil {
		coverage, err := readArtifact(ctx, g, stage.Coverage.Artifact, read, g.source.Read.Coverage)
		if err == nil {
			evidence.Coverage = &coverage
			evidence.judgeCoverage(*stage.Coverage)
		} else if err = problem(stage.Coverage.Artifact, err); err != nil {
			return nil, err
		}
	}
	if stage.Digest != nil {
		digests, err := readArtifact(ctx, g, stage.Digest.Artifact, read, g.source.Read.Digests)
		if err == nil {
			evidence.Digests = digests
		} else if err = problem(stage.Digest.Artifact, err); err != nil {
			return nil, err
		}
	}
	if retention > 0 {
		artifacts, err := g.list(ctx)
		if err != nil {
			return nil, err
		}
		evidence.Kept = keptLonger(artifacts, retention)
	}
	return evidence, nil
}

func readArtifact[T any](ctx context.Context, g *gathered, name string, read stageRun, parse func(ArtifactContent) (T, error)) (T, error) {
	var none T
	content, err := g.fetch(ctx, name, read)
	if err != nil {
		return none, err
	}
	return parse(content)
}

func (e *Evidence) judgeTests(artifact string) {
	tests := e.Tests
	detail := ""
	switch {
	case tests.Failures+tests.Errors > 0:
		detail = fmt.Sprintf("%d of %d tests failed", tests.Failures+tests.Errors, tests.Tests)
		if len(tests.Failed) > 0 {
			detail += ": " + strings.Join(tests.Failed, "; ")
		}
	case tests.Tests-tests.Skipped <= 0:
		detail = fmt.Sprintf("no test ran: %d tests, %d of them skipped", tests.Tests, tests.Skipped)
	default:
		return
	}
	e.Problems = append(e.Problems, EvidenceProblem{Reason: TestsFailed, Artifact: artifact, Detail: detail})
}

func (e *Evidence) judgeCoverage(wanted CoverageEvidence) {
	if e.Coverage.Percent < wanted.Min {
		e.Problems = append(e.Problems, EvidenceProblem{
			Reason: CoverageLow, Artifact: wanted.Artifact, Detail: fmt.Sprintf("coverage is %s, the minimum is %s", percent(e.Coverage.Percent), percent(wanted.Min)),
		})
	}
}

// reported gives the digests that a digest artifact names for an image: those on lines with the image's name or registry
// repository, else those on lines that are a digest alone.
func reported(digests []ReportedDigest, image Image, registry RegistryRepository) (named, bare []Digest) {
	for _, line := range digests {
		switch {
		case line.Image == "":
			bare = append(bare, line.Digest)
		case strings.EqualFold(line.Image, image.Name), strings.EqualFold(line.Image, registry.String()):
			named = append(named, line.Digest)
		}
	}
	return named, bare
}

// judgeReported holds what the run says it used against the digest that was recorded.
func judgeReported(evidence *Evidence, artifact string, image Image, registry RegistryRepository, only bool, recorded Digest) (EvidenceProblem, bool) {
	named, bare := reported(evidence.Digests, image, registry)
	said := named
	if len(named) == 0 {
		said = bare
	}
	same := func(digest Digest) bool { return digest == recorded }
	switch {
	case len(said) == 0:
		return EvidenceProblem{Reason: EvidenceMissing, Artifact: artifact, Detail: "it names no digest of " + image.Name}, true
	case (len(named) > 0 || only) && slices.ContainsFunc(said, func(digest Digest) bool { return !same(digest) }), !slices.ContainsFunc(said, same):
		return EvidenceProblem{Reason: DigestMismatch, Artifact: artifact, Detail: fmt.Sprintf("it names %s, and the stages saw %s", said[0], orNone(recorded))}, true
	}
	return EvidenceProblem{}, false
}

func keptLonger(artifacts []Artifact, most int) []KeptArtifact {
	var kept []KeptArtifact
	for _, artifact := range artifacts {
		if artifact.Expired || len(kept) == 20 {
			continue
		}
		if artifact.Expires.IsZero() {
			kept = append(kept, KeptArtifact{Name: artifact.Name})
			continue
		}
		length := artifact.Expires.Sub(artifact.Created)
		if length > time.Duration(most)*24*time.Hour+time.Hour {
			kept = append(kept, KeptArtifact{Name: artifact.Name, Days: int((length + 12*time.Hour) / (24 * time.Hour))})
		}
	}
	return kept
}
