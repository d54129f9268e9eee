package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// CheckText is what a check run shows, within GitHub's limits
// (https://docs.github.com/rest/checks/runs#create-a-check-run).
type CheckText struct {
	Title             string
	Summary           string
	Text              string
	Status            string // in_progress, completed
	Conclusion        string // "" while in progress
	ActionLabel       string // at most 20 characters
	ActionDescription string // at most 40
}

// CheckRun renders the check run of a commit and an environment.
func CheckRun(check promotion.Check) CheckText {
	text := CheckText{Status: "completed", Conclusion: "success"}
	text.Title = shortened(checkTitle(check), 200)
	switch check.State {
	case promotion.CheckWaiting:
		text.Status, text.Conclusion = "in_progress", ""
	case promotion.CheckFailed:
		text.Conclusion = "failure"
	case promotion.CheckReady, promotion.CheckPromoted:
	}
	if check.Button != "" {
		text.ActionLabel = "Promote"
		text.ActionDescription = shortened("Move "+check.Environment+" onto this digest", 40)
	}
	text.Summary = bounded(checkSummary(check), checkLimit)
	return text
}

func checkTitle(check promotion.Check) string {
	if check.Environment == promotion.PolicyCheck && check.State == promotion.CheckReady {
		return "The policy is valid"
	}
	if len(check.PolicyProblems) > 0 {
		return fmt.Sprintf("The policy is invalid: %s", counted(len(check.PolicyProblems), "problem"))
	}
	if len(check.Drifts) > 0 {
		return "Other hands moved the tag of " + check.Environment
	}
	switch check.State {
	case promotion.CheckReady:
		if observes(check) {
			return "Ready to promote, but the policy's mode is observe: nothing is promoted"
		}
		return "Ready to promote"
	case promotion.CheckPromoted:
		return promotedTitle
	case promotion.CheckWaiting, promotion.CheckFailed:
	}
	met, all := 0, 0
	var codes, pauses []string
	for _, decision := range check.Decisions {
		for _, gate := range decision.Gates {
			all++
			if gate.Met || gate.Waived != "" {
				met++
			} else if !slices.Contains(codes, string(gate.Reason)) {
				codes = append(codes, string(gate.Reason))
			}
			if gate.Pauses && !slices.Contains(pauses, string(gate.Reason)) {
				pauses = append(pauses, string(gate.Reason))
			}
		}
	}
	if check.State == promotion.CheckFailed {
		return after("Not promotable", strings.Join(codes, ", "))
	}
	switch {
	case len(pauses) > 0:
		return after("Paused", strings.Join(pauses, ", "))
	case all == 0:
		return "Waiting"
	}
	return fmt.Sprintf("%d of %d gates met", met, all)
}

// observes reports whether the policy's mode alone keeps the commit from being promoted.
func observes(check promotion.Check) bool {
	return slices.ContainsFunc(check.Decisions, func(decision promotion.Decision) bool {
		return slices.ContainsFunc(decision.Unmet(), func(gate promotion.Gate) bool { return gate.Reason == promotion.ObserveOnly })
	})
}

func checkSummary(check promotion.Check) string {
	var b strings.Builder
	for _, problem := range check.PolicyProblems {
		fmt.Fprintf(&b, "- %s: %s\n", Code(fmt.Sprintf("%s:%d:%d", problem.File, problem.Line, problem.Column)), problemText(problem))
	}
	if len(check.PolicyProblems) > 0 {
		fmt.Fprintf(&b, "\nNothing is promoted under an invalid policy (%s). Reason code: %s\n", Code(check.PolicySource), Code(string(promotion.PolicyInvalid)))
	}
	for _, drift := range check.Drifts {
		fmt.Fprintf(&b, "- **Drift**: %s (seen %s). Promote again, or roll back, to set it right.\n", Text(drift.String()), drift.At.UTC().Format(time.RFC3339))
	}
	for _, promoted := range check.Promotions {
		verb := "promoted"
		if promoted.Kind == promotion.KindRollback {
			verb = "rolled back to"
		}
		fmt.Fprintf(&b, "- %s: %s %s", Text(promoted.Image), verb, Code(promoted.Digest.String()))
		if promoted.Requester.Login != "" {
			fmt.Fprintf(&b, ", asked by %s", Text(promoted.Requester.Login))
		}
		b.WriteString("\n")
	}
	for _, decision := range check.Decisions {
		if b.Len() > enough {
			break
		}
		renderGates(&b, decision)
	}
	for _, note := range check.Notes {
		fmt.Fprintf(&b, "\nNote: %s\n", Text(note))
	}
	if check.State == promotion.CheckReady && check.Button != "" {
		fmt.Fprintf(&b, "\nPress the button, or comment %s on the pull request.\n", Code("/promote "+check.Environment))
	}
	if check.Pressed != nil {
		b.WriteString("\n### The last press of the button\n\n")
		renderAnswer(&b, *check.Pressed, listedCommits)
	}
	if b.Len() == 0 {
		fmt.Fprintf(&b, "%s at %s is valid.\n", Code(check.PolicySource), Code(check.Commit.Short()))
	}
	return b.String()
}
