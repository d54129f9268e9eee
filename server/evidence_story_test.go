package server_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

const (
	passed = `<testsuite name="unit"><testcase classname="basket" name="adds"/><testcase classname="basket" name="removes"/></testsuite>`
	broken = `<testsuite name="unit"><testcase classname="basket" name="adds"/><testcase classname="basket" name="removes"><failure/></testcase></testsuite>`
	some   = `{"total":{"lines":{"total":1000,"covered":799,"skipped":0,"pct":79.9}}}`
	enough = `{"total":{"lines":{"total":1000,"covered":800,"skipped":0,"pct":80}}}`
)

// proving gives the default policy with evidence of the test stage.
func (s *story) proving(evidence string) string {
	return strings.Replace(scene.DefaultPolicy(s.Registry.Host()), "    after: [build]\n", "    after: [build]\n    evidence: "+evidence+"\n", 1)
}

// proven begins a story in which the test job leaves artifacts.
func proven(t *testing.T, evidence string, upload func(*githubtest.Run, string)) (*story, *githubtest.PullRequest, *githubtest.Run, string) {
	t.Helper()
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.proving(evidence))
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	job := run.Job("test").Start()
	upload(run, digest)
	job.Complete("success")
	run.Complete("success")
	s.Staged(pull.MergeCommit(), "success")
	s.settled()
	return s, pull, run, digest
}

func TestEvidenceThatProvesAStage(t *testing.T) {
	evidence := "{ junit: { artifact: test-results }, coverage: { artifact: coverage-report, min: 80 }, digest: { artifact: image-digest } }"
	s, pull, _, digest := proven(t, evidence, func(run *githubtest.Run, digest string) {
		run.Upload("test-results", map[string]string{"unit.xml": passed}, 0)
		run.Upload("coverage-report", map[string]string{"coverage-summary.json": enough}, 0)
		run.Upload("image-digest", map[string]string{"digest.txt": "api@" + digest + "\n"}, 0)
	})
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote"))
	s.expect(s.CheckRun(pull.MergeCommit()).State().Summary, "2 tests, 0 skipped, coverage 80%, its artifact names this digest")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestEvidenceThatDoesNotProveAStage(t *testing.T) {
	t.Parallel()
	junit := "{ junit: { artifact: test-results } }"
	other := "sha256:" + strings.Repeat("1", 64)
	for name, test := range map[string]struct {
		evidence string
		upload   func(*githubtest.Run, string)
		reason   string
		words    []string
	}{
		"no such artifact": {junit, func(run *githubtest.Run, _ string) {
			run.Upload("Test-Results", map[string]string{"unit.xml": passed}, 0)
			run.Upload("logs", map[string]string{"log.txt": "ok"}, 0)
		}, "evidence_missing", []string{`"test-results"`, "Test-Results, logs", "names must match exactly"}},
		"no artifact at all": {junit, func(*githubtest.Run, string) {}, "evidence_missing", []string{"it has none"}},
		"an expired artifact": {junit, func(run *githubtest.Run, _ string) {
			run.Upload("test-results", map[string]string{"unit.xml": passed}, -time.Hour)
		}, "evidence_missing", []string{"has expired"}},
		"two of one name": {junit, func(run *githubtest.Run, _ string) {
			run.Upload("test-results", map[string]string{"unit.xml": passed}, 0)
			run.Upload("test-results", map[string]string{"unit.xml": passed}, 0)
		}, "evidence_missing", []string{"2 artifacts of the name"}},
		"a test that failed in a job that did not": {junit, func(run *githubtest.Run, _ string) {
			run.Upload("test-results", map[string]string{"unit.xml": broken}, 0)
		}, "tests_failed", []string{"1 of 2 tests failed: basket.removes"}},
		"no tests": {junit, func(run *githubtest.Run, _ string) {
			run.Upload("test-results", map[string]string{"unit.xml": "<testsuite/>"}, 0)
		}, "tests_failed", []string{"no test ran"}},
		"only skipped tests": {junit, func(run *githubtest.Run, _ string) {
			run.Upload("test-results", map[string]string{"unit.xml": `<testsuite><testcase name="a"><skipped/></testcase></testsuite>`}, 0)
		}, "tests_failed", []string{"no test ran"}},
		"too little coverage": {"{ coverage: { artifact: coverage-report, min: 80 } }", func(run *githubtest.Run, _ string) {
			run.Upload("coverage-report", map[string]string{"coverage-summary.json": some}, 0)
		}, "coverage_low", []string{"coverage is 79.9%, the minimum is 80%"}},
		"another digest": {"{ digest: { artifact: image-digest } }", func(run *githubtest.Run, _ string) {
			run.Upload("image-digest", map[string]string{"digest": other}, 0)
		}, "digest_mismatch", []string{other}},
		"another digest beside it": {"{ digest: { artifact: image-digest } }", func(run *githubtest.Run, digest string) {
			run.Upload("image-digest", map[string]string{"digest": digest + "\n" + other}, 0)
		}, "digest_mismatch", []string{"it names"}},
		"a digest of another image": {"{ digest: { artifact: image-digest } }", func(run *githubtest.Run, digest string) {
			run.Upload("image-digest", map[string]string{"digest": "worker@" + digest}, 0)
		}, "evidence_missing", []string{"names no digest of api"}},
		"a bomb": {junit, func(run *githubtest.Run, _ string) {
			run.UploadArchive("test-results", bomb(t), 24*time.Hour)
		}, "evidence_missing", []string{"times its size"}},
		"no archive": {junit, func(run *githubtest.Run, _ string) {
			run.UploadArchive("test-results", []byte("<html>"), 24*time.Hour)
		}, "evidence_missing", []string{"no JUnit file"}},
		"no archive, whatever it says": {junit, func(run *githubtest.Run, _ string) {
			run.UploadFile("test-results", []byte(passed), "application/zip", 24*time.Hour)
		}, "evidence_missing", []string{"no zip archive"}},
		"a gzip that is a bomb": {junit, func(run *githubtest.Run, _ string) {
			run.UploadFile("test-results", gzipped(t, strings.Repeat(" ", 20<<20)+passed), "application/gzip", 24*time.Hour)
		}, "evidence_missing", []string{"times its size"}},
		"a percentage without counts": {"{ coverage: { artifact: coverage-report, min: 80 } }", func(run *githubtest.Run, _ string) {
			run.Upload("coverage-report", map[string]string{"coverage.xml": `<coverage line-rate="1"/>`}, 0)
		}, "evidence_missing", []string{"a percentage alone"}},
		"a percentage above its counts": {"{ coverage: { artifact: coverage-report, min: 80 } }", func(run *githubtest.Run, _ string) {
			run.Upload("coverage-report", map[string]string{"coverage-summary.json": strings.Replace(some, "79.9", "80.5", 1)}, 0)
		}, "evidence_missing", []string{"its own counts"}},
		"a key twice": {"{ coverage: { artifact: coverage-report, min: 80 } }", func(run *githubtest.Run, _ string) {
			run.Upload("coverage-report", map[string]string{"coverage-summary.json": strings.Replace(enough, `"covered":800`, `"covered":1,"covered":800`, 1)}, 0)
		}, "evidence_missing", []string{"twice"}},
		"a key in another letter case": {"{ coverage: { artifact: coverage-report, min: 80 } }", func(run *githubtest.Run, _ string) {
			run.Upload("coverage-report", map[string]string{"coverage-summary.json": strings.Replace(enough, `"covered"`, `"Covered"`, 1)}, 0)
		}, "evidence_missing", []string{"expected"}},
		"a failure right under the suite": {junit, func(run *githubtest.Run, _ string) {
			run.Upload("test-results", map[string]string{"unit.xml": `<testsuite name="shop"><testcase name="a"/><failure/></testsuite>`}, 0)
		}, "tests_failed", []string{"1 of 1 tests failed: shop"}},
		"a status that says failed": {junit, func(run *githubtest.Run, _ string) {
			run.Upload("test-results", map[string]string{"unit.xml": `<testsuite name="shop"><testcase name="a" status="failed"/></testsuite>`}, 0)
		}, "tests_failed", []string{"shop.a"}},
		"a claim that is no count": {junit, func(run *githubtest.Run, _ string) {
			run.Upload("test-results", map[string]string{"unit.xml": `<testsuite failures="1,024"><testcase name="a"/></testsuite>`}, 0)
		}, "evidence_missing", []string{"1,024"}},
		"tests that are not there": {junit, func(run *githubtest.Run, _ string) {
			run.Upload("test-results", map[string]string{"unit.xml": `<testsuite tests="500"><testcase name="a"/></testsuite>`}, 0)
		}, "evidence_missing", []string{"claims 500 tests and shows 1"}},
		"TRX beside a good file": {junit, func(run *githubtest.Run, _ string) {
			run.Upload("test-results", map[string]string{"unit.xml": passed, "other.trx": "<TestRun/>"}, 0)
		}, "evidence_missing", []string{"other.trx"}},
		"NUnit beside a good file": {junit, func(run *githubtest.Run, _ string) {
			run.Upload("test-results", map[string]string{"unit.xml": passed, "nunit.xml": `<test-run failed="1"/>`}, 0)
		}, "evidence_missing", []string{"nunit.xml"}},
		"gzip beside a good file": {junit, func(run *githubtest.Run, _ string) {
			run.Upload("test-results", map[string]string{"unit.xml": passed, "e2e.xml.gz": string(gzipped(t, broken))}, 0)
		}, "evidence_missing", []string{"e2e.xml.gz"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, pull, _, _ := proven(t, test.evidence, test.upload)
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", test.reason), test.words...)
			s.must(s.Eventually(s.ctx, "the check run to say so", func() bool {
				check := s.CheckRun(pull.MergeCommit())
				return check != nil && strings.Contains(check.State().Summary, "`"+test.reason+"`")
			}))
		})
	}
}

// gzipped packs a text.
func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var content bytes.Buffer
	writer := gzip.NewWriter(&content)
	if _, err := writer.Write([]byte(text)); err != nil || writer.Close() != nil {
		t.Fatal(err)
	}
	return content.Bytes()
}

func TestArtifactsThatAreNoArchives(t *testing.T) {
	t.Parallel()
	evidence := "{ junit: { artifact: junit.xml }, coverage: { artifact: coverage-summary.json, min: 80 }, digest: { artifact: image-digest } }"
	for name, pack := range map[string]func(*githubtest.Run, string, string, string){
		"raw, of their own type": func(run *githubtest.Run, name, text, kind string) {
			run.UploadFile(name, []byte(text), kind, 24*time.Hour)
		},
		"raw": func(run *githubtest.Run, name, text, _ string) {
			run.UploadFile(name, []byte(text), "application/octet-stream", 24*time.Hour)
		},
		"gzip": func(run *githubtest.Run, name, text, _ string) {
			run.UploadFile(name, gzipped(t, text), "application/gzip", 24*time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, pull, _, digest := proven(t, evidence, func(run *githubtest.Run, digest string) {
				pack(run, "junit.xml", passed, "text/xml; charset=utf-8")
				pack(run, "coverage-summary.json", enough, "application/json")
				pack(run, "image-digest", digest+"\n", "text/plain")
			})
			s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote"))
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}

func bomb(t *testing.T) []byte {
	var content bytes.Buffer
	writer := zip.NewWriter(&content)
	file, err := writer.Create("unit.xml")
	if err == nil {
		_, err = file.Write(bytes.Repeat([]byte(" "), 20<<20))
	}
	if err != nil || writer.Close() != nil {
		t.Fatal(err)
	}
	return content.Bytes()
}

func TestALargeArtifactIsNotRead(t *testing.T) {
	s, pull, _, _ := proven(t, "{ junit: { artifact: test-results } }", func(run *githubtest.Run, _ string) {
		run.UploadArchive("test-results", make([]byte, 40<<20), 24*time.Hour)
	})
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "evidence_missing"), "bytes; at most 33554432 are read")
	for _, call := range s.GitHub.Calls() {
		if strings.Contains(call.Route, "archive_format") {
			t.Errorf("it was asked for: %s %s", call.Method, call.Route)
		}
	}
}

func TestEveryGapOfTheEvidenceIsNamed(t *testing.T) {
	evidence := "{ junit: { artifact: test-results }, coverage: { artifact: coverage-report, min: 80 } }"
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.proving(evidence))
	pull := s.Merged("Add a basket")
	run, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	job := run.Job("test").Start()
	run.Upload("test-results", map[string]string{"unit.xml": broken}, 0)
	run.Upload("coverage-report", map[string]string{"coverage-summary.json": some}, 0)
	job.Complete("failure")
	run.Complete("failure")
	s.settled()
	reply := s.refuses(pull.Issue, s.Alice, "/promote", "stage_failed") // a run that failed still yields its evidence
	s.expect(reply, "`tests_failed`", "basket.removes", "`coverage_low`", "79.9%")
}

// later waits for another second: GitHub's times have no finer ones.
func (s *story) later() {
	s.t.Helper()
	began := time.Now()
	s.must(s.Eventually(s.ctx, "another second", func() bool { return time.Since(began) > 1100*time.Millisecond }))
}

func TestOnlyArtifactsOfTheAttemptCount(t *testing.T) {
	s, pull, run, digest := proven(t, "{ junit: { artifact: test-results } }", func(run *githubtest.Run, _ string) {
		run.Upload("test-results", map[string]string{"unit.xml": passed}, 0)
	})
	s.later()
	run.Rerun(s.Walter).Start()
	run.Job("build").Start().Complete("success")
	run.Job("test").Start().Complete("success")
	run.Complete("success")
	s.Staged(pull.MergeCommit(), "success")
	s.settled()
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "evidence_missing"), "not within this attempt")
	s.later()
	run.Rerun(s.Walter).Start()
	run.Job("build").Start().Complete("success")
	job := run.Job("test").Start()
	run.Upload("test-results", map[string]string{"unit.xml": passed}, 0)
	job.Complete("success")
	run.Complete("success")
	s.Staged(pull.MergeCommit(), "success")
	s.settled()
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestAnArtifactThatALaterJobUploads(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.proving("{ coverage: { artifact: coverage-report, min: 80 } }"))
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	run.Job("test").Start().Complete("success")
	s.settled()
	collect := run.Job("collect").Start()
	run.Upload("coverage-report", map[string]string{"coverage-summary.json": enough}, 0)
	collect.Complete("success")
	run.Complete("success")
	s.Staged(pull.MergeCommit(), "success")
	s.settled()
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestArtifactsThatAreKeptForLong(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-", Public: true})
	s.govern(scene.DefaultPolicy(s.Registry.Host()) + "artifacts: { max_retention_days: 30 }\n")
	pull := s.Merged("Add a basket")
	run, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	job := run.Job("test").Start()
	run.Upload("logs", map[string]string{"log.txt": "ok"}, 90*24*time.Hour)
	run.Upload("short", map[string]string{"log.txt": "ok"}, 7*24*time.Hour)
	job.Complete("success")
	run.Complete("success")
	s.Staged(pull.MergeCommit(), "success")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote"))
	summary := s.CheckRun(pull.MergeCommit()).State().Summary
	s.expect(summary, `artifact "logs" of run`, "is kept for 90 days", "this repository is public")
	if strings.Contains(summary, `"short"`) {
		t.Errorf("what is kept for a week is pointed out:\n%s", summary)
	}
}

// deployed gives the default policy with a staging stage that runs after ci by workflow_run.
func (s *story) deployed() string {
	return strings.Replace(scene.DefaultPolicy(s.Registry.Host()), "    after: [test]\n", "    after: [test]\n    events: [workflow_run]\n    evidence: { digest: { artifact: image-digest } }\n", 1)
}

// deploys runs the deployment to staging as GitHub does after a workflow_run: at the tip of the default branch.
func (s *story) deploys(digest, conclusion string) *githubtest.Run {
	line := ""
	if digest != "" {
		line = "api@" + digest
	}
	return s.deploysSaying(line, conclusion)
}

// deploysSaying is a deployment whose artifact has the line.
func (s *story) deploysSaying(line, conclusion string) *githubtest.Run {
	run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Event: "workflow_run", Head: s.Repository.Head("main"), Actor: s.Walter})
	run.Request()
	run.Start()
	if line != "" {
		run.Upload("image-digest", map[string]string{"digest": line}, 0)
	}
	run.Complete(conclusion)
	s.settled()
	return run
}

func TestADeploymentCountsForWhatItDeployed(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.deployed())
	first := s.Merged("Add a basket")
	run, digest, err := s.Built(first.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	second := s.Merged("Add a voucher") // the tip of main is another commit by now
	other, newer, err := s.Built(second.MergeCommit(), "voucher")
	s.must(err)
	s.Tested(other, "success")
	s.settled()
	s.deploys("", "success") // it does not say what it deployed
	s.refuses(second.Issue, s.Alice, "/promote", "stage_missing")
	s.deploys(digest, "success")
	s.refuses(second.Issue, s.Alice, "/promote", "stage_missing") // its head is this commit, but it deployed the other
	s.promotes(first.Issue, s.Alice, "/promote", digest)
	s.deploys("sha256:"+strings.Repeat("1", 64), "success") // of nobody
	s.deploys(newer, "success")
	s.must(s.Check(s.ctx, second.MergeCommit(), "Ready to promote"))
}

func TestADeploymentThatFailsWhenRunAgain(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.deployed())
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.settled()
	deployment := s.deploys(digest, "success")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote"))
	s.later()
	s.GitHub.Quietly(func() { deployment.Rerun(s.Walter).Start() })
	s.refuses(pull.Issue, s.Alice, "/promote", "stage_running")
	s.GitHub.Quietly(func() {
		deployment.Upload("image-digest", map[string]string{"digest": "api@" + digest}, 0)
		deployment.Complete("failure")
	})
	s.refuses(pull.Issue, s.Alice, "/promote", "stage_failed")
}

func TestASuccessThatCameTooFast(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(strings.Replace(scene.DefaultPolicy(s.Registry.Host()), "    after: [build]\n", "    after: [build]\n    min_duration: 20s\n", 1))
	pull := s.Merged("Add a basket")
	run, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.settled()
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "stage_failed"), "less than min_duration 20s")
}

// A reproducible build gives many commits the same digest.
func TestADeploymentCountsForEveryCommitOfItsDigest(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.deployed())
	var pulls []*githubtest.PullRequest
	var digest string
	for range 22 {
		pull := s.Merged("Change a comment")
		run, built, err := s.Built(pull.MergeCommit(), "same")
		s.must(err)
		s.Tested(run, "success")
		s.settled()
		pulls, digest = append(pulls, pull), built
	}
	s.deploys(digest, "success")
	oldest, newest := pulls[0], pulls[21]
	s.must(s.Check(s.ctx, newest.MergeCommit(), "Ready to promote"))
	s.promotes(oldest.Issue, s.Alice, "/promote", digest) // it was recorded for others only
	s.later()
	s.deploys(digest, "failure")
	s.refuses(oldest.Issue, s.Alice, "/promote", "stage_failed")
	s.refuses(newest.Issue, s.Alice, "/promote", "stage_failed")
}
