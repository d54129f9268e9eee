package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/promotion"
)

func TestNoPolicy(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	pull := s.Merged("Add a basket")
	s.refuses(pull.Issue, s.Alice, "/promote", "policy_missing")
}

func TestAnInvalidPolicyFailsClosedAndSaysSo(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	policy := strings.Replace(scene.DefaultPolicy(s.Registry.Host()), "promoters:", "promotors:", 1)
	pushed := s.Repository.Commit("main", "Add the policy", s.Alice, map[string]string{".github/verbatim.yml": policy})
	s.must(s.Eventually(s.ctx, "the check run of the policy", func() bool {
		checks := s.Repository.CheckRuns("verbatim / policy")
		return len(checks) == 1 && checks[0].HeadSHA() == pushed.SHA() && checks[0].State().Conclusion == "failure"
	}))
	s.expect(s.Repository.CheckRuns("verbatim / policy")[0].State().Summary, "environments.production.promotors", "did you mean promoters", ".github/verbatim.yml:")
	pull := s.Merged("Add a basket")
	run, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	run.Complete("success")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "The policy is invalid"))
	reply := s.refuses(pull.Issue, s.Alice, "/promote", "policy_invalid")
	s.expect(reply, "did you mean promoters")
}

func TestAPullRequestThatBreaksThePolicy(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket") // the policy is known by now
	fork := s.Repository.Fork(s.Walter)
	head := fork.Commit("main", "Break the policy", s.Walter, map[string]string{".github/verbatim.yml": "version: 2\n"})
	s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Break the policy", Author: s.Walter, Head: "main", HeadRepository: fork})
	s.must(s.Eventually(s.ctx, "the check run of the policy", func() bool {
		for _, check := range s.Repository.CheckRuns("verbatim / policy") {
			if check.HeadSHA() == head.SHA() && check.State().Conclusion == "failure" {
				return true
			}
		}
		return false
	}))
	s.says(pull.Issue, s.Alice, "/promote") // it does not govern before it is merged
}

func TestTheOwnersPolicyGovernsWhereThereIsNone(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	owners := s.GitHub.Repository("acme/.github", githubtest.Private)
	owners.Commit("main", "Add the policy", s.Alice, map[string]string{"verbatim.yml": scene.DefaultPolicy(s.Registry.Host())})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	_, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "Promoted", "acme/.github:verbatim.yml")
	s.names("production", digest)
}

func TestAPolicyThatIsPushedGovernsAtOnce(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	observe := strings.Replace(scene.DefaultPolicy(s.Registry.Host()), "version: 1", "version: 1\nmode: observe", 1)
	s.GitHub.Quietly(func() { // even when the push was not heard of
		s.Repository.Commit("main", "Only look", s.Alice, map[string]string{".github/verbatim.yml": observe})
	})
	s.refuses(pull.Issue, s.Alice, "/promote", "observe_only")
}

func TestARuleThatIsNotEnforcedIsNotIgnored(t *testing.T) {
	t.Parallel()
	for key, text := range map[string]string{
		"attest": "attest: required", "deploy": "deploy: { workflow: .github/workflows/deploy.yml }", "repository": "repository: other.example.com/shop/api",
	} {
		t.Run(key, func(t *testing.T) {
			s := begin(t, scene.Options{Policy: "-"})
			policy := scene.DefaultPolicy(s.Registry.Host()) + "    " + text + "\n"
			s.Repository.Commit("main", "Add the policy", s.Alice, map[string]string{".github/verbatim.yml": policy})
			pull := s.Merged("Add a basket")
			run, _, err := s.Built(pull.MergeCommit(), "basket")
			s.must(err)
			s.Tested(run, "success")
			s.Staged(pull.MergeCommit(), "success")
			s.settled()
			reply := s.refuses(pull.Issue, s.Alice, "/promote", "not_enforced")
			s.expect(reply, "environments.production."+strings.ReplaceAll(key, "_", `\_`))
		})
	}
}

func TestRegistryScopeIsEnforcedForReadsToo(t *testing.T) {
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) { settings.Scope = nil }})
	pull := s.Merged("Add a basket")
	run, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.settled()
	s.interim(pull.Issue, pull.Comment(s.Alice, "/promote"), "Paused", "`registry_scope`")
	s.refuses(pull.Issue, s.Alice, "/promote --dry-run", "registry_scope")
	if requests := s.Registry.Requests(); len(requests) > 0 {
		t.Errorf("a registry out of scope was asked: %v", requests)
	}
}

func TestARegistryRepositoryBelongsToOneRepository(t *testing.T) {
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) {
		settings.Scope = append(settings.Scope, promotion.ScopeRule{Repositories: "acme/tools", Registry: settings.Scope[0].Registry})
	}})
	first := s.Merged("Add a basket")
	s.verified(first.MergeCommit(), "basket")
	tools := s.GitHub.Repository("acme/tools", githubtest.Private)
	tools.SetRole(s.Alice, "maintain")
	tools.Commit("main", "Begin", s.Alice, map[string]string{".github/verbatim.yml": scene.DefaultPolicy(s.Registry.Host())})
	tools.CreateBranch("work", tools.Head("main"), s.Alice)
	tools.Commit("work", "Claim it", s.Alice, map[string]string{"a": "b"})
	pull := tools.OpenPullRequest(githubtest.PullRequestSpec{Title: "Claim it", Author: s.Alice, Head: "work"})
	pull.Merge("squash", s.Alice)
	comment := pull.Comment(s.Alice, "/promote")
	s.must(s.Eventually(s.ctx, "a reply", func() bool { return len(pull.Comments()) == 2 && len(comment.Reactions(s.GitHub.AppBot())) == 2 }))
	body := pull.Comments()[1].Body()
	s.expect(body, "registry_scope", "belongs to the GitHub repository with id")
}

func TestATagBelongsToOneEnvironment(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	policy := scene.DefaultPolicy(s.Registry.Host()) + "  canary:\n    requires: [test]\n    tags: [production]\ndefault_environment: production\n"
	s.Repository.Commit("main", "Add the policy", s.Alice, map[string]string{".github/verbatim.yml": policy})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.says(pull.Issue, s.Alice, "/promote")
	s.names("production", digest)
	reply := s.refuses(pull.Issue, s.Alice, "/promote canary", "registry_scope")
	s.expect(reply, "environment production")
}

func TestSeveralTags(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	policy := strings.Replace(scene.DefaultPolicy(s.Registry.Host()), "tags: [production]", `tags: [production, "production-{short_sha}"]`, 1)
	s.Repository.Commit("main", "Add the policy", s.Alice, map[string]string{".github/verbatim.yml": policy})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.says(pull.Issue, s.Alice, "/promote")
	s.names("production", digest)
	s.names("production-"+pull.MergeCommit().Short(), digest)
}
