package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/verbatim-dev/verbatim/promotion/report"
)

func TestSlackGolden(t *testing.T) {
	t.Parallel()
	for name, notice := range notices() {
		body := report.Slack(notice)
		var indented bytes.Buffer
		if err := json.Indent(&indented, body, "", "  "); err != nil {
			t.Fatal(err)
		}
		golden(t, name, indented.String()+"\n")
		quiet(t, body)
	}
	golden(t, "slack_hostile", string(report.Slack(with(notices()["slack_mixed"], hostile)))+"\n")
}

// block is a part of a message (https://docs.slack.dev/reference/block-kit/blocks).
type block struct {
	Type     string
	Text     *textObject
	Elements []textObject
}

// textObject is a text in a block (https://docs.slack.dev/reference/block-kit/composition-objects/text-object).
type textObject struct {
	Type     string
	Text     string
	Verbatim bool
}

// quiet fails the test when a message to Slack could notify somebody, link elsewhere, or be refused by Slack.
func quiet(t *testing.T, body []byte) {
	t.Helper()
	var message struct {
		Text   string
		Blocks []block
	}
	if err := json.Unmarshal(body, &message); err != nil {
		t.Fatal(err)
	}
	shown, marked := []string{message.Text}, []string{message.Text}
	if message.Text == "" || len(message.Blocks) == 0 || len(message.Blocks) > 50 {
		t.Errorf("%d blocks, the text %q", len(message.Blocks), message.Text)
	}
	for _, part := range message.Blocks {
		texts := part.Elements
		if part.Text != nil {
			texts = append(texts, *part.Text)
		}
		if len(texts) == 0 {
			t.Errorf("a %s with nothing in it", part.Type)
		}
		for _, text := range texts {
			shown = append(shown, text.Text)
			most := map[string]int{"header": 150, "section": 3000, "context": 2000}[part.Type]
			if length := utf8.RuneCountInString(text.Text); length == 0 || length > most {
				t.Errorf("a %s of %d characters", part.Type, length)
			}
			if text.Type != "mrkdwn" {
				continue
			}
			marked = append(marked, text.Text)
			if !text.Verbatim {
				t.Errorf("a %s in which Slack makes links of words", part.Type)
			}
		}
	}
	for _, text := range shown {
		for _, sign := range []string{"<!", "<@", "<#", "@everyone", "@channel", "@here", "\u202e", "\x1b", "\n<"} {
			if strings.Contains(text, sign) {
				t.Errorf("%q in %q", sign, text)
			}
		}
	}
	for _, text := range marked {
		for _, part := range strings.Split(text, "<")[1:] {
			if !strings.HasPrefix(part, pages) || !strings.Contains(part, ">") {
				t.Errorf("a link to %.80q", part)
			}
		}
	}
}

func TestHostileTextsNotifyNobodyInSlack(t *testing.T) {
	t.Parallel()
	for name, word := range hostileWords() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, notice := range notices() {
				quiet(t, report.Slack(with(notice, word)))
			}
		})
	}
}

func FuzzSlack(f *testing.F) {
	for _, word := range hostileWords() {
		if len(word) < 1000 {
			f.Add(word)
		}
	}
	f.Fuzz(func(t *testing.T, word string) {
		for _, notice := range notices() {
			quiet(t, report.Slack(with(notice, word)))
		}
	})
}
