package server_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// reviewedTeam begins a story in which everything that ships has to be reviewed, and production has a first commit.
func reviewedTeam(t *testing.T) (*story, *githubtest.User) {
	t.Helper()
	s := governed(t, "reviewed: true")
	bob := s.member("bob", "write")
	first := s.opened("Begin")
	first.Review(bob, "APPROVED", "Fine")
	first.Merge("merge", s.Alice)
	s.promotes(first.Issue, s.Alice, "/promote", s.staged(first.MergeCommit(), "begin"))
	return s, bob
}

// GitHub takes a pull request for merged when its head comes to the branch, by whatever push, and what came with it for its own.
func TestWhatIsPushedWithAReviewedHeadIsNotReviewed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		push func(s *story, pull *githubtest.PullRequest) *githubtest.Commit
		says string
	}{
		"a merge by hand with changes of its own": {func(s *story, pull *githubtest.PullRequest) *githubtest.Commit {
			return s.Repository.CommitWith(githubtest.CommitSpec{
				Branch: "main", Message: "Merge pull request #2 from acme/add-a-basket", Author: s.Walter, Merges: []*githubtest.Commit{pull.Head()},
				Files: map[string]string{"add-a-basket.txt": "Add a basket", "more.txt": "and more"},
			})
		}, "it is a merge made by hand of what was approved in pull request"},
		"a merge by hand that changes what was approved": {func(s *story, pull *githubtest.PullRequest) *githubtest.Commit {
			return s.Repository.CommitWith(githubtest.CommitSpec{
				Branch: "main", Message: "Merge pull request #2 from acme/add-a-basket", Author: s.Walter, Merges: []*githubtest.Commit{pull.Head()},
				Files: map[string]string{"add-a-basket.txt": "Add another basket"},
			})
		}, "it is a merge made by hand of what was approved in pull request"},
		"a merge by hand that takes back what the branch has": {func(s *story, pull *githubtest.PullRequest) *githubtest.Commit {
			carol := s.member("carol", "write")
			mend := s.opened("Mend the basket")
			mend.Push("Mend", s.Walter, map[string]string{"add-a-basket.txt": "A basket that holds"})
			mend.Review(carol, "APPROVED", "Fine")
			mend.Merge("squash", s.Alice)
			return s.Repository.CommitWith(githubtest.CommitSpec{
				Branch: "main", Message: "Merge", Author: s.Walter, Merges: []*githubtest.Commit{pull.Head()}, Files: map[string]string{"add-a-basket.txt": "Add a basket"},
			})
		}, "it is a merge made by hand of what was approved in pull request"},
		"a merge by hand beside more than GitHub lists": {func(s *story, pull *githubtest.PullRequest) *githubtest.Commit {
			carol := s.member("carol", "write")
			files := map[string]string{}
			for number := range 300 {
				files[fmt.Sprintf("icons/%d.svg", number)] = "an icon"
			}
			icons := s.opened("Add icons")
			icons.Push("Icons", s.Walter, files)
			icons.Review(carol, "APPROVED", "Fine")
			icons.Merge("squash", s.Alice)
			return s.Repository.CommitWith(githubtest.CommitSpec{
				Branch: "main", Message: "Merge", Author: s.Walter, Merges: []*githubtest.Commit{pull.Head()}, Files: map[string]string{"add-a-basket.txt": "Add a basket"},
			})
		}, "beside more changes than GitHub lists, of what was approved in pull request"},
		"a commit on top": {func(s *story, pull *githubtest.PullRequest) *githubtest.Commit {
			s.Repository.CreateBranch("local", pull.Head(), s.Walter)
			top := s.Repository.Commit("local", "And more", s.Walter, map[string]string{"more.txt": "and more"})
			s.Repository.ForcePush("main", top, s.Walter)
			return top
		}, "it was pushed beside what was approved in pull request"},
	} {
		t.Run(name, func(t *testing.T) {
			s, bob := reviewedTeam(t)
			pull := s.opened("Add a basket")
			pull.Review(bob, "APPROVED", "Fine")
			s.staged(test.push(s, pull), "basket")
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "not_reviewed"), test.says, "merge with GitHub's button", "waive not_reviewed")
		})
	}
}

func TestWhatAReviewedTeamMergesIsReviewed(t *testing.T) {
	t.Parallel()
	button := func(method string) func(*story, *githubtest.PullRequest) *githubtest.Commit {
		return func(s *story, pull *githubtest.PullRequest) *githubtest.Commit { return pull.Merge(method, s.Alice) }
	}
	for name, merge := range map[string]func(*story, *githubtest.PullRequest) *githubtest.Commit{
		"merge commit": button("merge"), "squash": button("squash"), "rebase": button("rebase"),
		"a clean merge by hand": func(s *story, pull *githubtest.PullRequest) *githubtest.Commit {
			return s.Repository.CommitWith(githubtest.CommitSpec{
				Branch: "main", Message: "Merge", Author: s.Walter, Merges: []*githubtest.Commit{pull.Head()},
				Files: map[string]string{"add-a-basket.txt": "Add a basket", "handle.txt": "a handle"},
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, bob := reviewedTeam(t)
			pull := s.opened("Add a basket")
			pull.Push("And a handle", s.Walter, map[string]string{"handle.txt": "a handle"})
			other := s.opened("Meanwhile")
			other.Review(bob, "APPROVED", "Fine")
			other.Merge("squash", s.Alice)
			if name != "rebase" { // which would drop it
				s.Repository.CommitWith(githubtest.CommitSpec{
					Branch: "add-a-basket", Message: "Merge branch 'main' into add-a-basket", Author: s.Walter,
					Merges: []*githubtest.Commit{s.Repository.Head("main")}, Files: map[string]string{"meanwhile.txt": "Meanwhile"},
				})
			}
			pull.Review(bob, "APPROVED", "Fine")
			s.promotes(pull.Issue, s.Alice, "/promote", s.staged(merge(s, pull), "basket"))
		})
	}
}

func TestAMergeByHandWhoseFilesCannotBeComparedIsNotReviewed(t *testing.T) {
	s, bob := reviewedTeam(t)
	pull := s.opened("Add a basket")
	pull.Review(bob, "APPROVED", "Fine")
	merge := s.Repository.CommitWith(githubtest.CommitSpec{
		Branch: "main", Message: "Merge", Author: s.Walter, Merges: []*githubtest.Commit{pull.Head()}, Files: map[string]string{"add-a-basket.txt": "Add a basket"},
	})
	s.staged(merge, "basket")
	before := s.Tag("production")
	s.GitHub.Inject(githubtest.Fault{Status: http.StatusNotFound}.On("GET", "/repos/acme/shop/compare/*"+pull.Head().SHA()))
	_, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "could not tell")
	s.names("production", before)
}
