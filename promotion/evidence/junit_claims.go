package evidence

import (
	"encoding/xml"
	"math"
	"strconv"
	"strings"
	"time"
)

// maximumCount is how many tests, failures or errors a suite may claim.
const maximumCount = 100_000_000

// claims reads the counts that a suite claims. A count that cannot be read may hide failures: it is refused, and so is an
// attribute that is a count in another letter case.
func claims(element xml.StartElement, name string) (junitCount, error) {
	var claimed junitCount
	for attribute, into := range map[string]*int{
		"tests": &claimed.tests, "failures": &claimed.failures, "errors": &claimed.errors, "skipped": &claimed.skipped, "disabled": new(int),
	} {
		for _, one := range element.Attr {
			if one.Name.Space != "" || !strings.EqualFold(one.Name.Local, attribute) {
				continue
			}
			count, err := strconv.ParseUint(strings.TrimSpace(one.Value), 10, 31)
			if one.Name.Local != attribute || err != nil || count > maximumCount {
				return claimed, wrong("%.100q: a suite claims %.40s=%.40q, expected %s and a count", name, one.Name.Local, one.Value, attribute)
			}
			*into = int(count)
		}
	}
	return claimed, nil
}

// outcome is what the word of a status attribute means.
type outcome int

const (
	unknownOutcome outcome = iota
	passedOutcome
	skippedOutcome
	failedOutcome
)

// outcomes are the words that test tools write as a case's status or result (googletest, CTest, Catch2, Bazel, and others).
var outcomes = map[string]outcome{
	"": passedOutcome, "passed": passedOutcome, "pass": passedOutcome, "success": passedOutcome, "successful": passedOutcome, "succeeded": passedOutcome,
	"ok": passedOutcome, "run": passedOutcome, "completed": passedOutcome, "complete": passedOutcome, "executed": passedOutcome, "fixed": passedOutcome,
	"skipped": skippedOutcome, "skip": skippedOutcome, "ignored": skippedOutcome, "disabled": skippedOutcome, "notrun": skippedOutcome, "not run": skippedOutcome,
	"pending": skippedOutcome, "suppressed": skippedOutcome, "todo": skippedOutcome, "filtered": skippedOutcome, "inconclusive": skippedOutcome,
	"failed": failedOutcome, "fail": failedOutcome, "failure": failedOutcome, "error": failedOutcome, "errored": failedOutcome, "broken": failedOutcome,
	"timeout": failedOutcome, "timedout": failedOutcome, "timed out": failedOutcome, "crashed": failedOutcome, "aborted": failedOutcome, "cancelled": failedOutcome,
	"canceled": failedOutcome, "interrupted": failedOutcome, "regression": failedOutcome, "incomplete": failedOutcome,
}

// statusOf returns what a case's or a suite's own attributes say of it: the worst of them.
func statusOf(element xml.StartElement, name string) (outcome, error) {
	worst := passedOutcome
	for _, one := range element.Attr {
		key := strings.ToLower(one.Name.Local)
		if one.Name.Space != "" || key != "status" && key != "result" && key != "outcome" {
			continue
		}
		said := outcomes[strings.ToLower(strings.TrimSpace(one.Value))]
		if said == unknownOutcome {
			return said, wrong("%.100q: %s says %s=%.40q, which may be a failure", name, element.Name.Local, one.Name.Local, one.Value)
		}
		worst = max(worst, said)
	}
	return worst, nil
}

// seconds reads how long something took; Surefire writes thousands with a comma.
func seconds(element xml.StartElement) (time.Duration, bool) {
	text, found := attribute(element, "time")
	value, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(text), ",", ""), 64)
	if !found || err != nil || math.IsNaN(value) || value < 0 || value > 30*24*3600 {
		return 0, false
	}
	return time.Duration(value * float64(time.Second)), true
}
