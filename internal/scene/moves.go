package scene

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// The workflows of DefaultPolicy.
const (
	CI            = ".github/workflows/ci.yml"
	DeployStaging = ".github/workflows/deploy-staging.yml"
)

// Merged opens a pull request of one commit and merges it by squash, as most teams do.
func (s *Scene) Merged(title string) *githubtest.PullRequest {
	branch := strings.ReplaceAll(strings.ToLower(title), " ", "-")
	s.Repository.CreateBranch(branch, s.Repository.Head("main"), s.Walter)
	s.Repository.Commit(branch, title, s.Walter, map[string]string{branch + ".txt": title})
	pull := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: title, Author: s.Walter, Head: branch})
	pull.Merge("squash", s.Alice)
	return pull
}

// Built runs the build job of a new ci run on the commit: it pushes the multi-architecture image under the commit's tag.
func (s *Scene) Built(commit *githubtest.Commit, seed string) (*githubtest.Run, string, error) {
	run := s.Repository.Run(githubtest.RunSpec{Workflow: CI, Name: "ci", Head: commit, Actor: s.Walter})
	run.Request()
	run.Start()
	job := run.Job("build").Start()
	digest, err := s.Registry.PushIndex(s.image, commit.SHA(), seed)
	if err != nil {
		return nil, "", fmt.Errorf("push the image of %s: %w", commit.Short(), err)
	}
	job.Complete("success")
	return run, digest, nil
}

// Tested runs the test job of the ci run, and ends the run.
func (s *Scene) Tested(run *githubtest.Run, conclusion string) {
	run.Job("test").Start().Complete(conclusion)
	run.Complete(conclusion)
}

// Staged runs the deployment to staging.
func (s *Scene) Staged(commit *githubtest.Commit, conclusion string) *githubtest.Run {
	run := s.Repository.Run(githubtest.RunSpec{Workflow: DeployStaging, Name: "deploy staging", Head: commit, Actor: s.Walter})
	run.Request()
	run.Start()
	return run.Complete(conclusion)
}

// Verified takes a commit's image through build, test and staging, and gives its digest.
func (s *Scene) Verified(ctx context.Context, commit *githubtest.Commit, seed string) (string, error) {
	run, digest, err := s.Built(commit, seed)
	if err != nil {
		return "", err
	}
	s.Tested(run, "success")
	s.Staged(commit, "success")
	return digest, s.Check(ctx, commit, "Ready to promote")
}

// CheckTitle gives the title of the newest check run "verbatim / production" on the commit, "" when there is none.
func (s *Scene) CheckTitle(commit *githubtest.Commit) string {
	newest := s.CheckRun(commit)
	if newest == nil {
		return ""
	}
	return newest.State().Title
}

// CheckRun gives the newest check run "verbatim / production" on the commit.
func (s *Scene) CheckRun(commit *githubtest.Commit) *githubtest.CheckRun {
	var newest *githubtest.CheckRun
	for _, check := range s.Repository.CheckRuns("verbatim / production") {
		if check.HeadSHA() == commit.SHA() && (newest == nil || check.ID() > newest.ID()) {
			newest = check
		}
	}
	return newest
}

// Check waits until the commit's check run says so in its title.
func (s *Scene) Check(ctx context.Context, commit *githubtest.Commit, title string) error {
	err := s.Eventually(ctx, fmt.Sprintf("the check run of %s to say %q", commit.Short(), title), func() bool {
		return strings.Contains(s.CheckTitle(commit), title)
	})
	if err != nil {
		return fmt.Errorf("%w: it says %q\n%s", err, s.CheckTitle(commit), s.checkText(commit))
	}
	return nil
}

// checkText gives what the newest check run on the commit says below its title, "" when there is none.
func (s *Scene) checkText(commit *githubtest.Commit) string {
	newest := s.CheckRun(commit)
	if newest == nil {
		return ""
	}
	return newest.State().Summary + "\n" + newest.State().Text
}

// Ask comments on the pull request and waits for the reply. It gives the comment and the reply's text.
func (s *Scene) Ask(ctx context.Context, issue *githubtest.Issue, author *githubtest.User, text string) (*githubtest.Comment, string, error) {
	comment := issue.Comment(author, text)
	var reply string
	err := s.Eventually(ctx, fmt.Sprintf("a reply to %q", text), func() bool {
		reactions := comment.Reactions(s.GitHub.AppBot())
		reply = s.Reply(issue, comment) // which may follow the reaction, and say until then that it is tried again
		return reply != "" && !strings.Contains(reply, "Cannot tell yet") && slices.ContainsFunc(reactions, func(content string) bool { return content != "eyes" })
	})
	return comment, reply, err
}

// Reply gives the app's reply to a comment, "" while there is none.
func (s *Scene) Reply(issue *githubtest.Issue, to *githubtest.Comment) string {
	marker := fmt.Sprintf("reply/%d/%d ", s.Repository.ID(), to.ID())
	for _, comment := range issue.Comments() {
		if comment.Author() == s.GitHub.AppBot() && strings.Contains(comment.Body(), marker) {
			return comment.Body()
		}
	}
	return ""
}

// Tag gives the digest that a tag of the image names in the registry, "" when there is none.
func (s *Scene) Tag(tag string) string {
	digest, err := s.Registry.Digest(s.image, tag)
	if err != nil {
		return ""
	}
	return digest
}
