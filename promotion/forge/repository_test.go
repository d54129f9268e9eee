package forge_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	byName       = "GET /repos/acme/shop"
	byID         = "GET /repositories/1"
	atNewOwner   = "GET /repos/globex/store/installation"
	atOldAddress = "GET /repos/acme/shop/installation"
)

func present(id int64, owner, name, branch string) answer {
	return ok(map[string]any{"id": id, "name": name, "owner": map[string]any{"login": owner}, "private": true, "default_branch": branch})
}

func movedTo(to string) answer {
	return func(writer http.ResponseWriter, request *http.Request) {
		http.Redirect(writer, request, to, http.StatusMovedPermanently)
	}
}

func TestPresent(t *testing.T) {
	t.Parallel()
	missing := status(404, "Not Found")
	same := promotion.Repository{ID: 1, Owner: "acme", Name: "shop", Installation: 7, Private: true, DefaultBranch: "trunk"}
	renamed, transferred := same, same
	renamed.Name = "store"
	transferred.Owner, transferred.Name, transferred.Installation = "globex", "store", 8
	for name, test := range map[string]struct {
		answers map[string]answer
		want    promotion.Repository
		taken   int64 // with gone
		gone    bool
		kind    string
	}{
		"as it was":                     {answers: map[string]answer{byName: present(1, "acme", "shop", "trunk")}, want: same},
		"renamed":                       {answers: map[string]answer{byName: movedTo("/repositories/1"), byID: present(1, "acme", "store", "trunk")}, want: renamed},
		"renamed, the name taken":       {answers: map[string]answer{byName: present(2, "acme", "shop", "main"), byID: present(1, "acme", "store", "trunk")}, want: renamed},
		"deleted, the name taken":       {answers: map[string]answer{byName: present(2, "acme", "shop", "main"), byID: missing}, gone: true, taken: 2},
		"deleted":                       {answers: map[string]answer{byName: missing, byID: missing, atOldAddress: missing}, gone: true},
		"deleted, others installed":     {answers: map[string]answer{byName: missing, byID: missing, atOldAddress: ok(map[string]any{"id": 7})}, gone: true},
		"the id answers another":        {answers: map[string]answer{byName: missing, byID: present(3, "acme", "shop", "main"), atOldAddress: missing}, gone: true},
		"transferred, out of reach":     {answers: map[string]answer{byName: movedTo("/repositories/1"), byID: present(1, "globex", "store", "trunk"), atNewOwner: missing}, gone: true},
		"transferred, within our reach": {answers: map[string]answer{byName: movedTo("/repositories/1"), byID: present(1, "globex", "store", "trunk"), atNewOwner: ok(map[string]any{"id": 8})}, want: transferred},
		"GitHub is down":                {answers: map[string]answer{byName: status(500, "Server Error")}, kind: "retryable"},
		"down for the id":               {answers: map[string]answer{byName: missing, byID: status(500, "Server Error")}, kind: "retryable"},
		"down for the installation":     {answers: map[string]answer{byName: missing, byID: missing, atOldAddress: status(500, "Server Error")}, kind: "retryable"},
		"no default branch":             {answers: map[string]answer{byName: present(1, "acme", "shop", "")}, kind: "retryable"},
		"a name that leads elsewhere":   {answers: map[string]answer{byName: present(1, "acme", "../shop", "main")}, kind: "retryable"},
		"no id":                         {answers: map[string]answer{byName: present(0, "acme", "shop", "main")}, kind: "retryable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			for request, give := range test.answers {
				github.on(request, give)
			}
			found, err := github.forge().Present(t.Context(), shop)
			gone := (*promotion.GoneError)(nil)
			switch {
			case test.gone:
				if !errors.As(err, &gone) || gone.Taken != test.taken {
					t.Errorf("got %+v and %v, expected that it is gone, and its name %d's", found, err, test.taken)
				}
			case test.kind != "":
				expectKind(t, err, test.kind)
			case err != nil || found != test.want:
				t.Errorf("got %+v, %v\nwant %+v", found, err, test.want)
			}
		})
	}
}

// What did not change costs nothing of the rate limit.
func TestPresentIsConditional(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(byName, func(writer http.ResponseWriter, request *http.Request) {
		writer.Header().Set("ETag", `"one"`)
		present(1, "acme", "shop", "main")(writer, request)
	}, func(writer http.ResponseWriter, request *http.Request) {
		if tag := request.Header.Get("If-None-Match"); tag != `"one"` {
			t.Errorf("asked with the tag %s", tag)
		}
		writer.WriteHeader(http.StatusNotModified)
	})
	forge := github.forge()
	for range 2 {
		if found, err := forge.Present(t.Context(), shop); err != nil || found.Name != "shop" || !found.Private {
			t.Errorf("got %+v, %v", found, err)
		}
	}
}
