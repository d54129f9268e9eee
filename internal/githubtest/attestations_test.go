package githubtest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

func TestAttestationsAreKept(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	digest := "sha256:" + strings.Repeat("ab", 32)
	bundle := json.RawMessage(`{"mediaType":"one","dsseEnvelope":{"payload":"<é>"}}`)
	shop.Attest(digest, bundle)
	copy(bundle, "broken") // the stand-in has its own
	shop.Attest(digest, json.RawMessage(`{"mediaType":"two"}`))
	s.Repository("acme/else").Attest("sha256:"+strings.Repeat("cd", 32), json.RawMessage(`{}`))
	list := func(digest, query string) ([]string, *github.Response, error) {
		request, err := s.in(shop.Repository).NewRequest("GET", "repos/acme/shop/attestations/"+digest+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Attestations []struct {
				Bundle     json.RawMessage `json:"bundle"`
				Repository int64           `json:"repository_id"`
			} `json:"attestations"`
		}
		response, err := s.in(shop.Repository).Do(background(), request, &answer)
		var bundles []string
		for _, attestation := range answer.Attestations {
			equal(s, "repository", attestation.Repository, shop.ID())
			bundles = append(bundles, string(attestation.Bundle))
		}
		return bundles, response, err
	}
	bundles, _, err := list(digest, "")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(bundles)
	if diff := cmp.Diff([]string{`{"mediaType":"one","dsseEnvelope":{"payload":"<é>"}}`, `{"mediaType":"two"}`}, bundles); diff != "" {
		t.Error(diff)
	}
	for _, other := range []string{"sha256:" + strings.Repeat("cd", 32), "sha256:", strings.Repeat("ab", 32)} {
		_, _, err = list(other, "")
		refused(s, 404, err)
	}
	for number := range 40 {
		shop.Attest(digest, json.RawMessage(fmt.Sprintf(`{"number":%d}`, number)))
	}
	for query, want := range map[string]int{"": 30, "?per_page=5": 5, "?per_page=100": 42} {
		bundles, _, err = list(digest, query)
		if err != nil {
			t.Fatal(err)
		}
		equal(s, "as many as asked for: "+query, len(bundles), want)
	}
	shop.Installation().SetPermission("attestations", "")
	_, _, err = list(digest, "")
	equal(s, "without the permission", refused(s, 403, err), "Resource not accessible by integration")
}

func TestReferencesAreListedByPrefix(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	second := shop.Commit("main", "Second", shop.alice, map[string]string{"a": "b\n"})
	for _, name := range []string{"release/2", "release/1", "release-3", "a/release"} {
		shop.CreateBranch(name, shop.first, shop.alice)
	}
	shop.Tag("release/4", second, shop.alice)
	client := s.in(shop.Repository)
	list := func(prefix string) []string {
		references := must(client.Git.ListMatchingRefs(background(), "acme", "shop", &github.ReferenceListOptions{Ref: prefix}))(s)
		var names []string
		for _, reference := range references {
			equal(s, "type", reference.GetObject().GetType(), "commit")
			names = append(names, reference.GetRef()+" "+reference.GetObject().GetSHA()[:7])
		}
		return names
	}
	for prefix, want := range map[string][]string{
		"heads/release": {"refs/heads/release-3 " + shop.first.Short(), "refs/heads/release/1 " + shop.first.Short(), "refs/heads/release/2 " + shop.first.Short()},
		"heads/main":    {"refs/heads/main " + second.Short()},
		"tags/rel":      {"refs/tags/release/4 " + second.Short()},
		"tags/v":        nil,
		"notes":         nil,
	} {
		if diff := cmp.Diff(want, list(prefix)); diff != "" {
			t.Errorf("%s: %s", prefix, diff)
		}
	}
	equal(s, "all branches", len(list("heads")), 5)
	for number := range 130 {
		shop.CreateBranch(fmt.Sprintf("many/%03d", number), shop.first, shop.alice)
	}
	equal(s, "all that match, on one page", len(list("heads/many")), 130)

	s.Repository("acme/empty", githubtest.Private)
	_, _, err := client.Git.ListMatchingRefs(background(), "acme", "empty", &github.ReferenceListOptions{Ref: "heads"})
	equal(s, "of an empty repository", refused(s, 409, err), "Git Repository is empty.")
}
