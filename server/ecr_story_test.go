package server_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/ecrtest"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/registry"
)

// withECR sets a scene whose images live in ECR.
func withECR(t *testing.T, clock func() time.Time) (*story, *ecrtest.Server) {
	t.Helper()
	cloud, err := ecrtest.New(clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	cloud.Repository("shop/api", "MUTABLE")
	adapter := registry.New(registry.Options{AWS: func(context.Context) (aws.Config, error) {
		return aws.Config{BaseEndpoint: aws.String(cloud.URL()), Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")}, nil
	}})
	s := begin(t, scene.Options{
		Policy: scene.DefaultPolicy(ecrtest.Host), Registry: adapter,
		Settings: func(settings *config.Settings) {
			settings.Scope = promotion.Scope{{Repositories: "acme/shop", Registry: ecrtest.Host + "/shop/*"}}
		},
	})
	return s, cloud
}

// throughECR takes a commit through build, test and staging.
func (s *story) throughECR(cloud *ecrtest.Server, commit *githubtest.Commit, seed string) string {
	s.t.Helper()
	run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Head: commit, Actor: s.Walter})
	run.Request()
	run.Start()
	job := run.Job("build").Start()
	digest, err := cloud.PushIndex("shop/api", commit.SHA(), seed)
	s.must(err)
	job.Complete("success")
	s.Tested(run, "success")
	s.Staged(commit, "success")
	s.settled()
	return digest
}

func TestPromotionInECRTakesThreeCalls(t *testing.T) {
	s, cloud := withECR(t, func() time.Time { return time.Now().Add(-time.Minute) })
	pull := s.Merged("Add a basket")
	digest := s.throughECR(cloud, pull.MergeCommit(), "basket")
	cloud.ResetCalls()
	_, reply := s.says(pull.Issue, s.Alice, "/promote production")
	s.expect(reply, "Promoted", digest)
	if got := cloud.Tag("shop/api", "production"); got != digest {
		t.Errorf("production names %q, want %q", got, digest)
	}
	if pulled, err := cloud.Registry.Digest("shop/api", "production"); err != nil || pulled != digest {
		t.Errorf("a pull gets %q %v, want %q", pulled, err, digest)
	}
	// The repository's rules on tags are asked for once in ten minutes.
	if calls, want := cloud.Calls(), []string{"BatchGetImage", "DescribeRepositories", "PutImage", "DescribeImages"}; !slices.Equal(calls, want) {
		t.Errorf("calls %v, want %v", calls, want)
	}
	next := s.Merged("Add a voucher")
	s.throughECR(cloud, next.MergeCommit(), "voucher")
	cloud.ResetCalls()
	s.says(next.Issue, s.Alice, "/promote production")
	if calls, want := cloud.Calls(), []string{"BatchGetImage", "PutImage", "DescribeImages"}; !slices.Equal(calls, want) {
		t.Errorf("calls %v, want %v", calls, want)
	}
}

func TestADigestPushedAfterTheStageEndedNeverCounts(t *testing.T) {
	s, cloud := withECR(t, func() time.Time { return time.Now().Add(time.Hour) })
	pull := s.Merged("Add a basket")
	s.throughECR(cloud, pull.MergeCommit(), "basket")
	_, reply := s.says(pull.Issue, s.Alice, "/promote production")
	s.expect(reply, "Refused", "stage_missing", "after the stage had ended")
	if got := cloud.Tag("shop/api", "production"); got != "" {
		t.Errorf("production names %q", got)
	}
}

func TestAnImmutableTagInECR(t *testing.T) {
	s, cloud := withECR(t, func() time.Time { return time.Now().Add(-time.Minute) })
	cloud.Repository("shop/api", "IMMUTABLE")
	before, err := cloud.PushIndex("shop/api", "production", "from before")
	s.must(err)
	pull := s.Merged("Add a basket")
	s.throughECR(cloud, pull.MergeCommit(), "basket")
	_, reply := s.says(pull.Issue, s.Alice, "/promote production")
	s.expect(reply, "Refused", "tag_immutable", "exclude the tag")
	if got := cloud.Tag("shop/api", "production"); got != before {
		t.Errorf("production names %q, want %q", got, before)
	}
}

func TestECRThatDoesNotLetUsIn(t *testing.T) {
	s, cloud := withECR(t, func() time.Time { return time.Now().Add(-time.Minute) })
	pull := s.Merged("Add a basket")
	s.throughECR(cloud, pull.MergeCommit(), "basket")
	cloud.Inject(func(operation string) (int, string, string) {
		if operation == "PutImage" {
			return 400, "AccessDeniedException", "User is not authorized to perform: ecr:PutImage"
		}
		return 0, "", ""
	})
	comment := pull.Comment(s.Alice, "/promote production")
	var reply string
	s.must(s.Eventually(s.ctx, "a reply that names the action", func() bool {
		reply = s.Reply(pull.Issue, comment)
		return strings.Contains(reply, "ecr:PutImage")
	}))
	if strings.Contains(reply, "AKIATEST") {
		t.Error("the reply shows a key")
	}
	cloud.Inject(nil)
	s.must(s.Eventually(s.ctx, "the promotion", func() bool { return strings.Contains(s.Reply(pull.Issue, comment), "Promoted") }))
}
