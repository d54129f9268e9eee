package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Bounds of what is listed.
const (
	listedCommits = 20
	commentLimit  = 60_000 // GitHub's is 65,536 characters
	checkLimit    = 60_000 // GitHub's is 65,535 characters
)

// Marker gives the hidden line by which our own comment is found again.
func Marker(key string) string { return "<!-- verbatim: " + clean(key) + " -->" }

// Reply renders the one reply to a comment: the answers to its commands, in their order.
func Reply(answers []promotion.Answer, key string) string {
	var b strings.Builder
	b.WriteString(Marker(key) + "\n")
	for i, answer := range answers {
		if i > 0 {
			b.WriteString("\n---\n\n")
		}
		if len(answers) > 1 {
			fmt.Fprintf(&b, "%s\n\n", Code(answer.Command.Line))
		}
		renderAnswer(&b, answer)
	}
	return bounded(b.String(), commentLimit)
}

// bounded cuts at the end of a line.
func bounded(text string, most int) string {
	if len(text) <= most {
		return text
	}
	text = text[:most]
	return text[:strings.LastIndexByte(text, '\n')+1] + "\n… (cut)\n"
}

func renderAnswer(b *strings.Builder, answer promotion.Answer) {
	fmt.Fprintf(b, "**%s**\n", headline(answer))
	if answer.Command.Reason != "" {
		fmt.Fprintf(b, "\nReason given: %s\n", Text(answer.Command.Reason))
	}
	if len(answer.Gates) > 0 {
		gateTable(b, answer.Gates)
	}
	for _, problem := range answer.PolicyProblems {
		fmt.Fprintf(b, "- %s: %s\n", Code(fmt.Sprintf("%s:%d:%d", problem.File, problem.Line, problem.Column)), problemText(problem))
	}
	for _, outcome := range answer.Outcomes {
		renderOutcome(b, answer, outcome)
	}
	if answer.Help != nil {
		renderHelp(b, *answer.Help)
	}
	for _, status := range answer.Status {
		renderStatus(b, status)
	}
	footer(b, answer)
}

func problemText(problem promotion.Problem) string {
	text := Text(problem.Message)
	if problem.Key != "" {
		text = Code(problem.Key) + ": " + text
	}
	if problem.Suggestion != "" {
		text += " (" + Text(problem.Suggestion) + ")"
	}
	return text
}

// headline gives the result in one line.
func headline(answer promotion.Answer) string {
	environment := Text(answer.Environment)
	switch answer.Result {
	case promotion.ResultPromoted:
		return "Promoted " + imagesWith(answer, promotion.ResultPromoted) + " to " + environment
	case promotion.ResultRolledBack:
		return "Rolled back " + imagesWith(answer, promotion.ResultRolledBack) + " in " + environment
	case promotion.ResultUnchanged:
		return "Nothing to do: " + environment + " has it already"
	case promotion.ResultReady:
		return "Dry run: " + imagesWith(answer, promotion.ResultReady) + " could go to " + environment + "; nothing was moved"
	case promotion.ResultRefused:
		return "Refused: " + reasonList(answer)
	case promotion.ResultErrored:
		return "Could not tell: " + reasonList(answer)
	case promotion.ResultInformed, promotion.ResultWaiting:
	}
	if answer.Help != nil {
		return "What can be asked here"
	}
	return "Status of " + Text(answer.Repository.FullName())
}

func imagesWith(answer promotion.Answer, result promotion.Result) string {
	var names []string
	for _, outcome := range answer.Outcomes {
		if outcome.Result == result {
			names = append(names, Text(outcome.Decision.Image))
		}
	}
	return strings.Join(names, ", ")
}

// reasonList gives the reason codes of every gate that is unmet, each once.
func reasonList(answer promotion.Answer) string {
	var codes []string
	seen := map[promotion.Reason]bool{}
	add := func(gates []promotion.Gate) {
		for _, gate := range gates {
			if !gate.Met && !seen[gate.Reason] {
				seen[gate.Reason] = true
				codes = append(codes, Code(string(gate.Reason)))
			}
		}
	}
	add(answer.Gates)
	for _, outcome := range answer.Outcomes {
		if outcome.Result == promotion.ResultRefused || outcome.Result == promotion.ResultErrored {
			add(outcome.Decision.Gates)
		}
	}
	return strings.Join(codes, ", ")
}

func renderOutcome(b *strings.Builder, answer promotion.Answer, outcome promotion.Outcome) {
	decision := outcome.Decision
	fmt.Fprintf(b, "\n**%s** → %s: %s\n", Text(decision.Image), Text(decision.Environment), resultWord(outcome.Result))
	if len(decision.Unmet()) > 0 {
		gateTable(b, decision.Unmet())
	}
	if !decision.Commit.IsZero() {
		fmt.Fprintf(b, "- commit: %s\n", Code(decision.Commit.String()))
	}
	fmt.Fprintf(b, "- digest: %s\n", digestLine(outcome))
	moves(b, outcome)
	for _, note := range decision.Notes {
		fmt.Fprintf(b, "- note: %s\n", Text(note))
	}
	evidence(b, decision)
	ships(b, answer, outcome)
	if outcome.Result == promotion.ResultPromoted || outcome.Result == promotion.ResultRolledBack {
		fmt.Fprintf(b, "- roll back with: %s\n", Code(fmt.Sprintf("/promote rollback %s %s", decision.Environment, decision.Image)))
	}
}

func resultWord(result promotion.Result) string {
	return map[promotion.Result]string{
		promotion.ResultPromoted: "promoted", promotion.ResultRolledBack: "rolled back", promotion.ResultUnchanged: "already there, nothing moved",
		promotion.ResultRefused: "refused", promotion.ResultErrored: "could not tell", promotion.ResultReady: "all gates are met",
	}[result]
}

// digestLine says from which digest to which.
func digestLine(outcome promotion.Outcome) string {
	to := "none"
	if !outcome.Decision.Digest.IsZero() {
		to = Code(outcome.Decision.Digest.String())
	}
	if moves := []promotion.Result{promotion.ResultPromoted, promotion.ResultRolledBack, promotion.ResultReady}; slices.Contains(moves, outcome.Result) {
		from := "nothing"
		if !outcome.Promotion.From.IsZero() {
			from = Code(outcome.Promotion.From.String())
		}
		return "from " + from + " to " + to
	}
	return to
}

// moves says what happened to each tag.
func moves(b *strings.Builder, outcome promotion.Outcome) {
	var tags []string
	if len(outcome.Promotion.Moves) == 0 {
		for _, tag := range outcome.Decision.Tags {
			tags = append(tags, Code(tag))
		}
		if len(tags) > 0 {
			fmt.Fprintf(b, "- tags: %s of %s\n", strings.Join(tags, ", "), Code(outcome.Decision.Registry.String()))
		}
		return
	}
	for _, move := range outcome.Promotion.Moves {
		switch {
		case move.ReadBack == outcome.Promotion.Digest && move.From == move.ReadBack:
			tags = append(tags, Code(move.Tag)+" (was there already)")
		case move.ReadBack == outcome.Promotion.Digest:
			tags = append(tags, Code(move.Tag)+" (moved, read back)")
		case move.ReadBack.IsZero():
			tags = append(tags, Code(move.Tag)+" (not confirmed)")
		default:
			tags = append(tags, Code(move.Tag)+" (read back as "+Code(move.ReadBack.String())+")")
		}
	}
	fmt.Fprintf(b, "- tags: %s of %s\n", strings.Join(tags, ", "), Code(outcome.Decision.Registry.String()))
}

func evidence(b *strings.Builder, decision promotion.Decision) {
	if len(decision.Evidence) == 0 {
		return
	}
	var lines []string
	for _, verification := range decision.Evidence {
		run := Link(fmt.Sprintf("run %d", verification.Run), verification.URL)
		lines = append(lines, fmt.Sprintf("%s (%s, attempt %d, ended %s)", Text(verification.Stage), run, verification.Attempt, verification.Ended.UTC().Format(time.RFC3339)))
	}
	fmt.Fprintf(b, "- evidence: %s\n", strings.Join(lines, "; "))
}

// ships lists the commits and pull requests that go out.
func ships(b *strings.Builder, answer promotion.Answer, outcome promotion.Outcome) {
	if outcome.Result != promotion.ResultPromoted && outcome.Result != promotion.ResultReady {
		return
	}
	shipment := outcome.Promotion.Ships
	if shipment.Base.IsZero() {
		fmt.Fprintf(b, "- ships: everything up to %s; what %s had before is not known as a commit\n", Code(shipment.Head.Short()), Text(answer.Environment))
		return
	}
	fmt.Fprintf(b, "- ships %s since %s:\n", Link(counted(shipment.Total, "commit"), shipment.URL), Code(shipment.Base.Short()))
	for _, pull := range shipment.PullRequests {
		fmt.Fprintf(b, "  - %s %s (%s)\n", Link("pull request "+fmt.Sprint(pull.Number), pull.URL), Text(pull.Title), Text(pull.Author))
	}
	for i, commit := range shipment.Commits {
		if i == listedCommits {
			break
		}
		fmt.Fprintf(b, "  - %s %s (%s)\n", Link(Code(commit.Commit.Short()), commit.URL), Text(commit.Title), Text(commit.Author))
	}
	if more := shipment.Total - min(len(shipment.Commits), listedCommits); more > 0 {
		fmt.Fprintf(b, "  - … and %d more\n", more)
	}
}

func counted(count int, noun string) string {
	if count == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", count, noun)
}

func gateTable(b *strings.Builder, gates []promotion.Gate) {
	b.WriteString("\n| reason | gate | expected | found | what to do |\n|---|---|---|---|---|\n")
	for _, gate := range gates {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", cell(Code(string(gate.Reason))), cell(Link(Text(gate.Name), gate.URL)), cell(Text(gate.Expected)), cell(Text(gate.Actual)), cell(Text(gate.Next)))
	}
	b.WriteString("\n")
}

// footer says who asked, who may, which policy ruled and how long it took.
func footer(b *strings.Builder, answer promotion.Answer) {
	var parts []string
	if answer.Requester.Login != "" {
		parts = append(parts, "asked by "+Text(answer.Requester.Login))
	}
	acts := answer.Command.Verb == promotion.VerbPromote || answer.Command.Verb == promotion.VerbRollback
	if acts && answer.Command.Problem == "" && answer.Environment != "" {
		parts = append(parts, "approved by nobody (none required)")
	}
	if answer.WhoMay != "" {
		parts = append(parts, "who may: "+Text(answer.WhoMay))
	}
	if !answer.PolicyCommit.IsZero() {
		parts = append(parts, fmt.Sprintf("policy %s at %s", Code(answer.PolicySource), Code(answer.PolicyCommit.Short())))
	}
	if answer.Duration > 0 {
		parts = append(parts, fmt.Sprintf("took %s", answer.Duration.Round(time.Millisecond)))
	}
	fmt.Fprintf(b, "\n<sub>%s</sub>\n", strings.Join(parts, " · "))
}
