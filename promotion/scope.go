package promotion

import (
	"fmt"
	"path"
	"strings"
)

// ScopeRule lets GitHub repositories use registry repositories, as source and destination. Both are patterns in which
// "*" stands for anything but "/"; Registry may hold {owner} and {repo}.
type ScopeRule struct {
	Repositories string // owner/repo
	Registry     string // host/path
}

// Scope is which GitHub repositories may use which registry repositories. Without a rule that matches, none may.
type Scope []ScopeRule

// Validate reports what is wrong with a rule: a malformed pattern, or a wildcard on both sides without {repo} or
// {owner} on the right, with which one repository's writers could reach another's tags.
func (r ScopeRule) Validate() error {
	rule := r.Repositories + "=" + r.Registry
	owner, name, found := strings.Cut(r.Repositories, "/")
	if !found || owner == "" || name == "" || strings.Contains(name, "/") {
		return fmt.Errorf("scope rule %q: expected owner/repo before the equals sign", rule)
	}
	if host, rest, found := strings.Cut(r.Registry, "/"); !found || host == "" || rest == "" || strings.Contains(host, "*") {
		return fmt.Errorf("scope rule %q: expected registry-host/repository after the equals sign, without * in the host", rule)
	}
	for _, pattern := range []string{r.Repositories, r.Registry} {
		if _, err := path.Match(pattern, ""); err != nil || strings.ContainsAny(pattern, `[]?\`) {
			return fmt.Errorf("scope rule %q: only * is a wildcard", rule)
		}
	}
	named := strings.Contains(r.Registry, "{repo}") || strings.Contains(r.Registry, "{owner}")
	if strings.Contains(r.Repositories, "*") && strings.Contains(r.Registry, "*") && !named {
		return fmt.Errorf("scope rule %q: a wildcard on both sides needs {repo} (or {owner}) on the right", rule)
	}
	return nil
}

// Allows reports whether the GitHub repository may use the registry repository.
func (s Scope) Allows(repository Repository, registry RegistryRepository) bool {
	owner, name := strings.ToLower(repository.Owner), strings.ToLower(repository.Name)
	for _, rule := range s {
		if rule.Validate() != nil {
			continue
		}
		matches, err := path.Match(strings.ToLower(rule.Repositories), owner+"/"+name)
		if err != nil || !matches {
			continue
		}
		filled := strings.NewReplacer("{owner}", owner, "{repo}", name).Replace(rule.Registry)
		if matches, err := path.Match(filled, registry.String()); err == nil && matches {
			return true
		}
	}
	return false
}
