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
	listedNames   = 20
	longestName   = 64     // characters of an image's or environment's name: the policy lets them have no more
	longestTitle  = 100    // characters of a commit's or pull request's title
	longestLogin  = 60     // characters of a name of a person: GitHub's have at most 39, Git's are free
	commentLimit  = 60_000 // bytes; GitHub's is 65,536 characters
	checkLimit    = 60_000 // bytes; GitHub's is 65,535 characters
	enough        = 70_000 // bytes, after which nothing more is rendered: it would be cut
)

// Marker gives the hidden line by which our own comment is found again. Nothing in the key can end it.
func Marker(key string) string {
	key = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '<' || r == '>' {
			return '_'
		}
		return r
	}, key)
	return "<!-- verbatim: " + strings.ReplaceAll(key, "--", "-_") + " -->"
}

// Reply renders the one reply to a comment: the answers to its commands, in their order. When all of it is too long for
// a comment, less of what ships is listed.
func Reply(answers []promotion.Answer, key string) string {
	text := ""
	for _, listed := range []int{listedCommits, 5, 0} {
		if text = replyWith(answers, key, listed); len(text) <= commentLimit {
			break
		}
	}
	return bounded(text, commentLimit)
}

func replyWith(answers []promotion.Answer, key string, listed int) string {
	var b strings.Builder
	b.WriteString(Marker(key) + "\n")
	for i, answer := range answers {
		if b.Len() > enough {
			break
		}
		if i > 0 {
			b.WriteString("\n---\n\n")
		}
		if len(answers) > 1 && answer.Command.Line != "" {
			fmt.Fprintf(&b, "%s\n\n", Code(answer.Command.Line))
		}
		renderAnswer(&b, answer, listed)
	}
	return b.String()
}

// bounded cuts at the end of a line: within one, something might be left open.
func bounded(text string, most int) string {
	if len(text) <= most {
		return text
	}
	text = text[:most]
	return text[:strings.LastIndexByte(text, '\n')+1] + "\n… (cut)\n"
}

func renderAnswer(b *strings.Builder, answer promotion.Answer, listed int) {
	fmt.Fprintf(b, "**%s**\n", headline(answer))
	if answer.Command.Reason != "" {
		fmt.Fprintf(b, "\nReason given: %s\n", Text(answer.Command.Reason))
	}
	if len(answer.Gates) > 0 {
		gateTable(b, answer.Gates)
	}
	for i, note := range answer.Notes {
		if i > 0 {
			fmt.Fprintf(b, "\n%s\n", Text(note))
		}
	}
	for _, hold := range answer.Holds {
		fmt.Fprintf(b, "\n**Held**: %s\n", Text(hold.String()))
	}
	for _, problem := range answer.PolicyProblems {
		fmt.Fprintf(b, "- %s: %s\n", Code(fmt.Sprintf("%s:%d:%d", problem.File, problem.Line, problem.Column)), problemText(problem))
	}
	for _, outcome := range answer.Outcomes {
		if b.Len() > enough {
			break
		}
		renderOutcome(b, answer, outcome, listed)
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
	environment := textTo(answer.Environment, longestName)
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
		return after("Refused", reasonList(answer)) + alsoDone(answer)
	case promotion.ResultErrored:
		return after("Could not tell", reasonList(answer)) + alsoDone(answer)
	case promotion.ResultWaiting:
		waiting := after("Waiting to promote to "+environment, reasonList(answer))
		if !answer.WaitsUntil.IsZero() {
			waiting += ", until " + answer.WaitsUntil.UTC().Format(time.RFC3339)
		}
		return waiting + alsoDone(answer)
	case promotion.ResultDelayed:
		if slices.ContainsFunc(answer.Gates, func(gate promotion.Gate) bool { return gate.Pauses }) {
			return after("Paused", reasonList(answer)) + ": it goes on by itself once that is mended, until " + answer.WaitsUntil.UTC().Format(time.RFC3339)
		}
		return after("Cannot tell yet", reasonList(answer)) + ": it is tried again until " + answer.WaitsUntil.UTC().Format(time.RFC3339)
	case promotion.ResultInformed:
	}
	if len(answer.Notes) > 0 {
		return Text(answer.Notes[0])
	}
	if answer.Help != nil {
		return "What can be asked here"
	}
	return "Status of " + Text(answer.Repository.FullName())
}

func after(word, what string) string {
	if what == "" {
		return word
	}
	return word + ": " + what
}

// alsoDone says which images were moved all the same, when others of the command were not.
func alsoDone(answer promotion.Answer) string {
	done := ""
	if images := imagesWith(answer, promotion.ResultPromoted); images != "" {
		done += "; promoted " + images
	}
	if images := imagesWith(answer, promotion.ResultRolledBack); images != "" {
		done += "; rolled back " + images
	}
	return done
}

func imagesWith(answer promotion.Answer, result promotion.Result) string {
	var names []string
	for _, outcome := range answer.Outcomes {
		if outcome.Result == result {
			names = append(names, textTo(outcome.Decision.Image, longestName))
		}
	}
	return enumerated(names)
}

// enumerated joins names, and counts those that are too many to show.
func enumerated(names []string) string {
	if more := len(names) - listedNames; more > 0 {
		return strings.Join(names[:listedNames], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// reasonList gives the reason codes of every gate that is unmet, each once.
func reasonList(answer promotion.Answer) string {
	var codes []string
	seen := map[promotion.Reason]bool{}
	add := func(gates []promotion.Gate) {
		for _, gate := range gates {
			if !gate.Met && gate.Waived == "" && !seen[gate.Reason] {
				seen[gate.Reason] = true
				codes = append(codes, Code(string(gate.Reason)))
			}
		}
	}
	add(answer.Gates)
	for _, outcome := range answer.Outcomes {
		if outcome.Result == promotion.ResultRefused || outcome.Result == promotion.ResultErrored || outcome.Result == promotion.ResultWaiting {
			add(outcome.Decision.Gates)
		}
	}
	return strings.Join(codes, ", ")
}

func renderOutcome(b *strings.Builder, answer promotion.Answer, outcome promotion.Outcome, listed int) {
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
	waived(b, decision)
	for _, note := range decision.Notes {
		fmt.Fprintf(b, "- note: %s\n", Text(note))
	}
	if outcome.Result == promotion.ResultWaiting {
		fmt.Fprintf(b, "- it is promoted by itself when the last gate falls, for this commit and digest only; end it with %s\n", Code("/promote cancel "+decision.Environment))
	}
	evidence(b, decision)
	ships(b, answer, outcome, listed)
	pinned(b, answer, decision)
	// Only what is known to work: there is something to go back to. How a rollback is undone was said above.
	if outcome.Result == promotion.ResultPromoted && !outcome.Promotion.From.IsZero() {
		fmt.Fprintf(b, "- roll back with: %s\n", Code(fmt.Sprintf("/promote rollback %s %s", decision.Environment, decision.Image)))
	}
}

// pinned says what a rollback ended, and how to undo it.
func pinned(b *strings.Builder, answer promotion.Answer, decision promotion.Decision) {
	for _, pin := range answer.Pins {
		if pin.Image != decision.Image {
			continue
		}
		if len(pin.Ended) > 0 {
			fmt.Fprintf(b, "- ended: %s waits no more\n", Text(enumerated(pin.Ended)))
		}
		b.WriteString("- pinned: nothing but a new command of a person moves it on")
		if !pin.Left.IsZero() {
			fmt.Fprintf(b, "; undo this rollback with %s", Code(fmt.Sprintf("/promote %s %s --sha %s", decision.Environment, decision.Image, pin.Left.Short())))
		}
		b.WriteString("\n")
	}
}

// waived says loudly which gates somebody waived.
func waived(b *strings.Builder, decision promotion.Decision) {
	for _, gate := range decision.Waived() {
		fmt.Fprintf(b, "- **WAIVED** %s (%s): %s, waived by %s\n", Code(string(gate.Reason)), Text(gate.Name), Text(gate.Actual), Text(gate.Waived))
	}
}

func resultWord(result promotion.Result) string {
	return map[promotion.Result]string{
		promotion.ResultPromoted: "promoted", promotion.ResultRolledBack: "rolled back", promotion.ResultUnchanged: "already there, nothing moved",
		promotion.ResultRefused: "refused", promotion.ResultErrored: "could not tell", promotion.ResultReady: "all gates are met",
		promotion.ResultWaiting: "waiting",
	}[result]
}

// digestLine says from which digest to which.
func digestLine(outcome promotion.Outcome) string {
	to := "none"
	if !outcome.Decision.Digest.IsZero() {
		to = Code(outcome.Decision.Digest.String())
	}
	moves := []promotion.Result{promotion.ResultPromoted, promotion.ResultRolledBack, promotion.ResultReady}
	if slices.Contains(moves, outcome.Result) || len(outcome.Promotion.Moves) > 0 && outcome.Result == promotion.ResultErrored {
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
		case move.From == outcome.Promotion.Digest && (move.ReadBack == move.From || outcome.Result == promotion.ResultUnchanged):
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
func ships(b *strings.Builder, answer promotion.Answer, outcome promotion.Outcome, listed int) {
	if outcome.Result != promotion.ResultPromoted && outcome.Result != promotion.ResultReady {
		return
	}
	shipment := outcome.Promotion.Ships
	if shipment.Base.IsZero() && outcome.Promotion.From.IsZero() {
		fmt.Fprintf(b, "- ships: everything up to %s; %s had nothing before\n", Code(shipment.Head.Short()), Text(answer.Environment))
		return
	}
	if shipment.Base.IsZero() {
		fmt.Fprintf(b, "- ships: everything up to %s; what %s had before is not known as a commit\n", Code(shipment.Head.Short()), Text(answer.Environment))
		return
	}
	fmt.Fprintf(b, "- ships %s since %s", Link(counted(shipment.Total, "commit"), shipment.URL), Code(shipment.Base.Short()))
	if pulls := len(shipment.PullRequests); pulls > listed {
		fmt.Fprintf(b, ", of %s", counted(pulls, "pull request"))
	}
	if min(len(shipment.Commits)+len(shipment.PullRequests), listed) > 0 {
		b.WriteString(":")
	}
	b.WriteString("\n")
	for _, pull := range shipment.PullRequests[:min(len(shipment.PullRequests), listed)] {
		fmt.Fprintf(b, "  - %s %s (%s)\n", Link(fmt.Sprintf("pull request %d", pull.Number), pull.URL), textTo(pull.Title, longestTitle), textTo(pull.Author, longestLogin))
	}
	for _, commit := range shipment.Commits[:min(len(shipment.Commits), listed)] {
		fmt.Fprintf(b, "  - %s %s (%s)\n", Link(Code(commit.Commit.Short()), commit.URL), textTo(commit.Title, longestTitle), textTo(commit.Author, longestLogin))
	}
	if more := shipment.Total - min(len(shipment.Commits), listed); more > 0 && listed > 0 {
		fmt.Fprintf(b, "  - … and %s more\n", counted(more, "commit"))
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

// approvers gives everybody whose approval counted.
func approvers(answer promotion.Answer) string {
	var people []string
	for _, outcome := range answer.Outcomes {
		for _, person := range outcome.Decision.Approvers {
			if text := textTo(person, longestLogin); !slices.Contains(people, text) {
				people = append(people, text)
			}
		}
	}
	if len(people) == 0 {
		return "nobody (none required)"
	}
	return enumerated(people)
}

// footer says who asked, who may, which policy ruled and how long it took.
func footer(b *strings.Builder, answer promotion.Answer) {
	var parts []string
	if answer.Requester.Login != "" {
		parts = append(parts, "asked by "+Text(answer.Requester.Login))
	}
	if imagesWith(answer, promotion.ResultPromoted)+imagesWith(answer, promotion.ResultRolledBack) != "" {
		parts = append(parts, "approved by "+approvers(answer))
	}
	if answer.WhoMay != "" {
		parts = append(parts, "who may: "+Text(answer.WhoMay))
	}
	if !answer.PolicyCommit.IsZero() && answer.PolicySource != "" {
		parts = append(parts, fmt.Sprintf("policy %s at %s", Code(answer.PolicySource), Code(answer.PolicyCommit.Short())))
	}
	if answer.Duration > 0 {
		parts = append(parts, fmt.Sprintf("took %s", answer.Duration.Round(time.Millisecond)))
	}
	if len(parts) > 0 {
		fmt.Fprintf(b, "\n<sub>%s</sub>\n", strings.Join(parts, " · "))
	}
}
