package promotion

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyRecord draws a verification or a start of one of the stages. What GitHub says of a run's attempt is always the same.
func anyRecord(t *rapid.T, policy Policy, digest Digest) (Start, Verification, bool) {
	stage := rapid.SampledFrom([]string{"build", "test", "staging"}).Draw(t, "stage")
	run, attempt := rapid.Int64Range(1, 4).Draw(t, "run"), rapid.IntRange(1, 3).Draw(t, "attempt")
	began := int(run)*10 + attempt
	if rapid.Bool().Draw(t, "start") {
		return started(stage, run, attempt, digest, began), Verification{}, true
	}
	verification := passed(policy, stage, run, attempt, digest, began, began+rapid.IntRange(0, 20).Draw(t, "length"))
	verification.ID = rapid.Int64Range(1, 1_000_000).Draw(t, "id")
	verification.Recorded = at(rapid.IntRange(0, 100).Draw(t, "recorded"))
	if rapid.IntRange(0, 3).Draw(t, "fails") == 0 {
		verification.Failure = rapid.SampledFrom([]Reason{StageFailed, DigestMoved, EvidenceMissing, TestsFailed, WorkflowChanged}).Draw(t, "failure")
	}
	return Start{}, verification, false
}

func addRecord(t *rapid.T, policy Policy, digest Digest, records Records) Records {
	start, verification, isStart := anyRecord(t, policy, digest)
	if isStart {
		records.Starts = append(slices.Clone(records.Starts), start)
	} else {
		records.Verifications = append(slices.Clone(records.Verifications), verification)
	}
	return records
}

func anyRecords(t *rapid.T, policy Policy) Records {
	var records Records
	for range rapid.IntRange(0, 12).Draw(t, "records") {
		records = addRecord(t, policy, rapid.SampledFrom([]Digest{digestOne, digestTwo, {}}).Draw(t, "digest"), records)
	}
	return records
}

// What is recorded of one digest never helps another.
func TestARecordNeverMeetsAGateOfAnotherDigest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		policy := threeStages(rapid.Bool().Draw(t, "builds"))
		records := anyRecords(t, policy)
		more := addRecord(t, policy, digestTwo, records)
		for _, stage := range policy.Stages {
			before, _ := stageGates(policy, stage, records, nil, digestOne)
			after, _ := stageGates(policy, stage, more, nil, digestOne)
			if !before[0].Met && after[0].Met {
				t.Fatalf("stage %s: %+v became %+v", stage.Name, before[0], after[0])
			}
		}
		was, is := Candidate(policy, records), Candidate(policy, more)
		if was.Digest != digestOne && is.Digest == digestOne {
			t.Fatalf("the candidate was %v and became %v", was, is)
		}
	})
}

// fault is one thing that is wrong with a promotion, and the code with which it alone is refused.
type fault struct {
	name string
	harm func(*Facts)
	want Reason
}

func faults() []fault {
	return []fault{
		{"observed only", func(f *Facts) { f.Policy.Policy.Mode = Observe }, ObserveOnly},
		{"a stranger", func(f *Facts) { f.Person.Allowed = false }, NotAuthorised},
		{"nobody knows who", func(f *Facts) { f.Person.Err = errors.New("500") }, GitHubError},
		{"another branch", func(f *Facts) { f.Branch.On = false }, NotOnBranch},
		{"out of scope", func(f *Facts) { f.Scope.Allowed = false }, OutOfScope},
		{"a stage failed", func(f *Facts) {
			f.Records.Verifications = append(slices.Clone(f.Records.Verifications), failed(f.Policy.Policy, "staging", 99, 1, digestOne, 50, 55))
		}, StageFailed},
		{"a stage runs", func(f *Facts) {
			f.Listed = append(slices.Clone(f.Listed), Attempt{Stage: "test", Run: 98, Number: 1, Started: at(60), Running: true})
		}, StageRunning},
		{"the tag moved", func(f *Facts) {
			f.Inspection = &InspectionFact{Inspection: Inspection{Tags: map[string]TaggedManifest{f.Image.SourceTag(f.Commit): {Digest: digestTwo}}}}
		}, DigestMoved},
		{"the registry is silent", func(f *Facts) { f.Inspection = &InspectionFact{Err: errors.New("500")} }, RegistryError},
		{"held", func(f *Facts) { f.Holds = []Hold{{Environment: "production", Person: Person{Login: "bob"}}} }, Held},
		{"soaking", func(f *Facts) { f.Environment.Soak, f.Soak = 100*time.Hour, &SoakFact{} }, Soaking},
		{"too old", func(f *Facts) { f.Environment.MaxAge = time.Second }, TooOld},
		{"outside of the window", func(f *Facts) {
			f.Environment.Windows = []Window{{Days: []time.Weekday{f.Now.Add(72 * time.Hour).Weekday()}, From: 0, To: 1440, Zone: "UTC"}}
		}, OutsideWindow},
		{"nobody approved", func(f *Facts) { f.Environment.Approvals.Required, f.Approvals = 1, &ApprovalsFact{} }, ApprovalsMissing},
		{"nobody reviewed", func(f *Facts) { f.Reviewed = &ReviewedFact{Commits: 1, Missing: []string{"abc"}} }, NotReviewed},
		{"the head moved", func(f *Facts) { f.Head = &HeadFact{Number: 1, Moved: "pushed", Reviewer: "bob"} }, HeadMoved},
		{"of unknown origin", func(f *Facts) {
			f.Environment.Provenance, f.Provenance = "labels", &ProvenanceFact{Missing: "no label"}
		}, ProvenanceMissing},
		{"of another origin", func(f *Facts) {
			f.Environment.Provenance, f.Provenance = "labels", &ProvenanceFact{Invalid: "another commit"}
		}, ProvenanceInvalid},
		{"older", func(f *Facts) {
			f.Current = &CurrentFact{Commit: mustCommit("b"), Digest: digestTwo, Comparison: Comparison{Status: "behind", BehindBy: 1}}
		}, OlderThanCurrent},
		{"immutable", func(f *Facts) {
			f.TagRules = TagRules{Known: true, Immutable: true}
			if f.Inspection.Err == nil {
				tags := map[string]TaggedManifest{"production": {Digest: digestTwo}}
				for tag, named := range f.Inspection.Inspection.Tags {
					tags[tag] = named
				}
				f.Inspection = &InspectionFact{Inspection: Inspection{Tags: tags}}
			}
		}, TagImmutable},
	}
}

// sound are facts under which everything is met.
func sound() Facts {
	policy := threeStages(true)
	facts := Facts{
		Now: at(100), Repository: shop, Policy: LoadedPolicy{Policy: policy}, Environment: policy.Environments[0], Image: policy.Images[0], Commit: commitOne,
		Records: happy(policy), Person: &PersonFact{Person: Person{ID: 1, Login: "alice"}, Role: "maintain", Allowed: true},
		Branch: &BranchFact{Branch: "main", On: true}, Scope: &ScopeFact{Allowed: true}, Current: &CurrentFact{},
	}
	facts.Inspection = &InspectionFact{Inspection: Inspection{Tags: map[string]TaggedManifest{facts.Image.SourceTag(commitOne): {Digest: digestOne}}}}
	return facts
}

func refusals(decision Decision) []Reason {
	var refused []Reason
	for _, gate := range decision.Unmet() {
		refused = append(refused, gate.Reason)
	}
	return refused
}

func TestEachFaultAloneRefuses(t *testing.T) {
	t.Parallel()
	if unmet := refusals(Decide(sound())); len(unmet) > 0 {
		t.Fatalf("sound facts are refused: %v", unmet)
	}
	for _, one := range faults() {
		facts := sound()
		one.harm(&facts)
		if unmet := refusals(Decide(facts)); !slices.Equal(unmet, []Reason{one.want}) {
			t.Errorf("%s: refused with %v, want %s alone", one.name, unmet, one.want)
		}
	}
}

// A gate that alone would refuse is never listed as met, whatever else is wrong.
func TestNoFaultHidesAnother(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		facts := sound()
		all := faults()
		var broken []fault
		for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(all)-1), 1, 6, rapid.ID[int]).Draw(t, "faults") {
			// Of the same fact, the later fault replaces the earlier.
			all[i].harm(&facts)
			broken = append(broken, all[i])
		}
		unmet := refusals(Decide(facts))
		replaced := map[Reason][]Reason{
			ProvenanceMissing: {ProvenanceInvalid}, ProvenanceInvalid: {ProvenanceMissing}, NotAuthorised: {GitHubError}, DigestMoved: {RegistryError, TagImmutable},
			RegistryError: {DigestMoved}, TagImmutable: {RegistryError, DigestMoved}, StageFailed: {StageRunning}, TooOld: {StageFailed, StageRunning},
		}
		for _, one := range broken {
			said := slices.Contains(unmet, one.want) || slices.ContainsFunc(replaced[one.want], func(other Reason) bool { return slices.Contains(unmet, other) })
			if !said {
				t.Fatalf("%s is not among %v (broken: %v)", one.name, unmet, names(broken))
			}
		}
	})
}

func names(faults []fault) []string {
	var names []string
	for _, one := range faults {
		names = append(names, one.name)
	}
	return names
}

// A decision depends on nothing but its argument, and leaves it as it was.
func TestADecisionDependsOnItsArgumentAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		fresh := func() Facts {
			facts := sound()
			facts.Records = Records{}
			return facts
		}
		one, other := fresh(), fresh()
		one.Records = anyRecords(t, one.Policy.Policy)
		other.Records = Records{Starts: slices.Clone(one.Records.Starts), Verifications: slices.Clone(one.Records.Verifications)}
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(faults())-1), 0, 4).Draw(t, "faults") {
			faults()[i].harm(&one)
			faults()[i].harm(&other)
		}
		before := fmt.Sprintf("%+v", one.Records)
		first, second, again := Decide(one), Decide(other), Decide(one)
		if !reflect.DeepEqual(first, second) || !reflect.DeepEqual(first, again) {
			t.Fatalf("three decisions on the same facts:\n%+v\n%+v\n%+v", first, second, again)
		}
		if after := fmt.Sprintf("%+v", one.Records); after != before {
			t.Fatalf("the records became %s", after)
		}
	})
}

// Ten thousand records of a commit: a matrix that was run again and again.
func BenchmarkDecision(b *testing.B) {
	facts := sound()
	for i := range 10_000 {
		stage := []string{"build", "test", "staging"}[i%3]
		facts.Records.Verifications = append(facts.Records.Verifications, passed(facts.Policy.Policy, stage, int64(1000+i/9), 1+i%3, digestOne, i/100, i/100))
	}
	b.ReportAllocs()
	for b.Loop() {
		Decide(facts)
	}
}
