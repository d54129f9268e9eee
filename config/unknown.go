package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

const ownPrefix = "VERBATIM_"

// UnknownVariable is one whose name begins as ours do, and that nothing reads.
type UnknownVariable struct {
	Name       string
	Suggestion string // "did you mean …?", or "" where none is near
}

// UnknownVariables returns the variables of an environment (os.Environ) that somebody may have set in vain, by name.
func UnknownVariables(environment []string) []UnknownVariable {
	var known []string
	walk(reflect.TypeFor[settingsDocument](), "", func(_ string, tag reflect.StructTag) {
		if name, isOurs := strings.CutPrefix(tag.Get("variable"), ownPrefix); isOurs {
			known = append(known, name)
		}
	})
	var unknown []UnknownVariable
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		rest, isOurs := strings.CutPrefix(name, ownPrefix)
		if !isOurs || value == "" || slices.Contains(known, rest) || ofKubernetes(rest, value) {
			continue
		}
		suggestion := strings.Replace(promotion.DidYouMean(rest, known), "did you mean ", "did you mean "+ownPrefix, 1)
		unknown = append(unknown, UnknownVariable{Name: name, Suggestion: suggestion})
	}
	slices.SortFunc(unknown, func(x, y UnknownVariable) int { return strings.Compare(x.Name, y.Name) })
	return unknown
}

var servicePattern = regexp.MustCompile(`(^|_)(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// ofKubernetes reports whether Kubernetes sets the variable, for a service that is called verbatim, or verbatim-something
// (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
func ofKubernetes(rest, value string) bool {
	return servicePattern.MatchString(rest) || (rest == "PORT" || strings.HasSuffix(rest, "_PORT")) && strings.Contains(value, "://")
}
