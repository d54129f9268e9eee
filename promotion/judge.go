package promotion

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Qualifies reports whether a run may say anything about a stage, and if not, why: the workflow's exact path, an event
// and a branch that the policy names, and a head that is this repository's own and not a fork's. It goes by what the run says
// of itself: whether its commit really is on that branch is asked when it counts (originsOf).
func (s Stage) Qualifies(repository Repository, run Run) (bool, string) {
	switch {
	case run.Path != s.Workflow:
		return false, fmt.Sprintf("its workflow is %s, not %s", run.Path, s.Workflow)
	case run.Repository != repository.ID:
		return false, fmt.Sprintf("it ran in repository %d, not %d", run.Repository, repository.ID)
	case run.HeadRepository != repository.ID:
		return false, fmt.Sprintf("its head is of repository %d, a fork", run.HeadRepository)
	case !slices.Contains(s.Events, run.Event):
		return false, fmt.Sprintf("its event is %s, not one of %s", run.Event, strings.Join(s.Events, ", "))
	}
	branches := []string{run.HeadBranch}
	switch {
	case run.Event == "merge_group":
		branches[0] = mergeGroupBase(run.HeadBranch)
	case ofPullRequest(run.Event):
		branches = run.Bases
	}
	allowed := s.allowedBranches(repository)
	// One pull request that goes elsewhere is enough: its run is told from others by nothing.
	elsewhere := slices.ContainsFunc(branches, func(branch string) bool { return !matchesAny(allowed, branch) })
	if len(branches) == 0 || elsewhere {
		return false, fmt.Sprintf("its branch is %q, not one of %s", strings.Join(branches, ", "), strings.Join(allowed, ", "))
	}
	return true, ""
}

// allowedBranches returns the branches, or patterns of branches, whose runs the stage counts.
func (s Stage) allowedBranches(repository Repository) []string {
	if len(s.Branches) == 0 {
		return []string{repository.DefaultBranch}
	}
	return s.Branches
}

// ofPullRequest reports whether a run of the event is one of a pull request: where that one goes is what counts.
func ofPullRequest(event string) bool {
	return event == "pull_request" || event == "pull_request_target"
}

// ByDigest reports whether a run of the event says by its digest artifact alone what it ran on: its head is the default
// branch's tip, whatever it deploys.
func ByDigest(event string) bool {
	return event != "push" && event != "merge_group" && event != "pull_request"
}

func matchesAny(patterns []string, text string) bool {
	return text != "" && slices.ContainsFunc(patterns, func(pattern string) bool { return Matches(pattern, text) })
}

// mergeGroupBase gives the branch that a merge queue's branch (gh-readonly-queue/<base>/pr-<number>-<sha>) goes to.
func mergeGroupBase(branch string) string {
	rest, found := strings.CutPrefix(branch, "gh-readonly-queue/")
	if !found {
		return ""
	}
	at := strings.LastIndex(rest, "/pr-")
	if at < 0 {
		return ""
	}
	return rest[:at]
}

// judge makes the verification of one image for a stage's ended run: only success passes, and only for the digest that
// the run started with and that the stages before it saw. Changed says why the workflow cannot be trusted, if it cannot.
func judge(policy Policy, stage Stage, run Run, read stageRun, image Image, registry RegistryRepository, records Records, seen TaggedManifest, changed string, now time.Time) Verification {
	verification := Verification{
		Repository: run.Repository, Image: image.Name, Registry: registry, Commit: run.Commit, Stage: stage.Name,
		Run: run.ID, Attempt: read.Attempt, Judged: run.Attempt, Final: run.Finished(), Jobs: read.Jobs, Digest: seen.Digest,
		Conclusion: read.Conclusion, Workflow: run.Path, Event: run.Event, Branch: run.HeadBranch, Bases: run.Bases, RunStarted: read.RunStarted,
		Started: read.Started, Ended: read.Ended, Pushed: seen.Pushed, URL: read.URL, Definition: stage.Definition(), Source: image.Source(), Recorded: now,
	}
	took := read.Ended.Sub(read.Started)
	switch {
	case changed != "":
		verification.Failure, verification.Detail = WorkflowChanged, changed
	case read.Conclusion == "success" && took < stage.MinDuration:
		verification.Failure, verification.Detail = StageFailed, fmt.Sprintf("it took %s, less than min_duration %s: a success that fast is taken for a failure", took, stage.MinDuration)
	default:
		verification.Failure, verification.Detail = judgeDigest(policy, stage, run, read, image, records, seen)
	}
	// What an earlier stage had not recorded yet may be told later.
	verification.Final = verification.Final && verification.Failure != StageMissing
	return verification
}

// proven adds what the artifacts said to a verification. It fails when they do not prove the stage.
func (v Verification) proven(policy Policy, stage Stage, image Image, evidence *Evidence) Verification {
	if evidence == nil {
		return v
	}
	own := *evidence
	own.Problems = slices.Clone(evidence.Problems)
	if stage.Digest != nil && own.Digests != nil {
		if problem, wrong := judgeReported(&own, stage.Digest.Artifact, image, v.Registry, len(policy.Images) == 1, v.Digest); wrong {
			own.Problems = append(own.Problems, problem)
		}
	}
	v.Evidence = &own
	if v.Failure == "" && len(own.Problems) > 0 {
		v.Failure, v.Detail = own.Problems[0].Reason, own.Problems[0].Detail
	}
	return v
}

func judgeDigest(policy Policy, stage Stage, run Run, read stageRun, image Image, records Records, seen TaggedManifest) (Reason, string) {
	tag := image.SourceTag(run.Commit)
	switch {
	case read.Conclusion != "success":
		return StageFailed, read.Detail
	case seen.Digest.IsZero():
		return ImageMissing, fmt.Sprintf("there was no tag %s when the stage ended", tag)
	case !seen.Pushed.IsZero() && seen.Pushed.After(read.Ended):
		return StageMissing, fmt.Sprintf("%s was pushed at %s, after the stage had ended", seen.Digest.Short(), seen.Pushed.UTC().Format(time.RFC3339))
	case stage.Builds:
		return "", ""
	}
	started := false
	for _, start := range records.Starts {
		if start.Stage != stage.Name || start.Run != run.ID || !slices.Contains(read.Attempts, start.Attempt) {
			continue
		}
		started = true
		if !start.Digest.IsZero() && start.Digest != seen.Digest {
			return DigestMoved, fmt.Sprintf("tag %s named %s when the stage started and %s when it ended", tag, start.Digest.Short(), seen.Digest.Short())
		}
	}
	for _, earlier := range records.Verifications {
		if earlier.Stage == stage.Name && earlier.Run == run.ID && slices.Contains(read.Attempts, earlier.Attempt) && !earlier.Digest.IsZero() && earlier.Digest != seen.Digest {
			return DigestMoved, fmt.Sprintf("tag %s named %s when other jobs of the stage ended and %s now", tag, earlier.Digest.Short(), seen.Digest.Short())
		}
	}
	earlier := Candidate(policy, records)
	switch {
	case !earlier.Digest.IsZero() && earlier.Digest != seen.Digest:
		return DigestMoved, fmt.Sprintf("tag %s named %s before and %s when the stage ended", tag, earlier.Digest.Short(), seen.Digest.Short())
	case earlier.Digest.IsZero() && !started && len(stage.After) > 0:
		return StageMissing, fmt.Sprintf("its start was not seen, and no earlier stage recorded a digest to hold %s against", seen.Digest.Short())
	}
	return "", ""
}

// CandidateDigest is the digest that a commit's image stands for.
type CandidateDigest struct {
	Digest Digest // zero: none was recorded
	Moved  Digest // not zero: without a stage that builds, the tag was seen to name this one as well
}

// Candidate gives the digest that the commit's image stands for: what the newest success of the stage that builds
// recorded, or without such a stage the first that the tag was seen to name.
func Candidate(policy Policy, records Records) CandidateDigest {
	if builds, found := policy.Builds(); found {
		var newest *Verification
		for i := range records.Verifications {
			verification := &records.Verifications[i]
			if verification.Stage == builds.Name && verification.Passed() && (newest == nil || !newer(newest, verification)) {
				newest = verification
			}
		}
		if newest == nil {
			return CandidateDigest{}
		}
		return CandidateDigest{Digest: newest.Digest}
	}
	type sighting struct {
		digest Digest
		number Number
	}
	var sightings []sighting
	for _, start := range records.Starts {
		sightings = append(sightings, sighting{start.Digest, start.Number})
	}
	for _, verification := range records.Verifications {
		sightings = append(sightings, sighting{verification.Digest, verification.Number})
	}
	slices.SortStableFunc(sightings, func(a, b sighting) int { return a.number.Compare(b.number) })
	var candidate CandidateDigest
	for _, sighting := range sightings {
		switch {
		case sighting.digest.IsZero():
		case candidate.Digest.IsZero():
			candidate.Digest = sighting.digest
		case sighting.digest != candidate.Digest && candidate.Moved.IsZero():
			candidate.Moved = sighting.digest
		}
	}
	return candidate
}

// newer reports whether a rules over b: a later attempt, or a later judgement of the same one.
func newer(a, b *Verification) bool {
	order := compareAttempts(a.RunStarted, a.Run, a.Attempt, b.RunStarted, b.Run, b.Attempt)
	if order == 0 {
		order = cmp.Or(a.Number.Compare(b.Number), Number(a.ID).Compare(Number(b.ID)))
	}
	return order > 0
}
