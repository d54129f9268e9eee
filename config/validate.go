package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

// validator checks what the values of a policy say about each other; what each must look like by itself, the decoder
// has seen to. Nothing is concluded from a value that is broken.
type validator struct {
	*decoder
	document policyDocument
}

func (v validator) validate() {
	v.names()
	v.sameImages()
	v.manyPaths()
	v.oneGroup()
	for _, group := range v.document.Groups {
		at := keyPath("groups").key(group.Name)
		if len(group.Value) == 0 && !v.broken[at] {
			v.report(at, "", "expected at least one image, found none")
		}
		v.references(at, group.Value, "images", v.document.Images.names())
	}
	for _, stage := range v.document.Stages {
		v.references(keyPath("stages").key(stage.Name).key("after"), stage.Value.After, "stages", v.document.Stages.names())
		v.events(keyPath("stages").key(stage.Name), stage.Value)
	}
	v.builds()
	v.circles()
	for _, environment := range v.document.Environments {
		v.environment(keyPath("environments").key(environment.Name), environment.Value)
	}
	if name := v.document.DefaultEnvironment; name != "" {
		v.refers("default_environment", string(name), "environments", v.document.Environments.names())
	}
}

// commandWords are words that no environment, image or group can be called: they mean something else in a command.
var commandWords = []string{
	string(promotion.VerbPromote), string(promotion.VerbStatus), string(promotion.VerbHelp), string(promotion.VerbApprove),
	string(promotion.VerbRollback), string(promotion.VerbHold), string(promotion.VerbResume), string(promotion.VerbCancel),
	string(promotion.VerbOverride), "latest",
}

// names checks that each name can be written in a command, and means one thing there. Stages are in no command: their
// names only have to differ from each other.
func (v validator) names() {
	words := map[string]keyPath{}
	v.distinct("images", namesOf(v.document.Images), words, commandWords)
	v.distinct("environments", namesOf(v.document.Environments), words, append(slices.Clone(commandWords), promotion.PolicyCheck))
	v.distinct("groups", namesOf(v.document.Groups), words, commandWords)
	v.distinct("stages", namesOf(v.document.Stages), map[string]keyPath{}, nil)
}

func namesOf[T any](entries named[T]) []string {
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name
	}
	return names
}

// distinct checks names against each other, in any letter case, and against those that mean something else.
func (v validator) distinct(kind keyPath, names []string, taken map[string]keyPath, reserved []string) {
	for _, name := range names {
		at, lower := kind.key(name), strings.ToLower(name)
		if !namePattern.MatchString(name) {
			v.reportKey(at, "", "expected %s, found %.80q", nameExpected, name)
			continue
		}
		if slices.Contains(reserved, lower) {
			v.reportKey(at, "choose another name", "%q means something else in commands and check runs", name)
		}
		if other, found := taken[lower]; found {
			v.reportKey(at, "choose another name", "%q is the name of %s too; letter case makes no difference", name, other)
			continue
		}
		taken[lower] = at
	}
}

// references follows a list of names.
func (v validator) references(at keyPath, names []reference, kind keyPath, known []string) {
	for i, name := range names {
		v.refers(at.index(i), string(name), kind, known)
	}
}

// refers follows a name.
func (v validator) refers(at keyPath, name string, kind keyPath, known []string) {
	if v.full() || v.broken[at] || v.broken[kind] || slices.Contains(known, name) {
		return
	}
	v.report(at, promotion.DidYouMean(name, known), "%s", noSuch(name, kind, known))
}

func noSuch(name string, kind keyPath, known []string) string {
	if len(known) == 0 {
		return fmt.Sprintf("expected the name of one of the %s, found %.80q; there are none", kind, name)
	}
	return fmt.Sprintf("expected the name of one of the %s (%s), found %.80q", kind, listed(known), name)
}

// manyPaths bounds the patterns of all images together: each is tried on every file that changed.
func (v validator) manyPaths() {
	total := 0
	for _, image := range v.document.Images {
		if total += len(image.Value.Paths); total > promotion.MaximumPathPatterns {
			v.report(keyPath("images").key(image.Name).key("paths"), "name folders (api/**) in place of single files",
				"expected at most %d patterns of paths in all images together, found more", promotion.MaximumPathPatterns)
			return
		}
	}
}

// sameImages refuses two images that are one and the same.
func (v validator) sameImages() {
	seen := map[string]string{}
	for _, image := range v.document.Images {
		at := keyPath("images").key(image.Name)
		if image.Value.Repository == "" || v.broken[at.key("repository")] || v.broken[at.key("tag")] {
			continue
		}
		key := strings.ToLower(string(image.Value.Repository)) + ":" + image.Value.tag()
		if other, taken := seen[key]; taken {
			v.report(at.key("repository"), "give each image a repository or a tag of its own", "images %q and %q have the same repository and tag: %s", other, image.Name, key)
		}
		seen[key] = image.Name
	}
}

// oneGroup refuses an image in two groups: it would be promoted with the one and without the other.
func (v validator) oneGroup() {
	seen, known := map[reference]string{}, v.document.Images.names()
	for _, group := range v.document.Groups {
		for i, image := range group.Value {
			at := keyPath("groups").key(group.Name).index(i)
			if v.broken[at] || !slices.Contains(known, string(image)) {
				continue // noted already
			}
			if other, taken := seen[image]; taken {
				v.report(at, "keep it in one of them", "expected an image of one group only, found %q in %q already", image, other)
				continue
			}
			seen[image] = group.Name
		}
	}
}

// events refuses a stage of which no run could ever count: those that do not run on their head say by evidence.digest
// alone what they ran.
func (v validator) events(at keyPath, stage stageDocument) {
	key := at.key("events")
	if len(stage.Events) == 0 || v.any(at, "events", "evidence") || v.broken[at.key("evidence").key("digest")] || stage.Evidence != nil && stage.Evidence.Digest != nil {
		return
	}
	for i, event := range stage.Events {
		if slices.Contains(headEvents, string(event)) || v.broken[key.index(i)] {
			return
		}
	}
	v.report(key, "have the run upload an artifact that says which digest it used, and name it as in evidence: { digest: { artifact: image-digest } }",
		"expected evidence.digest, found none: runs of %s do not say otherwise what they ran, so that none would count", listed(texts(stage.Events)))
}

func (v validator) builds() {
	var first string
	for _, stage := range v.document.Stages {
		if !stage.Value.Builds {
			continue
		}
		if first != "" {
			v.report(keyPath("stages").key(stage.Name).key("builds"), "let one stage build", "expected at most one stage that builds, found %q after %q: which of them defines a commit's digest?", stage.Name, first)
			continue
		}
		first = stage.Name
	}
}

// circles refuses stages that come after themselves, each circle once.
func (v validator) circles() {
	stages := map[string]stageDocument{}
	for _, stage := range v.document.Stages {
		stages[stage.Name] = stage.Value
	}
	done := map[string]bool{}
	var visit func(name string, way []string)
	visit = func(name string, way []string) {
		way = append(way, name)
		for i, before := range stages[name].After {
			if start := slices.Index(way, string(before)); start >= 0 {
				circle := append(slices.Clone(way[start:]), string(before))
				v.report(keyPath("stages").key(name).key("after").index(i), "take one of them out",
					"expected stages to come after others, found that they come after themselves: %s", clipped(strings.Join(circle, " after ")))
			} else if _, known := stages[string(before)]; known && !done[string(before)] {
				visit(string(before), way)
			}
		}
		done[name] = true
	}
	for _, stage := range v.document.Stages {
		if !done[stage.Name] {
			visit(stage.Name, nil)
		}
	}
}

// tag gives the template of an image's source tag, for messages and comparisons.
func (i imageDocument) tag() string { return string(cmp.Or(i.Tag, "{sha}")) }
