package githubtest

import (
	"encoding/json"
	"slices"
	"strings"
)

// Attest keeps a sigstore bundle for a digest ("sha256:…"), as actions/attest-build-provenance does.
func (r *Repository) Attest(digest string, bundle json.RawMessage) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	if r.attestations == nil {
		r.attestations = map[string][]json.RawMessage{}
	}
	r.attestations[digest] = append(r.attestations[digest], slices.Clone(bundle))
}

// listAttestations answers 404 for a digest that has none (https://docs.github.com/rest/repos/attestations#list-attestations).
func listAttestations(c *call) answer {
	bundles := c.repository.attestations[c.parameters["subject_digest"]]
	if len(bundles) == 0 {
		return notFound()
	}
	attestations := []object{}
	for _, bundle := range bundles {
		attestations = append(attestations, object{"bundle": bundle, "repository_id": c.repository.id, "bundle_url": c.server.base + downloadPrefix + "bundle"})
	}
	return ok(object{"attestations": attestations})
}

// listReferences lists the branches and tags whose names begin so (https://docs.github.com/rest/git/refs#list-matching-references).
func listReferences(c *call) answer {
	wanted := c.parameters["ref"]
	var names []string
	of := map[string]*Commit{}
	for kind, references := range map[string]map[string]*Commit{"heads/": c.repository.branches, "tags/": c.repository.tags} {
		for name, commit := range references {
			if strings.HasPrefix(kind+name, wanted) {
				names = append(names, kind+name)
				of[kind+name] = commit
			}
		}
	}
	slices.Sort(names)
	return list(c, names, func(name string) object {
		return object{
			"ref": "refs/" + name, "node_id": nodeID("Ref", of[name].sequence), "url": c.repository.api() + "/git/refs/" + name,
			"object": object{"sha": of[name].sha, "type": "commit", "url": c.repository.api() + "/git/commits/" + of[name].sha},
		}
	})
}
