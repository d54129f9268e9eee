package handlers

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/verbatim-dev/verbatim/promotion"
)

// lineReader reads the words of one line into a command.
type lineReader struct {
	line    string
	words   []word
	next    int // the word to read next
	command promotion.Command
	given   map[string]string // the flags that were read, and their values
}

// readLine reads a line that begins with a command's word. What it gives beside a fault is not to be acted on.
func readLine(line string) (promotion.Command, *fault) {
	command := promotion.Command{Verb: promotion.VerbPromote}
	opening, found := openingOf(line)
	if !found {
		return command, &fault{problem: "The line does not begin with a command: expected /promote or /rollback."}
	}
	if opening.meant == "/rollback" {
		command.Verb = promotion.VerbRollback
	}
	if !opening.exact() {
		return command, &fault{
			problem:    fmt.Sprintf("%q is no command: did you mean %s?", opening.typed, opening.meant),
			correction: opening.meant + line[len(opening.typed):],
		}
	}
	all, wrong := words(line, len(opening.typed))
	if wrong != nil {
		return command, wrong
	}
	r := lineReader{line: line, words: all, command: command, given: map[string]string{}}
	if opening.meant == "/promote" && len(all) > 0 && !all[0].quoted {
		if verb := promotion.Verb(strings.ToLower(all[0].text)); isVerb(verb) && verb != promotion.VerbPromote {
			r.command.Verb, r.next = verb, 1
		}
	}
	return r.read()
}

func isVerb(verb promotion.Verb) bool {
	_, known := maximumNames[verb]
	return known
}

func (r *lineReader) read() (promotion.Command, *fault) {
	for r.next < len(r.words) {
		read := r.readName
		if r.words[r.next].dashed() {
			read = r.readFlag
		}
		if wrong := read(); wrong != nil {
			return r.command, wrong
		}
	}
	return r.command, r.missing()
}

// missing says which flags the verb needs and has not been given.
func (r *lineReader) missing() *fault {
	if r.command.Verb != promotion.VerbOverride {
		return nil
	}
	var lacking []string
	correction := r.line
	for _, name := range []string{"gates", "reason"} {
		if _, given := r.given[name]; !given {
			flag, _ := flagNamed(name, r.command.Verb)
			lacking = append(lacking, "--"+name)
			correction += " --" + name + " " + flag.placeholder
		}
	}
	if lacking == nil {
		return nil
	}
	return &fault{problem: fmt.Sprintf("An override needs --gates and --reason; missing: %s.", strings.Join(lacking, " and ")), correction: correction, fill: true}
}

// readName reads an environment or an image. Which of them exist is the policy's to say.
func (r *lineReader) readName() *fault {
	word := r.words[r.next]
	name := strings.ToLower(word.text)
	plain := strings.Trim(withoutInvisible(name), "`*~")
	switch {
	case name == "":
		return &fault{problem: "A name is empty: expected an environment or image.", correction: r.without(word.start, word.end)}
	case len(name) > maximumName:
		return &fault{problem: fmt.Sprintf("A name has %d letters: expected at most %d.", len(name), maximumName)}
	case placeholderPattern.MatchString(name):
		return &fault{problem: fmt.Sprintf("%q is a placeholder: expected a name in its place.", word.text)}
	case plain != name:
		return &fault{problem: fmt.Sprintf("%q has formatting or a character that does not show: did you mean %q?", word.text, plain), correction: r.with(word.start, word.end, plain)}
	case isVerb(promotion.Verb(name)):
		return r.verbAsName(word)
	case len(r.command.Names) == maximumNames[r.command.Verb]:
		return r.tooManyNames(word)
	}
	r.command.Names = append(r.command.Names, name)
	r.next++
	return nil
}

// verbAsName says that a word is a verb in the wrong place. No environment or image can be called so.
func (r *lineReader) verbAsName(word word) *fault {
	verb := promotion.Verb(strings.ToLower(word.text))
	wrong := &fault{problem: fmt.Sprintf("%q is a command word in the place of a name: expected an environment or image, or %s at the line's beginning.", word.text, written(verb))}
	if r.command.Verb == promotion.VerbPromote && strings.EqualFold(r.line[:len("/promote")], "/promote") {
		without := strings.TrimRightFunc(r.line[:word.start], unicode.IsSpace) + r.line[word.end:]
		wrong.correction = written(verb) + without[len("/promote"):]
	}
	return wrong
}

func (r *lineReader) tooManyNames(word word) *fault {
	most := maximumNames[r.command.Verb]
	switch most {
	case 0:
		return &fault{problem: fmt.Sprintf("%s has %.60q behind it: expected nothing.", written(r.command.Verb), word.text), correction: written(r.command.Verb)}
	case 1:
		return &fault{problem: fmt.Sprintf("%s has %.60q as a second name: expected at most one environment.", written(r.command.Verb), word.text)}
	}
	return &fault{problem: fmt.Sprintf("%s has more than %d names: expected an environment and images.", written(r.command.Verb), most)}
}

// readFlag reads a flag and its value.
func (r *lineReader) readFlag() *fault {
	word := r.words[r.next]
	typed, value, hasValue := strings.Cut(word.text, "=")
	name, wrong := r.flagName(word, typed)
	if wrong != nil {
		return wrong
	}
	flag, wrong := r.known(word, typed, name)
	if wrong != nil {
		return wrong
	}
	from, to := word.start+len(typed)+1, word.end
	quoted := hasValue && from < to && closings[firstRune(r.line[from:])] != ""
	r.next++
	switch {
	case flag.placeholder == "" && hasValue:
		return r.needless(word, flag, value)
	case flag.placeholder != "" && !hasValue:
		if r.next == len(r.words) || r.words[r.next].dashed() {
			return r.valueMissing(word, flag)
		}
		value, quoted, from, to = r.words[r.next].text, r.words[r.next].quoted, r.words[r.next].start, r.words[r.next].end
		r.next++
	}
	if earlier, twice := r.given[name]; twice {
		return r.repeated(word, to, flag, earlier == value)
	}
	r.given[name] = value
	if name == "gates" && strings.HasSuffix(value, ",") && r.next < len(r.words) && !r.words[r.next].dashed() {
		return &fault{problem: "--gates has a space behind a comma: expected codes with commas between them and no spaces.", correction: r.line[:to] + r.line[r.words[r.next].start:]}
	}
	if problem, meant := flag.set(&r.command, value); problem != "" {
		return r.badValue(problem, meant, flag, from, to)
	}
	if name == "reason" && !quoted {
		return r.openReason(from, to)
	}
	return nil
}

// flagName gives the flag's name, if it is typed with two hyphens before it and hyphens in it.
func (r *lineReader) flagName(word word, typed string) (string, *fault) {
	hyphens := strings.Map(func(r rune) rune {
		if isDash(r) {
			return '-'
		}
		return unicode.ToLower(r)
	}, withoutInvisible(typed))
	name := strings.TrimLeft(hyphens, "-")
	if name == "" {
		return "", &fault{problem: fmt.Sprintf("%.60q names no flag: expected two hyphens and a name, such as --reason.", word.text)}
	}
	if strings.ToLower(typed) != "--"+name {
		return "", &fault{
			problem:    fmt.Sprintf("%.60q is not typed with two hyphens: did you mean --%.60s?", typed, name),
			correction: r.with(word.start, word.start+len(typed), "--"+name),
		}
	}
	return name, nil
}

// known finds the flag, if the verb has it.
func (r *lineReader) known(word word, typed, name string) (*commandFlag, *fault) {
	found, own := flagNamed(name, r.command.Verb)
	if found != nil && slices.Contains(found.verbs, r.command.Verb) {
		return found, nil
	}
	if found != nil {
		return nil, &fault{problem: fmt.Sprintf("--%s is a flag of %s, not of %s.", name, found.whose(), written(r.command.Verb))}
	}
	wrong := &fault{problem: fmt.Sprintf("--%.60s is an unknown flag", name)}
	switch near := nearest(name, own); {
	case near != "":
		wrong.problem += ": did you mean --" + near + "?"
		wrong.correction = r.with(word.start, word.start+len(typed), "--"+near)
	case len(own) == 0:
		wrong.problem += ": " + written(r.command.Verb) + " has none."
	default:
		wrong.problem += ": " + written(r.command.Verb) + " has --" + strings.Join(own, ", --") + "."
	}
	return nil, wrong
}

// needless says that a flag has a value and takes none. The flag is left out of the correction only if the value says so.
func (r *lineReader) needless(word word, flag *commandFlag, value string) *fault {
	wrong := &fault{problem: fmt.Sprintf("--%s has the value %.60q: expected --%s alone, or no --%s at all.", flag.name, value, flag.name, flag.name)}
	if meantFalse(value) {
		wrong.correction = r.without(word.start, word.end)
	} else {
		wrong.correction = r.with(word.start, word.end, "--"+flag.name)
	}
	return wrong
}

func (r *lineReader) valueMissing(word word, flag *commandFlag) *fault {
	wrong := &fault{problem: fmt.Sprintf("--%s has no value: expected %s behind it.", flag.name, flag.placeholder), fill: true}
	if r.next < len(r.words) {
		wrong.problem = fmt.Sprintf("--%s has no value, %.60q is a flag: expected %s behind it, in quotes if it begins with a dash.", flag.name, r.words[r.next].text, flag.placeholder)
	}
	wrong.correction = r.with(word.end, word.end, " "+flag.placeholder)
	return wrong
}

// repeated says that a flag is there twice; the second is left out of the correction if it says the same.
func (r *lineReader) repeated(word word, to int, flag *commandFlag, same bool) *fault {
	wrong := &fault{problem: fmt.Sprintf("--%s is there twice: expected it once.", flag.name)}
	if same {
		wrong.correction = r.without(word.start, to)
	}
	return wrong
}

func (r *lineReader) badValue(problem, meant string, flag *commandFlag, from, to int) *fault {
	if meant == "" {
		return &fault{problem: problem, correction: r.with(from, to, flag.placeholder), fill: true}
	}
	return &fault{problem: problem, correction: r.with(from, to, meant)}
}

// openReason refuses a reason of several words without quotes: whether the words behind the first are names cannot be told.
func (r *lineReader) openReason(from, to int) *fault {
	last := r.next
	for last < len(r.words) && !r.words[last].dashed() {
		last++
	}
	if last == r.next {
		return nil
	}
	end := r.words[last-1].end
	return &fault{
		problem:    fmt.Sprintf("--reason has words behind %.60q that may belong to it: expected the reason in quotes.", r.line[from:to]),
		correction: r.with(from, end, quoted(r.line[from:end])),
	}
}

// with gives the line with another text in a place of it.
func (r *lineReader) with(from, to int, text string) string {
	return r.line[:from] + text + r.line[to:]
}

// without gives the line without a part of it, and without the white space before that.
func (r *lineReader) without(from, to int) string {
	return strings.TrimRightFunc(r.line[:from], unicode.IsSpace) + r.line[to:]
}

func firstRune(text string) rune {
	for _, r := range text {
		return r
	}
	return 0
}
