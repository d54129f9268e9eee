package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/promotion"
)

func TestNoPolicyUndercutsTheFloor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		floor  promotion.FloorRule
		lines  []string
		reason string
	}{
		"approvals":        {promotion.FloorRule{Approvals: 1}, nil, "approvals_missing"},
		"more approvals":   {promotion.FloorRule{Approvals: 2}, []string{"approvals: { required: 1 }"}, "approvals_missing"},
		"reviews":          {promotion.FloorRule{Reviewed: true}, []string{"reviewed: false"}, "not_reviewed"},
		"soak":             {promotion.FloorRule{Soak: time.Hour}, []string{"soak: 1s"}, "soaking"},
		"provenance":       {promotion.FloorRule{Provenance: "labels"}, []string{"provenance: none"}, "provenance_missing"},
		"permission":       {promotion.FloorRule{Permission: "admin"}, []string{}, "not_authorised"},
		"required stages":  {promotion.FloorRule{Requires: []string{"acceptance"}}, nil, "policy_invalid"},
		"events":           {promotion.FloorRule{Events: []string{"merge_group"}}, nil, "stage_missing"},
		"for all of acme":  {promotion.FloorRule{Repositories: "acme/*", Approvals: 1}, nil, "approvals_missing"},
		"by environment":   {promotion.FloorRule{Environments: []string{"prod*"}, Approvals: 1}, nil, "approvals_missing"},
		"of others":        {promotion.FloorRule{Repositories: "other/*", Approvals: 1}, nil, ""},
		"of another place": {promotion.FloorRule{Environments: []string{"staging"}, Approvals: 1}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if test.floor.Repositories == "" {
				test.floor.Repositories = "acme/shop"
			}
			s := begin(t, scene.Options{Policy: "-", Settings: func(settings *config.Settings) { settings.Floor = promotion.Floor{test.floor} }})
			s.govern(s.defaultPolicy(test.lines...))
			pull := s.Merged("Add a basket")
			digest := s.staged(pull.MergeCommit(), "basket")
			if test.reason == "" {
				s.promotes(pull.Issue, s.Alice, "/promote", digest)
				return
			}
			s.refuses(pull.Issue, s.Alice, "/promote", test.reason)
		})
	}
}

func TestAFloorForbidsOverrides(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-", Settings: func(settings *config.Settings) {
		settings.Floor = promotion.Floor{{Repositories: "acme/*", ForbidOverride: true}}
	}})
	s.govern(s.defaultPolicy("soak: 1h", "override: { users: [alice], gates: [soak] }"))
	pull := s.Merged("Add a basket")
	s.staged(pull.MergeCommit(), "basket")
	s.refuses(pull.Issue, s.Alice, `/promote override --gates soak --reason "hurry"`, "not_authorised")
}

func TestAPolicyChangeThatChangesNothingForTheCommit(t *testing.T) {
	s := governed(t)
	pull := s.opened("Add a basket")
	pull.Push("Hear of it in Slack", s.Walter, map[string]string{".github/verbatim.yml": s.defaultPolicy("max_age: 14d")})
	pull.Merge("squash", s.Alice)
	digest := s.staged(pull.MergeCommit(), "basket")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestMutableTagsAreSpokenOfOnce(t *testing.T) {
	s, cloud := withECR(t, func() time.Time { return time.Now().Add(-time.Minute) })
	first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
	s.throughECR(cloud, first.MergeCommit(), "basket")
	_, reply := s.says(first.Issue, s.Alice, "/promote")
	s.expect(reply, "Promoted", "can be overwritten")
	s.throughECR(cloud, second.MergeCommit(), "voucher")
	_, reply = s.says(second.Issue, s.Alice, "/promote")
	s.expect(reply, "Promoted")
	if strings.Contains(reply, "can be overwritten") {
		t.Errorf("it is said again:\n%s", reply)
	}
}

func TestAnImmutableDestinationIsRefusedBeforeItIsTouched(t *testing.T) {
	s, cloud := withECR(t, func() time.Time { return time.Now().Add(-time.Minute) })
	cloud.Repository("shop/api", "IMMUTABLE")
	pull := s.Merged("Add a basket")
	_, err := cloud.PushIndex("shop/api", "production", "from before")
	s.must(err)
	s.throughECR(cloud, pull.MergeCommit(), "basket")
	cloud.ResetCalls()
	_, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "Refused", "`tag_immutable`", "exclude the tag", "production-{short_sha}")
	for _, call := range cloud.Calls() {
		if call == "PutImage" {
			t.Error("the tag was tried all the same")
		}
	}
}
