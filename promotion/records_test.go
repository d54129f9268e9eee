package promotion

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// The fixtures of this package's tests: a policy of three stages, and records as short as a table row.

var (
	digestOne = mustDigest("1")
	digestTwo = mustDigest("2")
	commitOne = mustCommit("a")
	shop      = Repository{ID: 42, Owner: "acme", Name: "shop", Installation: 7, DefaultBranch: "main"}
	noon      = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

func mustDigest(letter string) Digest {
	digest, err := ParseDigest("sha256:" + strings.Repeat(letter, 64))
	if err != nil {
		panic(err)
	}
	return digest
}

func mustCommit(letter string) Commit {
	commit, err := ParseCommit(strings.Repeat(letter, 40))
	if err != nil {
		panic(err)
	}
	return commit
}

func at(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }

func threeStages(builds bool) Policy {
	stage := func(name string, after ...string) Stage {
		return Stage{
			Name: name, Workflow: ".github/workflows/" + name + ".yml", After: after, Events: []string{"push", "merge_group"},
			Builds: builds && name == "build",
		}
	}
	return Policy{
		Mode:   Enforce,
		Images: []Image{{Name: "api", Repository: "registry.example.com/shop/api", Tag: "{sha}"}},
		Stages: []Stage{stage("build"), stage("test", "build"), stage("staging", "test")},
		Environments: []Environment{{
			Name: "production", Requires: []string{"test", "staging"}, Tags: []string{"production"}, Promoters: People{Permission: "maintain"},
		}},
	}
}

// passed is a verification of one attempt that ran from one minute to another.
func passed(policy Policy, stage string, run int64, attempt int, digest Digest, from, to int) Verification {
	definition, found := policy.Stage(stage)
	if !found {
		panic(fmt.Sprintf("no stage %s", stage))
	}
	return Verification{
		ID: run*100 + int64(attempt), Repository: shop.ID, Image: "api", Commit: commitOne, Stage: stage, Run: run, Attempt: attempt, Judged: attempt, Final: true,
		Digest: digest, Conclusion: "success", RunStarted: at(from), Started: at(from), Ended: at(to), Recorded: at(to), Number: Number(to + 1), Definition: definition.Definition(),
	}
}

func failed(policy Policy, stage string, run int64, attempt int, digest Digest, from, to int) Verification {
	verification := passed(policy, stage, run, attempt, digest, from, to)
	verification.Failure, verification.Conclusion, verification.Detail = StageFailed, "failure", "the run ended with failure"
	return verification
}

// unended is what was recorded before the runs had ended.
func unended(verifications []Verification) []Verification {
	for i := range verifications {
		verifications[i].Final = false
	}
	return verifications
}

func started(stage string, run int64, attempt int, digest Digest, minute int) Start {
	return Start{
		Repository: shop.ID, Image: "api", Commit: commitOne, Stage: stage, Run: run, Attempt: attempt, Digest: digest,
		RunStarted: at(minute), Observed: at(minute), Number: Number(minute + 1),
	}
}

// happy is build, test and staging, one after another, all for the first digest.
func happy(policy Policy) Records {
	return Records{Verifications: []Verification{
		passed(policy, "build", 1, 1, digestOne, 0, 5), passed(policy, "test", 2, 1, digestOne, 5, 10), passed(policy, "staging", 3, 1, digestOne, 10, 15),
	}}
}

func reasons(gates []Gate) string {
	var words []string
	for _, gate := range gates {
		words = append(words, string(gate.Reason)+"("+gate.Name+")")
	}
	return strings.Join(words, " ")
}

func decideProduction(policy Policy, records Records, listed ...Attempt) Decision {
	return Decide(Facts{
		Now: at(60), Repository: shop, Policy: LoadedPolicy{Policy: policy, File: PolicyFile{Found: true}}, Environment: policy.Environments[0],
		Image: policy.Images[0], Commit: commitOne, Records: records, Listed: listed,
	})
}

func TestDecideStages(t *testing.T) {
	t.Parallel()
	built, unbuilt := threeStages(true), threeStages(false)
	tests := map[string]struct {
		policy  Policy
		records Records
		listed  []Attempt
		digest  Digest
		unmet   string
	}{
		"all passed in turn": {policy: built, records: happy(built), digest: digestOne},
		"nothing was seen": {
			policy: built,
			unmet:  "stage_missing(tag " + commitOne.String() + ") stage_missing(stage build) stage_missing(stage test) stage_missing(stage staging)",
		},
		"a failed re-run revokes the success": {
			policy: built, digest: digestOne,
			records: add(happy(built), failed(built, "test", 2, 2, digestOne, 20, 25)),
			unmet:   "stage_failed(stage test)",
		},
		"a success after a failure counts": {
			policy: built, digest: digestOne,
			records: Records{Verifications: []Verification{
				passed(built, "build", 1, 1, digestOne, 0, 5), failed(built, "test", 2, 1, digestOne, 5, 10),
				passed(built, "test", 2, 2, digestOne, 11, 15), passed(built, "staging", 3, 1, digestOne, 15, 20),
			}},
		},
		"a re-run that has begun is running": {
			policy: built, digest: digestOne,
			records: Records{Starts: []Start{started("staging", 3, 2, digestOne, 30)}, Verifications: happy(built).Verifications},
			unmet:   "stage_running(stage staging)",
		},
		"a re-run that only the listing knows is running": {
			policy: built, records: happy(built), digest: digestOne,
			listed: []Attempt{{Stage: "test", Run: 9, Number: 1, Started: at(40), Running: true}},
			unmet:  "stage_running(stage test)",
		},
		"an ended attempt that could not be recorded does not let an older success rule": {
			policy: built, records: happy(built), digest: digestOne,
			listed: []Attempt{{Stage: "test", Run: 9, Number: 1, Started: at(40)}},
			unmet:  "stage_running(stage test)",
		},
		"an older attempt that ends late changes nothing": {
			policy: built, digest: digestOne,
			records: add(happy(built), failed(built, "test", 1, 1, digestOne, 4, 30)),
		},
		"a new build makes what older digests passed worthless": {
			policy: built, digest: digestTwo,
			records: add(happy(built), passed(built, "build", 1, 2, digestTwo, 20, 25)),
			unmet:   "stage_missing(stage test) stage_missing(stage staging)",
		},
		"without a stage that builds, a tag that moved is refused for good": {
			policy: unbuilt, digest: digestOne,
			records: add(happy(unbuilt), passed(unbuilt, "test", 2, 2, digestTwo, 20, 25), passed(unbuilt, "test", 2, 3, digestOne, 26, 28)),
			unmet:   "digest_moved(tag " + commitOne.String() + ")",
		},
		"staging that began before the tests had passed": {
			policy: built, digest: digestOne,
			records: Records{Verifications: []Verification{
				passed(built, "build", 1, 1, digestOne, 0, 5), passed(built, "test", 2, 1, digestOne, 5, 10), passed(built, "staging", 3, 1, digestOne, 9, 15),
			}},
			unmet: "stage_missing(stage staging)",
		},
		"another job of the stage that began after the first had ended": {
			policy: jobs(built), digest: digestOne,
			records: Records{
				Starts:        []Start{{Stage: "staging", Run: 3, Attempt: 1, Job: 32, RunStarted: at(10), Observed: at(16)}},
				Verifications: unended(happy(jobs(built)).Verifications),
			},
			unmet: "stage_running(stage staging)",
		},
		"a stage whose definition has changed since": {
			policy: built, digest: digestOne,
			records: replaceDefinition(happy(built), "test"),
			unmet:   "stage_missing(stage test) stage_missing(stage staging)",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			decision := decideProduction(test.policy, test.records, test.listed...)
			if got := reasons(decision.Unmet()); got != test.unmet {
				t.Errorf("unmet gates:\n got %s\nwant %s", got, test.unmet)
			}
			if decision.Digest != test.digest {
				t.Errorf("candidate: got %q, want %q", decision.Digest, test.digest)
			}
		})
	}
}

// jobs makes staging a stage of jobs.
func jobs(policy Policy) Policy {
	policy.Stages = append([]Stage(nil), policy.Stages...)
	policy.Stages[2].Job = "staging*"
	return policy
}

func add(records Records, verifications ...Verification) Records {
	records.Verifications = append(records.Verifications, verifications...)
	return records
}

func replaceDefinition(records Records, stage string) Records {
	for i := range records.Verifications {
		if records.Verifications[i].Stage == stage {
			records.Verifications[i].Definition = "another"
		}
	}
	return records
}

func TestJudge(t *testing.T) {
	t.Parallel()
	policy := threeStages(false)
	withBuild := threeStages(true)
	run := Run{ID: 2, Attempt: 1, Commit: commitOne, Repository: shop.ID, HeadRepository: shop.ID, Status: "completed", Conclusion: "success", Started: at(5), Updated: at(10)}
	tests := map[string]struct {
		policy  Policy
		stage   string
		end     string
		records Records
		seen    TaggedManifest
		want    Reason
	}{
		"the digest it started with":                {stage: "test", records: Records{Starts: []Start{started("test", 2, 1, digestOne, 5)}}, seen: TaggedManifest{Digest: digestOne}},
		"another digest than it started with":       {stage: "test", records: Records{Starts: []Start{started("test", 2, 1, digestOne, 5)}}, seen: TaggedManifest{Digest: digestTwo}, want: DigestMoved},
		"no tag at the start: this run built it":    {stage: "test", records: Records{Starts: []Start{started("test", 2, 1, Digest{}, 5)}}, seen: TaggedManifest{Digest: digestOne}},
		"no tag at the end":                         {stage: "test", records: Records{Starts: []Start{started("test", 2, 1, Digest{}, 5)}}, want: ImageMissing},
		"no start seen, the earliest stage":         {stage: "build", seen: TaggedManifest{Digest: digestOne}},
		"no start seen, a later stage, nothing yet": {stage: "test", seen: TaggedManifest{Digest: digestOne}, want: StageMissing},
		"no start seen, as the earlier stage saw":   {stage: "test", records: Records{Verifications: []Verification{passed(policy, "build", 1, 1, digestOne, 0, 4)}}, seen: TaggedManifest{Digest: digestOne}},
		"no start seen, not as the earlier saw":     {stage: "test", records: Records{Verifications: []Verification{passed(policy, "build", 1, 1, digestOne, 0, 4)}}, seen: TaggedManifest{Digest: digestTwo}, want: DigestMoved},
		"a failed run":                              {stage: "test", end: "failure", seen: TaggedManifest{Digest: digestOne}, want: StageFailed},
		"a skipped run":                             {stage: "test", end: "skipped", seen: TaggedManifest{Digest: digestOne}, want: StageFailed},
		"pushed after it ended":                     {stage: "build", seen: TaggedManifest{Digest: digestOne, Pushed: at(11)}, want: StageMissing},
		"pushed while it ran":                       {stage: "build", seen: TaggedManifest{Digest: digestOne, Pushed: at(7)}},
		"the stage that builds pushes anew":         {policy: withBuild, stage: "build", records: Records{Starts: []Start{started("build", 2, 1, digestOne, 5)}}, seen: TaggedManifest{Digest: digestTwo}},
		"a test of what was built anew meanwhile":   {policy: withBuild, stage: "test", records: Records{Starts: []Start{started("test", 2, 1, digestOne, 5)}}, seen: TaggedManifest{Digest: digestTwo}, want: DigestMoved},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.policy.Stages == nil {
				test.policy = policy
			}
			stage, _ := test.policy.Stage(test.stage)
			ended := run
			if test.end != "" {
				ended.Conclusion = test.end
			}
			got := judge(test.policy, stage, ended, readRun(ended), test.policy.Images[0], RegistryRepository{}, test.records, test.seen, "", at(12))
			if got.Failure != test.want {
				t.Errorf("got %q (%s), want %q", got.Failure, got.Detail, test.want)
			}
		})
	}
}

func TestReadJobs(t *testing.T) {
	t.Parallel()
	job := func(id int64, attempt int, name, conclusion string, from, to int) Job {
		status := "completed"
		if conclusion == "" {
			status = "in_progress"
		}
		return Job{ID: id, Run: 1, Attempt: attempt, Name: name, Status: status, Conclusion: conclusion, Started: at(from), Completed: at(to)}
	}
	stage, exact := Stage{Name: "test", Job: "test*"}, Stage{Name: "test", Job: "test"}
	one, matrix := []Job{job(1, 1, "test", "success", 0, 1)}, []Job{job(1, 1, "test (a)", "success", 0, 1), job(2, 1, "test (b)", "success", 0, 2)}
	failing := []Job{job(1, 1, "test (a)", "success", 0, 1), job(2, 1, "test (b)", "failure", 0, 2)}
	tests := map[string]struct {
		stage      Stage
		jobs       []Job
		unended    bool
		ran        bool
		running    bool
		attempt    int
		conclusion string
	}{
		"no such job":           {stage: stage, jobs: []Job{job(1, 1, "build", "success", 0, 1)}},
		"a whole matrix":        {stage: stage, jobs: matrix, ran: true, attempt: 1, conclusion: "success"},
		"one of a matrix":       {stage: stage, jobs: failing, ran: true, attempt: 1, conclusion: "failure"},
		"the failed one re-run": {stage: stage, jobs: slices.Concat(failing, []Job{job(3, 2, "test (b)", "success", 20, 22)}), ran: true, attempt: 2, conclusion: "success"},
		"the failed one still running": {
			stage: stage, jobs: slices.Concat(failing, []Job{job(3, 2, "test (b)", "", 20, 22)}), unended: true, ran: true, running: true, attempt: 2, conclusion: "success",
		},
		"only others were re-run":    {stage: stage, jobs: slices.Concat(one, []Job{job(2, 2, "lint", "success", 20, 21)}), ran: true, attempt: 1, conclusion: "success"},
		"skipped":                    {stage: stage, jobs: []Job{job(1, 1, "test", "skipped", 0, 0)}, ran: true, attempt: 1, conclusion: "skipped"},
		"more may come":              {stage: stage, jobs: matrix, unended: true, ran: true, running: true, attempt: 2, conclusion: "success"},
		"an exact name":              {stage: exact, jobs: one, unended: true, ran: true, attempt: 1, conclusion: "success"},
		"one failed, others may run": {stage: stage, jobs: slices.Concat(failing, []Job{job(3, 1, "test (c)", "", 0, 0)}), unended: true, ran: true, attempt: 1, conclusion: "failure"},
		"what failed before may be run again": {
			stage: stage, jobs: slices.Concat(failing, []Job{job(3, 2, "test (a)", "success", 20, 21)}), unended: true, ran: true, running: true, attempt: 2, conclusion: "failure",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := Run{ID: 1, Attempt: 2, Started: at(20), Status: "completed"}
			if test.unended {
				run.Status = "in_progress"
			}
			read, ran := readJobs(test.stage, run, test.jobs)
			if ran != test.ran || read.Running != test.running || read.Attempt != test.attempt || read.Conclusion != test.conclusion {
				t.Errorf("got ran %t, running %t, attempt %d, %q", ran, read.Running, read.Attempt, read.Conclusion)
			}
		})
	}
}

func TestQualifies(t *testing.T) {
	t.Parallel()
	stage := Stage{Name: "test", Workflow: ".github/workflows/test.yml", Events: []string{"push", "merge_group", "pull_request"}}
	good := Run{Path: stage.Workflow, Event: "push", HeadBranch: "main", Repository: 42, HeadRepository: 42}
	with := func(change func(*Run)) Run { run := good; change(&run); return run }
	tests := map[string]struct {
		run      Run
		branches []string
		want     bool
	}{
		"a push to the default branch":       {run: good, want: true},
		"a push to another branch":           {run: with(func(r *Run) { r.HeadBranch = "feature" })},
		"a branch that the stage names":      {run: with(func(r *Run) { r.HeadBranch = "release/1" }), branches: []string{"release/*"}, want: true},
		"a workflow of another path":         {run: with(func(r *Run) { r.Path = ".github/workflows/test.yaml" })},
		"a fork":                             {run: with(func(r *Run) { r.HeadRepository = 43 })},
		"a fork that is gone":                {run: with(func(r *Run) { r.HeadRepository = 0 })},
		"a merge queue's group":              {run: with(func(r *Run) { r.Event, r.HeadBranch = "merge_group", "gh-readonly-queue/main/pr-7-abc" }), want: true},
		"a merge queue of another branch":    {run: with(func(r *Run) { r.Event, r.HeadBranch = "merge_group", "gh-readonly-queue/next/pr-7-abc" })},
		"a branch that looks like a queue's": {run: with(func(r *Run) { r.HeadBranch = "gh-readonly-queue/main/pr-7-abc" })},
		"a pull request, in this version":    {run: with(func(r *Run) { r.Event = "pull_request" })},
		"a dispatch":                         {run: with(func(r *Run) { r.Event = "workflow_dispatch" })},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stage := stage
			stage.Branches = test.branches
			if got, why := stage.Qualifies(shop, test.run); got != test.want {
				t.Errorf("got %t (%s), want %t", got, why, test.want)
			}
		})
	}
}

func TestStanding(t *testing.T) {
	t.Parallel()
	a, b, c := mustDigest("a"), mustDigest("b"), mustDigest("c")
	promoted := func(digest Digest) Promotion { return Promotion{Kind: KindPromotion, Digest: digest} }
	back := func(digest Digest) Promotion { return Promotion{Kind: KindRollback, Digest: digest} }
	tests := map[string]struct {
		live     []Promotion
		named    Digest
		current  Digest
		previous Digest
	}{
		"nothing":                        {},
		"one":                            {live: []Promotion{promoted(a)}, named: a, current: a},
		"two":                            {live: []Promotion{promoted(a), promoted(b)}, named: b, current: b, previous: a},
		"back once":                      {live: []Promotion{promoted(a), promoted(b), promoted(c), back(b)}, named: b, current: b, previous: a},
		"back twice":                     {live: []Promotion{promoted(a), promoted(b), promoted(c), back(b), back(a)}, named: a, current: a},
		"what was left is skipped":       {live: []Promotion{promoted(a), promoted(b), back(a), promoted(c)}, named: c, current: c, previous: a},
		"until it is promoted anew":      {live: []Promotion{promoted(a), promoted(b), back(a), promoted(b), promoted(c)}, named: c, current: c, previous: b},
		"a tag that other hands moved":   {live: []Promotion{promoted(a), promoted(b)}, named: c, current: b, previous: b},
		"forward again to what was left": {live: []Promotion{promoted(a), promoted(b), back(a), back(b)}, named: b, current: b, previous: a},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			standing := StandingOf(test.live)
			current, _ := standing.Current()
			previous, _ := standing.Previous(test.named)
			if current.Digest != test.current || previous.Digest != test.previous {
				t.Errorf("got current %s, previous %s", current.Digest.Short(), previous.Digest.Short())
			}
		})
	}
}

func TestScope(t *testing.T) {
	t.Parallel()
	scope := Scope{
		{Repositories: "acme/shop", Registry: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/*"},
		{Repositories: "acme/*", Registry: "ghcr.io/acme/{repo}"},
		{Repositories: "*/*", Registry: "ghcr.io/*"},
	}
	tests := map[string]bool{
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/api":        true,
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/api/deeper": false,
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/other/api":       false,
		"ghcr.io/acme/shop":  true,
		"ghcr.io/acme/other": false,
		"ghcr.io/other":      false,
	}
	for registry, want := range tests {
		parsed, err := ParseRegistryRepository(registry)
		if err != nil {
			t.Fatal(err)
		}
		if got := scope.Allows(shop, parsed); got != want {
			t.Errorf("%s: got %t, want %t", registry, got, want)
		}
	}
}

func TestPromotionStates(t *testing.T) {
	t.Parallel()
	states := []State{Pending, Running, Succeeded, Failed, Errored}
	allowed := map[State]string{Pending: "running succeeded failed errored", Running: "succeeded failed errored"}
	for _, from := range states {
		for _, to := range states {
			_, err := Promotion{State: from}.To(to, noon)
			if want := strings.Contains(allowed[from], string(to)); (err == nil) != want {
				t.Errorf("%s to %s: got error %v, want allowed %t", from, to, err, want)
			}
		}
	}
}
