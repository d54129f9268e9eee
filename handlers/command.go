package handlers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/verbatim-dev/verbatim/promotion"
)

// ParseComment gives the commands of a comment, in order. A command is a line that begins, without white space before
// it, with /promote or /rollback in any letter case, as text: what CommonMark takes for code, a quote, HTML or a link is
// none (https://spec.commonmark.org/0.31.2/). A line that is a command but cannot be understood comes with its Problem.
// tooMany is true when there are more than promotion.MaximumCommands; then only the first is given.
func ParseComment(body string) (commands []promotion.Command, tooMany bool) {
	if len(body) > maximumBody || !commandLine.MatchString(body) {
		return nil, false
	}
	lines := textLines(body, promotion.MaximumCommands+1)
	for _, line := range lines {
		commands = append(commands, parseCommand(line))
	}
	if len(commands) > promotion.MaximumCommands {
		return commands[:1], true
	}
	return commands, false
}

// maximumBody is more bytes than GitHub lets a comment have: 65,536 characters of at most four bytes.
const maximumBody = 4 * 65536

// commandLine finds lines that could be a command, or a near miss of one. It is cheap, and most comments have none.
var commandLine = regexp.MustCompile(`(?im)^/(p[a-z]{4,8}|r[a-z]{5,9})(?:[ \t\r,.:;!]|$)`)

// commandWord finds the command of such a line: /promote, /rollback, or what is one letter away from them.
func commandWord(line string) (word string, near bool, found bool) {
	first, _, _ := strings.Cut(strings.NewReplacer("\t", " ", "\u00a0", " ").Replace(line), " ")
	first = strings.ToLower(strings.TrimPrefix(first, "/"))
	for _, known := range []string{"promote", "rollback"} {
		switch distance := alignmentDistance(first, known); {
		case distance == 0:
			return known, false, true
		case distance == 1:
			return known, true, true
		}
	}
	return "", false, false
}

// alignmentDistance is how many letters to add, drop, change or swap with their neighbour; at most 2 is told apart.
func alignmentDistance(a, b string) int {
	if a == b {
		return 0
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	head := 0
	for head < len(a) && a[head] == b[head] {
		head++
	}
	restA, restB := a[head:], b[head:]
	switch {
	case len(b)-len(a) == 1 && restA == restB[1:]:
		return 1
	case len(a) != len(b):
		return 2
	case restA[1:] == restB[1:]:
		return 1
	case len(restA) >= 2 && restA[0] == restB[1] && restA[1] == restB[0] && restA[2:] == restB[2:]:
		return 1
	}
	return 2
}

// flags says which flags each verb has, and which of them take a value.
var flags = map[promotion.Verb]map[string]bool{
	promotion.VerbPromote:  {"sha": true, "dry-run": false, "when-verified": false, "reason": true},
	promotion.VerbStatus:   {},
	promotion.VerbHelp:     {},
	promotion.VerbApprove:  {},
	promotion.VerbRollback: {"to": true, "reason": true},
	promotion.VerbHold:     {"pull-request": false, "reason": true},
	promotion.VerbResume:   {"pull-request": false},
	promotion.VerbCancel:   {},
	promotion.VerbOverride: {"gates": true, "reason": true},
}

// words says how many words (an environment, images) each verb takes at most.
var maximumWords = map[promotion.Verb]int{
	promotion.VerbPromote: 50, promotion.VerbRollback: 50, promotion.VerbOverride: 50, promotion.VerbStatus: 1, promotion.VerbHelp: 0,
	promotion.VerbApprove: 1, promotion.VerbHold: 1, promotion.VerbResume: 1, promotion.VerbCancel: 1,
}

// parseCommand reads one line.
func parseCommand(line string) promotion.Command {
	command := promotion.Command{Line: shortened(line), Verb: promotion.VerbPromote}
	word, near, _ := commandWord(line)
	first := len(line)
	if at := strings.IndexFunc(line, unicode.IsSpace); at >= 0 {
		first = at
	}
	rest := line[first:]
	if near {
		command.Problem = fmt.Sprintf("%q is no command", line[:first])
		command.Suggestion = "did you mean /" + word + shortened(rest) + "?"
		return command
	}
	tokens, err := tokenize(rest)
	if err != nil {
		command.Problem = err.Error()
		return command
	}
	if word == "rollback" {
		command.Verb = promotion.VerbRollback
	} else if len(tokens) > 0 && !tokens[0].quoted {
		verb := promotion.Verb(strings.ToLower(tokens[0].text))
		if _, known := flags[verb]; known && verb != promotion.VerbPromote {
			command.Verb, tokens = verb, tokens[1:]
		}
	}
	if problem, suggestion := readArguments(&command, tokens); problem != "" {
		command.Problem, command.Suggestion = problem, suggestion
	}
	return command
}

// readArguments reads what follows the verb into the command. It gives what is wrong, and what was probably meant.
func readArguments(command *promotion.Command, tokens []token) (problem, suggestion string) {
	given := map[string]bool{}
	for i := 0; i < len(tokens); i++ {
		name, isFlag := flagName(tokens[i])
		if !isFlag {
			if len(command.Names) == maximumWords[command.Verb] {
				return fmt.Sprintf("/promote %s takes no word %q", command.Verb, tokens[i].text), "/promote help shows how it is written"
			}
			command.Names = append(command.Names, strings.ToLower(tokens[i].text))
			continue
		}
		if strings.HasPrefix(tokens[i].text, "—") || strings.HasPrefix(tokens[i].text, "–") {
			return fmt.Sprintf("%q begins with a dash that is no hyphen", tokens[i].text), "write --" + name
		}
		name, value, hasValue := strings.Cut(name, "=")
		name = strings.ToLower(name)
		takesValue, known := flags[command.Verb][name]
		switch {
		case !known:
			return unknownFlag(command.Verb, name)
		case given[name]:
			return fmt.Sprintf("--%s is there twice", name), "give it once"
		case !takesValue && hasValue:
			return fmt.Sprintf("--%s takes no value", name), "write --" + name
		case takesValue && !hasValue:
			if i+1 == len(tokens) {
				return fmt.Sprintf("--%s needs a value", name), fmt.Sprintf(`write --%s %s`, name, sampleValue(name))
			}
			if _, isFlag := flagName(tokens[i+1]); isFlag {
				return fmt.Sprintf("--%s needs a value, found the flag %s", name, tokens[i+1].text), fmt.Sprintf(`write --%s %s`, name, sampleValue(name))
			}
			i++
			value = tokens[i].text
		}
		given[name] = true
		if problem, suggestion := setFlag(command, name, value); problem != "" {
			return problem, suggestion
		}
	}
	if command.Verb == promotion.VerbOverride && (!given["gates"] || !given["reason"]) {
		return "an override needs --gates and --reason", `write /promote override production --gates soaking --reason "why"`
	}
	return "", ""
}

// flagName gives a flag's name (and value, after an equals sign) when the token is one. Phones make a dash of two hyphens.
func flagName(token token) (string, bool) {
	for _, dashes := range []string{"--", "—", "–"} {
		if name, found := strings.CutPrefix(token.text, dashes); found && !token.quoted {
			return name, true
		}
	}
	return "", false
}

func unknownFlag(verb promotion.Verb, name string) (problem, suggestion string) {
	var own []string
	for flag := range flags[verb] {
		own = append(own, flag)
	}
	slices.Sort(own)
	var others []string
	for other, has := range flags {
		if _, found := has[name]; found {
			others = append(others, string(other))
		}
	}
	slices.Sort(others)
	problem = fmt.Sprintf("unknown flag --%s", name)
	if near := promotion.DidYouMean(name, own); near != "" {
		return problem, strings.Replace(near, "mean ", "mean --", 1)
	}
	if len(others) > 0 {
		return problem, fmt.Sprintf("--%s belongs to %s", name, strings.Join(others, ", "))
	}
	if len(own) == 0 {
		return problem, fmt.Sprintf("%s has no flags", verb)
	}
	return problem, fmt.Sprintf("%s has --%s", verb, strings.Join(own, ", --"))
}

func sampleValue(name string) string {
	return map[string]string{"sha": "1a2b3c4", "to": "1a2b3c4", "reason": `"why"`, "gates": "soaking"}[name]
}

var (
	shaPattern    = regexp.MustCompile(`^[0-9a-f]{7,64}$`)
	digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{12,64}$`)
)

// maximumReason is how many characters a reason may have.
const maximumReason = 500

func setFlag(command *promotion.Command, name, value string) (problem, suggestion string) {
	switch name {
	case "sha":
		command.SHA = strings.ToLower(value)
		if command.SHA != "latest" && !shaPattern.MatchString(command.SHA) {
			return fmt.Sprintf("--sha: expected at least 7 hex digits of a commit, or latest; found %q", shortened(value)), "write --sha 1a2b3c4"
		}
	case "to":
		command.To = strings.ToLower(value)
		if !shaPattern.MatchString(command.To) && !digestPattern.MatchString(command.To) {
			return fmt.Sprintf("--to: expected at least 7 hex digits of a commit, or a digest (sha256: and at least 12 hex digits); found %q", shortened(value)), "write --to 1a2b3c4"
		}
	case "reason":
		command.Reason = strings.TrimSpace(value)
		if command.Reason == "" || utf8.RuneCountInString(command.Reason) > maximumReason {
			return fmt.Sprintf("--reason: expected 1 to %d characters", maximumReason), `write --reason "why"`
		}
	case "gates":
		return setGates(command, value)
	case "dry-run":
		command.DryRun = true
	case "when-verified":
		command.WhenVerified = true
	case "pull-request":
		command.PullRequest = true
	}
	return "", ""
}

func setGates(command *promotion.Command, value string) (problem, suggestion string) {
	var known []string
	for _, reason := range promotion.Reasons() {
		known = append(known, string(reason))
	}
	for gate := range strings.SplitSeq(strings.ToLower(value), ",") {
		gate = strings.TrimSpace(gate)
		if !slices.Contains(known, gate) {
			return fmt.Sprintf("--gates: %q is no reason code", shortened(gate)), promotion.DidYouMean(gate, known)
		}
		command.Gates = append(command.Gates, gate)
	}
	return "", ""
}

// token is one word of a line, without its quotes.
type token struct {
	text   string
	quoted bool // it began with a quote: then it is no flag and no verb
}

// tokenize splits a line into words. Double quotes (typed, or made curly by a phone) and single quotes hold words
// together; a backslash in double quotes takes the next character as it is. It returns an error for an open quote.
func tokenize(line string) ([]token, error) {
	var tokens []token
	var current strings.Builder
	inWord, quoted, escaped := false, false, false
	closing := rune(0)
	for _, r := range line {
		switch {
		case escaped:
			current.WriteRune(r)
			escaped = false
		case closing == '"' && r == '\\':
			escaped = true
		case closing != 0 && (r == closing || closing == '"' && (r == '“' || r == '”')):
			closing = 0
		case closing != 0:
			current.WriteRune(r)
		case r == '"' || r == '“' || r == '”':
			closing, quoted, inWord = '"', quoted || !inWord, true
		case r == '\'' && !inWord:
			closing, quoted, inWord = '\'', true, true
		case unicode.IsSpace(r):
			if inWord {
				tokens = append(tokens, token{current.String(), quoted})
				current.Reset()
			}
			inWord, quoted = false, false
		default:
			current.WriteRune(r)
			inWord = true
		}
	}
	if closing != 0 {
		return nil, fmt.Errorf("a quote is opened and not closed")
	}
	if inWord {
		tokens = append(tokens, token{current.String(), quoted})
	}
	return tokens, nil
}

// shortened bounds what is shown of a line.
func shortened(text string) string {
	runes := []rune(text)
	if len(runes) > 300 {
		return string(runes[:300]) + "…"
	}
	return text
}
