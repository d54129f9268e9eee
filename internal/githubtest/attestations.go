package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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

// listAttestations answers 404 for a digest that has none, else a page in the order in which they were kept: GitHub
// does not document its own order. Further pages begin after a cursor (https://docs.github.com/rest/repos/attestations#list-attestations).
func listAttestations(c *call) answer {
	bundles := c.repository.attestations[c.parameters["subject_digest"]]
	if len(bundles) == 0 {
		return notFound()
	}
	size := 30
	if asked, err := strconv.Atoi(c.query.Get("per_page")); err == nil && asked > 0 {
		size = min(asked, 100)
	}
	from, _ := strconv.Atoi(strings.TrimPrefix(c.query.Get("after"), "cursor-"))
	from = max(0, min(from, len(bundles)))
	to := min(from+size, len(bundles))
	header := http.Header{}
	if to < len(bundles) {
		query := url.Values{"per_page": {strconv.Itoa(size)}, "after": {fmt.Sprintf("cursor-%d", to)}}
		header.Set("Link", fmt.Sprintf("<%s%s?%s>; rel=%q", c.server.base, c.request.URL.EscapedPath(), query.Encode(), "next"))
	}
	attestations := []object{}
	for _, bundle := range bundles[from:to] {
		attestations = append(attestations, object{"bundle": bundle, "repository_id": c.repository.id, "bundle_url": c.server.base + downloadPrefix + "bundle"})
	}
	return answer{status: http.StatusOK, body: object{"attestations": attestations}, header: header}
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
