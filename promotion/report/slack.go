package report

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

// slackEscapes are the three characters that mean something to Slack
// (https://docs.slack.dev/messaging/formatting-message-text#escaping). Escaped, nothing in a text can notify anybody.
var slackEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// slackText shows a text as it is: no mention, no link, no formatting of our own making.
func slackText(text string, most int) string {
	text = slackEscapes.Replace(shortened(text, most))
	return strings.NewReplacer("*", "∗", "_", "_"+zeroWidth, "~", "∼", "`", "'", "@", "@"+zeroWidth, "://", ":"+zeroWidth+"//").Replace(text)
}

// slackPlain is for where Slack knows no escapes: nothing is left that looks like a mention.
func slackPlain(text string, most int) string {
	return cutTo(strings.NewReplacer("<", "<"+zeroWidth, "@", "@"+zeroWidth).Replace(shortened(text, most)), most)
}

func slackCode(text string) string {
	if text = strings.ReplaceAll(slackEscapes.Replace(shortened(text, 100)), "`", "'"); text == "" {
		return "none"
	}
	return "`" + strings.ReplaceAll(text, "@", "@"+zeroWidth) + "`"
}

func slackLink(label, address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "https" || parsed.Host == "" || parsed.User != nil || strings.ContainsAny(address, "<>|` @") || clean(address) != address {
		return label
	}
	return "<" + slackEscapes.Replace(address) + "|" + label + ">"
}

type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackPart  `json:"text,omitempty"`
	Elements []slackPart `json:"elements,omitempty"`
}

// slackPart is a text object. Verbatim keeps Slack from making links and mentions of words
// (https://docs.slack.dev/reference/block-kit/composition-objects/text-object).
type slackPart struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim,omitempty"`
}

func mrkdwn(text string) slackPart { return slackPart{Type: "mrkdwn", Text: text, Verbatim: true} }

// Slack renders a notice as the JSON body for an incoming webhook: a text for notifications, and blocks
// (https://docs.slack.dev/reference/block-kit/blocks).
func Slack(notice promotion.Notice) []byte {
	title, lines := slackLines(notice)
	body := struct {
		Text   string       `json:"text"`
		Blocks []slackBlock `json:"blocks"`
	}{
		Text:   slackText(title, 300),
		Blocks: []slackBlock{{Type: "header", Text: &slackPart{Type: "plain_text", Text: slackPlain(title, 150)}}},
	}
	if section := mrkdwn(boundedLines(lines, 2900)); section.Text != "" {
		body.Blocks = append(body.Blocks, slackBlock{Type: "section", Text: &section})
	}
	if footer := slackFooter(notice); footer != "" {
		body.Blocks = append(body.Blocks, slackBlock{Type: "context", Elements: []slackPart{mrkdwn(footer)}})
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		panic("report: texts that cannot be JSON: " + err.Error())
	}
	return encoded
}

func boundedLines(lines []string, most int) string {
	var text strings.Builder
	for _, line := range lines {
		if text.Len()+len(line) > most {
			text.WriteString("…")
			break
		}
		text.WriteString(line + "\n")
	}
	return strings.TrimSpace(text.String())
}

func slackLines(notice promotion.Notice) (title string, lines []string) {
	repository := notice.Repository.FullName()
	if notice.Kind == promotion.NoticeDigestMoved {
		moved := notice.Moved
		return fmt.Sprintf("%s: the tag of commit %s was overwritten (%s)", repository, moved.Commit.Short(), moved.Image), []string{
			fmt.Sprintf("%s %s", slackCode(string(promotion.DigestMoved)), slackText(moved.Detail, 300)),
			seenIn(moved),
		}
	}
	if notice.Kind == promotion.NoticeDrift {
		drift := notice.Drift
		return fmt.Sprintf("%s: other hands moved the tag of %s (%s)", repository, drift.Environment, drift.Image), []string{slackText(drift.String(), 500)}
	}
	answer := notice.Answer
	var moved, others []string
	for _, outcome := range answer.Outcomes {
		if outcome.Result == promotion.ResultPromoted || outcome.Result == promotion.ResultRolledBack {
			moved = append(moved, outcome.Decision.Image)
		} else {
			others = append(others, outcome.Decision.Image)
		}
		lines = append(lines, slackOutcome(outcome)...)
	}
	for _, gate := range answer.Gates {
		lines = append(lines, slackGate(gate))
	}
	for _, note := range answer.Notes {
		lines = append(lines, slackText(note, 500))
	}
	if answer.Command.Reason != "" {
		lines = append(lines, "reason given: "+slackText(answer.Command.Reason, 300))
	}
	switch notice.Kind {
	case promotion.NoticePromoted:
		title = "Promoted " + slackSubject(repository, moved, " to ", answer.Environment)
	case promotion.NoticeRolledBack:
		title = "Rolled back " + slackSubject(repository, moved, " in ", answer.Environment)
	case promotion.NoticeOverridden:
		title = "Gates waived: " + slackSubject(repository, nil, " to ", answer.Environment)
	case promotion.NoticeHeld:
		title = "Held: " + slackSubject(repository, nil, " to ", answer.Environment)
	case promotion.NoticeResumed:
		title = "Hold lifted: " + slackSubject(repository, nil, " to ", answer.Environment)
	default:
		title = "Refused: " + slackSubject(repository, others, " to ", answer.Environment)
		if len(moved) > 0 {
			title += "; moved " + enumerated(moved)
		}
	}
	return title, lines
}

// seenIn says where an overwritten tag was seen: in a stage's run, or when somebody asked for the promotion.
func seenIn(moved promotion.Verification) string {
	if moved.Run == 0 {
		return "seen when a promotion was asked for"
	}
	return fmt.Sprintf("stage %s, %s", slackText(moved.Stage, 100), slackLink(fmt.Sprintf("run %d, attempt %d", moved.Run, moved.Attempt), moved.URL))
}

func slackSubject(repository string, images []string, preposition, environment string) string {
	subject := strings.TrimSpace(repository + " " + enumerated(images))
	if environment == "" {
		return subject
	}
	return subject + preposition + environment
}

func slackOutcome(outcome promotion.Outcome) []string {
	decision := outcome.Decision
	lines := []string{fmt.Sprintf("*%s*: %s, commit %s, digest %s", slackText(decision.Image, 100), resultWord(outcome.Result), slackCode(decision.Commit.Short()), slackCode(decision.Digest.String()))}
	if !outcome.Promotion.From.IsZero() {
		lines = append(lines, "before: "+slackCode(outcome.Promotion.From.String()))
	}
	if outcome.Result == promotion.ResultPromoted && outcome.Promotion.Ships.Total > 0 {
		lines = append(lines, "ships "+slackLink(counted(outcome.Promotion.Ships.Total, "commit"), outcome.Promotion.Ships.URL))
	}
	for _, gate := range decision.Waived() {
		lines = append(lines, "*WAIVED* "+slackGate(gate)+", waived by "+slackText(gate.Waived, 300))
	}
	for _, gate := range decision.Unmet() {
		lines = append(lines, slackGate(gate))
	}
	return lines
}

func slackGate(gate promotion.Gate) string {
	return fmt.Sprintf("%s %s: %s", slackCode(string(gate.Reason)), slackText(gate.Name, 100), slackText(gate.Actual, 200))
}

func slackFooter(notice promotion.Notice) string {
	if notice.Answer.Requester.Login == "" {
		return ""
	}
	footer := "asked by " + slackText(notice.Answer.Requester.Login, 100)
	if notice.Answer.PullRequest != 0 {
		footer += fmt.Sprintf(" in pull request %d", notice.Answer.PullRequest)
	}
	return footer
}
