package config

import (
	"slices"
	"strings"
)

func (v validator) environment(at keyPath, environment environmentDocument) {
	v.references(at.key("requires"), environment.Requires, "stages", v.document.Stages.names())
	v.sourceTags(at.key("tags"), environment)
	v.somebody(at, environment)
	v.times(at, environment)
	if goal := environment.Repository; goal != nil {
		for _, one := range goal.ByImage {
			v.refers(at.key("repository").key(one.Name), one.Name, "images", v.document.Images.names())
		}
	}
}

// sourceTags refuses a tag that CI pushes itself in the repository that the promotion goes to: a promotion would be
// overwritten by the next build.
func (v validator) sourceTags(at keyPath, environment environmentDocument) {
	for i, tag := range environment.Tags {
		for _, image := range v.document.Images {
			if image.Value.tag() == string(tag) && environment.sameRepository(image.Name, image.Value) && !v.broken[at.index(i)] {
				v.report(at.index(i), "give the environment a tag of its own", "expected another tag than CI pushes, found %q, which it pushes for image %q", tag, image.Name)
				break
			}
		}
	}
}

// sameRepository reports whether a promotion of the image stays in the repository that CI pushes it to.
func (e environmentDocument) sameRepository(name string, image imageDocument) bool {
	if e.Repository == nil {
		return true
	}
	goal := e.Repository.All // for all images
	for _, one := range e.Repository.ByImage {
		if one.Name == name {
			goal = one.Value
		}
	}
	return goal == "" || strings.EqualFold(string(goal), string(image.Repository))
}

// somebody refuses rules about people that name nobody.
func (v validator) somebody(at keyPath, environment environmentDocument) {
	promoters := at.key("promoters")
	if people := environment.Promoters; people != nil && people.Permission == "" && len(people.Teams)+len(people.Users) == 0 && !v.any(promoters, "permission", "teams", "users") {
		v.report(promoters, "name a permission, teams or users; or leave it out for permission: maintain", "expected somebody who may promote, found nobody")
	}
	override := at.key("override")
	if people := environment.Override; people != nil && len(people.Teams)+len(people.Users) == 0 && !v.any(override, "teams", "users") {
		v.report(override, "name teams or users; or leave it out, so that nobody may", "expected somebody who may waive gates, found nobody")
	}
}

// any reports whether a map, or one of its keys, is broken.
func (v validator) any(at keyPath, keys ...string) bool {
	return v.broken[at] || slices.ContainsFunc(keys, func(key string) bool { return v.broken[at.key(key)] })
}

func (v validator) times(at keyPath, environment environmentDocument) {
	if key := at.key("max_age"); environment.MaxAge != "" && !v.broken[key] && environment.MaxAge.length() == 0 {
		v.report(key, "leave it out for any age", "expected more than nothing, found %.40q: no verification would be young enough", environment.MaxAge)
	}
	for i, window := range environment.Windows {
		one := at.key("windows").index(i)
		if !v.any(one, "from", "to") && minutes(string(window.To)) <= minutes(string(window.From)) {
			v.report(one.key("to"), "write two windows for one that goes over midnight", "expected a time after %s, found %s", window.From, window.To)
		}
	}
}
