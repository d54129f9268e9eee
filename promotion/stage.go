package promotion

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Attempt is what GitHub lists now of one attempt of a stage's run.
type Attempt struct {
	Stage   string
	Run     int64
	Number  int
	Started time.Time
	Running bool
	URL     string
	Event   string
	Branch  string // the head's, as the run says
	Head    Commit // of the run
}

// attemptRecord gathers what is known of one attempt of a stage.
type attemptRecord struct {
	run          int64
	attempt      int
	started      time.Time
	running      bool
	url          string
	verification *Verification
}

// newestAttempt gives the attempt that rules for a stage: the newest by run start, run id and attempt in which it ran. It
// looks at every record twice, and holds none: a commit may have thousands.
func newestAttempt(stage Stage, records Records, listed []Attempt) *attemptRecord {
	var newest *attemptRecord
	consider := func(run int64, attempt int, began time.Time) {
		if newest == nil || compareAttempts(began, run, attempt, newest.started, newest.run, newest.attempt) > 0 {
			newest = &attemptRecord{run: run, attempt: attempt, started: began}
		}
	}
	for i := range records.Verifications {
		if verification := &records.Verifications[i]; verification.Stage == stage.Name {
			consider(verification.Run, verification.Attempt, verification.RunStarted)
		}
	}
	for i := range records.Starts {
		if start := &records.Starts[i]; start.Stage == stage.Name {
			consider(start.Run, start.Attempt, start.RunStarted)
		}
	}
	for _, attempt := range listed {
		if attempt.Stage == stage.Name {
			consider(attempt.Run, attempt.Number, attempt.Started)
		}
	}
	if newest != nil {
		newest.fill(stage, records, listed)
	}
	return newest
}

// fill gathers what is known of the attempt.
func (r *attemptRecord) fill(stage Stage, records Records, listed []Attempt) {
	for i := range records.Verifications {
		verification := &records.Verifications[i]
		if verification.Stage != stage.Name || verification.Run != r.run || verification.Attempt != r.attempt {
			continue
		}
		r.url = verification.URL
		if r.verification == nil || newer(verification, r.verification) {
			r.verification = verification
		}
	}
	for i := range records.Starts {
		start := &records.Starts[i]
		if start.Stage != stage.Name || start.Run != r.run || start.Attempt != r.attempt {
			continue
		}
		if stage.Job != "" && !judged(stage, records, start.Job) && !r.final() || stage.Job == "" && r.verification == nil {
			r.running = true
		}
	}
	for _, attempt := range listed {
		if attempt.Stage == stage.Name && attempt.Run == r.run && attempt.Number == r.attempt {
			r.running, r.url = attempt.Running, attempt.URL
		}
	}
}

// final reports whether the attempt was judged when its run had ended: none of its jobs runs any more, whatever id its start
// was seen under.
func (r *attemptRecord) final() bool { return r.verification != nil && r.verification.Final }

// failed reports whether a job of the attempt did not succeed: nothing that still runs can change that.
func (r *attemptRecord) failed() bool {
	return r.verification != nil && r.verification.Conclusion != "success"
}

// judged reports whether a job of the stage was judged, in whichever attempt.
func judged(stage Stage, records Records, job int64) bool {
	for i := range records.Verifications {
		if verification := &records.Verifications[i]; verification.Stage == stage.Name && slices.Contains(verification.Jobs, job) {
			return true
		}
	}
	return false
}

// stageGates decides one required stage for a digest: the stage's own gate, and one for each thing that its evidence does
// not prove. The verification is the one that the gate rests on, when all of them are met.
func stageGates(policy Policy, stage Stage, records Records, listed []Attempt, digest Digest) ([]Gate, *Verification) {
	gate := Gate{Name: "stage " + stage.Name, Reason: StageMissing, Expected: "passed for " + orNone(digest)}
	newest := newestAttempt(stage, records, listed)
	if newest == nil {
		gate.Actual = "no run of " + stage.Workflow + " was seen for this commit"
		if stage.Job != "" {
			gate.Actual = "no job " + stage.Job + " of " + stage.Workflow + " was seen for this commit"
		}
		gate.Next = "wait for the workflow, or run it for this commit"
		return []Gate{gate}, nil
	}
	gate.URL = newest.url
	verification := newest.verification
	switch {
	case newest.running && !newest.failed():
		gate.Reason, gate.Actual = StageRunning, fmt.Sprintf("run %d, attempt %d, has not ended", newest.run, newest.attempt)
		gate.Next = "wait until it has ended"
		if stage.manyJobs() {
			gate.Actual += fmt.Sprintf(": more jobs that match %q may come", stage.Job)
		}
	case verification == nil:
		gate.Reason, gate.Actual = StageRunning, fmt.Sprintf("run %d, attempt %d, has no result yet", newest.run, newest.attempt)
		gate.Next = "wait until it has ended"
	case !verification.Passed():
		return failedGates(gate, *verification), nil
	case !policy.defines(stage, *verification):
		gate.Actual = "it passed under another definition of the stage or of where the image is: the policy has changed since"
		gate.Next = "run the stage again under the policy of now"
	case digest.IsZero() || verification.Digest != digest:
		gate.Actual = "passed for " + orNone(verification.Digest)
		gate.Next = "run the stage for the digest that is to be promoted"
	default:
		if missing := missingBefore(policy, stage, *verification, records); len(missing) > 0 {
			gate.Actual = fmt.Sprintf("started at %s, before %s had passed for this digest", clockText(verification.Started), strings.Join(missing, ", "))
			gate.Next = "run " + stage.Name + " again, now that what it comes after has passed"
			return []Gate{gate}, nil
		}
		gate.Met, gate.Actual = true, fmt.Sprintf("passed in attempt %d%s", verification.Attempt, proofText(verification.Evidence))
		return []Gate{gate}, verification
	}
	return []Gate{gate}, nil
}

// failedGates tells everything that an attempt did not prove.
func failedGates(gate Gate, verification Verification) []Gate {
	gate.Next = "mend the cause and run the stage again"
	var gates []Gate
	problems := verification.Evidence.problems()
	if len(problems) == 0 || verification.Failure != problems[0].Reason {
		own := gate
		own.Reason = verification.Failure
		own.Actual = fmt.Sprintf("attempt %d: %s", verification.Attempt, verification.Detail)
		gates = append(gates, own)
	}
	for _, problem := range problems {
		proof := gate
		proof.Name, proof.Reason = gate.Name+", artifact "+problem.Artifact, problem.Reason
		proof.Expected, proof.Actual = expectedOf(problem.Reason), fmt.Sprintf("attempt %d: %s", verification.Attempt, problem.Detail)
		if problem.Reason == EvidenceMissing {
			proof.Next = "upload the artifact under exactly this name in the run (with if: always(), so that a failed run has it too), and run the stage again"
		}
		gates = append(gates, proof)
	}
	return gates
}

// missingBefore gives the stages that the stage comes after and that had not passed for its digest when it started.
func missingBefore(policy Policy, stage Stage, verification Verification, records Records) []string {
	var missing []string
	for _, name := range stage.After {
		before, found := policy.Stage(name)
		if !found || !passedBefore(policy, before, verification, records) {
			missing = append(missing, name)
		}
	}
	return missing
}

// passedBefore reports whether the stage had passed for the verification's digest when that one started.
func passedBefore(policy Policy, before Stage, verification Verification, records Records) bool {
	for i := range records.Verifications {
		earlier := &records.Verifications[i]
		if earlier.Stage == before.Name && earlier.Passed() && earlier.Digest == verification.Digest &&
			policy.defines(before, *earlier) && !earlier.Ended.After(verification.Started) {
			return true
		}
	}
	return false
}

func orNone(digest Digest) string {
	if digest.IsZero() {
		return "no digest"
	}
	return digest.String()
}

func clockText(at time.Time) string { return at.UTC().Format(time.RFC3339) }
