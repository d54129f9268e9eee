package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// verifying is one look at one run. What is asked outside for it is asked once.
type verifying struct {
	*Observer
	repository Repository
	policy     LoadedPolicy
	run        Run
	jobs       func(context.Context) ([]Job, error)
	attempts   *attempts
	tags       map[string]func(context.Context) (TaggedManifest, bool, error)
	artifacts  *gathered
	proofs     map[string]*Evidence
	changed    func(context.Context) (string, error)
	listed     runLister // nil: another rule says which of its successes somebody saw
}

func (o *Observer) verifying(repository Repository, policy LoadedPolicy, run Run, listed runLister) *verifying {
	return &verifying{
		Observer: o, repository: repository, policy: policy, run: run, jobs: o.jobsOf(repository, run), attempts: o.attemptsOf(repository, run),
		tags: map[string]func(context.Context) (TaggedManifest, bool, error){}, artifacts: o.Evidence.of(repository, run),
		proofs: map[string]*Evidence{}, changed: o.changedOf(repository, policy, run), listed: listed,
	}
}

// readStage returns what the run says of the stage. It reports false when no job of the stage is in it.
func (v *verifying) readStage(ctx context.Context, stage Stage, records Records) (stageRun, bool, error) {
	if stage.Job == "" {
		return readRun(v.run), true, nil
	}
	listed, err := v.jobs(ctx)
	if err != nil {
		return stageRun{}, false, err
	}
	v.attempts.remember(records.Starts)
	jobs, err := v.attempts.ran(ctx, stage, listed)
	if err != nil {
		return stageRun{}, false, err
	}
	read, ran := readJobs(stage, v.run, jobs)
	if !ran {
		return read, false, nil
	}
	read, err = v.attempts.bound(ctx, stage, read)
	return read, true, err
}

// judge gives what the ended stage says of an image: a new verification, or none when it is known already, or cannot be told.
func (v *verifying) judge(ctx context.Context, stage Stage, image Image, read stageRun, records Records) (Verification, bool, error) {
	if earlier, found := judgedBefore(v.policy.Policy, records, stage, v.run, read); found {
		return v.judgeAgain(ctx, stage, image, read, earlier)
	}
	if !v.run.Finished() && failedBefore(v.policy.Policy, records, stage, v.run, read) {
		return Verification{}, false, nil // said already; the end of the run tells the rest
	}
	if v.tags[image.Name] == nil {
		v.tags[image.Name] = v.look(v.repository, image, v.run.Commit)
	}
	seen, inScope, err := v.tags[image.Name](ctx)
	if err != nil || !inScope {
		return Verification{}, false, err
	}
	changed, err := v.changed(ctx)
	if err != nil {
		return Verification{}, false, err
	}
	evidence, err := v.prove(ctx, stage, read)
	if err != nil {
		return Verification{}, false, err
	}
	registry, _ := image.Registry(v.repository)
	verification := judge(v.policy.Policy, stage, v.run, read, image, registry, records, seen, changed, v.Clock())
	verification, err = v.unlessBuiltAnew(ctx, stage, read, records, verification.proven(v.policy.Policy, stage, image, evidence))
	return verification, err == nil, err
}

// judgeAgain takes an earlier judgement of the same jobs over to a later look at the run. They say the same: what the tag
// names by now is not what they used. Only artifacts that were missing may have been uploaded since, by the run's other jobs.
func (v *verifying) judgeAgain(ctx context.Context, stage Stage, image Image, read stageRun, earlier Verification) (Verification, bool, error) {
	if earlier.Judged == v.run.Attempt && earlier.Final == v.run.Finished() {
		return Verification{}, false, nil
	}
	if earlier.lacksArtifact() && !earlier.Final {
		evidence, err := v.prove(ctx, stage, read)
		if err != nil {
			return Verification{}, false, err
		}
		if earlier.Failure == EvidenceMissing {
			earlier.Failure, earlier.Detail = "", ""
		}
		earlier = earlier.proven(v.policy.Policy, stage, image, evidence)
	}
	earlier.ID, earlier.Judged, earlier.Final, earlier.Recorded = 0, v.run.Attempt, v.run.Finished(), v.Clock()
	return earlier, true, nil
}

// prove reads what the stage wants proven, once for all images; nil when it wants nothing.
func (v *verifying) prove(ctx context.Context, stage Stage, read stageRun) (*Evidence, error) {
	retention := v.policy.Policy.MaxRetentionDays
	if !stage.wantsEvidence() && retention == 0 {
		return nil, nil
	}
	if known, found := v.proofs[stage.Name]; found {
		return known, nil
	}
	evidence, err := v.artifacts.prove(ctx, stage, read, retention)
	if err == nil {
		v.proofs[stage.Name] = evidence
	}
	return evidence, err
}

// judgedBefore gives the verification that the same jobs in the same attempt already led to. One that only lacked what an
// earlier stage had not recorded yet does not count: it may be told by now. One is final where the commit was built anew.
func judgedBefore(policy Policy, records Records, stage Stage, run Run, read stageRun) (Verification, bool) {
	for i := len(records.Verifications) - 1; i >= 0; i-- {
		earlier := records.Verifications[i]
		if earlier.Stage == stage.Name && earlier.Run == run.ID && earlier.Attempt == read.Attempt && earlier.of(read) &&
			earlier.Conclusion == read.Conclusion && policy.defines(stage, earlier) && (earlier.Failure != StageMissing || earlier.Final) {
			return earlier, true
		}
	}
	return Verification{}, false
}

// of reports whether the verification is of the same jobs: by their ids, or by when they ran where GitHub lists kept ones under
// new ids.
func (v *Verification) of(read stageRun) bool {
	return slices.Equal(v.Jobs, read.Jobs) || len(v.Jobs) == len(read.Jobs) && v.Started.Equal(read.Started) && v.Ended.Equal(read.Ended)
}

// failedBefore reports whether it is on record that a job of the stage did not succeed in this attempt, and none did since.
func failedBefore(policy Policy, records Records, stage Stage, run Run, read stageRun) bool {
	return read.Conclusion != "success" && slices.ContainsFunc(records.Verifications, func(earlier Verification) bool {
		return earlier.Stage == stage.Name && earlier.Run == run.ID && earlier.Attempt == read.Attempt && earlier.Conclusion != "success" &&
			policy.defines(stage, earlier)
	})
}

func keep(records map[string]Records, verification Verification) {
	of := records[verification.Image]
	of.Verifications = append(of.Verifications, verification)
	records[verification.Image] = of
}

// settled reports whether nothing new can be said of the stage: it was judged when the run had ended, at this attempt.
func settled(stage Stage, run Run, records Records) bool {
	return run.Finished() && slices.ContainsFunc(records.Verifications, func(verification Verification) bool {
		return verification.Stage == stage.Name && verification.Run == run.ID && verification.Judged == run.Attempt && verification.Final
	})
}

// unlessUnseen takes a success back of whose image nobody looked at the tag when the run ended: its end was judged for another image
// then, and of this one there was no record. It came into the policy since, and anybody may have pushed its tag since. Where the
// registry tells when that was, the push time rules.
func (v Verification) unlessUnseen(records map[string]Records) Verification {
	if !v.Passed() || !v.Pushed.IsZero() {
		return v
	}
	for image, of := range records {
		for _, other := range of.Verifications {
			ended := other.Stage == v.Stage && other.Run == v.Run && other.Judged == v.Judged && other.Final && other.Number != 0
			if image != v.Image && ended && !records[v.Image].before(other.Number) {
				v.Failure, v.Final = StageMissing, false
				v.Detail = fmt.Sprintf("nobody looked at the tag of %s when this ended, only at that of %s: it came into the policy later. Run it again", v.Image, image)
				return v
			}
		}
	}
	return v
}

// verifyAgain judges the commit's runs again whose ends were told before any stage had recorded a digest to hold theirs
// against, now that this run's verifications may have: deliveries come in any order, and so does work that had paused.
func (o *Observer) verifyAgain(ctx context.Context, repository Repository, policy LoadedPolicy, run Run, records map[string]Records, told []Verification) ([]Verification, error) {
	if !slices.ContainsFunc(told, func(verification Verification) bool { return verification.Passed() }) {
		return nil, nil
	}
	var verifications []Verification
	for _, id := range undecided(records) {
		if id == run.ID {
			continue
		}
		other, err := o.Runs.Run(ctx, repository, id)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return verifications, fromGitHub(fmt.Errorf("read run %d of %s again: %w", id, repository.FullName(), err))
		}
		again, _, err := o.verify(ctx, repository, policy, other, records, o.runsOf(repository, policy.Policy, other.Commit))
		verifications = append(verifications, again...)
		if err != nil {
			return verifications, err
		}
	}
	return verifications, nil
}

// undecided gives the runs whose newest verifications only lack what an earlier stage had not recorded yet.
func undecided(records map[string]Records) []int64 {
	type of struct {
		image, stage string
		run          int64
	}
	newest := map[of]*Verification{}
	for image, records := range records {
		for i := range records.Verifications {
			verification := &records.Verifications[i]
			newest[of{image, verification.Stage, verification.Run}] = verification
		}
	}
	var runs []int64
	for at, verification := range newest {
		if verification.Failure == StageMissing && !verification.Final && !ByDigest(verification.Event) && !slices.Contains(runs, at.run) {
			runs = append(runs, at.run)
		}
	}
	slices.Sort(runs)
	return runs
}
