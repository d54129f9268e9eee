package githubtest

import (
	"encoding/json"
	"net/http"
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

// listAttestations answers 404 for a digest that has none, else the first page in the order in which they were kept: GitHub
// does not document its own order (https://docs.github.com/rest/repos/attestations#list-attestations).
func listAttestations(c *call) answer {
	bundles := c.repository.attestations[c.parameters["subject_digest"]]
	if len(bundles) == 0 {
		return notFound()
	}
	from, to, _ := c.window(len(bundles), 30) // by per_page; further pages are by cursor, which the stand-in has none of
	attestations := []object{}
	for _, bundle := range bundles[from:to] {
		attestations = append(attestations, object{"bundle": bundle, "repository_id": c.repository.id, "bundle_url": c.server.base + downloadPrefix + "bundle"})
	}
	return ok(object{"attestations": attestations})
}

// listReferences lists the branches and tags whose names begin so, all of them at once: there are no pages, whatever is asked
// for (google/go-github#1567). (https://docs.github.com/rest/git/refs#list-matching-references)
func listReferences(c *call) answer {
	if len(c.repository.network.order) == 0 {
		return refuse(http.StatusConflict, "Git Repository is empty.")
	}
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
	return ok(documents(names, func(name string) object {
		return object{
			"ref": "refs/" + name, "node_id": nodeID("Ref", of[name].sequence), "url": c.repository.api() + "/git/refs/" + name,
			"object": object{"sha": of[name].sha, "type": "commit", "url": c.repository.api() + "/git/commits/" + of[name].sha},
		}
	}))
}
